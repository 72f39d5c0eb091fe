//! Senders that come back, and those that do not.

use std::time::{Duration, Instant};

use hosted::pddb_directory;
use xous_api_websocket::{Deadlines, Listen, Listener, Route, Upload};

use crate::common::{PATIENCE, nothing_is_left, pattern, system};
use crate::sender::{DICT, Sender, UPLOAD, list, listen, pddb_cid};

fn resume(id: u32, token: &str) -> String {
    format!(r#"{{"resume":{id},"token":"{token}"}}"#)
}

/// Plain files that the stand-in keeps for the route, its journal's included.
fn keys() -> Vec<String> {
    let Ok(dicts) = std::fs::read_dir(pddb_directory().join(".System")) else { return Vec::new() };
    let dicts = dicts.flatten().filter(|dict| dict.file_name().to_string_lossy().starts_with(DICT));
    dicts
        .flat_map(|dict| std::fs::read_dir(dict.path()).unwrap())
        .map(|key| key.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_sender_that_comes_back_goes_on() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let data = pattern(100_000);
        let mut before = Sender::connect(listener.port());
        before.begin(9, "a", data.len(), &data[..70_000]);
        let token = before.accepted(9);
        assert_eq!(token.len(), 32);
        drop(before);
        nothing_is_open();

        let mut stranger = Sender::connect(listener.port());
        for (id, token) in [(9, "0".repeat(32)), (8, token.clone())] {
            stranger.text(&resume(id, &token));
            stranger.told("refused", id, "unknown");
        }
        stranger.file(10, "a", b"mine");
        stranger.told("refused", 10, "busy");

        let mut after = Sender::connect(listener.port());
        after.text(&resume(9, &token));
        let answer = after.answer();
        assert_eq!((&answer["resumed"], &answer["length"]), (&9.into(), &data.len().into()));
        let stored = answer["bytes"].as_u64().unwrap() as usize;
        // Whole write batches.
        assert_eq!(stored, 70_000 - 70_000 % 8128);
        after.part(9, &data[stored..]);
        after.stored(9, &data);
        assert_eq!(list(listener.port()), [("a".to_owned(), 100_000)]);
    });
}

#[test]
fn a_sender_that_is_back_before_its_connection_is_known_to_be_gone_goes_on() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let mut before = Sender::connect(listener.port());
        before.begin(9, "a", 4, b"ab");
        let token = before.accepted(9);
        let mut after = Sender::connect(listener.port());
        after.text(&resume(9, &token));
        assert_eq!(after.answer()["resumed"], 9);
        // What the old one still sends is nothing.
        before.part(9, b"xyz");
        before.text(r#"{"cancel":1}"#);
        before.told("refused", 1, "unknown");
        after.part(9, b"abcd");
        after.stored(9, b"abcd");
    });
}

#[test]
fn what_nobody_comes_back_for_goes() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).resume(Duration::from_millis(300)));
        let mut sender = Sender::connect(listener.port());
        sender.begin(9, "a", 100_000, &pattern(50_000));
        sender.accepted(9);
        assert_eq!(keys().len(), 2, "the file and its record");
        drop(sender);
        // Nobody asks for anything meanwhile.
        let start = Instant::now();
        while !keys().is_empty() {
            assert!(start.elapsed() < PATIENCE, "{:?}", keys());
        }
        nothing_is_left();
        assert_eq!(list(listener.port()), []);
    });
}

#[test]
fn what_waits_for_its_sender_goes_with_its_route() {
    system!().run(|| {
        pddb_cid();
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
        let route = listener.add_route(&Route::upload(UPLOAD, Upload::new(DICT))).unwrap();
        let mut sender = Sender::connect(listener.port());
        sender.begin(9, "a", 100_000, &pattern(50_000));
        sender.accepted(9);
        drop(sender);
        nothing_is_open();
        listener.remove_route(route).unwrap();
        let start = Instant::now();
        while !keys().is_empty() {
            assert!(start.elapsed() < PATIENCE, "{:?}", keys());
        }
    });
}

#[test]
fn a_vanished_sender_is_noticed() {
    system!().run(|| {
        pddb_cid();
        let wait = Duration::from_millis(200);
        let deadlines = Deadlines::new().keepalive(wait).pong(wait);
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0).options(deadlines)).unwrap();
        let upload = Upload::new(DICT).resume(Duration::ZERO);
        listener.add_route(&Route::upload(UPLOAD, upload)).unwrap();
        let mut sender = Sender::connect(listener.port());
        sender.begin(9, "a", 100_000, &pattern(50_000));
        assert_eq!(sender.answer()["accepted"], 9);
        // It says nothing more, and answers no Ping.
        nothing_is_left();
        assert_eq!(keys(), [""; 0]);
        drop(sender);
    });
}

#[test]
fn a_cancelled_file_is_gone_at_once() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let mut sender = Sender::connect(listener.port());
        sender.begin(9, "a", 100_000, &pattern(50_000));
        sender.accepted(9);
        sender.text(r#"{"cancel":9}"#);
        sender.told("failed", 9, "cancelled");
        assert_eq!(keys(), [""; 0]);
        sender.close();
        // There is no wait for a sender either.
        nothing_is_left();
    });
}

/// The connections have ended; a transfer may wait for its sender.
fn nothing_is_open() {
    crate::common::stats_when(|stats| stats.connections == 0 && stats.workers_busy == 0);
}
