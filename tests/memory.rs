//! What the service takes of the heap.

#[path = "support/heap.rs"]
mod heap;

#[global_allocator]
static HEAP: heap::Heap = heap::Heap::new();

#[test]
fn the_heap_of_this_program_is_counted() {
    // Other tests of this program allocate meanwhile, but nothing near this much.
    const BYTES: usize = 16 * 1024 * 1024;
    let before = HEAP.live();
    let block = vec![1_u8; BYTES];
    assert!(HEAP.live() >= before + BYTES / 2);
    assert!(HEAP.peak() >= BYTES);
    drop(block);
    assert!(HEAP.live() < before + BYTES / 2);
}
