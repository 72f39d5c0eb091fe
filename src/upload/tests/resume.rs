//! Senders that go and come back.

use std::time::Duration;

use super::memory::Memory;
use super::{Sender, assert_settled, bytes, files, files_of, first, later, read, route, route_into};

const TOKEN_1: &str = "00000000000000000000000000000001";

fn resume(id: u32, token: &str) -> String {
    format!(r#"{{"resume":{id},"token":"{token}"}}"#)
}

#[test]
fn a_sender_that_comes_back_goes_on_where_it_was() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let data = bytes(1, 100);
    let mut before = Sender::new(&uploads);
    before.message(&first(7, "a", 100, &data[..57]));
    // In the middle of a message, too.
    before.upload.chunk(Duration::ZERO, true, false, &7u32.to_le_bytes(), &mut |_| ());
    before.upload.gone(Duration::ZERO);
    assert!(files(&uploads).is_empty());

    let mut after = Sender::new(&uploads);
    after.now = Duration::from_secs(599);
    after.text(&resume(7, TOKEN_1));
    // Three write batches of 16 bytes.
    assert_eq!(after.last(), r#"{"resumed":7,"bytes":48,"length":100}"#);
    after.message(&later(7, &data[48..]));
    assert!(after.is_stored(7));
    assert_eq!(read(&uploads, "a"), Some(data.clone()));
    let digest = sha2::Digest::finalize(sha2::Digest::chain_update(sha2::Sha256::default(), &data));
    assert!(after.last().contains(&crate::upload::protocol::hex(&digest)));
    assert_settled(&uploads, &memory);
    // It is over.
    after.text(&resume(7, TOKEN_1));
    assert!(after.is_told("refused", 7, "unknown"));
}

#[test]
fn a_last_write_that_fails_when_nobody_sends_ends_the_transfer() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let data = bytes(1, 100);
    let mut before = Sender::new(&uploads);
    before.message(&first(7, "a", 100, &data[..40]));
    memory.set_unmounted(true);
    // Its error is not known when the sender goes.
    before.message(&later(7, &data[40..50]));
    before.upload.gone(Duration::ZERO);
    memory.set_unmounted(false);

    let mut after = Sender::new(&uploads);
    after.text(&resume(7, TOKEN_1));
    after.message(&later(7, &data[32..]));
    assert!(after.is_told("failed", 7, "unmounted"));
    assert!(files(&uploads).is_empty());
    assert_settled(&uploads, &memory);
}

#[test]
fn a_last_write_that_failed_is_not_made_a_file_by_an_empty_part() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let data = bytes(1, 48);
    let mut before = Sender::new(&uploads);
    before.message(&first(7, "a", 48, &data[..32]));
    memory.set_unmounted(true);
    // All of it has been given to the store, and the message has not ended.
    before.upload.chunk(Duration::ZERO, true, false, &later(7, &data[32..]), &mut |_| ());
    before.upload.gone(Duration::ZERO);
    memory.set_unmounted(false);

    let mut after = Sender::new(&uploads);
    after.text(&resume(7, TOKEN_1));
    assert!(after.is_told("failed", 7, "unmounted"), "{}", after.last());
    after.message(&later(7, b""));
    assert!(files(&uploads).is_empty());
    assert_settled(&uploads, &memory);
}

#[test]
fn what_is_all_there_is_stored_when_its_sender_is_back() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let data = bytes(1, 48);
    let mut before = Sender::new(&uploads);
    before.upload.chunk(Duration::ZERO, true, false, &first(7, "a", 48, &data), &mut |_| ());
    before.upload.gone(Duration::ZERO);
    assert!(files(&uploads).is_empty());
    let mut after = Sender::new(&uploads);
    after.text(&resume(7, TOKEN_1));
    assert!(after.is_stored(7));
    assert_eq!(read(&uploads, "a"), Some(data));
}

#[test]
fn nobody_goes_on_without_the_token() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let mut owner = Sender::new(&uploads);
    owner.message(&first(7, "a", 40, &bytes(1, 20)));
    let mut stranger = Sender::new(&uploads);
    for (id, token) in
        [(7, "00000000000000000000000000000002"), (8, TOKEN_1), (7, "10000000000000000000000000000001")]
    {
        stranger.text(&resume(id, token));
        assert!(stranger.is_told("refused", id, "unknown"));
    }
    stranger.text(r#"{"cancel":7}"#);
    assert!(stranger.is_told("refused", 7, "unknown"));
    // The id is each connection's own.
    stranger.file(7, "b", b"b");
    assert!(stranger.is_stored(7));
    owner.message(&later(7, &bytes(1, 40)[20..]));
    assert!(owner.is_stored(7));
    assert_eq!(read(&uploads, "a"), Some(bytes(1, 40)));
}

#[test]
fn a_sender_is_back_before_its_old_connection_is_known_to_be_gone() {
    let memory = Memory::default();
    let uploads = route(&memory, |_| ());
    let data = bytes(1, 64);
    let mut old = Sender::new(&uploads);
    old.message(&first(7, "a", 64, &data[..40]));
    let mut new = Sender::new(&uploads);
    new.text(&resume(7, TOKEN_1));
    assert_eq!(new.last(), r#"{"resumed":7,"bytes":32,"length":64}"#);
    let told = old.told.len();
    old.message(&later(7, b"too late"));
    old.text(r#"{"cancel":7}"#);
    assert!(old.is_told("refused", 7, "unknown"));
    assert_eq!(old.told.len(), told + 1);
    old.upload.gone(Duration::ZERO);
    new.message(&later(7, &data[32..]));
    assert!(new.is_stored(7));
    assert_eq!(read(&uploads, "a"), Some(data));
    // The same connection cannot have it twice.
    new.message(&first(8, "b", 64, b""));
    new.text(&resume(8, "00000000000000000000000000000002"));
    assert!(new.is_told("refused", 8, "busy"));
}

#[test]
fn who_does_not_come_back_in_time_leaves_nothing() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.resume = Duration::from_secs(10));
    let mut sender = Sender::new(&uploads);
    sender.message(&first(1, "a", 40, &bytes(1, 20)));
    sender.upload.gone(Duration::from_secs(5));
    assert_eq!(uploads.next_expiry(), Some(Duration::from_secs(15)));
    uploads.expire(Duration::from_secs(14));
    assert_eq!(memory.keys().len(), 2);
    let mut late = Sender::new(&uploads);
    late.now = Duration::from_secs(15);
    late.text(&resume(1, TOKEN_1));
    assert!(late.is_told("refused", 1, "unknown"));
    assert!(memory.keys().is_empty());
    assert_eq!(uploads.next_expiry(), None);
}

#[test]
fn only_so_many_wait() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.waiting = 2);
    for i in 0..4u32 {
        let mut sender = Sender::new(&uploads);
        sender.message(&first(i, &format!("f{i}"), 40, &bytes(1, 20)));
        sender.upload.gone(Duration::from_secs(i.into()));
    }
    let mut sender = Sender::new(&uploads);
    sender.now = Duration::from_secs(5);
    let waits = |sender: &mut Sender, id: u32| {
        sender.text(&resume(id, &format!("{:032x}", id + 1)));
        sender.last().starts_with(r#"{"resumed""#)
    };
    assert_eq!([0, 1, 2, 3].map(|id| waits(&mut sender, id)), [false, false, true, true]);
    drop(sender);
}

#[test]
fn without_a_token_nothing_waits() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.resume = Duration::ZERO);
    let mut sender = Sender::new(&uploads);
    sender.message(&first(1, "a", 40, &bytes(1, 20)));
    assert!(!sender.last().contains("token"));
    drop(sender);
    assert!(memory.keys().is_empty());
}

#[test]
fn resumed_transfers_count_as_the_connection_s_own() {
    let memory = Memory::default();
    let uploads = route(&memory, |config| config.transfers = 1);
    let mut sender = Sender::new(&uploads);
    sender.message(&first(1, "a", 40, &bytes(1, 20)));
    drop(sender);
    let mut sender = Sender::new(&uploads);
    sender.message(&first(2, "b", 40, b""));
    sender.text(&resume(1, TOKEN_1));
    assert!(sender.is_told("refused", 1, "too_many"));
    sender.text(r#"{"cancel":2}"#);
    sender.text(&resume(1, TOKEN_1));
    assert!(sender.last().starts_with(r#"{"resumed""#));
    for nonsense in ["", "{}", "hello", r#"{"resume":1}"#, &format!("{{\"x\":\"{}\"}}", "y".repeat(300))] {
        sender.text(nonsense);
        assert!(sender.last().starts_with(r#"{"refused":null,"code":"malformed""#), "{nonsense}");
    }
}

#[test]
fn a_route_that_goes_takes_what_waits_with_it() {
    for replaces in [false, true] {
        let memory = Memory::default();
        let files = files_of(&memory);
        let uploads = route_into(files.clone(), |config| config.replace = replaces);
        let mut sender = Sender::new(&uploads);
        if replaces {
            sender.file(1, "a", b"old");
        }
        sender.message(&first(2, "a", 100, &bytes(1, 50)));
        drop((sender, uploads));

        let uploads = route_into(files, |config| config.replace = replaces);
        assert_eq!(read(&uploads, "a"), replaces.then(|| b"old".to_vec()));
        assert_settled(&uploads, &memory);
        let mut sender = Sender::new(&uploads);
        sender.file(3, "a", b"new");
        assert!(sender.is_stored(3));
    }
}
