//! A message, or a part of one, in the pieces that go to the service.

use crate::error::SendError;
use crate::link::address::Address;
use crate::wire::{PAGE_SIZE, Pages};
use crate::{Kind, Part};

/// The longest part that goes to the service at a time. Four pages carry 2.4 times as much per time as one, and more
/// pages hardly more.
pub(crate) const SEND_CHUNK: usize = 4 * PAGE_SIZE;

/// Sends `data` as `part`, cut to chunks of at most `most` bytes that are parts themselves.
pub(crate) fn send_parts(
    address: Address,
    pages: &mut Pages,
    kind: Kind,
    part: Part,
    data: &[u8],
    most: usize,
) -> Result<(), SendError> {
    if data.len() > pages.bytes().len() {
        *pages = Pages::new(data.len().min(SEND_CHUNK));
    }
    let begins = matches!(part, Part::Whole | Part::First);
    let ends = matches!(part, Part::Whole | Part::Last);
    let (mut rest, mut session) = (data, 0);
    loop {
        let (chunk, later) = rest.split_at(rest.len().min(most));
        let first = begins && rest.len() == data.len();
        let last = ends && later.is_empty();
        let part = match (first, last) {
            (true, true) => Part::Whole,
            (true, false) => Part::First,
            (false, false) => Part::Middle,
            (false, true) => Part::Last,
        };
        pages.fill(chunk);
        session = address.send(pages, (kind, part), session, chunk.len())?;
        if later.is_empty() {
            return Ok(());
        }
        rest = later;
    }
}
