//! Messages out of chunks.

use xous::MessageEnvelope;

use crate::error::ReceiveError;
use crate::heap::reserve;
use crate::wire::append;
use crate::{Code, Kind, Payload, push::Chunk};

/// The most connections whose messages are put together at a time: as many as the service has.
const MAX_OPEN: usize = 16;

/// Puts messages together from the chunks of several connections, which are told apart by their message ids
/// ([`Chunk::id`]).
///
/// Who competes for memory: each connection has at most one message under way, of at most the limit. Full: the message is
/// reported as too long, once, and the rest of it is passed over.
///
/// ```no_run
/// use xous_api_websocket::{push::Assembler, Payload};
///
/// fn serve(sid: xous::SID) -> Result<(), xous::Error> {
///     let mut messages = Assembler::new(64 * 1024);
///     loop {
///         let envelope = xous::receive_message(sid)?;
///         match messages.receive(&envelope) {
///             Ok(Some(Payload::Text(text))) => println!("{}: {text}", envelope.body.id()),
///             Ok(Some(Payload::Binary(bytes))) => println!("{}: {} bytes", envelope.body.id(), bytes.len()),
///             Ok(None) => (),
///             Err(error) => println!("{}: {error}", envelope.body.id()),
///         }
///     }
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Assembler {
    limit: usize,
    open: Vec<Open>,
}

/// A message of which something has come.
#[derive(Debug)]
struct Open {
    id: usize,
    kind: Kind,
    /// `None` if the rest is passed over.
    bytes: Option<Vec<u8>>,
}

impl Assembler {
    /// For messages of at most `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Assembler { limit, open: Vec::new() }
    }

    /// Takes the chunk in a message that this process has received. Returns the message that it ends.
    ///
    /// # Errors
    /// Those of [`Chunk::from_envelope`], after which nothing is kept of the connection, and those of
    /// [`Assembler::push`].
    pub fn receive(&mut self, envelope: &MessageEnvelope) -> Result<Option<Payload>, ReceiveError> {
        match Chunk::from_envelope(envelope) {
            Ok(chunk) => self.push(&chunk),
            Err(error) => {
                // A message of another kind says nothing about a connection.
                if error != ReceiveError::Refused(Code::Malformed) {
                    self.forget(envelope.body.id());
                }
                Err(error)
            }
        }
    }

    /// Takes a chunk. Returns the message that it ends. A message whose beginning has not come is passed over.
    ///
    /// # Errors
    /// `TooLong` for a message beyond the limit, `NoMemory` if the heap has no room for it, `Busy` if messages of 16
    /// other connections are under way; the rest of it is passed over. `NotText` for a text that is not UTF-8.
    pub fn push(&mut self, chunk: &Chunk<'_>) -> Result<Option<Payload>, ReceiveError> {
        if chunk.is_first() {
            self.forget(chunk.id());
            if self.open.len() >= MAX_OPEN {
                return Err(ReceiveError::Busy(Code::BusyReceives));
            }
            self.open.push(Open { id: chunk.id(), kind: chunk.kind(), bytes: Some(Vec::new()) });
        }
        let Some(at) = self.open.iter().position(|open| open.id == chunk.id()) else { return Ok(None) };
        let taken = self.open.get_mut(at).map_or(Ok(()), |open| open.take(chunk.bytes(), self.limit));
        let whole = chunk.is_last().then(|| self.open.swap_remove(at));
        taken?;
        whole.and_then(|open| open.bytes.map(|bytes| (open.kind, bytes))).map(payload).transpose()
    }

    /// Drops what has come of an unfinished message with this message id.
    pub fn forget(&mut self, id: usize) {
        self.open.retain(|open| open.id != id);
    }

    /// Bytes of unfinished messages.
    pub fn held(&self) -> usize {
        self.open.iter().filter_map(|open| open.bytes.as_ref()).map(Vec::len).sum()
    }
}

impl Open {
    fn take(&mut self, more: &[u8], limit: usize) -> Result<(), ReceiveError> {
        let Some(bytes) = &mut self.bytes else { return Ok(()) };
        let error = if more.len() > limit.saturating_sub(bytes.len()) {
            ReceiveError::TooLong { limit }
        } else if reserve(bytes, more.len()).is_err() {
            ReceiveError::NoMemory
        } else {
            append(bytes, more);
            return Ok(());
        };
        self.bytes = None;
        Err(error)
    }
}

fn payload((kind, bytes): (Kind, Vec<u8>)) -> Result<Payload, ReceiveError> {
    match kind {
        Kind::Binary => Ok(Payload::Binary(bytes)),
        Kind::Text => String::from_utf8(bytes).map(Payload::Text).map_err(|_| ReceiveError::NotText),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::chunk::tests::chunk;

    const WHOLE: [bool; 2] = [true, true];
    const FIRST: [bool; 2] = [true, false];
    const MIDDLE: [bool; 2] = [false, false];
    const LAST: [bool; 2] = [false, true];

    #[test]
    fn messages_of_several_connections_are_put_together() {
        let mut messages = Assembler::new(10);
        assert_eq!(messages.push(&chunk(1, Kind::Text, FIRST, "a\u{e9}".as_bytes().split_at(2).0)), Ok(None));
        assert_eq!(messages.push(&chunk(2, Kind::Binary, FIRST, b"01234")), Ok(None));
        assert_eq!(messages.push(&chunk(3, Kind::Binary, WHOLE, b"")), Ok(Some(Payload::Binary(vec![]))));
        assert_eq!(messages.push(&chunk(2, Kind::Binary, MIDDLE, b"")), Ok(None));
        assert_eq!(messages.held(), 7);
        let text = messages.push(&chunk(1, Kind::Text, LAST, b"\xa9"));
        assert_eq!(text, Ok(Some(Payload::Text("a\u{e9}".into()))));
        let binary = messages.push(&chunk(2, Kind::Binary, LAST, b"56789"));
        assert_eq!(binary, Ok(Some(Payload::Binary(b"0123456789".to_vec()))), "exactly the limit");
        assert_eq!(messages.held(), 0);
    }

    #[test]
    fn a_message_beyond_the_limit_is_told_of_once_and_the_next_one_is_not() {
        let mut messages = Assembler::new(4);
        assert_eq!(messages.push(&chunk(1, Kind::Binary, FIRST, b"1234")), Ok(None));
        let long = messages.push(&chunk(1, Kind::Binary, MIDDLE, b"5"));
        assert_eq!((long, messages.held()), (Err(ReceiveError::TooLong { limit: 4 }), 0));
        assert_eq!(messages.push(&chunk(1, Kind::Binary, MIDDLE, b"6")), Ok(None));
        assert_eq!(messages.push(&chunk(1, Kind::Binary, LAST, b"7")), Ok(None));
        let next = messages.push(&chunk(1, Kind::Text, WHOLE, b"next"));
        assert_eq!(next, Ok(Some(Payload::Text("next".into()))));
        let long = messages.push(&chunk(1, Kind::Binary, WHOLE, b"12345"));
        assert_eq!(long, Err(ReceiveError::TooLong { limit: 4 }), "in one chunk");
        assert!(messages.open.is_empty());
    }

    #[test]
    fn what_has_no_beginning_or_no_end_makes_no_message() {
        let mut messages = Assembler::new(100);
        assert_eq!(messages.push(&chunk(1, Kind::Text, LAST, b"the end")), Ok(None));
        assert_eq!(messages.push(&chunk(1, Kind::Text, FIRST, b"cut")), Ok(None));
        let text = messages.push(&chunk(1, Kind::Text, WHOLE, b"whole"));
        assert_eq!(text, Ok(Some(Payload::Text("whole".into()))));
        assert_eq!(messages.push(&chunk(1, Kind::Text, FIRST, b"cut")), Ok(None));
        messages.forget(1);
        assert_eq!(messages.push(&chunk(1, Kind::Text, LAST, b"off")), Ok(None));
        assert_eq!(messages.push(&chunk(1, Kind::Text, WHOLE, b"\xff")), Err(ReceiveError::NotText));
    }

    #[test]
    fn there_is_an_end_of_connections() {
        let mut messages = Assembler::new(100);
        for id in 0..MAX_OPEN {
            assert_eq!(messages.push(&chunk(id, Kind::Text, FIRST, b"x")), Ok(None));
        }
        let refused = messages.push(&chunk(99, Kind::Text, FIRST, b"x"));
        assert_eq!(refused, Err(ReceiveError::Busy(Code::BusyReceives)));
        assert_eq!(messages.push(&chunk(99, Kind::Text, LAST, b"x")), Ok(None));
        assert!(messages.push(&chunk(0, Kind::Text, LAST, b"x")).unwrap().is_some());
        assert!(messages.push(&chunk(99, Kind::Text, WHOLE, b"x")).unwrap().is_some());
    }
}
