//! Chunks that are pushed to a server of the program, received without unsafe code.

use std::io::{BufRead, Write};
use std::sync::mpsc::Sender;
use std::time::Duration;

use hosted::peer::Peer;
use xous_api_websocket::error::{Closed, ReceiveError};
use xous_api_websocket::push::{Assembler, Chunk};
use xous_api_websocket::{Code, Kind, Payload, Reconnect, Websocket};

use crate::common::raw::{self, CLOSE, FIRST_TEXT, LAST, TEXT, close_payload, expect_close, frame};
use crate::common::{nothing_is_left, open, pattern, peers, request, system, threads};

#[test]
fn messages_of_two_connections_are_put_together() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let mut messages = Assembler::new(100_000);
        let mut next = |id: usize| {
            loop {
                let envelope = xous::receive_message(sid).unwrap();
                assert_eq!(envelope.body.id(), id);
                if let Some(message) = messages.receive(&envelope).transpose() {
                    return message;
                }
            }
        };
        let both = [open(&peer), open(&peer)];
        for (opcode, ws) in both.iter().enumerate() {
            ws.forward_to(cid, 10 + opcode).unwrap();
        }
        for (opcode, ws) in both.iter().enumerate() {
            let mut writer = ws.writer(Kind::Text);
            write!(writer, "to {opcode}").unwrap();
            writer.finish().unwrap();
            assert_eq!(next(10 + opcode), Ok(Payload::Text(format!("to {opcode}"))));
            ws.send_binary(&pattern(100_000)).unwrap();
            assert!(next(10 + opcode) == Ok(Payload::Binary(pattern(100_000))));
            ws.send_binary(&pattern(100_001)).unwrap();
            assert_eq!(next(10 + opcode), Err(ReceiveError::TooLong { limit: 100_000 }));
            ws.send_text("next").unwrap();
            assert_eq!(next(10 + opcode), Ok(Payload::Text("next".into())), "what is behind it is not lost");
        }
        both[1].close(1000, "").unwrap();
        assert!(matches!(next(11), Err(ReceiveError::Closed(Closed { code, .. })) if code == 1000));
    });
}

#[test]
fn a_chunk_is_read_from_its_envelope_and_nothing_else_is_one() {
    system!().run(|| {
        let (peer, _) = peers::by_hand(|mut stream, _: &Sender<()>| {
            for (first, payload) in
                [(FIRST_TEXT, &b"te"[..]), (LAST, b"xt"), (CLOSE, &close_payload(4000, "that is all"))]
            {
                stream.write_all(&frame(first, payload)).unwrap();
            }
            expect_close(&mut stream);
        });
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let ws = open(&peer);
        ws.forward_to(cid, 77).unwrap();
        let mut text = Vec::new();
        loop {
            let envelope = xous::receive_message(sid).unwrap();
            let chunk = Chunk::from_envelope(&envelope).unwrap();
            assert_eq!((chunk.id(), chunk.kind(), chunk.is_first()), (77, Kind::Text, text.is_empty()));
            text.extend_from_slice(chunk.bytes());
            if chunk.is_last() {
                break;
            }
        }
        assert_eq!(text, b"text");
        let end = xous::receive_message(sid).unwrap();
        let closed = ReceiveError::Closed(Closed::new(4000, "that is all"));
        assert_eq!(Chunk::from_envelope(&end), Err(closed));
        drop(end);
        xous::send_message(cid, xous::Message::new_scalar(77, 1, 2, 3, 4)).unwrap();
        let scalar = xous::receive_message(sid).unwrap();
        assert_eq!(Chunk::from_envelope(&scalar), Err(ReceiveError::Refused(Code::Malformed)));
    });
}

#[test]
fn a_message_is_read_line_by_line() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        let lines: Vec<String> = (0..5000).map(|number| format!("line {number}")).collect();
        ws.send_text(&lines.join("\n")).unwrap();
        ws.send_text("next").unwrap();
        let read = ws.receive().unwrap().lines().collect::<Result<Vec<_>, _>>().unwrap();
        assert!(read == lines);
        assert_eq!(ws.receive_text(10).unwrap(), "next");
    });
}

/// What comes after the stop is for whoever receives then; nothing is lost in between.
#[test]
fn forwarding_is_stopped_and_begun_again() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let ws = open(&peer);
        let pushed = |id: usize, text: &str| {
            let envelope = xous::receive_message(sid).unwrap();
            let chunk = Chunk::from_envelope(&envelope).unwrap();
            assert_eq!((chunk.id(), chunk.bytes()), (id, text.as_bytes()));
        };
        for round in 0..20 {
            let forwarding = ws.forward_to(cid, round).unwrap();
            ws.send_text("pushed").unwrap();
            pushed(round, "pushed");
            forwarding.stop();
            for text in ["one", "two", "three"] {
                ws.send_text(text).unwrap();
            }
            for text in ["one", "two", "three"] {
                assert_eq!(ws.receive_text(10).unwrap(), text, "round {round}");
            }
            // By another opcode at once, while the thread of the first may still wait for a chunk.
            let forwarding = ws.forward_to(cid, round).unwrap();
            forwarding.stop();
            let again = ws.forward_to(cid, 100 + round).unwrap();
            ws.send_text("again").unwrap();
            pushed(100 + round, "again");
            again.stop();
        }
        ws.close(1000, "").unwrap();
        assert!(matches!(ws.receive_text(10), Err(ReceiveError::Closed(_))));
    });
}

/// Whatever the program forwards, and with a server that keeps a chunk of each for a while.
#[test]
fn one_thread_forwards_all_connections() {
    const ALL: usize = 8;
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        for _ in 0..3 {
            let all: Vec<Websocket> = (0..ALL).map(|_| open(&peer)).collect();
            for (opcode, ws) in all.iter().enumerate() {
                ws.forward_to(cid, opcode).unwrap();
            }
            let mut messages = Assembler::new(60_000);
            let mut left = 20 * ALL;
            let senders = all.clone();
            let sender = std::thread::spawn(move || {
                for number in 0..20 {
                    for (at, ws) in senders.iter().enumerate() {
                        ws.send_binary(&vec![number; 1 + 2000 * (at + usize::from(number))]).unwrap();
                    }
                }
            });
            let mut next = [0; ALL];
            while left > 0 {
                let envelope = xous::receive_message(sid).unwrap();
                let at = envelope.body.id();
                let Some(message) = messages.receive(&envelope).unwrap() else { continue };
                let expected = vec![next[at]; 1 + 2000 * (at + usize::from(next[at]))];
                assert!(message == Payload::Binary(expected), "{} of {at}", next[at]);
                next[at] += 1;
                left -= 1;
            }
            sender.join().unwrap();
            assert_eq!(threads("ws-forward"), 1);
            for (at, ws) in all.iter().enumerate() {
                ws.close(1000, "").unwrap();
                let envelope = xous::receive_message(sid).unwrap();
                assert_eq!(envelope.body.id(), at);
                assert!(matches!(messages.receive(&envelope), Err(ReceiveError::Closed(_))));
            }
            nothing_is_left();
        }
    });
}

/// A thread of the program is in the middle of a message when forwarding begins: it has its message, and the server what is
/// behind it.
#[test]
fn forwarding_begins_behind_a_message_that_is_being_read() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let (ws, other) = (open(&peer), open(&peer));
        ws.send_binary(&pattern(100_000)).unwrap();
        ws.send_text("behind").unwrap();
        let mut message = ws.receive().unwrap();
        assert!(!message.chunk().unwrap().is_empty());
        ws.forward_to(cid, 1).unwrap();
        // Others do not wait for it.
        other.forward_to(cid, 2).unwrap();
        other.send_text("other").unwrap();
        let mut messages = Assembler::new(100);
        let mut next = || {
            let envelope = xous::receive_message(sid).unwrap();
            (envelope.body.id(), messages.receive(&envelope).unwrap())
        };
        assert_eq!(next(), (2, Some(Payload::Text("other".into()))));
        assert!(message.into_bytes(100_000).unwrap() == pattern(100_000));
        assert_eq!(next(), (1, Some(Payload::Text("behind".into()))));
    });
}

#[test]
fn the_end_is_forwarded_if_it_came_before() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let ws = open(&peer);
        ws.close(1000, "").unwrap();
        ws.forward_to(cid, 3).unwrap();
        let envelope = xous::receive_message(sid).unwrap();
        assert!(matches!(Chunk::from_envelope(&envelope), Err(ReceiveError::Closed(_))));
        drop(envelope);
        nothing_is_left();
    });
}

/// What is there as soon as the connection is open again comes behind the word of that.
#[test]
fn what_comes_with_the_opening_is_forwarded_again_and_again() {
    system!().run(|| {
        let (peer, _) = peers::serve(|mut stream, _: &Sender<()>| {
            let mut answer = raw::acceptance(&raw::read_head(&mut stream), "").into_bytes();
            answer.extend_from_slice(&frame(TEXT, b"hello"));
            stream.write_all(&answer).unwrap();
        });
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let policy = Reconnect::new().first(Duration::from_millis(5)).largest(Duration::from_millis(5));
        let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
        ws.forward_to(cid, 7).unwrap();
        let mut messages = Assembler::new(100);
        for _ in 0..50 {
            loop {
                match messages.receive(&xous::receive_message(sid).unwrap()) {
                    Ok(Some(message)) => break assert_eq!(message, Payload::Text("hello".into())),
                    Ok(None) | Err(ReceiveError::CutOff) => (),
                    Err(other) => panic!("{other}"),
                }
            }
        }
        ws.close(1000, "").ok();
    });
}
