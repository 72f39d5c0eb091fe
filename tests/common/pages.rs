//! Memory messages as a program without the client crate makes them. All `unsafe` of the tests is here.
#![allow(unsafe_code)]

use std::num::NonZeroUsize;

use xous::{CID, MemoryFlags, MemoryMessage, MemoryRange, Message};

/// Pages that the kernel has given, zeroed.
pub(crate) struct RawPages {
    range: MemoryRange,
}

impl RawPages {
    /// `count` pages of 4096 bytes.
    pub(crate) fn new(count: usize) -> Self {
        let range = xous::map_memory(None, None, count * 4096, MemoryFlags::R | MemoryFlags::W).unwrap();
        // SAFETY: the kernel has just mapped these bytes for this process alone.
        unsafe { range.as_mut_ptr().write_bytes(0, range.len()) };
        RawPages { range }
    }

    /// Pages that begin with `data`.
    pub(crate) fn with(data: &[u8]) -> Self {
        let mut pages = Self::new(data.len().div_ceil(4096).max(1));
        pages.bytes_mut()[..data.len()].copy_from_slice(data);
        pages
    }

    /// All bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the range is mapped until `self` is dropped or moved, and was initialised in `new`.
        unsafe { self.range.as_slice() }
    }

    /// All bytes, to write.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `self` is borrowed exclusively.
        unsafe { self.range.as_slice_mut() }
    }

    /// Lends them read-only; `offset` and `valid` of the answer, 0 for none.
    pub(crate) fn lend(&self, cid: CID, id: usize, offset: usize, valid: usize) -> (usize, usize) {
        answer(xous::send_message(cid, Message::Borrow(self.message(id, offset, valid))))
    }

    /// Lends them to be written; `offset` and `valid` of the answer, 0 for none.
    pub(crate) fn lend_mut(&mut self, cid: CID, id: usize, offset: usize, valid: usize) -> (usize, usize) {
        answer(xous::send_message(cid, Message::MutableBorrow(self.message(id, offset, valid))))
    }

    /// Gives them away.
    pub(crate) fn give(self, cid: CID, id: usize, offset: usize, valid: usize) {
        let message = Message::Move(self.message(id, offset, valid));
        std::mem::forget(self);
        xous::send_message(cid, message).unwrap();
    }

    fn message(&self, id: usize, offset: usize, valid: usize) -> MemoryMessage {
        MemoryMessage {
            id,
            buf: self.range,
            offset: NonZeroUsize::new(offset),
            valid: NonZeroUsize::new(valid),
        }
    }
}

impl Drop for RawPages {
    fn drop(&mut self) {
        xous::unmap_memory(self.range).unwrap();
    }
}

/// The bytes of the pages that came with a message.
pub(crate) fn received(message: &MemoryMessage) -> &[u8] {
    // SAFETY: the pages are mapped for this process until the message is returned, which its borrow prevents.
    unsafe { message.buf.as_slice() }
}

fn answer(result: Result<xous::Result, xous::Error>) -> (usize, usize) {
    match result {
        Ok(xous::Result::MemoryReturned(offset, valid)) => {
            (offset.map_or(0, NonZeroUsize::get), valid.map_or(0, NonZeroUsize::get))
        }
        other => panic!("{other:?}"),
    }
}
