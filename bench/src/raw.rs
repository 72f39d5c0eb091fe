//! All `unsafe` of this crate: an allocator that counts, and the bytes of pages that other processes have lent.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The system's allocator with counters, which cost two atomic additions per call.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
/// Whether [`PEAK`] is kept: only where it is asked for, since it costs as much as the other two together.
static WATCHED: AtomicBool = AtomicBool::new(false);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The bytes of a message's pages, to write; of one that was lent to be written.
pub(crate) fn bytes_mut(pages: &mut xous::MemoryRange) -> &mut [u8] {
    // SAFETY: the kernel maps the pages of a message that was received into this process until it is answered, which
    // the floor's envelopes do by value; any bit pattern is a `u8`.
    unsafe { pages.as_slice_mut() }
}

/// The bytes of a message's pages.
pub(crate) fn bytes(pages: &xous::MemoryRange) -> &[u8] {
    // SAFETY: as in `bytes_mut`.
    unsafe { pages.as_slice() }
}

/// Allocations since the start, those that grow a block included.
pub(crate) fn allocations() -> usize {
    CALLS.load(Relaxed)
}

/// Bytes that are allocated at this moment.
pub(crate) fn live_bytes() -> usize {
    LIVE.load(Relaxed)
}

/// The most that were allocated at a time since the last call, from now on if it is the first.
pub(crate) fn most_bytes() -> usize {
    WATCHED.store(true, Relaxed);
    PEAK.swap(LIVE.load(Relaxed), Relaxed)
}

fn grow(size: usize) {
    let live = LIVE.fetch_add(size, Relaxed) + size;
    if WATCHED.load(Relaxed) {
        PEAK.fetch_max(live, Relaxed);
    }
}

// SAFETY: every method hands its arguments to `System` unchanged, under the same contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        grow(layout.size());
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        grow(layout.size());
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        grow(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's.
        unsafe { System.dealloc(block, layout) }
    }
}
