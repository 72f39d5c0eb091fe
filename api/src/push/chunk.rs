//! What is pushed to a server of the program.

use std::fmt;

use xous::MessageEnvelope;

use crate::error::{Closed, ReceiveError};
use crate::wire::{ReceiveWord, Status, lent};
use crate::{Code, Kind};

/// A piece of a message, as [`Websocket::forward_to`](crate::Websocket::forward_to) pushes it to a server of the program.
/// [`Assembler`](crate::push::Assembler) makes messages of chunks.
///
/// ```no_run
/// use xous_api_websocket::push::Chunk;
/// use xous_api_websocket::error::ReceiveError;
///
/// fn serve(sid: xous::SID) -> Result<(), xous::Error> {
///     loop {
///         let envelope = xous::receive_message(sid)?;
///         match Chunk::from_envelope(&envelope) {
///             Ok(chunk) => println!("{} bytes of {}", chunk.bytes().len(), chunk.kind()),
///             Err(ReceiveError::Closed(closed)) => println!("{closed}"),
///             Err(error) => println!("{error}"),
///         }
///         // The next chunk comes when the envelope is dropped.
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    id: usize,
    kind: Kind,
    first: bool,
    last: bool,
    send_failed: bool,
    bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The chunk in a message that this process has received.
    ///
    /// # Errors
    /// `Closed` if it says that the connection has ended, and `Busy` or `Refused` if it says that forwarding has: nothing
    /// more comes with this message id. `CutOff` if it says that the connection is opened again, and once more when it is
    /// open: chunks follow, of other messages. `Refused(Malformed)` for a message that no chunk comes in.
    pub fn from_envelope(envelope: &'a MessageEnvelope) -> Result<Self, ReceiveError> {
        let (word, bytes) = lent(envelope).ok_or(ReceiveError::Refused(Code::Malformed))?;
        Self::read(envelope.body.id(), word, bytes)
    }

    fn read(id: usize, word: usize, bytes: &'a [u8]) -> Result<Self, ReceiveError> {
        let word = ReceiveWord::from_word(word).ok_or(ReceiveError::Refused(Code::Malformed))?;
        match word.status {
            Status::Chunk { kind, first, last } => {
                Ok(Chunk { id, kind, first, last, send_failed: word.send_failed, bytes })
            }
            Status::Closed { code } => {
                Err(ReceiveError::Closed(Closed::new(code, String::from_utf8_lossy(bytes))))
            }
            Status::Reconnecting | Status::Reopened => Err(ReceiveError::CutOff),
            // Nobody asks for them with a chunk.
            Status::Several { .. } | Status::NotSent(_) => Err(ReceiveError::Refused(Code::Malformed)),
            Status::Refused(code) => Err(ReceiveError::from_code(Code::from_word(usize::from(code)))),
        }
    }

    /// The id of the message: the opcode that was given to `forward_to`. It tells connections apart.
    pub fn id(&self) -> usize {
        self.id
    }

    /// Text or binary. The bytes of a text were checked to be UTF-8, but a chunk may end within a character.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// It begins a message.
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// It ends a message.
    pub fn is_last(&self) -> bool {
        self.last
    }

    /// A queued send has failed since the last chunk.
    pub fn send_failed(&self) -> bool {
        self.send_failed
    }

    /// What it brings.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// Without what it brings.
impl fmt::Debug for Chunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Chunk { id, kind, first, last, bytes, .. } = self;
        f.debug_struct("Chunk")
            .field("id", id)
            .field("kind", kind)
            .field("first", first)
            .field("last", last)
            .field("len", &bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A chunk as it would come.
    pub(crate) fn chunk(id: usize, kind: Kind, [first, last]: [bool; 2], bytes: &[u8]) -> Chunk<'_> {
        let word = ReceiveWord::new(Status::Chunk { kind, first, last }).to_word();
        Chunk::read(id, word, bytes).unwrap()
    }

    #[test]
    fn a_word_says_what_came() {
        let one = chunk(7, Kind::Binary, [true, false], b"abc");
        assert_eq!((one.id(), one.kind(), one.bytes()), (7, Kind::Binary, &b"abc"[..]));
        assert!(one.is_first() && !one.is_last() && !one.send_failed());
        assert!(!format!("{one:?}").contains("97"), "{one:?}");
        let closed = ReceiveWord::new(Status::Closed { code: 4000 }).to_word();
        assert_eq!(Chunk::read(7, closed, b"why"), Err(ReceiveError::Closed(Closed::new(4000, "why"))));
        let busy = ReceiveWord::new(Status::Refused(Code::BusyReceives as u8)).to_word();
        assert_eq!(Chunk::read(7, busy, b""), Err(ReceiveError::Busy(Code::BusyReceives)));
        for word in [0, 2, usize::MAX - 1] {
            assert_eq!(Chunk::read(7, word, b""), Err(ReceiveError::Refused(Code::Malformed)), "{word:x}");
        }
    }
}
