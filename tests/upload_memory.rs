//! What uploads take of the heap, whatever the size of the files.

use std::sync::Arc;
use std::time::Duration;

use websocket::pddb::{DictPath, Pddb};
use websocket::upload::{Config, Files, Upload, Uploads};

#[path = "support/heap.rs"]
mod heap;

#[global_allocator]
static HEAP: heap::Heap = heap::Heap::new();

const LIMIT: Duration = Duration::from_secs(20);
/// Bytes of each of three files.
const LENGTH: usize = 8 * 1024 * 1024;
/// What the service may take above idle for three transfers. The batches are 3 * 8 KiB; the pages that are lent are
/// as much again once, or twice.
const MOST: usize = 64 * 1024;

#[test]
fn three_files_of_any_size_take_a_few_kilobytes() {
    hosted::test!().time_limit(Duration::from_secs(120)).run(|| {
        let pddb = Pddb::new(LIMIT);
        pddb.wait_mounted(LIMIT).unwrap();
        let files = Files::new(pddb, DictPath::new(".System", "uploads").unwrap()).unwrap();
        let uploads = Uploads::new(Config::default(), Arc::new(files), Box::new(|| Some([7; 16])));
        let mut upload = Upload::new(uploads.clone());
        let data = vec![0x5a; 16 * 1024];
        let mut stored = 0;
        HEAP.forget_peak();
        let before = HEAP.live();
        let mut send = |message: &[u8], tail: &[u8]| {
            let mut told = |text: &str| stored += usize::from(text.starts_with("{\"stored\""));
            upload.chunk(Duration::ZERO, true, false, message, &mut told);
            upload.chunk(Duration::ZERO, false, true, tail, &mut told);
        };
        for id in 0..3u32 {
            let name = format!("file {id}\0");
            let length = (LENGTH as u32).to_le_bytes();
            send(&[&id.to_le_bytes(), name.as_bytes(), &length].concat(), b"");
        }
        for _ in 0..LENGTH / data.len() {
            for id in 0..3u32 {
                send(&id.to_le_bytes(), &data);
            }
        }
        assert_eq!(stored, 3);
        let taken = HEAP.peak() - before;
        println!("three transfers of {LENGTH} bytes took {taken} bytes, and keep {}", HEAP.live() - before);
        assert!(taken < MOST, "{taken}");
    });
}
