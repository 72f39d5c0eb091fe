//! Page-aligned memory that can be lent to another process. All `unsafe` of this crate is here.
#![allow(unsafe_code)]

use std::fmt;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;

use super::words::{ALIGNED_ONLY, SHORT, copy, copy_words};
use xous::{CID, MemoryFlags, MemoryMessage, MemoryRange, Message, MessageEnvelope};

/// Bytes of a page on every Xous target.
pub const PAGE_SIZE: usize = 4096;

#[repr(C, align(4096))]
struct Page([u8; PAGE_SIZE]);

/// Whole pages of this process, cleared, to be lent again and again.
#[must_use]
pub struct Pages {
    pages: Box<[Page]>,
    /// Bytes from the start that may differ from zero.
    used: usize,
}

impl fmt::Debug for Pages {
    /// How many bytes; what they are may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pages({} bytes)", self.bytes().len())
    }
}

/// What a lend came back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Returned {
    /// `offset` of the answer, 0 for none.
    pub offset: usize,
    /// `valid` of the answer, at most the bytes that were lent.
    pub valid: usize,
}

impl Pages {
    /// As many pages as `bytes` need, at least one.
    pub fn new(bytes: usize) -> Self {
        let count = bytes.div_ceil(PAGE_SIZE).max(1);
        let mut pages = Box::<[Page]>::new_uninit_slice(count);
        // SAFETY: the box owns `count` pages, and a page of zeros is a page. Made in place, as a page on its way
        // would be more than the stack of a small thread has room for.
        let pages = unsafe {
            pages.as_mut_ptr().write_bytes(0, count);
            pages.assume_init()
        };
        Pages { pages, used: 0 }
    }

    /// All of their bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `Page` is `repr(C)` with exactly PAGE_SIZE bytes and no padding, so the slice covers the boxed
        // pages and nothing else; it borrows them.
        unsafe { std::slice::from_raw_parts(self.pages.as_ptr().cast(), self.pages.len() * PAGE_SIZE) }
    }

    /// All of their bytes, to be written. Call [`Pages::clear`] before lending other data.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.used = self.pages.len() * PAGE_SIZE;
        self.raw_bytes_mut()
    }

    /// Replaces the content by `data`, and the rest by zeros, so that nothing else is lent with it. Leaves out what
    /// does not fit. Returns the number of bytes taken.
    pub fn fill(&mut self, data: &[u8]) -> usize {
        let used = self.used;
        let bytes = self.raw_bytes_mut();
        let len = data.len().min(bytes.len());
        copy(&data[..len], &mut bytes[..len]);
        if used > len {
            bytes[len..used].fill(0);
        }
        self.used = len;
        len
    }

    /// Zeros everything.
    pub fn clear(&mut self) {
        self.fill(&[]);
    }

    /// Lends as many pages as `valid` bytes need, read-only, and waits for the answer.
    ///
    /// # Errors
    /// Those of the kernel: the server or the connection does not exist.
    pub fn lend(&self, cid: CID, id: usize, offset: usize, valid: usize) -> Result<Returned, xous::Error> {
        let message = Message::Borrow(self.message(id, offset, valid, valid));
        self.answer(xous::send_message(cid, message)?)
    }

    /// Lends the first `lent` bytes, rounded up to pages, to be written, and waits for the answer.
    ///
    /// # Errors
    /// As [`Pages::lend`].
    pub fn lend_mut(
        &mut self,
        cid: CID,
        id: usize,
        offset: usize,
        valid: usize,
        lent: usize,
    ) -> Result<Returned, xous::Error> {
        self.used = self.pages.len() * PAGE_SIZE;
        let message = Message::MutableBorrow(self.message(id, offset, valid, lent.max(valid)));
        self.answer(xous::send_message(cid, message)?)
    }

    fn raw_bytes_mut(&mut self) -> &mut [u8] {
        let len = self.pages.len() * PAGE_SIZE;
        // SAFETY: as in `bytes`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.pages.as_mut_ptr().cast(), len) }
    }

    fn message(&self, id: usize, offset: usize, valid: usize, lent: usize) -> MemoryMessage {
        let len = lent.div_ceil(PAGE_SIZE).clamp(1, self.pages.len()) * PAGE_SIZE;
        // SAFETY: the range is page-aligned, made of whole pages, and owned by `self`, which the blocking call
        // that this message is for borrows until the pages are back: exclusively if they are lent to be written.
        let buf = unsafe { MemoryRange::new(self.pages.as_ptr() as usize, len) }
            .expect("a box of at least one page is neither null nor empty");
        MemoryMessage { id, buf, offset: NonZeroUsize::new(offset), valid: NonZeroUsize::new(valid) }
    }

    fn answer(&self, result: xous::Result) -> Result<Returned, xous::Error> {
        match result {
            xous::Result::MemoryReturned(offset, valid) => Ok(Returned {
                offset: offset.map_or(0, NonZeroUsize::get),
                valid: valid.map_or(0, NonZeroUsize::get).min(self.pages.len() * PAGE_SIZE),
            }),
            _ => Err(xous::Error::InternalError),
        }
    }
}

/// Moves a copy of `data` to the server, which then owns the pages. Waits for room in the server's queue, but not for
/// the server.
///
/// # Errors
/// Those of the kernel: no memory, or the server or the connection does not exist.
pub(crate) fn move_copy(cid: CID, id: usize, offset: usize, data: &[u8]) -> Result<(), xous::Error> {
    let len = data.len().div_ceil(PAGE_SIZE).max(1) * PAGE_SIZE;
    let mut buf = xous::map_memory(None, None, len, MemoryFlags::R | MemoryFlags::W)?;
    // SAFETY: the kernel has just mapped these pages for this process alone, nothing else refers to them, and
    // they are written before they are seen as a slice.
    let bytes: &mut [u8] = unsafe {
        buf.as_mut_ptr().write_bytes(0, len);
        buf.as_slice_mut()
    };
    copy(data, &mut bytes[..data.len()]);
    let valid = NonZeroUsize::new(data.len());
    let message = Message::Move(MemoryMessage { id, buf, offset: NonZeroUsize::new(offset), valid });
    match xous::send_message(cid, message) {
        Ok(_) => Ok(()),
        Err(error) => {
            xous::unmap_memory(buf).ok();
            Err(error)
        }
    }
}

/// `offset` (0 for none) and the valid bytes of a memory message that this process has received; `None` if it is of
/// another kind, or its sender has claimed more bytes than it has sent.
pub(crate) fn lent(envelope: &MessageEnvelope) -> Option<(usize, &[u8])> {
    let memory = envelope.body.memory_message()?;
    // SAFETY: the kernel has mapped these pages into this process until the envelope is dropped, which is borrowed for
    // as long as the slice. They were lent, so nobody writes them meanwhile, and any bit pattern is a `u8`.
    let bytes: &[u8] = unsafe { memory.buf.as_slice() };
    let len = memory.valid.map_or(0, NonZeroUsize::get);
    Some((memory.offset.map_or(0, NonZeroUsize::get), bytes.get(..len)?))
}

/// Appends a copy. Room for it is reserved before, so that it can fail there.
#[inline]
pub(crate) fn append(bytes: &mut Vec<u8>, more: &[u8]) {
    let more = if ALIGNED_ONLY && more.len() >= SHORT { append_words(bytes, more) } else { more };
    bytes.extend_from_slice(more);
}

/// Appends as many as can be had of them by words; returns the others.
fn append_words<'a>(bytes: &mut Vec<u8>, more: &'a [u8]) -> &'a [u8] {
    let len = bytes.len();
    // SAFETY: a word that may be uninitialised asks for no more than its alignment, which `align_to_mut` sees to.
    let (head, words, _) = unsafe { bytes.spare_capacity_mut().align_to_mut::<MaybeUninit<u32>>() };
    if !head.is_empty() {
        return more;
    }
    let written = size_of::<u32>() * copy_words::<false, _>(more, words, 0);
    // SAFETY: `words` begins where the vector ends, and so many bytes of it have just been written.
    unsafe { bytes.set_len(len + written) };
    &more[written..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_appended_from_and_to_everywhere() {
        let source: Vec<u8> = (0..200_u32).map(|i| (i * 7 + 3) as u8).collect();
        for len in 0..100 {
            for (start, before) in (0..4).flat_map(|start| (0..5).map(move |before| (start, before))) {
                let (more, mut bytes) = (&source[start..start + len], vec![0xee; before]);
                bytes.reserve_exact(len);
                let rest = append_words(&mut bytes, more);
                assert!(
                    rest.len() < 2 * size_of::<u32>() || before % size_of::<u32>() != 0,
                    "{len} from {start}"
                );
                bytes.extend_from_slice(rest);
                assert_eq!(bytes[before..], *more, "{len} from {start} behind {before}");
            }
        }
    }

    #[test]
    fn pages_are_aligned_and_what_was_in_them_is_gone() {
        let mut pages = Pages::new(5000);
        assert_eq!(pages.bytes().len(), 2 * PAGE_SIZE);
        assert_eq!(pages.bytes().as_ptr() as usize % PAGE_SIZE, 0);
        assert_eq!(pages.fill(&[7; 6000]), 6000);
        assert_eq!(pages.fill(&[8; 10]), 10);
        assert!(pages.bytes()[..10].iter().all(|&b| b == 8));
        assert!(pages.bytes()[10..].iter().all(|&b| b == 0));
        pages.bytes_mut()[8000] = 1;
        pages.clear();
        assert!(pages.bytes().iter().all(|&b| b == 0));
        assert_eq!(pages.fill(&[1; 9000]), 8192);
    }
}
