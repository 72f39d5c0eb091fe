//! Messages there and back: every form of length, text and binary, whole and streamed.

use std::io::Read;
use std::sync::mpsc::Sender;

use hosted::peer::Peer;
use xous_api_websocket::error::SendError;
use xous_api_websocket::wire::{Opcode, SendWord, message_id};
use xous_api_websocket::{Code, ConnectionOptions, Kind, Part, Payload, Websocket};

use crate::common::pages::RawPages;
use crate::common::raw::{BINARY, Frame, LAST, TEXT, read_frame};
use crate::common::{nothing_is_left, open, pattern, pattern_at, peers, request, seen, service_cid, system};

/// Around the ends of the three forms of length (RFC 6455 section 5.2), a page and the crate's chunk.
const LENGTHS: [usize; 12] = [0, 1, 125, 126, 127, 4096, 4097, 16384, 16385, 65535, 65536, 100_000];

#[test]
fn text_and_binary_of_every_length_come_back() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        for len in LENGTHS {
            let text: String = (0..len).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
            ws.send_text(&text).unwrap();
            assert_eq!(ws.receive_text(len).unwrap(), text, "{len}");
            let bytes = pattern(len);
            ws.send_binary(&bytes).unwrap();
            assert_eq!(ws.receive_whole(len).unwrap(), Payload::Binary(bytes), "{len}");
        }
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn characters_may_lie_across_chunks() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        for width in ["é", "€", "🦀"] {
            for shift in 0..width.len() {
                let text = "x".repeat(shift) + &width.repeat(20_000 / width.len());
                ws.send_text(&text).unwrap();
                assert_eq!(ws.receive_text(text.len()).unwrap(), text);
            }
        }
    });
}

#[test]
fn sixteen_mebibytes_are_streamed() {
    const LEN: usize = 16 << 20;
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        ws.send_binary(&pattern(LEN)).unwrap();
        let mut message = ws.receive().unwrap();
        assert_eq!(message.kind(), Kind::Binary);
        let (mut at, mut piece) = (0, [0; 10_000]);
        loop {
            let len = message.read(&mut piece).unwrap();
            if len == 0 {
                break;
            }
            assert!(piece[..len].iter().enumerate().all(|(i, byte)| *byte == pattern_at(at + i)), "{at}");
            at += len;
        }
        assert_eq!(at, LEN);
        assert_eq!(message.read(&mut piece).unwrap(), 0, "the end stays the end");
        drop(message);
        ws.send_text("next").unwrap();
        assert_eq!(ws.receive_text(10).unwrap(), "next");
    });
}

/// One lend is one frame, masked with a key of its own, its length in the shortest form.
#[test]
fn frames_are_as_the_rfc_wants_them() {
    system!().run(|| {
        let (peer, frames) = peers::by_hand(|mut stream, frames| {
            while let Ok(frame) = read_frame(&mut stream) {
                frames.send(frame).unwrap();
            }
        });
        let ws = open(&peer);
        let mut masks = Vec::new();
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10), (262_144, 10)] {
            send_in_one_lend(&ws, Kind::Binary, &pattern(len)).unwrap();
            let frame = seen(&frames);
            assert_eq!((frame.first, frame.header), (BINARY, header), "{len}");
            assert!(frame.payload == pattern(len), "{len}");
            masks.push(frame.mask.expect("clients mask"));
        }
        let count = masks.len();
        masks.sort_unstable();
        masks.dedup();
        assert_eq!(masks.len(), count, "keys do not repeat");
    });
}

#[test]
fn frames_of_every_length_form_are_taken() {
    system!().run(|| {
        let (peer, _) = peers::tungstenite(|mut socket, _: &Sender<()>| {
            for len in LENGTHS {
                socket.send(tungstenite::Message::binary(pattern(len))).unwrap();
            }
            socket.read().unwrap();
        });
        let ws = open(&peer);
        for len in LENGTHS {
            assert_eq!(ws.receive_whole(len).unwrap(), Payload::Binary(pattern(len)), "{len}");
        }
        ws.close(1000, "").unwrap();
    });
}

#[test]
fn a_fragment_size_cuts_messages_into_frames() {
    system!().run(|| {
        let (peer, frames) = peers::by_hand(|mut stream, frames| {
            while let Ok(frame) = read_frame(&mut stream) {
                frames.send(frame).unwrap();
            }
        });
        let ws =
            Websocket::open(&request(&peer).options(ConnectionOptions::new().fragment_size(1000))).unwrap();
        let data = pattern(2500);
        ws.send_binary(&data).unwrap();
        ws.send_text("short").unwrap();
        let parts: Vec<Frame> = (0..4).map(|_| seen(&frames)).collect();
        let firsts: Vec<u8> = parts.iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [0x02, 0x00, LAST, TEXT]);
        let lengths: Vec<usize> = parts.iter().map(|frame| frame.payload.len()).collect();
        assert_eq!(lengths, [1000, 1000, 500, 5]);
        let whole: Vec<u8> = parts[..3].iter().flat_map(|frame| frame.payload.clone()).collect();
        assert_eq!(whole, data);
    });
}

/// RFC 6455 section 8.1: the peer would have to fail the connection; the sender is told instead.
#[test]
fn text_that_is_not_utf8_is_not_sent() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        for bad in [&b"\xff"[..], b"ab\xc0\x80", b"\xed\xa0\x80", b"cut \xe2\x82"] {
            let refused = send_in_one_lend(&ws, Kind::Text, bad);
            assert_eq!(refused, Err(Code::InvalidText), "{bad:?}");
        }
        assert_eq!(ws.send_fragment(Kind::Text, Part::First, b"half \xe2"), Ok(()));
        assert_eq!(
            ws.send_fragment(Kind::Text, Part::Last, b"x"),
            Err(SendError::Refused(Code::InvalidText)),
            "the other half is missing"
        );
        ws.send_fragment(Kind::Text, Part::Last, b"\x82\xac").unwrap();
        assert_eq!(ws.receive_text(100).unwrap(), "half €");
    });
}

/// As one page range in one message, which the client crate does only up to its chunk size.
fn send_in_one_lend(ws: &Websocket, kind: Kind, data: &[u8]) -> Result<(), Code> {
    let word = SendWord::Data(kind, Part::Whole).to_word();
    match RawPages::with(data).lend(service_cid(), message_id(Opcode::Send, ws.handle()), word, data.len()).0
    {
        0 => Ok(()),
        code => Err(Code::from_word(code)),
    }
}
