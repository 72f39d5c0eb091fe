//! The pages that a receiver lends again and again.

use std::time::Instant;

use crate::Code;
use crate::connection::link::Link;
use crate::wire::{Opcode, PAGE_SIZE, Pages, ReceiveWord, Status};

/// How much is lent at a time at most. Four pages carry 2.4 times as much per time as one, and more pages hardly
/// more.
const MAX_LENT: usize = 4 * PAGE_SIZE;

/// Lends as many pages as the last message needed, up to four, and four while a message goes on. More would cost: in
/// hosted mode every lent page is copied twice, filled or not.
pub(crate) struct Inbox {
    pages: Pages,
    lent: usize,
    /// Bytes of the message that is being received.
    message: usize,
    /// A chunk that is in the pages and was not taken.
    kept: Option<Received>,
}

/// What a receive came back with.
pub(crate) struct Received {
    pub(crate) word: ReceiveWord,
    pub(crate) len: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Inbox { pages: Pages::new(PAGE_SIZE), lent: PAGE_SIZE, message: 0, kept: None }
    }

    /// Lends the pages and waits for the next chunk, until `end` if there is one.
    ///
    /// # Errors
    /// Those of the kernel, and `InternalError` if the service did not write the answer.
    pub(crate) fn receive(&mut self, link: &Link, end: Option<Instant>) -> Result<Received, xous::Error> {
        if let Some(kept) = self.kept.take() {
            return Ok(kept);
        }
        if self.lent > self.pages.bytes().len() {
            self.pages = Pages::new(self.lent);
        }
        let (returned, word) = loop {
            let wait = end.map_or(0, milliseconds_until);
            let returned = self.pages.lend_mut(link.cid, link.id(Opcode::Receive), wait, 0, self.lent)?;
            let word = ReceiveWord::from_word(returned.offset).ok_or(xous::Error::InternalError)?;
            if word.status != Status::Refused(Code::Again as u8) {
                break (returned, word);
            }
        };
        let len = returned.valid.min(self.lent);
        self.expect(word, len);
        Ok(Received { word, len })
    }

    /// Chooses how much to lend next, after a chunk: the next message is probably as long as the last.
    fn expect(&mut self, word: ReceiveWord, len: usize) {
        let Status::Chunk { last, .. } = word.status else {
            self.message = 0;
            return;
        };
        self.message = self.message.saturating_add(len);
        if last {
            let needed = std::mem::take(&mut self.message).clamp(1, MAX_LENT);
            self.lent = needed.next_multiple_of(PAGE_SIZE);
        } else if len == self.lent {
            self.lent = MAX_LENT;
        }
    }

    /// The chunk is at the beginning of these.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.pages.bytes()
    }

    /// Keeps a chunk that has come for whoever receives next.
    pub(crate) fn keep(&mut self, chunk: Received) {
        self.kept = Some(chunk);
    }

    /// Gives the pages with the chunk, to be lent on, for others.
    pub(crate) fn exchange(&mut self, pages: &mut Pages) {
        std::mem::swap(&mut self.pages, pages);
    }
}

/// At least one, as none is a wait without an end, and never less than the wait.
fn milliseconds_until(end: Instant) -> usize {
    let wait = end.saturating_duration_since(Instant::now());
    let milliseconds =
        wait.as_secs().saturating_mul(1000).saturating_add(wait.subsec_nanos().div_ceil(1_000_000).into());
    usize::try_from(milliseconds).unwrap_or(usize::MAX).max(1)
}
