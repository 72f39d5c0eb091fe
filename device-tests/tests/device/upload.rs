//! Uploads into the PDDB stand-in of the device, from the PC.

use crate::common::{Server, pattern};
use crate::sender::{Sender, get, list};

const MEBIBYTE: usize = 1 << 20;
/// Bytes in a message.
const PART: usize = 60_000;
/// KiB that the service's heap may have besides what an idle connection has, with one file that comes: the lane, a batch on its
/// way and one that is filled, and the pages that are lent.
const HEAP_OF_A_FILE: u32 = 80;
/// Pages by which a heap that is used in another order may be larger.
const PLAY: u32 = 2;
/// KiB of RAM that the README's table has for the service with ten connections in use.
const RAM_OF_TEN: u32 = 1168;
const PAGE: u32 = 4;

#[test]
fn files_interleave_and_are_listed_and_fetched() {
    let server = Server::start();
    let files = [pattern(MEBIBYTE), pattern(MEBIBYTE + 4711).split_off(4711)];
    let mut sender = Sender::connect(server.port);
    for (id, data) in (1..).zip(&files) {
        sender.begin(id, &format!("file {id}.png"), data.len(), &data[..PART]);
        sender.accepted(id);
    }
    let mut at = PART;
    while at < MEBIBYTE {
        let end = MEBIBYTE.min(at + PART);
        for (id, data) in (1..).zip(&files) {
            sender.part(id, &data[at..end]);
        }
        at = end;
    }
    for (id, data) in (1..).zip(&files) {
        sender.stored(id, data);
    }
    sender.close();
    let length = MEBIBYTE as u64;
    assert_eq!(list(server.port), [("file 1.png".into(), length), ("file 2.png".into(), length)]);
    let whole = get(server.port, "/files/file%202.png", "");
    assert!(whole.status == 200 && whole.body == files[1], "{}", whole.head);
    let part = get(server.port, "/files/file%201.png", "Range: bytes=500000-500999\r\n");
    assert_eq!((part.status, &part.body[..]), (206, &files[0][500_000..501_000]));
    server.stop();
}

#[test]
fn a_transfer_is_resumed_on_another_connection() {
    let server = Server::start();
    let data = pattern(300_000);
    let mut sender = Sender::connect(server.port);
    sender.begin(7, "resumed", data.len(), &data[..200_000]);
    let token = sender.accepted(7);
    // Gone without a word.
    drop(sender);
    let mut sender = Sender::connect(server.port);
    let from = loop {
        sender.text(&format!(r#"{{"resume": 7, "token": "{token}"}}"#));
        let answer = sender.answer();
        match answer["bytes"].as_u64() {
            Some(bytes) => break usize::try_from(bytes).unwrap(),
            // What came over the lost connection is being written.
            None => assert_eq!(answer["code"], "busy", "{answer}"),
        }
    };
    assert!(from <= 200_000, "{from}");
    sender.part(7, &data[from..]);
    sender.stored(7, &data);
    sender.close();
    server.stop();
}

/// As much as fits into the device's RAM: of what the service takes nothing depends on the length.
#[test]
fn eight_mebibytes_take_the_memory_of_one_connection() {
    let mut server = Server::start();
    let mut sender = Sender::connect(server.port);
    let idle = server.memory().heap;
    let mut most = Vec::new();
    for (id, length) in [(1, MEBIBYTE / 8), (2, 8 * MEBIBYTE)] {
        let data = pattern(length);
        sender.begin(id, &format!("file {id}"), length, &data[..PART]);
        sender.accepted(id);
        data[PART..].chunks(PART).for_each(|part| sender.part(id, part));
        sender.stored(id, &data);
        most.push(server.memory().heap);
    }
    let [short, long] = most[..] else { unreachable!() };
    println!("heap: {} KiB, then {} KiB and {} KiB", idle * PAGE, short * PAGE, long * PAGE);
    // A heap on Xous never shrinks: it is as large as it ever was.
    assert!((long - idle) * PAGE <= HEAP_OF_A_FILE, "{} KiB", (long - idle) * PAGE);
    assert!(long <= short + PLAY, "it grows with the length: {most:?}");
    sender.close();
    assert_eq!(list(server.port).len(), 2);
    let outcome = server.stop();
    let ram = outcome.process("websocket").unwrap().pages * PAGE;
    println!("RAM: {ram} KiB, {:?} of machine time", outcome.machine_time());
    assert!(ram <= RAM_OF_TEN, "{ram} KiB");
}
