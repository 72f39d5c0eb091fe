//! A heap that counts, to measure what a connection costs.
//!
//! A test program makes it its own allocator; the process that is measured is the same program in another role:
//!
//! ```ignore
//! #[global_allocator]
//! static HEAP: Heap = Heap::new();
//! ```

#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator with counters of the bytes that callers asked for.
///
/// Its own bookkeeping and fragmentation are left out: they differ between a PC and the device. Pages from
/// `xous::map_memory` count too, as hosted mode takes them from the heap.
#[derive(Debug)]
pub(crate) struct Heap {
    live: AtomicUsize,
    peak: AtomicUsize,
    most: AtomicUsize,
}

impl Heap {
    /// An allocator that has handed out nothing.
    pub(crate) const fn new() -> Self {
        Self { live: AtomicUsize::new(0), peak: AtomicUsize::new(0), most: AtomicUsize::new(usize::MAX) }
    }

    /// Bytes in use.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Most bytes that were in use at once since the start or the last [`Heap::forget_peak`].
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// Lets the peak start again from what is in use now.
    pub(crate) fn forget_peak(&self) {
        self.peak.store(self.live(), Ordering::Relaxed);
    }

    /// Hands out no more than `bytes` beyond what is in use now, as the kernel of a device does at its limit.
    #[allow(dead_code, reason = "not every program with this heap has a test at its limit")]
    pub(crate) fn allow(&self, bytes: usize) {
        self.most.store(self.live().saturating_add(bytes), Ordering::Relaxed);
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.live().saturating_add(bytes) <= self.most.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        let before = self.live.fetch_add(bytes, Ordering::Relaxed);
        self.peak.fetch_max(before + bytes, Ordering::Relaxed);
    }

    fn remove(&self, bytes: usize) {
        self.live.fetch_sub(bytes, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to `System` unchanged, or fails as an allocator may; counting touches no memory that is
// handed out.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !self.has_room(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps `alloc`'s contract, which is the same as `System`'s.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            self.add(layout.size());
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !self.has_room(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: as in `alloc`.
        let block = unsafe { System.alloc_zeroed(layout) };
        if !block.is_null() {
            self.add(layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from `System` with this layout.
        unsafe { System.dealloc(block, layout) };
        self.remove(layout.size());
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.has_room(size) {
            return std::ptr::null_mut();
        }
        // SAFETY: the block came from `System` with this layout.
        let moved = unsafe { System.realloc(block, layout, size) };
        if !moved.is_null() {
            // Both blocks exist while a moving realloc copies, and the device's allocator always moves.
            self.add(size);
            self.remove(layout.size());
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_in_use_and_the_most_at_once() {
        let heap = Heap::new();
        let layout = Layout::array::<u8>(1000).unwrap();
        // SAFETY: every block is freed once, with the layout that it has then.
        unsafe {
            let first = heap.alloc(layout);
            let second = heap.alloc_zeroed(layout);
            assert_eq!((heap.live(), heap.peak()), (2000, 2000));
            heap.dealloc(second, layout);
            assert_eq!((heap.live(), heap.peak()), (1000, 2000));
            heap.forget_peak();
            let moved = heap.realloc(first, layout, 3000);
            assert_eq!((heap.live(), heap.peak()), (3000, 4000));
            heap.dealloc(moved, Layout::array::<u8>(3000).unwrap());
        }
        assert_eq!((heap.live(), heap.peak()), (0, 4000));
    }
}
