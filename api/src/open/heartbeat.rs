//! A message that the service sends by itself.

use std::time::Duration;

use crate::Kind;
use crate::settings::{read_wait, write_wait};
use crate::wire::fields::{Reader, Writer};

/// A message that goes out as soon as a connection is open and every so often from then on, for servers that close a
/// connection on which the client says nothing. A ping would do where the server knows of pings
/// ([`Deadlines::keepalive`](crate::Deadlines::keepalive)); this is for the others.
///
/// The service sends it, and no thread of the program is needed. It goes between two messages, never into one that is
/// sent in parts; one that could not go yet is not sent twice. What the server answers comes to the program like any
/// other message.
///
/// ```
/// use std::time::Duration;
/// use xous_api_websocket::{Heartbeat, Request};
///
/// let heartbeat = Heartbeat::text(r#"{"type":"ping"}"#, Duration::from_secs(30));
/// let request = Request::new("example.com", 80).heartbeat(heartbeat);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Heartbeat<'a> {
    /// Text or binary. Text must be UTF-8.
    pub kind: Kind,
    /// At most [`Heartbeat::MAX_BYTES`].
    pub message: &'a [u8],
    /// At least [`Heartbeat::MIN_EVERY`], in steps of a millisecond.
    pub every: Duration,
}

impl<'a> Heartbeat<'a> {
    /// The longest message.
    pub const MAX_BYTES: usize = 4096;
    /// The shortest time between two.
    pub const MIN_EVERY: Duration = Duration::from_millis(100);

    /// This text, every so often.
    pub fn text(text: &'a str, every: Duration) -> Self {
        Heartbeat { kind: Kind::Text, message: text.as_bytes(), every }
    }

    /// These bytes, every so often.
    pub fn binary(message: &'a [u8], every: Duration) -> Self {
        Heartbeat { kind: Kind::Binary, message, every }
    }

    /// What cannot be, with the name of the field. A request with it is refused with
    /// [`BadRequest`](crate::Code::BadRequest).
    pub fn fault(&self) -> Option<&'static str> {
        if self.every < Self::MIN_EVERY {
            return Some("heartbeat.every is less than 100 milliseconds");
        }
        if self.message.len() > Self::MAX_BYTES {
            return Some("heartbeat.message has more than 4096 bytes");
        }
        match self.kind {
            Kind::Text if std::str::from_utf8(self.message).is_err() => {
                Some("heartbeat.message is a text that is not UTF-8")
            }
            _ => None,
        }
    }

    /// u8 1 for binary, else 0; u32 milliseconds; u32 length and the message.
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u8(u8::from(self.kind == Kind::Binary));
        write_wait(w, self.every);
        w.blob(self.message);
    }

    pub(crate) fn read(r: &mut Reader<'a>) -> Option<Self> {
        let kind = if r.u8()? & 1 != 0 { Kind::Binary } else { Kind::Text };
        let every = read_wait(r)?;
        let len = usize::try_from(r.u32()?).ok()?;
        Some(Heartbeat { kind, every, message: r.bytes(len)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        let second = Duration::from_secs(1);
        assert_eq!(Heartbeat::text("ping", second).fault(), None);
        assert_eq!(Heartbeat::binary(&[0xff; Heartbeat::MAX_BYTES], Heartbeat::MIN_EVERY).fault(), None);
        for (heartbeat, field) in [
            (Heartbeat::text("ping", Duration::ZERO), "heartbeat.every "),
            (Heartbeat::binary(&[0; Heartbeat::MAX_BYTES + 1], second), "heartbeat.message "),
            (Heartbeat { kind: Kind::Text, ..Heartbeat::binary(&[0xff], second) }, "heartbeat.message "),
        ] {
            assert!(heartbeat.fault().unwrap().starts_with(field), "{heartbeat:?}");
        }
    }
}
