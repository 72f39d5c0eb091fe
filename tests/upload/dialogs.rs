//! A database that asks its user: while its only server loop waits for the answer, it serves nobody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hosted::{Pddb, pddb_directory};
use xous_api_websocket::{Deadlines, Listen, Listener, Route, Upload, Websocket};

use crate::by_hand::Client;
use crate::common::raw::{PING, expect_close};
use crate::common::{self, nothing_is_left, pattern, peers, request, stats_when, system};
use crate::sender::{DICT, FILES, Sender, UPLOAD, dialogs, get, list, listen, pddb_cid, user_says};

/// How long a route of these tests waits for a user who does not come.
const PATIENCE: Duration = Duration::from_secs(6);

/// Free pages for the dicts, a record, a key and the first batch.
const ONE_BATCH: u64 = 8;
/// For some batches, and after a Yes for as many again.
const SOME: u64 = 30;

/// The list is refused for a while, and at once.
fn list_is_refused(port: u16) {
    let start = Instant::now();
    for path in [FILES, "/files/large"] {
        let answer = get(port, path, "");
        assert_eq!((answer.status, answer.field("Retry-After")), (503, Some("10")), "{}", answer.head);
    }
    assert!(start.elapsed() < Duration::from_secs(1), "at once");
}

#[test]
fn who_says_no_is_not_asked_again_for_the_same_file() {
    system!().pddb(Pddb::new().pool(ONE_BATCH)).run(|| {
        let listener = listen(Upload::new(DICT));
        user_says(false);
        let mut sender = Sender::connect(listener.port());
        sender.begin(1, "large", 200_000, &pattern(120_000));
        sender.accepted(1);
        sender.told("failed", 1, "full");
        sender.part(1, &pattern(20_000));
        assert_eq!(list(listener.port()), []);
        assert_eq!(dialogs(1), 1, "one question");
        user_says(true);
        sender.file(2, "small", &pattern(20_000));
        sender.accepted(2);
        sender.stored(2, &pattern(20_000));
        assert_eq!(list(listener.port()), [("small".to_owned(), 20_000)]);
    });
}

#[test]
fn a_file_waits_for_the_user_and_everybody_is_told() {
    system!().pddb(Pddb::new().pool(SOME)).run(|| {
        let listener = listen(Upload::new(DICT).transfers(2));
        let data = pattern(140_000);
        let mut sender = Sender::connect(listener.port());
        sender.begin(1, "large", data.len(), &data[..120_000]);
        sender.accepted(1);
        dialogs(1);
        sender.waits(1);
        list_is_refused(listener.port());
        // A second file on the same connection, and one on another.
        sender.file(2, "second", b"2");
        sender.waits(2);
        let mut other = Sender::connect(listener.port());
        other.file(3, "third", b"3");
        other.waits(3);
        user_says(true);
        sender.accepted(2);
        sender.stored(2, b"2");
        sender.part(1, &data[120_000..]);
        sender.stored(1, &data);
        other.accepted(3);
        other.stored(3, b"3");
        assert_eq!(list(listener.port()).len(), 3);
        assert_eq!(dialogs(1), 1);
        sender.close();
        other.close();
        nothing_is_left();
    });
}

/// By programs, by others who reach the port, and by the timer.
#[test]
fn who_has_nothing_to_do_with_files_is_served_while_one_waits() {
    system!().pddb(Pddb::new().pool(ONE_BATCH)).run(|| {
        pddb_cid();
        let deadlines = Deadlines::new().keepalive(Duration::from_secs(1));
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0).options(deadlines)).unwrap();
        listener.add_route(&Route::page("/", "text/plain", b"page")).unwrap();
        listener.add_route(&Route::upload(UPLOAD, Upload::new(DICT))).unwrap();
        let mut sender = Sender::connect(listener.port());
        sender.begin(1, "large", 200_000, &pattern(100_000));
        sender.accepted(1);
        sender.waits(1);
        let start = Instant::now();
        for round in 0..20 {
            assert_eq!(get(listener.port(), "/", "").body, b"page");
            let (peer, _reports) = peers::by_hand::<()>(|mut stream, _| drop(expect_close(&mut stream)));
            Websocket::open(&request(&peer)).unwrap().close(1000, "").unwrap();
            assert!(xous_api_websocket::state::Stats::now().unwrap().connections >= 1, "{round}");
        }
        let mut idle = Client::asks(listener.port(), UPLOAD);
        idle.opened();
        assert_eq!(idle.frame().first, PING);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        drop(idle);
        (0..3).for_each(|_| user_says(true));
    });
}

/// More than the buffers of both sockets take: the database is asked for the rest.
#[test]
fn a_download_that_has_begun_breaks_off_soon() {
    const LENGTH: usize = 24_000_000;
    system!().pddb(Pddb::new().pool(SOME)).run(|| {
        let dict = pddb_directory().join(".System").join(DICT);
        std::fs::create_dir_all(&dict).unwrap();
        std::fs::write(dict.join("there"), vec![b'x'; LENGTH]).unwrap();
        let listener = listen(Upload::new(DICT));
        let mut reader = TcpStream::connect(("127.0.0.1", listener.port())).unwrap();
        reader.set_read_timeout(Some(common::PATIENCE)).unwrap();
        reader.write_all(b"GET /files/there HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
        let mut head = [0; 12];
        reader.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        let mut sender = Sender::connect(listener.port());
        sender.begin(1, "large", 200_000, &pattern(150_000));
        sender.accepted(1);
        sender.waits(1);
        let start = Instant::now();
        let read = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_or(0);
        assert!(read < LENGTH as u64, "{read} bytes");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        stats_when(|stats| stats.workers_busy <= 3);
        (0..3).for_each(|_| user_says(true));
    });
}

#[test]
fn pings_are_answered_while_a_file_waits() {
    system!().pddb(Pddb::new().pool(ONE_BATCH)).run(|| {
        let listener = listen(Upload::new(DICT).resume(Duration::ZERO));
        let mut client = Client::asks(listener.port(), "/upload");
        client.opened();
        let data = pattern(30_000);
        let first = [&7u32.to_le_bytes()[..], b"a\0", &40_000u32.to_le_bytes(), &data].concat();
        client.send_frame(0x82, &first);
        assert!(client.text().starts_with(r#"{"accepted":7,"#));
        assert!(client.text().starts_with(r#"{"waiting":7,"#));
        for ping in ["one", "two"] {
            client.send_frame(0x89, ping.as_bytes());
            assert_eq!(client.text_frame(), (0x8a, ping.to_owned()));
        }
        // One that ends its connection is let go of, whatever the database does.
        client.close();
        user_says(true);
        user_says(true);
        nothing_is_left();
    });
}

#[test]
fn who_waits_longer_than_the_route_says_can_go_on_later() {
    system!().pddb(Pddb::new().pool(SOME)).run(|| {
        let listener = listen(Upload::new(DICT).patience(PATIENCE));
        let data = pattern(200_000);
        let mut sender = Sender::connect(listener.port());
        sender.begin(1, "large", data.len(), &data);
        let token = sender.accepted(1);
        sender.waits(1);
        sender.told("failed", 1, "no_answer");
        let resume = format!(r#"{{"resume":1,"token":"{token}"}}"#);
        sender.text(&resume);
        sender.told("refused", 1, "busy");
        sender.file(2, "other", b"2");
        sender.told("refused", 2, "no_answer");
        list_is_refused(listener.port());
        user_says(true);
        let stored = loop {
            sender.text(&resume);
            let answer = sender.answer();
            if let Some(bytes) = answer["bytes"].as_u64() {
                assert_eq!(answer["resumed"], 1);
                break bytes as usize;
            }
            assert_eq!(answer["code"], "busy", "the database is not there yet");
        };
        assert!(stored > 0 && stored < data.len(), "{stored}");
        sender.part(1, &data[stored..]);
        sender.stored(1, &data);
        assert_eq!(list(listener.port()), [("large".to_owned(), 200_000)]);
    });
}

#[test]
fn a_connection_that_goes_meanwhile_is_let_go_of_and_its_file_goes_on_on_another() {
    system!().pddb(Pddb::new().pool(SOME)).run(|| {
        let listener = listen(Upload::new(DICT));
        let data = pattern(200_000);
        let mut before = Sender::connect(listener.port());
        before.begin(1, "large", data.len(), &data[..120_000]);
        let token = before.accepted(1);
        before.waits(1);
        drop(before);
        // Its two workers are free, while one still waits for the database.
        stats_when(|stats| stats.connections == 0 && stats.workers_busy == 1);
        let mut after = Sender::connect(listener.port());
        after.text(&format!(r#"{{"resume":1,"token":"{token}"}}"#));
        after.waits(1);
        user_says(true);
        let answer = after.answer();
        assert_eq!(answer["resumed"], 1, "{answer}");
        let stored = answer["bytes"].as_u64().unwrap() as usize;
        after.part(1, &data[stored..]);
        after.stored(1, &data);
        assert_eq!(dialogs(1), 1);
    });
}

/// Its end comes behind more bytes than are read meanwhile.
#[test]
fn a_sender_that_goes_behind_much_that_is_not_read_is_let_go_of_in_time() {
    system!().pddb(Pddb::new().pool(SOME)).run(|| {
        pddb_cid();
        let deadlines = Deadlines::new().keepalive(Duration::from_secs(1));
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0).options(deadlines)).unwrap();
        listener.add_route(&Route::upload(UPLOAD, Upload::new(DICT))).unwrap();
        let data = pattern(400_000);
        let mut before = Sender::connect(listener.port());
        before.begin(1, "large", data.len(), &data[..120_000]);
        let token = before.accepted(1);
        before.waits(1);
        before.part(1, &data[120_000..]);
        drop(before);
        stats_when(|stats| stats.connections == 0 && stats.workers_busy == 1);
        // What did not get in is sent again, with as many questions as it takes.
        (0..5).for_each(|_| user_says(true));
        stats_when(|stats| stats.workers_busy == 0);
        let mut after = Sender::connect(listener.port());
        after.text(&format!(r#"{{"resume":1,"token":"{token}"}}"#));
        let answer = after.answer();
        assert_eq!(answer["resumed"], 1, "{answer}");
        let stored = answer["bytes"].as_u64().unwrap() as usize;
        after.part(1, &data[stored..]);
        after.stored(1, &data);
        after.close();
        nothing_is_left();
    });
}

#[test]
fn a_file_that_is_to_be_replaced_stays_if_the_user_says_no() {
    system!().pddb(Pddb::new().pool(SOME)).run(|| {
        let listener = listen(Upload::new(DICT).replace(true));
        let mut sender = Sender::connect(listener.port());
        sender.file(1, "a", b"old");
        sender.accepted(1);
        sender.stored(1, b"old");
        user_says(false);
        sender.file(2, "a", &pattern(200_000));
        sender.accepted(2);
        sender.told("failed", 2, "full");
        assert_eq!(get(listener.port(), "/files/a", "").body, b"old");
        assert_eq!(list(listener.port()), [("a".to_owned(), 3)]);
        assert_eq!(dialogs(1), 1);
    });
}
