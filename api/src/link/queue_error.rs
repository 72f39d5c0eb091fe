//! What became of messages that were queued.

use std::io::{self, ErrorKind};

use crate::Code;
use crate::error::SendError;

/// Messages that were queued are not sent: [`Websocket::queue`](crate::Websocket::queue) and
/// [`Websocket::flush`](crate::Websocket::flush). From `queue`, the message at hand is not queued either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// These are not sent, in the order of their numbers; all others that were queued before this call are.
    #[error("{} of the queued messages are not sent, the first of them: {}", .0.len(), first(.0))]
    Failed(Vec<Unsent>),
    /// Nothing could be sent. With [`SendError::Busy`], [`SendError::Kernel`] and
    /// [`Refused(Reconnecting)`](Code::Reconnecting) what is queued still waits: try again later. With anything else it is
    /// dropped; if the connection has ended meanwhile, the first of it may be with the peer.
    #[error("{0}")]
    NotSent(#[source] SendError),
}

/// A message that is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsent {
    /// Its number, which [`Websocket::queue`](crate::Websocket::queue) has returned.
    pub number: u64,
    /// Why.
    pub code: Code,
}

impl Unsent {
    /// This message, for this reason.
    pub fn new(number: u64, code: Code) -> Self {
        Unsent { number, code }
    }
}

impl From<QueueError> for io::Error {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Failed(_) => io::Error::new(ErrorKind::InvalidData, error),
            QueueError::NotSent(error) => error.into(),
        }
    }
}

fn first(unsent: &[Unsent]) -> String {
    unsent.first().map(|unsent| unsent.code.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_sent_is_said_in_a_sentence() {
        let failed = QueueError::Failed(vec![Unsent { number: 7, code: Code::InvalidText }]);
        let text = "1 of the queued messages are not sent, the first of them: the text is not UTF-8: send it as binary";
        assert_eq!(failed.to_string(), text);
        assert_eq!(io::Error::from(failed).kind(), ErrorKind::InvalidData);
        let closed = QueueError::NotSent(SendError::Closed);
        assert_eq!(closed.to_string(), SendError::Closed.to_string());
        assert_eq!(io::Error::from(closed).kind(), ErrorKind::BrokenPipe);
    }
}
