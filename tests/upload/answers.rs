//! What senders are told.

use std::time::Duration;

use hosted::Pddb;
use xous_api_websocket::Upload;

use crate::by_hand::Client;
use crate::common::{nothing_is_left, pattern, system};
use crate::sender::{DICT, FILES, Sender, get, list, listen, mount, unmount};

#[test]
fn files_that_interleave_are_stored_and_shown() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let mut sender = Sender::connect(listener.port());
        let long = pattern(300_000);
        sender.begin(1, "long.bin", long.len(), &long[..100_000]);
        sender.accepted(1);
        sender.begin(2, "dir/b c.txt", 5, b"he");
        sender.accepted(2);
        assert_eq!(list(listener.port()), [], "nothing is complete");
        assert_eq!(get(listener.port(), "/files/long.bin", "").status, 404);
        sender.file(3, "empty", b"");
        sender.accepted(3);
        sender.stored(3, b"");
        sender.part(2, b"llo");
        sender.stored(2, b"hello");
        sender.part(1, &long[100_000..]);
        sender.stored(1, &long);
        let expected = [("empty", 0), ("long.bin", 300_000), ("dir/b c.txt", 5)];
        assert_eq!(list(listener.port()), expected.map(|(name, length)| (name.to_owned(), length)));
        assert_eq!(get(listener.port(), "/files/long.bin", "").body, long);
        assert_eq!(get(listener.port(), "/files/dir/b%20c.txt", "").body, b"hello");
        sender.close();
        nothing_is_left();
    });
}

#[test]
fn progress_is_told_now_and_then() {
    system!().pddb(Pddb::new().slow(Duration::from_millis(2))).run(|| {
        let listener = listen(Upload::new(DICT));
        let mut sender = Sender::connect(listener.port());
        let data = pattern(1 << 20);
        sender.begin(1, "a", data.len(), &data);
        sender.accepted(1);
        let mut last = 0;
        loop {
            let answer = sender.any_answer();
            let Some(bytes) = answer["bytes"].as_u64() else {
                assert_eq!(answer["stored"], 1);
                break;
            };
            assert!(bytes >= last + 64 * 1024, "{answer}");
            last = bytes;
        }
        assert!(last > 0);
    });
}

#[test]
fn what_a_route_does_not_take_is_refused_and_the_rest_goes_on() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).largest(10).allow("*.txt").allow("logs/*").transfers(2));
        let mut sender = Sender::connect(listener.port());
        sender.begin(1, "going.txt", 4, b"ab");
        sender.accepted(1);
        for (id, name, length, code) in
            [(2, "../a.txt", 1, "bad_name"), (3, "a.exe", 1, "not_allowed"), (4, "a.txt", 11, "too_large")]
        {
            sender.begin(id, name, length, b"x");
            sender.told("refused", id, code);
            sender.part(id, b"more of it");
        }
        sender.begin(5, "logs/5", 10, b"");
        sender.accepted(5);
        sender.file(6, "logs/6", b"");
        sender.told("refused", 6, "too_many");
        sender.part(5, b"eleven byte");
        sender.told("failed", 5, "too_long");
        sender.text("no command");
        assert_eq!(sender.answer()["code"], "malformed");
        sender.part(1, b"cd");
        sender.stored(1, b"abcd");
        sender.file(7, "going.txt", b"other");
        sender.told("refused", 7, "exists");
        assert_eq!(list(listener.port()), [("going.txt".to_owned(), 4)]);
    });
}

#[test]
fn a_file_is_replaced_where_the_route_says_so() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).replace(true));
        let mut sender = Sender::connect(listener.port());
        for (id, data) in [(1, pattern(20_000)), (2, pattern(9))] {
            sender.begin(id, "a", data.len(), &data[..5]);
            sender.accepted(id);
            let before = if id == 1 { 404 } else { 200 };
            assert_eq!(get(listener.port(), "/files/a", "").status, before);
            sender.part(id, &data[5..]);
            sender.stored(id, &data);
            assert_eq!(get(listener.port(), "/files/a", "").body, data);
        }
    });
}

#[test]
fn a_database_that_is_locked_is_told() {
    system!().pddb(Pddb::new().unmounted()).run(|| {
        let listener = listen(Upload::new(DICT));
        let mut sender = Sender::connect(listener.port());
        sender.file(1, "a", b"1");
        sender.told("refused", 1, "unmounted");
        for path in [FILES, "/files/a"] {
            let answer = get(listener.port(), path, "");
            assert_eq!((answer.status, answer.field("Retry-After")), (503, Some("10")));
        }
        mount();
        sender.file(2, "a", b"1");
        sender.accepted(2);
        sender.stored(2, b"1");
    });
}

#[test]
fn a_database_that_is_locked_in_the_middle_is_told() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).replace(true));
        let mut sender = Sender::connect(listener.port());
        sender.file(1, "there", b"1");
        sender.accepted(1);
        sender.stored(1, b"1");
        for (id, name) in [(2, "new"), (3, "there")] {
            sender.begin(id, name, 100_000, &pattern(20_000));
            sender.accepted(id);
        }
        unmount();
        for id in [2, 3] {
            sender.part(id, &pattern(50_000));
            sender.told("failed", id, "unmounted");
        }
        sender.file(4, "more", b"1");
        sender.told("refused", 4, "unmounted");
        for (path, method) in [(FILES, "GET"), ("/files/there", "GET"), (FILES, "HEAD")] {
            let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
            let answer = Client::with(listener.port(), head).answer_to_head();
            assert_eq!((answer.status, answer.field("Retry-After")), (503, Some("10")), "{method} {path}");
        }
        mount();
        assert_eq!(list(listener.port()), [("there".to_owned(), 1)]);
        sender.file(5, "new", b"12");
        sender.accepted(5);
        sender.stored(5, b"12");
    });
}

#[test]
fn a_database_that_is_full_is_told() {
    system!().pddb(Pddb::new().full_at(100_000)).run(|| {
        let listener = listen(Upload::new(DICT));
        let mut sender = Sender::connect(listener.port());
        sender.begin(1, "large", 200_000, &pattern(120_000));
        sender.accepted(1);
        sender.told("failed", 1, "full");
        sender.file(2, "small", &pattern(50_000));
        sender.accepted(2);
        sender.stored(2, &pattern(50_000));
        assert_eq!(list(listener.port()), [("small".to_owned(), 50_000)]);
    });
}

#[test]
fn a_sender_that_never_reads_is_served() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).resume(Duration::ZERO));
        let mut sender = Sender::connect(listener.port());
        for id in 0..100 {
            sender.file(id, &format!("{id:03}"), b"x");
        }
        // The last one is stored when all answers are there.
        for id in 0..100 {
            assert_eq!(sender.answer()["accepted"], id);
            sender.stored(id, b"x");
        }
        assert_eq!(list(listener.port()).len(), 100);
    });
}

#[test]
fn pings_are_answered_within_a_file() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let mut client = Client::asks(listener.port(), "/upload");
        client.opened();
        let first = [&7u32.to_le_bytes()[..], b"a\0", &4u32.to_le_bytes(), b"ab"].concat();
        // A message in two frames with a Ping between them.
        client.send_frame(0x02, &first);
        client.send_frame(0x89, b"still there?");
        // A Pong goes before what waits to be sent.
        let mut frames = [client.text_frame(), client.text_frame()];
        frames.sort();
        let [(0x81, accepted), (0x8a, pong)] = &frames else { panic!("{frames:?}") };
        assert!(accepted.starts_with(r#"{"accepted":7,"#));
        assert_eq!(pong, "still there?");
        client.send_frame(0x80, b"cd");
        assert!(client.text().starts_with(r#"{"stored":7,"#));
        client.close();
    });
}
