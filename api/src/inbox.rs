//! The pages that a receiver lends again and again.

use crate::pages::{PAGE_SIZE, Pages};
use crate::websocket::Link;
use crate::{Opcode, ReceiveWord};

/// The most that is lent at a time: four pages carry 2.4 times what one does, more of them hardly more.
const MOST: usize = 4 * PAGE_SIZE;

/// One page for small messages, four while chunks fill what is lent. In hosted mode every lent page is copied
/// twice, whether it is filled or not.
pub(crate) struct Inbox {
    pages: Pages,
    lent: usize,
}

/// What a receive came back with.
pub(crate) struct Chunk {
    pub(crate) word: ReceiveWord,
    pub(crate) len: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Inbox { pages: Pages::new(PAGE_SIZE), lent: PAGE_SIZE }
    }

    /// Lends the pages and waits for the next chunk.
    ///
    /// # Errors
    /// Those of the kernel; `InternalError` if the answer is not one of the service.
    pub(crate) fn receive(&mut self, link: &Link) -> Result<Chunk, xous::Error> {
        if self.lent > self.pages.bytes().len() {
            self.pages = Pages::new(self.lent);
        }
        let returned = self.pages.lend_mut(link.cid, link.id(Opcode::Receive), 0, 0, self.lent)?;
        let word = ReceiveWord::from_word(returned.offset).ok_or(xous::Error::InternalError)?;
        let len = returned.valid.min(self.lent);
        self.lent = if len == self.lent { MOST } else { len.div_ceil(PAGE_SIZE).max(1) * PAGE_SIZE };
        Ok(Chunk { word, len })
    }

    /// The chunk is at the beginning of these.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.pages.bytes()
    }

    /// To lend the chunk on.
    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }
}
