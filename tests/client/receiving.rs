//! Ways to receive: as a stream, whole up to a limit, pushed to a server of the caller.

use std::io::{Read, Write};
use std::sync::mpsc::Sender;

use hosted::peer::Peer;
use tungstenite::Message as PeerMessage;
use xous_api_websocket::error::{Closed, ReceiveError};
use xous_api_websocket::wire::{ReceiveWord, Status};
use xous_api_websocket::{CloseCode, Kind, Websocket};

use crate::common::pages::received;
use crate::common::raw::{CLOSE, FIRST_BINARY, FIRST_TEXT, LAST, MIDDLE, close_payload, expect_close, frame};
use crate::common::{nothing_is_left, open, pattern, peers, system, threads};

/// A peer that sends binary messages of these lengths, then takes the Close frame.
fn sending(lengths: &'static [usize]) -> Peer {
    let (peer, _) = peers::tungstenite(move |mut socket, _: &Sender<()>| {
        for len in lengths {
            socket.send(PeerMessage::binary(pattern(*len))).unwrap();
        }
        while socket.read().is_ok() {}
    });
    peer
}

#[test]
fn a_stream_ends_where_its_message_ends() {
    system!().run(|| {
        let peer = sending(&[100_000, 0, 3, 4096, 1]);
        let ws = open(&peer);
        for len in [100_000, 0, 3, 4096, 1] {
            let mut message = ws.receive().unwrap();
            assert_eq!(message.kind(), Kind::Binary);
            let mut received = Vec::new();
            // Steps that fit neither pages nor reads.
            let mut step = [0; 777];
            loop {
                match message.read(&mut step).unwrap() {
                    0 => break,
                    n => received.extend_from_slice(&step[..n]),
                }
            }
            assert!(received == pattern(len), "{len}");
            assert_eq!(message.read(&mut step).unwrap(), 0);
            assert!(message.chunk().unwrap().is_empty());
        }
    });
}

#[test]
fn one_vector_takes_messages_of_any_length() {
    system!().run(|| {
        let lengths = [9000, 0, 3, 20_000, 4096, 7];
        let (peer, _) = peers::tungstenite(move |mut socket, _: &Sender<()>| {
            for len in lengths {
                socket.send(PeerMessage::binary(pattern(len))).unwrap();
            }
            socket.send(PeerMessage::text("sch\u{f6}n")).unwrap();
            while socket.read().is_ok() {}
        });
        let ws = open(&peer);
        let mut bytes = Vec::with_capacity(9000);
        let place = bytes.as_ptr();
        for len in lengths {
            let received = ws.receive_into(&mut bytes, 9000);
            if len > 9000 {
                assert_eq!(received, Err(ReceiveError::TooLong { limit: 9000 }));
            } else {
                assert_eq!(received, Ok(Kind::Binary), "{len}");
                assert!(bytes == pattern(len), "{len}");
            }
            assert_eq!(bytes.as_ptr(), place, "nothing is asked of the heap");
        }
        assert_eq!(ws.receive_into(&mut bytes, 6), Ok(Kind::Text));
        assert_eq!(bytes, "sch\u{f6}n".as_bytes());
        ws.close(1000, "").unwrap();
        assert!(matches!(ws.receive_into(&mut bytes, 6), Err(ReceiveError::Closed(_))));
    });
}

#[test]
fn what_is_left_of_a_message_is_discarded() {
    system!().run(|| {
        let peer = sending(&[1 << 20, 10, 1 << 20, 11, 1 << 20, 12, 13]);
        let ws = open(&peer);
        ws.receive().unwrap().discard().unwrap();
        assert_eq!(ws.receive_whole(10).unwrap().into_bytes(), pattern(10));

        let mut begun = ws.receive().unwrap();
        begun.read_exact(&mut [0; 5000]).unwrap();
        drop(begun);
        assert_eq!(ws.receive_whole(11).unwrap().into_bytes(), pattern(11));

        let mut begun = ws.receive().unwrap();
        let len = begun.chunk().unwrap().len();
        begun.consume(len - 1);
        begun.discard().unwrap();
        assert_eq!(ws.receive_whole(12).unwrap().into_bytes(), pattern(12));
        drop(ws.receive().unwrap());
        ws.close(1000, "").unwrap();
    });
}

#[test]
fn a_message_beyond_the_limit_is_refused_and_the_next_is_whole() {
    system!().run(|| {
        let peer = sending(&[1 << 20, 5, 6, 5, 0, 1]);
        let ws = open(&peer);
        assert_eq!(ws.receive_whole(1000), Err(ReceiveError::TooLong { limit: 1000 }));
        assert_eq!(ws.receive_whole(5).unwrap().into_bytes(), pattern(5));
        assert_eq!(ws.receive_whole(5), Err(ReceiveError::TooLong { limit: 5 }));
        assert_eq!(ws.receive_text(5), Err(ReceiveError::NotText));
        assert_eq!(ws.receive_whole(0).unwrap().into_bytes(), b"");
        assert_eq!(ws.receive_whole(0), Err(ReceiveError::TooLong { limit: 0 }));
    });
}

/// What a program sees that is pushed to.
#[derive(Debug, PartialEq, Eq)]
struct Pushed {
    status: Status,
    data: Vec<u8>,
}

/// Takes the next page that is lent to this server; the sender goes on when it is returned.
fn pushed(sid: xous::SID, opcode: usize) -> Pushed {
    let envelope = xous::receive_message(sid).unwrap();
    assert_eq!(envelope.body.id(), opcode);
    let memory = envelope.body.memory_message().expect("a lend");
    let len = memory.valid.map_or(0, |len| len.get());
    let word = ReceiveWord::from_word(memory.offset.map_or(0, |word| word.get())).unwrap();
    Pushed { status: word.status, data: received(memory)[..len].to_vec() }
}

#[test]
fn chunks_are_pushed_in_order() {
    system!().run(|| {
        let (peer, _) = peers::by_hand(|mut stream, _: &Sender<()>| {
            let data = pattern(100_000);
            for (first, payload) in [
                (FIRST_BINARY, &data[..10]),
                (MIDDLE, &data[10..60_000]),
                (LAST, &data[60_000..]),
                (FIRST_TEXT, b"te"),
                (LAST, b"xt"),
                (CLOSE, &close_payload(4000, "that is all")),
            ] {
                stream.write_all(&frame(first, payload)).unwrap();
            }
            expect_close(&mut stream);
        });
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let ws = open(&peer);
        ws.forward_to(cid, 77).unwrap();
        for (kind, wanted) in [(Kind::Binary, pattern(100_000)), (Kind::Text, b"text".to_vec())] {
            let mut received = Vec::new();
            loop {
                let chunk = pushed(sid, 77);
                let Status::Chunk { kind: of, first, last } = chunk.status else { panic!("{chunk:?}") };
                assert_eq!((of, first), (kind, received.is_empty()));
                received.extend(chunk.data);
                if last {
                    break;
                }
            }
            assert!(received == wanted);
        }
        let end = Pushed { status: Status::Closed { code: 4000 }, data: b"that is all".to_vec() };
        assert_eq!(pushed(sid, 77), end);
        drop(ws);
        nothing_is_left();
    });
}

/// Pushing does not get in the way of sending, and several connections may be pushed to one server.
#[test]
fn several_connections_are_pushed_at_once() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let both: Vec<Websocket> = (0..2).map(|_| open(&peer)).collect();
        for (opcode, ws) in both.iter().enumerate() {
            ws.forward_to(cid, opcode).unwrap();
        }
        for round in 0..20 {
            for (opcode, ws) in both.iter().enumerate() {
                let text = format!("{round} on {opcode}");
                ws.send_text(&text).unwrap();
                assert_eq!(pushed(sid, opcode).data, text.as_bytes());
            }
        }
    });
}

/// A process has about thirty threads in its life.
#[test]
fn the_thread_that_pushes_is_used_again() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        for round in 0..40 {
            let ws = open(&peer);
            ws.forward_to(cid, round).unwrap();
            ws.send_text("x").unwrap();
            assert_eq!(pushed(sid, round).data, b"x");
            ws.close(1000, "").unwrap();
            assert_eq!(pushed(sid, round).status, Status::Closed { code: 1000 });
            if round == 0 {
                assert_eq!(threads("ws-forward"), 1);
            }
        }
        // One, unless the next connection came before the thread was back from the last; never one per connection.
        assert!(threads("ws-forward") < 10, "{} threads", threads("ws-forward"));
    });
}

#[test]
fn several_threads_receive_whole_messages() {
    system!().run(|| {
        const EACH: usize = 50;
        let (peer, _) = peers::tungstenite(|mut socket, _: &Sender<()>| {
            for number in 0..3 * EACH {
                socket.send(PeerMessage::binary(vec![number as u8; 1 + number * 300])).unwrap();
            }
            socket.close(None).unwrap();
            while socket.read().is_ok() {}
        });
        let ws = open(&peer);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let ws = ws.clone();
                std::thread::spawn(move || {
                    let mut numbers = Vec::new();
                    loop {
                        match ws.receive_whole(usize::MAX) {
                            Ok(message) => {
                                let data = message.as_bytes();
                                assert!(data.iter().all(|byte| *byte == data[0]));
                                assert_eq!(data.len(), 1 + usize::from(data[0]) * 300);
                                numbers.push(data[0]);
                            }
                            Err(ReceiveError::Closed(Closed { code: CloseCode::NONE, .. })) => {
                                return numbers;
                            }
                            Err(other) => panic!("{other}"),
                        }
                    }
                })
            })
            .collect();
        let mut numbers: Vec<u8> = receivers.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(0..3 * EACH as u8));
    });
}
