//! Uploads into the PDDB stand-in of the device, from the PC.

use crate::common::{Server, pattern};
use crate::sender::{Sender, get, list};

const MEBIBYTE: usize = 1 << 20;
/// Bytes in a message.
const PART: usize = 60_000;

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
