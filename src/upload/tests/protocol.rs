//! What a sender is told, and what is stored.

use std::time::Duration;

use sha2::{Digest, Sha256};

use std::ops::ControlFlow;

use super::memory::Memory;
use super::{Sender, assert_settled, bytes, files, files_of, first, later, read, route, route_into};
use crate::upload::protocol::hex;

#[test]
fn a_file_in_parts_is_stored_and_told_with_its_digest() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let mut sender = Sender::new(&uploads);
    let data = bytes(1, 100);
    sender.message(&first(7, "notes/a.txt", 100, &data[..30]));
    let accepted =
        r#"{"accepted":7,"name":"notes/a.txt","length":100,"token":"00000000000000000000000000000001"}"#;
    assert_eq!(sender.told, [accepted]);
    assert!(files(&uploads).is_empty(), "not yet");
    sender.message(&later(7, &data[30..99]));
    sender.message(&later(7, b""));
    assert!(files(&uploads).is_empty(), "not yet");
    sender.message(&later(7, &data[99..]));
    let digest = hex(&Sha256::digest(&data));
    let stored = format!(r#"{{"stored":7,"name":"notes/a.txt","length":100,"sha256":"{digest}"}}"#);
    assert_eq!(sender.told[1..], [stored]);
    assert_eq!(read(&uploads, "notes/a.txt"), Some(data));
    assert_settled(&uploads, &memory);
}

#[test]
fn a_file_of_no_bytes_is_a_file() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let mut sender = Sender::new(&uploads);
    sender.file(1, "empty", b"");
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(sender.last(), format!(r#"{{"stored":1,"name":"empty","length":0,"sha256":"{digest}"}}"#));
    assert_eq!(read(&uploads, "empty"), Some(vec![]));
    let mut listed = Vec::new();
    uploads
        .files()
        .list(|entry| {
            listed.push(entry.to_json());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(listed, [r#"{"name":"empty","length":0}"#]);
    assert_settled(&uploads, &memory);
}

#[test]
fn refusals_have_their_codes_and_what_follows_is_passed_over() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| {
        config.largest = 1000;
        config.allowed = vec!["*.txt".into()];
        config.transfers = 2;
    });
    let mut sender = Sender::new(&uploads);
    sender.file(1, "kept.txt", b"kept");
    for (id, name, length, code) in [
        (10, "../x.txt", 1, "bad_name"),
        (11, "", 1, "bad_name"),
        (12, "a:b.txt", 1, "bad_name"),
        (13, "a.exe", 1, "not_allowed"),
        (14, "large.txt", 1001, "too_large"),
        (15, "kept.txt", 1, "exists"),
    ] {
        sender.message(&first(id, name, length, b"x"));
        assert!(sender.is_told("refused", id, code), "{code}: {}", sender.last());
        let told = sender.told.len();
        sender.message(&later(id, b"name\0\0\0\0\0, not a first message"));
        assert_eq!(sender.told.len(), told, "told once");
    }
    sender.message(&first(2, "a.txt", 10, b""));
    sender.message(&first(3, "a.txt", 10, b""));
    assert!(sender.is_told("refused", 3, "busy"));
    sender.message(&first(4, "b.txt", 10, b""));
    sender.message(&first(5, "c.txt", 10, b""));
    assert!(sender.is_told("refused", 5, "too_many"));
    sender.message(&[1, 2, 3]);
    assert!(sender.last().starts_with(r#"{"refused":null,"code":"malformed""#));
    sender.message(&later(6, b"no zero byte"));
    assert!(sender.is_told("refused", 6, "malformed"));
    sender.message(&later(8, &[b'n'; 300]));
    assert!(sender.is_told("refused", 8, "bad_name"));
    // The connection is as good as ever.
    sender.message(&later(2, b"0123456789"));
    sender.message(&later(4, b"0123456789"));
    assert!(sender.is_stored(2) && sender.is_stored(4));
    assert_eq!(files(&uploads).len(), 3);
    assert_settled(&uploads, &memory);
}

#[test]
fn who_is_refused_for_a_file_that_exists_is_told_which_one_that_is() {
    let memory = Memory::default();
    memory.put("uploads/old", b"from before");
    let uploads = route(&memory, |config| config.replace = true);
    let mut sender = Sender::new(&uploads);
    sender.file(1, "a", b"hello");
    let reason = r#""code":"exists","reason":"A file of this name exists.""#;
    let digest = hex(&Sha256::digest(b"hello"));
    sender.text(r#"{"keep":2}"#);
    sender.file(2, "a", b"other");
    let told = format!(r#"{{"refused":2,{reason},"length":5,"sha256":"{digest}","replaceable":true}}"#);
    assert_eq!(sender.last(), told);
    // What was there at the start has no digest that is known.
    sender.text(r#"{"keep":3}"#);
    sender.file(3, "old", b"other");
    assert_eq!(sender.last(), format!(r#"{{"refused":3,{reason},"length":11,"replaceable":true}}"#));
    assert_eq!(read(&uploads, "a"), Some(b"hello".to_vec()));
    // It is for one transfer.
    sender.file(4, "a", b"other");
    assert!(sender.is_stored(4));
    let fixed = route_into(files_of(&memory), |_| ());
    let mut sender = Sender::new(&fixed);
    sender.file(5, "a", b"hello");
    assert_eq!(sender.last(), format!(r#"{{"refused":5,{reason},"length":5}}"#));
    (0..33).for_each(|id| sender.text(&format!(r#"{{"keep":{id}}}"#)));
    assert!(sender.is_told("refused", 32, "too_many"));
    assert_settled(&fixed, &memory);
}

#[test]
fn a_colon_is_another_character_if_the_route_says_so() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.colon = Some('-'));
    let mut sender = Sender::new(&uploads);
    sender.file(1, "12:30:00.txt", b"time");
    assert!(sender.told[0].starts_with(r#"{"accepted":1,"name":"12-30-00.txt","#), "{}", sender.told[0]);
    assert!(sender.is_stored(1));
    assert_eq!(read(&uploads, "12-30-00.txt"), Some(b"time".to_vec()));
    sender.file(2, "a\u{202e}b", b"x");
    assert!(
        sender.is_told("refused", 2, "bad_name") && sender.last().contains("U+202E"),
        "{}",
        sender.last()
    );
    assert_settled(&uploads, &memory);
}

#[test]
fn a_file_is_deleted_if_it_is_the_one_that_is_meant_and_nobody_has_it() {
    use crate::upload::{RemoveError, StoreError};
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let mut sender = Sender::new(&uploads);
    let remove = |name: &str| uploads.files().remove(name, |_, _| true);
    sender.file(1, "d/a", b"hello");
    let reader = uploads.files().open("d/a").unwrap();
    assert_eq!(remove("d/a"), Err(RemoveError::Busy), "it is being read");
    let version = reader.version();
    drop(reader);
    assert_eq!(uploads.files().remove("d/a", |_, length| length == 4), Err(RemoveError::Changed));
    assert_eq!(read(&uploads, "d/a"), Some(b"hello".to_vec()));
    assert_eq!(uploads.files().remove("d/a", |is, length| is == version && length == 5), Ok(()));
    for name in ["d/a", "b", "../x", ""] {
        assert_eq!(remove(name), Err(StoreError::NotFound.into()), "{name}");
    }
    sender.message(&first(2, "b", 10, b"half"));
    assert_eq!(remove("b"), Err(RemoveError::Busy), "it is being received");
    sender.message(&later(2, b"a file"));
    assert_eq!(remove("b"), Ok(()));
    sender.file(3, "c", b"c");
    memory.set_unmounted(true);
    assert_eq!(remove("c"), Err(StoreError::Unmounted.into()));
    memory.set_unmounted(false);
    assert_eq!(read(&uploads, "c"), Some(b"c".to_vec()));
    assert_settled(&uploads, &memory);
}

#[test]
fn more_than_declared_fails_and_leaves_nothing() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let mut sender = Sender::new(&uploads);
    sender.file(1, "other", b"other");
    sender.message(&first(2, "a", 40, &bytes(0, 30)));
    sender.message(&later(2, &bytes(0, 11)));
    assert!(sender.is_told("failed", 2, "too_long"));
    // In the very message that would have completed it, too.
    sender.chunks(&[&first(3, "a", 4, b"1234"), b"5"]);
    assert!(sender.is_told("failed", 3, "too_long"));
    // A second first message is data.
    sender.message(&first(4, "a", 4, b"12"));
    sender.message(&first(4, "a", 4, b"1234"));
    assert!(sender.is_told("failed", 4, "too_long"));
    // Behind the end it is said once, and the file stays.
    sender.message(&later(1, b"more"));
    assert!(sender.is_told("failed", 1, "ended"));
    let told = sender.told.len();
    sender.message(&later(1, b"more"));
    assert_eq!(sender.told.len(), told);
    assert_eq!(read(&uploads, "other"), Some(b"other".to_vec()));
    assert_settled(&uploads, &memory);
}

#[test]
fn a_replacement_is_seen_when_it_is_whole_and_not_before() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.replace = true);
    let mut sender = Sender::new(&uploads);
    for (old, new) in [(100, 40), (40, 100), (10, 0), (0, 10)] {
        sender.file(1, "a", &bytes(1, old));
        let data = bytes(2, new);
        sender.message(&first(2, "a", new as u32 + 1, &data));
        assert_eq!(read(&uploads, "a"), Some(bytes(1, old)));
        assert_eq!(files(&uploads).len(), 1);
        sender.message(&later(2, b"!"));
        assert!(sender.is_stored(2));
        assert_eq!(read(&uploads, "a"), Some([&data[..], b"!"].concat()));
        assert_settled(&uploads, &memory);
        // Ids may be used again by another connection.
        sender = Sender::new(&uploads);
    }
    // One that is not completed changes nothing.
    sender.message(&first(3, "a", 100, &bytes(3, 60)));
    sender.text(r#"{"cancel":3}"#);
    assert!(sender.is_told("failed", 3, "cancelled"));
    assert_eq!(read(&uploads, "a"), Some([&bytes(2, 10)[..], b"!"].concat()));
    assert_settled(&uploads, &memory);
}

#[test]
fn bytes_are_written_once_and_those_of_a_replacement_twice() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.replace = true);
    let mut sender = Sender::new(&uploads);
    let record = 100;
    sender.file(1, "a", &bytes(1, 10_000));
    let once = memory.written();
    assert!((10_000..10_000 + record).contains(&once), "{once}");
    sender.file(2, "a", &bytes(2, 10_000));
    let twice = memory.written() - once;
    assert!((20_000..20_000 + 3 * record).contains(&twice), "{twice}");
}

#[test]
fn a_reader_keeps_what_it_reads_and_the_replacement_waits() {
    use std::io::Read;
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.replace = true);
    let mut sender = Sender::new(&uploads);
    sender.file(1, "a", &bytes(1, 100));
    let mut old = uploads.files().open("a").unwrap();
    let mut start = [0; 50];
    old.read_exact(&mut start).unwrap();
    sender.file(2, "a", &bytes(2, 70));
    assert!(sender.is_stored(2));
    let mut new = uploads.files().open("a").unwrap();
    assert_eq!(files(&uploads)["a"], bytes(2, 70));
    sender.file(3, "a", b"third");
    assert!(sender.is_told("refused", 3, "busy"), "as long as the second waits");
    let mut rest = Vec::new();
    old.read_to_end(&mut rest).unwrap();
    assert_eq!([&start[..], &rest].concat(), bytes(1, 100));
    drop(old);
    // It has been moved, but the second reader reads on where it was.
    assert_eq!(read(&uploads, "a"), Some(bytes(2, 70)));
    let mut content = Vec::new();
    new.read_to_end(&mut content).unwrap();
    assert_eq!(content, bytes(2, 70));
    drop(new);
    assert_settled(&uploads, &memory);
    sender.file(4, "a", b"fourth");
    assert!(sender.is_stored(4));
    assert_settled(&uploads, &memory);
}

#[test]
fn a_full_store_is_told_and_serves_the_rest() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.replace = true);
    let mut sender = Sender::new(&uploads);
    memory.set_capacity(1000);
    sender.message(&first(1, "small", 100, &bytes(1, 50)));
    sender.file(2, "large", &bytes(2, 2000));
    assert!(sender.is_told("failed", 2, "full"));
    sender.message(&later(1, &bytes(1, 100)[50..]));
    assert!(sender.is_stored(1));
    assert_settled(&uploads, &memory);
    // The last part does not fit: nothing is left either.
    sender.file(3, "edge", &bytes(3, 890));
    assert!(sender.is_told("failed", 3, "full"), "{}", sender.last());
    assert_settled(&uploads, &memory);
    // Room for a record and the new content, but not for the old one's place as well: the file is what was sent.
    sender.file(4, "small", &bytes(4, 500));
    assert!(sender.is_stored(4), "{}", sender.last());
    assert_eq!(read(&uploads, "small"), Some(bytes(4, 500)));
    assert_eq!(files(&uploads)["small"], bytes(4, 500));
    // Once there is room it finds its place.
    memory.set_capacity(5000);
    sender.file(5, "small", b"again");
    assert!(sender.is_stored(5));
    assert_settled(&uploads, &memory);
}

#[test]
fn an_unmounted_store_is_told_and_tried_again() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let mut sender = Sender::new(&uploads);
    memory.set_unmounted(true);
    sender.file(1, "a", b"abc");
    assert!(sender.is_told("refused", 1, "unmounted"));
    memory.set_unmounted(false);
    sender.file(2, "a", b"abc");
    assert!(sender.is_stored(2));
    sender.message(&first(3, "b", 100, &bytes(0, 20)));
    memory.set_unmounted(true);
    // How a write went comes out with the next one.
    sender.message(&later(3, &bytes(0, 40)));
    assert!(sender.is_told("failed", 3, "unmounted"));
    assert!(uploads.files().open("a").is_err());
    memory.set_unmounted(false);
    assert_settled(&uploads, &memory);
    sender.file(4, "b", b"b");
    assert!(sender.is_stored(4));
}

#[test]
fn progress_is_told_at_most_every_64_kib_and_ten_times_a_second() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.write_batch = 1000);
    let mut sender = Sender::new(&uploads);
    let length = 1_000_000;
    sender.message(&first(1, "a", length, b""));
    for i in 0..100 {
        sender.now = Duration::from_millis(i * 20);
        sender.message(&later(1, &bytes(0, 9_999)));
    }
    let progress: Vec<u32> = sender
        .told
        .iter()
        .filter_map(|text| text.strip_prefix(r#"{"progress":1,"bytes":"#))
        .map(|text| text.split(',').next().unwrap().parse().unwrap())
        .collect();
    // 64 KiB take seven messages, 140 ms.
    assert!(
        progress.len() > 10 && progress.windows(2).all(|pair| pair[1] - pair[0] >= 65_536),
        "{progress:?}"
    );
    let before = sender.told.len();
    sender.message(&first(2, "b", length, b""));
    for _ in 0..50 {
        sender.message(&later(2, &bytes(0, 9_999)));
    }
    assert_eq!(sender.told.len(), before + 1, "in no time, there is only the acceptance");
}

#[test]
fn other_keys_are_left_alone_and_not_shown() {
    let memory = Memory::default();
    memory.put("uploads.journal/x", b"foreign");
    memory.put("uploads.journal/i0000000g", b"foreign");
    memory.put("other/a", b"foreign");
    memory.put("uploads/b:c", b"foreign");
    memory.put("uploadsmore/a", b"foreign");
    let uploads = route(&memory, |_| ());
    let mut sender = Sender::new(&uploads);
    sender.file(1, "a", b"1");
    assert_eq!(files(&uploads).len(), 1);
    for name in ["../other/a", "b:c", ".journal/x", "", "/a"] {
        assert!(read(&uploads, name).is_none(), "{name}");
    }
    assert_eq!(memory.keys().len(), 6);
}
