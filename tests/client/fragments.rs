//! Fragments and control frames, both ways (RFC 6455 sections 5.4 and 5.5).

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::Sender;

use hosted::peer::Peer;
use xous_api_websocket::error::SendError;
use xous_api_websocket::{Code, Kind, Part, Payload};

use crate::common::raw::{
    FIRST_BINARY, FIRST_TEXT, Frame, LAST, MIDDLE, PING, PONG, TEXT, expect_close, frame, read_frame,
};
use crate::common::{open, pattern, peers, seen, system};

/// A peer that reports every frame until the stream ends.
fn frames_peer() -> (Peer, std::sync::mpsc::Receiver<Frame>) {
    peers::by_hand(|mut stream, frames| {
        while let Ok(frame) = read_frame(&mut stream) {
            frames.send(frame).unwrap();
        }
    })
}

#[test]
fn parts_are_frames_of_one_message() {
    system!().run(|| {
        let (peer, frames) = frames_peer();
        let ws = open(&peer);
        ws.send_fragment(Kind::Binary, Part::First, b"one").unwrap();
        ws.send_fragment(Kind::Binary, Part::Middle, b"").unwrap();
        // Section 5.4: the opcode is that of the first frame, whatever a later part calls itself.
        ws.send_fragment(Kind::Text, Part::Middle, b"two\xff").unwrap();
        ws.ping(b"between").unwrap();
        ws.send_fragment(Kind::Binary, Part::Last, b"three").unwrap();
        ws.send_text("whole").unwrap();
        let wanted: [(u8, &[u8]); 6] = [
            (FIRST_BINARY, b"one"),
            (MIDDLE, b""),
            (MIDDLE, b"two\xff"),
            (PING, b"between"),
            (LAST, b"three"),
            (TEXT, b"whole"),
        ];
        for (first, payload) in wanted {
            let frame = seen(&frames);
            assert_eq!((frame.first, &frame.payload[..]), (first, payload));
        }
    });
}

#[test]
fn parts_out_of_order_are_refused_and_change_nothing() {
    system!().run(|| {
        let (peer, frames) = frames_peer();
        let ws = open(&peer);
        let out_of_order = Err(SendError::Refused(Code::MessageOpen));
        assert_eq!(ws.send_fragment(Kind::Text, Part::Middle, b"x"), out_of_order);
        assert_eq!(ws.send_fragment(Kind::Text, Part::Last, b"x"), out_of_order);
        ws.send_fragment(Kind::Text, Part::First, b"a").unwrap();
        assert_eq!(ws.send_fragment(Kind::Text, Part::First, b"x"), out_of_order);
        assert_eq!(ws.send_text("x"), out_of_order);
        assert_eq!(ws.send_binary(&pattern(20_000)), out_of_order);
        ws.send_fragment(Kind::Text, Part::Last, b"b").unwrap();
        assert_eq!(ws.send_fragment(Kind::Text, Part::Last, b"x"), out_of_order);
        let (first, last) = (seen(&frames), seen(&frames));
        assert_eq!((first.first, last.first), (FIRST_TEXT, LAST));
        assert_eq!((first.payload, last.payload), (b"a".to_vec(), b"b".to_vec()));
    });
}

#[test]
fn fragments_of_the_peer_are_one_message() {
    system!().run(|| {
        let (peer, _) = peers::by_hand(|mut stream, _: &Sender<()>| {
            let data = pattern(100_000);
            write(&mut stream, FIRST_BINARY, b"");
            write(&mut stream, MIDDLE, &data[..1]);
            write(&mut stream, MIDDLE, b"");
            write(&mut stream, MIDDLE, &data[1..70_000]);
            write(&mut stream, MIDDLE, &data[70_000..]);
            write(&mut stream, LAST, b"");
            // A character of three bytes in three frames.
            write(&mut stream, FIRST_TEXT, b"a\xe2");
            write(&mut stream, MIDDLE, b"\x82");
            write(&mut stream, LAST, b"\xacb");
            write(&mut stream, FIRST_TEXT, b"");
            write(&mut stream, LAST, b"");
            expect_close(&mut stream);
        });
        let ws = open(&peer);
        assert_eq!(ws.receive_whole(100_000).unwrap(), Payload::Binary(pattern(100_000)));
        assert_eq!(ws.receive_text(10).unwrap(), "a€b");
        assert_eq!(ws.receive_text(0).unwrap(), "");
        ws.close(1000, "").unwrap();
    });
}

/// The peer goes on with its message only when it has its pong, and the client when it has sent a part.
#[test]
fn pings_within_a_message_are_answered() {
    system!().run(|| {
        let (peer, pongs) = peers::by_hand(|mut stream, pongs| {
            write(&mut stream, FIRST_TEXT, b"be");
            write(&mut stream, PING, b"");
            pongs.send(read_frame(&mut stream).unwrap()).unwrap();
            write(&mut stream, MIDDLE, b"tw");
            write(&mut stream, PING, &[0xff; 125]);
            write(&mut stream, PONG, b"nobody asked for this one");
            pongs.send(read_frame(&mut stream).unwrap()).unwrap();
            write(&mut stream, LAST, b"een");
            // The client is within a message of its own now.
            assert_eq!(read_frame(&mut stream).unwrap().first, FIRST_TEXT);
            write(&mut stream, PING, b"yours");
            pongs.send(read_frame(&mut stream).unwrap()).unwrap();
            write(&mut stream, TEXT, b"go on");
            assert_eq!(read_frame(&mut stream).unwrap().first, LAST);
            expect_close(&mut stream);
        });
        let ws = open(&peer);
        assert_eq!(ws.receive_text(10).unwrap(), "between");
        ws.send_fragment(Kind::Text, Part::First, b"a").unwrap();
        assert_eq!(ws.receive_text(10).unwrap(), "go on");
        ws.send_fragment(Kind::Text, Part::Last, b"b").unwrap();
        for payload in [&b""[..], &[0xff; 125], b"yours"] {
            let pong = seen(&pongs);
            assert_eq!((pong.first, &pong.payload[..]), (PONG, payload));
            assert!(pong.mask.is_some(), "control frames of a client are masked too");
        }
        ws.close(1000, "").unwrap();
    });
}

/// A control frame does not wait for the end of a long message that goes out in frames.
#[test]
fn a_pong_goes_between_the_frames_of_a_long_message() {
    const LEN: usize = 8 << 20;
    system!().run(|| {
        let (peer, before_pong) = peers::by_hand(|mut stream, before_pong| {
            let first = read_frame(&mut stream).unwrap();
            assert_eq!(first.first, FIRST_BINARY);
            write(&mut stream, PING, b"now");
            let mut received = first.payload.len();
            let mut pong_after = None;
            loop {
                let frame = read_frame(&mut stream).unwrap();
                match frame.first {
                    PONG => pong_after = Some(received),
                    _ => received += frame.payload.len(),
                }
                if frame.first == LAST {
                    break;
                }
            }
            before_pong.send((pong_after, received)).unwrap();
        });
        let ws = open(&peer);
        ws.send_binary(&pattern(LEN)).unwrap();
        let (pong_after, received) = seen(&before_pong);
        assert_eq!(received, LEN);
        assert!(pong_after.expect("a pong within the message") < LEN);
    });
}

#[test]
fn pings_of_the_client_reach_the_peer() {
    system!().run(|| {
        let (peer, frames) = frames_peer();
        let ws = open(&peer);
        for payload in [&b""[..], b"x", &[7; 125]] {
            ws.ping(payload).unwrap();
            let ping = seen(&frames);
            assert_eq!((ping.first, &ping.payload[..]), (PING, payload));
        }
        for len in [126, 4096, 4097, 300_000] {
            assert_eq!(ws.ping(&pattern(len)), Err(SendError::Refused(Code::TooLong)), "{len}");
        }
        ws.send_text("still open").unwrap();
        assert_eq!(seen(&frames).payload, b"still open");
    });
}

fn write(stream: &mut TcpStream, first: u8, payload: &[u8]) {
    stream.write_all(&frame(first, payload)).unwrap();
}
