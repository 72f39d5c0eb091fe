//! Messages that come several in a page: none is lost, held back or out of order, whoever receives them.

use std::io::{Read, Write};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use hosted::{hear, tell};
use xous::{CID, MessageEnvelope};
use xous_api_websocket::error::{Closed, ReceiveError};
use xous_api_websocket::push::Assembler;
use xous_api_websocket::wire::{Handle, Opcode, ReceiveWord, Status, message_id};
use xous_api_websocket::{Code, Deadlines, Kind, Payload, Websocket};

use crate::common::pages::RawPages;
use crate::common::raw::{BINARY, CLOSE, FIRST_TEXT, LAST, TEXT, close_payload, frame, read_frame};
use crate::common::{
    nothing_is_left, nothing_is_open, open, pattern, peers, request, seen, service_cid, stats_when, system,
};

/// Texts with these numbers.
fn texts(numbers: std::ops::Range<usize>) -> Vec<u8> {
    numbers.flat_map(|number| frame(TEXT, number.to_string().as_bytes())).collect()
}

fn expect_texts(ws: &Websocket, numbers: std::ops::Range<usize>) {
    numbers.for_each(|number| assert_eq!(ws.receive_text(20).as_deref(), Ok(&*number.to_string())));
}

#[test]
fn messages_of_all_lengths_come_whole_and_in_order() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        let lengths: Vec<usize> =
            (0..400).map(|number| [0, 1, 16, 3, 125, 4088, 4, 4092, 4096, 300, 9000][number % 11]).collect();
        let sent = lengths.clone();
        let writing = thread::spawn(move || {
            for (number, len) in sent.into_iter().enumerate() {
                let first = if number % 3 == 0 { TEXT } else { BINARY };
                stream.write_all(&frame(first, &vec![b'a' + (number % 26) as u8; len])).unwrap();
            }
            stream
        });
        for (number, len) in lengths.into_iter().enumerate() {
            let message = ws.receive_whole(1 << 16).unwrap();
            assert_eq!(message.kind(), if number % 3 == 0 { Kind::Text } else { Kind::Binary });
            assert!(message.as_bytes() == vec![b'a' + (number % 26) as u8; len], "{number}");
        }
        drop(writing.join().unwrap());
        assert!(matches!(ws.receive(), Err(ReceiveError::Closed(_))));
    });
}

#[test]
fn a_message_that_is_not_whole_holds_back_none_that_is() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        for begun in [&frame(TEXT, b"the last")[..5], &frame(BINARY, &pattern(20_000))[..3000]] {
            let all = [texts(0..3), begun.to_vec()].concat();
            stream.write_all(&all).unwrap();
            expect_texts(&ws, 0..3);
            // What has begun to come is given to whoever does not want to wait.
            let mut message = crate::receive_for::begun(&ws);
            let len = begun.len() - if begun.len() == 5 { 2 } else { 4 };
            let mut beginning = vec![0; len];
            message.read_exact(&mut beginning).unwrap();
            assert!(beginning == begun[begun.len() - len..]);
            match begun.len() {
                5 => stream.write_all(&frame(TEXT, b"the last")[5..]).unwrap(),
                _ => stream.write_all(&frame(BINARY, &pattern(20_000))[3000..]).unwrap(),
            }
            message.discard().unwrap();
        }
        // Nor one in frames, of which the first is empty, or one that ends with the connection.
        let parts = [frame(FIRST_TEXT, b""), texts(0..0), frame(LAST, b"ab")].concat();
        let end = [frame(FIRST_TEXT, b"cut"), frame(CLOSE, &close_payload(4000, "so"))].concat();
        stream.write_all(&[texts(0..5), parts, texts(5..9), end].concat()).unwrap();
        expect_texts(&ws, 0..5);
        assert_eq!(ws.receive_text(20).as_deref(), Ok("ab"));
        expect_texts(&ws, 5..9);
        let mut cut = ws.receive().unwrap();
        assert_eq!(cut.chunk().unwrap(), b"cut");
        cut.consume(3);
        assert_eq!(cut.chunk(), Err(ReceiveError::Closed(Closed::new(4000, "so"))));
        drop(cut);
        drop((ws, stream));
        nothing_is_left();
    });
}

/// One way to ask, by number; the status and all of the pages.
fn raw_receive(ws: &Websocket, opcode: Opcode) -> thread::JoinHandle<(Status, usize, Vec<u8>)> {
    let (cid, id) = (service_cid(), message_id(opcode, ws.handle()));
    thread::spawn(move || {
        let mut page = RawPages::new(1);
        let (word, len) = page.lend_mut(cid, id, 0, 0);
        (ReceiveWord::from_word(word).unwrap().status, len, page.bytes().to_vec())
    })
}

#[test]
fn only_who_asks_for_several_gets_them() {
    system!().run(|| {
        assert_eq!(Opcode::ReceiveSeveral as usize, 47);
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        nothing_is_open();
        let one = raw_receive(&ws, Opcode::Receive);
        stats_when(|stats| stats.open_messages == 2);
        stream.write_all(&[texts(0..1), frame(BINARY, b"12345"), texts(2..3)].concat()).unwrap();
        let (status, len, page) = one.join().unwrap();
        assert_eq!(status, Status::Chunk { kind: Kind::Text, first: true, last: true });
        assert_eq!(page[..len], *b"0");
        let (status, len, page) = raw_receive(&ws, Opcode::ReceiveSeveral).join().unwrap();
        assert_eq!((status, len), (Status::Several { count: 2 }, 4096));
        assert_eq!((&page[..5], &page[8..9]), (&b"12345"[..], &b"2"[..]));
        assert_eq!(page[4088..], [1, 0, 0, 0, 5, 0, 0, 0x80]);
        // One alone comes as ever.
        nothing_is_open();
        let one = raw_receive(&ws, Opcode::ReceiveSeveral);
        stats_when(|stats| stats.open_messages == 2);
        stream.write_all(&texts(7..8)).unwrap();
        let (status, len, page) = one.join().unwrap();
        assert_eq!(status, Status::Chunk { kind: Kind::Text, first: true, last: true });
        assert_eq!(page[..len], *b"7");
        assert!(page[len..].iter().all(|&byte| byte == 0), "nothing else is in the page");
    });
}

#[test]
fn threads_that_share_a_connection_get_each_message_once() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        let (sender, numbers) = channel();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (ws, sender) = (ws.clone(), sender.clone());
                thread::spawn(move || {
                    while let Ok(text) = ws.receive_text(20) {
                        sender.send(text.parse::<usize>().unwrap()).unwrap();
                    }
                })
            })
            .collect();
        stream.write_all(&texts(0..2000)).unwrap();
        let mut all: Vec<usize> = (0..2000).map(|_| seen(&numbers)).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..2000));
        drop(stream);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(numbers.try_recv().is_err());
    });
}

fn pushed(messages: &mut Assembler, sid: xous::SID) -> Result<Payload, ReceiveError> {
    loop {
        let envelope: MessageEnvelope = xous::receive_message(sid).unwrap();
        if let Some(message) = messages.receive(&envelope).transpose() {
            return message;
        }
    }
}

/// In all ways in which a server of the program may come to them, and leave them.
#[test]
fn a_server_gets_what_a_page_still_holds() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        let sid = xous::create_server().unwrap();
        let cid: CID = xous::connect(sid).unwrap();
        let mut messages = Assembler::new(100);
        stream.write_all(&texts(0..40)).unwrap();
        expect_texts(&ws, 0..10);
        let forwarding = ws.forward_to(cid, 5).unwrap();
        let mut expect = |numbers: std::ops::Range<usize>| {
            for number in numbers {
                assert_eq!(pushed(&mut messages, sid), Ok(Payload::Text(number.to_string())));
            }
        };
        expect(10..40);
        stream.write_all(&texts(40..50)).unwrap();
        expect(40..45);
        forwarding.stop();
        // The server has, or was about to get, one more at most.
        let next: usize = ws.receive_text(20).unwrap().parse().unwrap();
        assert!(matches!(next, 45 | 46), "{next}");
        if next == 46 {
            expect(45..46);
        }
        expect_texts(&ws, next + 1..50);
        // Somebody who waits since before takes one message, and what came with it is the server's.
        nothing_is_open();
        let waiting = thread::spawn({
            let ws = ws.clone();
            move || ws.receive_text(20).unwrap()
        });
        stats_when(|stats| stats.open_messages == 2);
        let other = ws.forward_to(cid, 5).unwrap();
        stream.write_all(&texts(50..60)).unwrap();
        assert_eq!(waiting.join().unwrap(), "50");
        expect(51..60);
        other.stop();
    });
}

#[test]
fn a_slow_owner_answers_all_of_a_page_before_the_close() {
    const MANY: usize = 6;
    system!().run(|| {
        let (peer, frames) = peers::by_hand(move |mut stream, frames| {
            let close = frame(CLOSE, &close_payload(4001, ""));
            stream.write_all(&[texts(0..MANY), close].concat()).unwrap();
            while let Ok(frame) = read_frame(&mut stream) {
                frames.send((frame.first, frame.payload)).unwrap();
            }
        });
        let ws =
            Websocket::open(&request(&peer).options(Deadlines::new().close(Duration::from_secs(8)))).unwrap();
        for number in 0..MANY {
            let text = ws.receive_text(20).unwrap();
            // All of them take longer than is waited for an owner that has no answer.
            let until = Instant::now() + Duration::from_millis(100);
            while Instant::now() < until {
                thread::yield_now();
            }
            ws.send_text(&text).unwrap();
            assert_eq!(seen(&frames), (TEXT, number.to_string().into_bytes()));
        }
        assert!(matches!(ws.receive(), Err(ReceiveError::Closed(Closed { .. }))));
        assert_eq!(seen(&frames).0, CLOSE);
        nothing_is_left();
    });
}

/// Those that have come and were not received, those that nobody has got, and what has begun.
#[test]
fn a_grant_hands_on_what_was_not_received() {
    system!()
        .role("owner", || {
            let (peer, streams) = peers::silent();
            let ws = open(&peer);
            let mut stream = seen(&streams);
            let begun = frame(BINARY, &pattern(5000));
            stream.write_all(&[texts(0..300), begun[..2000].to_vec()].concat()).unwrap();
            expect_texts(&ws, 0..7);
            let heir = hear().parse().unwrap();
            let handle = ws.grant(heir).unwrap();
            tell("heir", &handle.to_raw().to_string());
            stream.write_all(&begun[2000..]).unwrap();
            stream.write_all(&texts(300..310)).unwrap();
            assert_eq!(hear(), "received");
        })
        .role("heir", || {
            tell("owner", &xous::current_pid().unwrap().to_string());
            let ws = Websocket::from_granted(Handle::from_raw(hear().parse().unwrap()).unwrap()).unwrap();
            expect_texts(&ws, 7..300);
            assert!(ws.receive_whole(5000).unwrap().as_bytes() == pattern(5000));
            expect_texts(&ws, 300..310);
            tell("owner", "received");
        })
        .run_roles();
}

#[test]
fn messages_that_are_left_are_not_believed() {
    system!().run(|| {
        assert_eq!(Opcode::GrantWith as usize, 48);
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let _stream = seen(&streams);
        let (cid, id) = (service_cid(), message_id(Opcode::GrantWith, ws.handle()));
        let own = usize::from(xous::current_pid().unwrap().get());
        let malformed = Code::Malformed as usize;
        // More than there are, one that is longer than the page, one that is no text.
        for (count, entry, valid) in
            [(2000, 0_u32, 4096), (1, 4093, 4096), (1, u32::MAX, 4096), (1, 1, 0), (1, 1, 4096)]
        {
            let mut page = RawPages::new(1);
            page.bytes_mut()[0] = 0xff;
            page.bytes_mut()[4092..].copy_from_slice(&entry.to_le_bytes());
            assert_eq!(page.lend(cid, id, own | count << 8, valid).0, malformed, "{count} {entry}");
        }
        let page = RawPages::new(5);
        assert_eq!(page.lend(cid, id, own, 5 * 4096).0, malformed, "more than is kept");
        assert_eq!(page.lend(cid, id, 1, 0).0, malformed, "nobody");
        // And the connection is still the caller's.
        assert_eq!(ws.state().unwrap().phase, xous_api_websocket::state::Phase::Open);
    });
}
