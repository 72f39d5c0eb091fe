//! What the decoder hands on.

use super::close::CloseReason;
use super::frame::Kind;

/// What came of one call of [`Decoder::decode`](super::Decoder::decode).
#[derive(Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The bytes at the front of the input that are dealt with.
    pub consumed: usize,
    /// What they meant, if anything yet.
    pub event: Option<Event<'a>>,
}

/// What the peer sent. Payloads are unmasked and lie in the caller's input, or in the decoder for a
/// control frame that came in pieces.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A piece of a message.
    Data(Chunk<'a>),
    /// A ping, to be answered with a pong of the same payload (RFC 6455, section 5.5.2).
    Ping(&'a [u8]),
    /// A pong, asked for or not (section 5.5.3).
    Pong(&'a [u8]),
    /// A close, to be answered unless one was sent (section 5.5.1). The last event of a connection.
    Close(Option<CloseReason<'a>>),
}

/// A piece of a message, handed on as soon as it is there. Where a message is cut follows the reads and
/// the frames and means nothing; text may be cut inside a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Of the message.
    pub kind: Kind,
    /// The first piece of its message.
    pub first: bool,
    /// The last piece of its message.
    pub last: bool,
    /// Empty only in a last chunk, when the peer ended its message with an empty frame.
    pub payload: &'a [u8],
}
