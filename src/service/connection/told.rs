//! What an owner's pages are answered with, other than by the reader.

use xous_api_websocket::wire::{PAGE_SIZE, ReceiveWord, Status, Unpacker};
use xous_api_websocket::{Code, Kind};

use crate::service::message::Lent;

/// A word, and what goes into the page.
pub(crate) type Told = (usize, Vec<u8>);

/// A message as pages of any size have room for it.
pub(super) fn pieces(kind: Kind, message: &[u8]) -> impl Iterator<Item = Told> {
    let count = message.len().div_ceil(PAGE_SIZE).max(1);
    (0..count).map(move |number| {
        let begin = number * PAGE_SIZE;
        let piece = message.get(begin..).unwrap_or_default();
        let piece = piece.get(..PAGE_SIZE).unwrap_or(piece);
        let status = Status::Chunk { kind, first: number == 0, last: number + 1 == count };
        (ReceiveWord::new(status).to_word(), piece.to_vec())
    })
}

/// What a former owner leaves to the next one: `count` messages, packed in these bytes. `None` if they are not.
pub(crate) fn left(count: usize, packed: &[u8]) -> Option<Vec<Told>> {
    let mut told = Vec::new();
    let mut messages = Unpacker::new(count);
    while let Some((kind, range)) = messages.next(packed) {
        let message = packed.get(range)?;
        if kind == Kind::Text && std::str::from_utf8(message).is_err() {
            return None;
        }
        told.extend(pieces(kind, message));
    }
    (messages.left() == 0).then_some(told)
}

/// Answers a `Receive` with what it is told.
pub(super) fn tell(mut page: Lent, (word, bytes): Told) {
    let space = page.pages_mut();
    let len = bytes.len().min(space.len());
    space[..len].copy_from_slice(&bytes[..len]);
    page.answer(word, len);
}

/// Answers a `Receive` with a code.
pub(crate) fn refuse(page: Lent, code: Code) {
    page.answer(ReceiveWord::new(Status::Refused(code as u8)).to_word(), 0);
}
