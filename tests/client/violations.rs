//! Peers that break the protocol, or the limits of the request: the connection is failed with the right code
//! (RFC 6455 section 7.1.7), and nothing of what was wrong reaches the receiver.

use std::io::{Read, Write};
use std::sync::mpsc::Receiver;

use hosted::peer::Peer;
use xous_api_websocket::error::{Closed, ReceiveError};
use xous_api_websocket::{Limits, Request, Websocket};

use crate::common::raw::{
    BINARY, CLOSE, FIRST_BINARY, FIRST_TEXT, Frame, LAST, MIDDLE, PING, TEXT, close_payload, frame,
    read_frame,
};
use crate::common::{nothing_is_left, peers, request, seen, system};

/// A peer that sends these bytes and reports the client's next frame, with what came behind it.
fn sending(bytes: Vec<u8>) -> (Peer, Receiver<(Frame, usize)>) {
    peers::by_hand(move |mut stream, answers| {
        stream.write_all(&bytes).unwrap();
        let answer = read_frame(&mut stream).unwrap();
        let rest = stream.read(&mut [0; 16]).unwrap();
        answers.send((answer, rest)).unwrap();
    })
}

/// Receives until the connection has ended: what arrived, and how it ended.
fn receive_all(ws: &Websocket) -> (Vec<u8>, Closed) {
    let mut received = Vec::new();
    loop {
        match ws.receive() {
            Ok(mut message) => {
                while let Ok(chunk) = message.chunk() {
                    let len = chunk.len();
                    if len == 0 {
                        break;
                    }
                    received.extend_from_slice(chunk);
                    message.consume(len);
                }
            }
            Err(ReceiveError::Closed(closed)) => return (received, closed),
            Err(other) => panic!("{other}"),
        }
    }
}

/// The connection is failed with `code`, and only `delivered` was received.
fn fails(bytes: Vec<u8>, limits: Limits, code: u16, delivered: &[u8]) {
    let (peer, answers) = sending(bytes);
    let request: Request<'_> = request(&peer).options(limits);
    let ws = Websocket::open(&request).unwrap();
    let (received, closed) = receive_all(&ws);
    assert_eq!(closed.code, code, "{closed}");
    assert!(!closed.reason.is_empty(), "says why");
    assert!(received == delivered, "{} bytes for {}: {closed}", received.len(), delivered.len());
    let (answer, rest) = seen(&answers);
    assert_eq!((answer.close().0, rest), (code, 0), "a Close frame with the code, and the end of the stream");
}

#[test]
fn faults_in_frames_fail_the_connection() {
    let after_text = |bytes: &[u8]| [frame(TEXT, b"ok").as_slice(), bytes].concat();
    system!().run(|| {
        for bad in [
            vec![0x81, 0x81, 1, 2, 3, 4, b'x' ^ 1],
            frame(0xc1, b"x"),
            frame(0xa1, b"x"),
            frame(0x91, b"x"),
            frame(0x83, b"x"),
            frame(0x87, b"x"),
            frame(0x8b, b"x"),
            frame(0x09, b"x"),
            frame(PING, &[0; 126]),
            frame(MIDDLE, b"x"),
            frame(LAST, b"x"),
            vec![0x82, 126, 0, 125],
            vec![0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
            frame(CLOSE, &[3]),
            frame(CLOSE, &close_payload(999, "")),
            frame(CLOSE, &close_payload(1005, "")),
            frame(CLOSE, &close_payload(1006, "")),
            frame(CLOSE, &close_payload(5000, "")),
        ] {
            fails(after_text(&bad), Limits::default(), 1002, b"ok");
        }
        let interrupted = [frame(FIRST_TEXT, b"half"), frame(TEXT, b"x")].concat();
        fails(interrupted, Limits::default(), 1002, b"half");
        nothing_is_left();
    });
}

/// Section 8.1, also in the middle of a frame that is longer than any buffer of the service.
#[test]
fn text_that_is_not_utf8_fails_the_connection() {
    system!().run(|| {
        // What lies before the first byte that cannot be right may be delivered.
        let cases: [(&[u8], usize); 5] = [
            (b"\xff", 0),
            (b"ok\xc0\x80", 2),
            (b"\xed\xa0\x80", 1),
            (b"\xf4\x90\x80\x80", 1),
            (b"\xe2\x82", 1),
        ];
        for (text, good) in cases {
            fails(frame(TEXT, text), Limits::default(), 1007, &text[..good]);
        }
        let split = [frame(FIRST_TEXT, b"ok\xe2"), frame(LAST, b"x")].concat();
        fails(split, Limits::default(), 1007, b"ok\xe2");
        for len in [5_000, 100_000] {
            for at in [len / 2, len - 1] {
                let mut text = vec![b'x'; len];
                text[at] = 0xff;
                fails(frame(TEXT, &text), Limits::default(), 1007, &text[..at]);
            }
        }
        fails(frame(CLOSE, b"\x03\xe8\xff"), Limits::default(), 1007, b"");
        nothing_is_left();
    });
}

#[test]
fn the_limits_of_the_request_hold() {
    let none = Limits::default();
    let data = [7; 1001];
    system!().run(|| {
        fails(frame(BINARY, &data), none.frame(1000), 1009, b"");
        // Refused on what is declared: not a byte of it is sent.
        fails(vec![0x82, 127, 0x7f, 0, 0, 0, 0, 0, 0, 0], none.message(1 << 40), 1009, b"");
        let parts = [frame(FIRST_BINARY, &data[..600]), frame(LAST, &data[..401])].concat();
        fails(parts, none.message(1000), 1009, &data[..600]);
        let many = [frame(FIRST_BINARY, b"a"), frame(MIDDLE, b"b"), frame(MIDDLE, b"c"), frame(LAST, b"d")];
        fails(many.concat(), none.fragments(3), 1008, b"abc");
        nothing_is_left();
    });
}

#[test]
fn up_to_its_limits_a_message_is_welcome() {
    system!().run(|| {
        let parts = [
            frame(FIRST_BINARY, &[1; 600]),
            frame(LAST, &[1; 400]),
            frame(BINARY, &[1; 600]),
            frame(CLOSE, &close_payload(1000, "done")),
        ];
        let (peer, _answers) = sending(parts.concat());
        let limits = Limits::new().frame(600).message(1000).fragments(2);
        let ws = Websocket::open(&request(&peer).options(limits)).unwrap();
        let (received, closed) = receive_all(&ws);
        assert_eq!((received, closed.code.value(), &*closed.reason), (vec![1; 1600], 1000, "done"));
    });
}
