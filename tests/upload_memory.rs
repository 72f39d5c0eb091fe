//! What uploads take of the service's heap, whatever the size of the files.
//!
//! The system's service is this program in one role, with a heap that counts; the other role sends.
//! `cargo test --test upload_memory -- --nocapture` prints the figures, and `UPLOAD_MEBIBYTES=1024` in front of it has a
//! gibibyte sent, which takes two minutes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hosted::{hear, pddb_directory, tell};
use sha2::{Digest, Sha256};
use tungstenite::{Message, WebSocket};
use websocket::pddb::Pddb;
use xous_api_websocket::{Listen, Listener, Route, Upload};

#[path = "support/heap.rs"]
mod heap;

#[global_allocator]
static HEAP: heap::Heap = heap::Heap::new();

/// Files that interleave.
const FILES: usize = 3;
/// Bytes of a part.
const PART: usize = 64 * 1024;
/// MiB of all files, if [`MEBIBYTES`] says nothing.
const DEFAULT: usize = 128;
/// Says how many.
const MEBIBYTES: &str = "UPLOAD_MEBIBYTES";
/// Stretches of the files for which the most is taken, each: it does not rise from one to the other.
const STRETCHES: usize = 8;
/// What the service may take above idle. The batches are 3 * 8 KiB; the pages that are lent, which hosted mode takes
/// from the heap and copies, are as much again a few times.
const MAX_HEAP: usize = 256 * 1024;
/// By how much the most of a stretch may be above that of the first ones: a lent page or a read more at one moment. Four
/// bytes for each write batch would be more at the default length.
const PLAY: usize = 12 * 1024;
const PATIENCE: Duration = Duration::from_secs(40);

const SERVICE: &str = "service";
const SENDER: &str = "sender";

#[test]
fn files_of_any_length_take_a_few_kilobytes() {
    hosted::test!()
        // It takes some megabytes a second, also on a PC that is busy.
        .time_limit(Duration::from_secs(120 + length() as u64 * FILES as u64 / 2_000_000))
        .role(SERVICE, || {
            std::thread::spawn(|| panic!("the service has ended: {:?}", websocket::serve()));
            loop {
                match hear().as_str() {
                    "live" => {
                        HEAP.forget_peak();
                        tell(SENDER, &HEAP.live().to_string());
                    }
                    "peak" => tell(SENDER, &HEAP.peak().to_string()),
                    _ => return,
                }
            }
        })
        .role(SENDER, || {
            Pddb::new(PATIENCE).wait_mounted(PATIENCE).unwrap();
            let listener = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
            listener.add_route(&Route::upload("/", Upload::new("uploads"))).unwrap();
            let stream = TcpStream::connect(("127.0.0.1", listener.port())).unwrap();
            let url = format!("ws://127.0.0.1:{}/", listener.port());
            let (mut ws, _) = tungstenite::client(url, stream).unwrap();
            let idle = figure("live");
            let start = Instant::now();
            let length = length();
            let (digests, taken) = send(&mut ws, length);
            let taken: Vec<_> = taken.iter().map(|most| most.saturating_sub(idle)).collect();
            println!("{FILES} files of {length} bytes took {taken:?} bytes, {:.1?}", start.elapsed());
            for (id, digest) in digests.iter().enumerate() {
                assert_eq!(content_digest(id), *digest, "file {id}");
            }
            assert!(taken.iter().all(|most| *most < MAX_HEAP), "{taken:?}");
            let (first, last) = taken.split_at(STRETCHES / 2);
            let most = |taken: &[usize]| taken.iter().max().copied().unwrap_or(0);
            assert!(most(last) <= most(first) + PLAY, "it grows with the length: {taken:?}");
            tell(SERVICE, "done");
        })
        .run_roles();
}

fn figure(question: &str) -> usize {
    tell(SERVICE, question);
    hear().parse().unwrap()
}

/// Bytes of each file.
fn length() -> usize {
    let mebibytes = std::env::var(MEBIBYTES).ok().map(|text| text.parse().expect("a number of MiB"));
    (mebibytes.unwrap_or(DEFAULT) << 20).div_ceil(FILES * PART * STRETCHES) * PART * STRETCHES
}

/// Sends the files, part by part in turn; the digests of what was sent, which are those that were answered, and the most
/// that the service had in each stretch.
fn send(ws: &mut WebSocket<TcpStream>, length: usize) -> (Vec<String>, Vec<usize>) {
    let mut taken = Vec::new();
    let mut digests = vec![Sha256::new(); FILES];
    let mut block = vec![0; PART];
    for id in 0..FILES {
        let name = format!("file {id}\0");
        let head = [&(id as u32).to_le_bytes(), name.as_bytes(), &(length as u32).to_le_bytes()].concat();
        ws.send(Message::binary(head)).unwrap();
    }
    let turns = length / PART;
    for turn in 0..turns {
        for (id, digest) in digests.iter_mut().enumerate() {
            // No two parts are alike.
            block[..8].copy_from_slice(&((turn * FILES + id) as u64).to_le_bytes());
            digest.update(&block);
            write(ws, id, &block);
        }
        if (turn + 1) % (turns / STRETCHES) == 0 {
            taken.push(figure("peak"));
            figure("live");
        }
    }
    let digests: Vec<_> = digests.into_iter().map(hex).collect();
    let mut stored = 0;
    while stored < FILES {
        let answer = ws.read().unwrap().into_text().unwrap();
        if answer.contains("\"stored\"") {
            stored += 1;
            assert!(digests.iter().any(|digest| answer.contains(digest)), "{answer}");
        }
        assert!(!answer.contains("failed") && !answer.contains("refused"), "{answer}");
    }
    (digests, taken)
}

/// A part in a frame whose mask is zero, so that the test's time goes into the service.
fn write(ws: &mut WebSocket<TcpStream>, id: usize, data: &[u8]) {
    let mut frame = vec![0x82, 0x80 | 127];
    frame.extend((4 + data.len() as u64).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend((id as u32).to_le_bytes());
    frame.extend(data);
    ws.get_mut().write_all(&frame).unwrap();
}

fn content_digest(id: usize) -> String {
    let path = pddb_directory().join(".System/uploads").join(format!("file {id}"));
    let mut file = std::fs::File::open(path).unwrap();
    let (mut digest, mut block) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut block).unwrap() {
            0 => return hex(digest),
            len => digest.update(&block[..len]),
        }
    }
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
