//! The service as its documentation describes it, by numbers, without the client crate; and what it answers to
//! messages that are not as described.

use std::sync::mpsc::Sender;
use std::time::Duration;

use hosted::peer::Peer;
use xous::{CID, Message};
use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::{Reconnect, Websocket};

use crate::common::pages::RawPages;
use crate::common::raw::{accept_with, expect_close, frame, read_frame};
use crate::common::{
    nothing_is_left, nothing_is_open, open, peers, reconnecting, reopened, request, seen, service_cid,
    stats_when, system,
};

const CLOSE: usize = 1;
const SEND: usize = 3;
const STATE: usize = 4;
const QUIT: usize = 6;
const OPEN: usize = 8;
const RECEIVE: usize = 9;
const GRANT: usize = 10;
const STATS: usize = 11;
const QUEUED: usize = 25;
const READY: usize = 26;

const CLOSED: usize = 1;
const MALFORMED: usize = 2;
const UNKNOWN_OPCODE: usize = 3;
const BUSY_RECEIVES: usize = 7;
const TOO_LONG: usize = 10;
const NOT_PERMITTED: usize = 11;
const RECONNECTING: usize = 64;

/// An `Open` request for 127.0.0.1 as its documentation lays it out.
fn open_request(port: u16, path: &str, protocols: &[&str], headers: &[(&str, &str)]) -> Vec<u8> {
    let mut page = b"WSO1".to_vec();
    page.extend(port.to_le_bytes());
    page.extend([0, 0]);
    for milliseconds in [10_000_u32, 10_000, 10_000, 10_000, 0, 10_000] {
        page.extend(milliseconds.to_le_bytes());
    }
    page.extend(u64::MAX.to_le_bytes());
    page.extend(u64::MAX.to_le_bytes());
    page.extend(u32::MAX.to_le_bytes());
    page.extend(0_u32.to_le_bytes());
    page.extend([protocols.len() as u8, headers.len() as u8, 0, 0]);
    assert_eq!(page.len(), 60);
    let headers = headers.iter().flat_map(|(name, value)| [*name, *value]);
    for text in ["127.0.0.1", path].into_iter().chain(protocols.iter().copied()).chain(headers) {
        page.extend((text.len() as u16).to_le_bytes());
        page.extend(text.as_bytes());
    }
    page
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn blocking(cid: CID, id: usize, argument: usize) -> xous::Result {
    xous::send_message(cid, Message::new_blocking_scalar(id, argument, 0, 0, 0)).unwrap()
}

fn refused(code: usize) -> xous::Result {
    xous::Result::Scalar2(usize::MAX, code)
}

/// The word of a `Receive` that was refused with this code, or of the page of a `Close`.
fn refused_word(code: usize) -> usize {
    1 | (code << 8)
}

#[test]
fn a_session_by_numbers() {
    system!().run(|| {
        let (peer, _) = peers::serve(|mut stream, _: &Sender<()>| {
            let head = accept_with(&mut stream, "Sec-WebSocket-Protocol: b\r\n");
            assert!(head.contains("\r\nX-One: 1\r\n"));
            for _ in 0..4 {
                let sent = read_frame(&mut stream).unwrap();
                std::io::Write::write_all(&mut stream, &frame(sent.first, &sent.payload)).unwrap();
            }
            expect_close(&mut stream);
        });
        let cid = service_cid();
        let request = open_request(peer.address().port(), "/raw", &["a", "b"], &[("X-One", "1")]);
        let mut page = RawPages::with(&request);
        let (code, len) = page.lend_mut(cid, OPEN, 0, request.len());
        assert_eq!(code, 0);
        let reply = &page.bytes()[..len];
        let handle = u32::from_le_bytes(reply[..4].try_into().unwrap()) as usize;
        assert!(handle > 0 && handle < 1 << 24);
        let head_len = u16_at(reply, 8);
        assert_eq!((u16_at(reply, 4), u16_at(reply, 6), u16_at(reply, 10)), (101, 1, 0));
        assert_eq!((&reply[12..13], len), (&b"b"[..], 13 + head_len));
        assert!(reply[13..].starts_with(b"HTTP/1.1 101 ") && reply.ends_with(b"\r\n\r\n"));
        let id = |opcode: usize| (handle << 8) | opcode;

        assert_eq!(blocking(cid, id(STATE), 0), xous::Result::Scalar2(2, 0), "open, no send has failed");
        let receive = |pages: usize| {
            let mut page = RawPages::new(pages);
            let (word, len) = page.lend_mut(cid, id(RECEIVE), 0, 0);
            (word, page.bytes()[..len].to_vec())
        };
        // A whole text without an offset, lent; then moved; then the parts of a binary message.
        assert_eq!(RawPages::with("héllo".as_bytes()).lend(cid, id(SEND), 0, 6), (0, 0));
        assert_eq!(receive(1), (0b1101, "héllo".as_bytes().to_vec()));
        RawPages::with(b"moved").give(cid, id(SEND), 0, 5);
        assert_eq!(receive(2), (0b1101, b"moved".to_vec()));
        assert_eq!(RawPages::with(b"first").lend(cid, id(SEND), 1 | (1 << 2), 5), (0, 0));
        assert_eq!(receive(1), (0b0111, b"first".to_vec()));
        assert_eq!(RawPages::with(b"").lend(cid, id(SEND), 1 | (3 << 2), 0), (0, 0));
        assert_eq!(receive(1), (0b1011, Vec::new()));

        let (word, _) = RawPages::with(b"bye").lend(cid, id(CLOSE), 4000, 3);
        assert_eq!(word, 1 | (CLOSED << 8) | (4000 << 16));
        assert_eq!(blocking(cid, id(STATE), 0), xous::Result::Scalar2(0, 0));
        nothing_is_left();
    });
}

/// Each session of a connection that is opened again has a number, by which its parts and a Close of it are told apart.
#[test]
fn parts_and_a_close_of_an_earlier_session_are_refused() {
    system!().run(|| {
        let (peer, frames) = peers::by_hand(|mut stream, frames: &Sender<(u8, Vec<u8>)>| {
            while let Ok(frame) = read_frame(&mut stream) {
                let cut = frame.payload == b"cut" || frame.first == 0x88;
                frames.send((frame.first, frame.payload)).ok();
                if cut {
                    return;
                }
            }
        });
        let short = Duration::from_millis(100);
        let policy = Reconnect::new().first(short).largest(short);
        let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
        let cid = service_cid();
        let id = |opcode: usize| ((ws.handle().to_raw() as usize) << 8) | opcode;
        let send = |data: &[u8], part: usize, session: usize| {
            RawPages::with(data).lend(cid, id(SEND), 1 | (part << 2) | (session << 4), data.len())
        };
        let (code, first) = send(b"cut", 1, 0);
        assert!(code == 0 && first > 0, "{code} {first}");
        reconnecting(&ws);
        reopened(&ws);
        let (code, second) = send(b"one", 1, 0);
        assert!(code == 0 && second > 0 && second != first, "{code} {second}");
        for session in [first, second + 1, (1 << 28) - 1] {
            assert_eq!(send(b"lost", 2, session), (RECONNECTING, 0));
            assert_eq!(send(b"lost", 3, session), (RECONNECTING, 0));
            for blocks in [true, false] {
                let close = match blocks {
                    true => Message::new_blocking_scalar(id(CLOSE), 1011, session, 0, 0),
                    false => Message::new_scalar(id(CLOSE), 1011, session, 0, 0),
                };
                let answer = xous::send_message(cid, close).unwrap();
                assert!(!blocks || answer == refused(CLOSED), "{answer:?}");
            }
        }
        assert_eq!(send(b"", 1, second), (MALFORMED, 0), "what begins is of no session");
        assert_eq!(send(b"", 0, second), (MALFORMED, 0));
        assert_eq!(send(b"two", 2, second), (0, second));
        assert_eq!(send(b"three", 3, second), (0, second));
        let got: Vec<_> = (0..4).map(|_| seen(&frames)).collect();
        let expected: [(u8, &[u8]); 4] = [(0x02, b"cut"), (0x02, b"one"), (0x00, b"two"), (0x80, b"three")];
        assert!(got.iter().map(|(first, payload)| (*first, &**payload)).eq(expected), "{got:?}");
        let close = Message::new_blocking_scalar(id(CLOSE), 1011, second, 0, 0);
        assert_eq!(xous::send_message(cid, close).unwrap(), xous::Result::Scalar2(0, 0));
        assert_eq!(seen(&frames), (0x88, 1011_u16.to_be_bytes().to_vec()));
        assert!(matches!(ws.receive_event(), Err(ReceiveError::Closed(_))));
        nothing_is_left();
    });
}

#[test]
fn unknown_opcodes_are_answered() {
    system!().run(|| {
        let cid = service_cid();
        for opcode in [0, 2, 5, 7, 100, 255] {
            for id in [opcode, opcode | (7 << 8), opcode | (0xff_ffff << 8), opcode | (1 << 40)] {
                assert_eq!(RawPages::with(b"x").lend(cid, id, 9, 1).0, UNKNOWN_OPCODE);
                assert_eq!(RawPages::with(b"x").lend_mut(cid, id, 9, 1).0, UNKNOWN_OPCODE);
                assert_eq!(blocking(cid, id, 9), refused(UNKNOWN_OPCODE));
                RawPages::with(b"x").give(cid, id, 9, 1);
                xous::send_message(cid, Message::new_scalar(id, 9, 9, 9, 9)).unwrap();
            }
        }
        works();
    });
}

#[test]
fn messages_of_the_wrong_kind_are_refused() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        let cid = service_cid();
        let id = |opcode: usize| ((ws.handle().to_raw() as usize) << 8) | opcode;
        for opcode in [SEND, OPEN, RECEIVE, STATS] {
            assert_eq!(blocking(cid, id(opcode), 0), refused(MALFORMED), "{opcode}");
            xous::send_message(cid, Message::new_scalar(id(opcode), 0, 0, 0, 0)).unwrap();
        }
        for opcode in [STATE, GRANT, QUIT] {
            assert_eq!(RawPages::new(1).lend(cid, id(opcode), 0, 0).0, MALFORMED, "{opcode}");
            assert_eq!(RawPages::new(1).lend_mut(cid, id(opcode), 0, 0).0, MALFORMED, "{opcode}");
        }
        let request = open_request(peer.address().port(), "/", &[], &[]);
        assert_eq!(
            RawPages::with(&request).lend(cid, OPEN, 0, request.len()).0,
            MALFORMED,
            "no place for a reply"
        );
        assert_eq!(RawPages::new(1).lend(cid, STATS, 0, 0).0, MALFORMED);
        assert_eq!(RawPages::new(1).lend(cid, id(RECEIVE), 0, 0).0, refused_word(MALFORMED));
        for opcode in [OPEN, RECEIVE, STATS, STATE, CLOSE | (0xff << 8)] {
            RawPages::with(&request).give(cid, opcode, 0, request.len());
        }
        assert_eq!(blocking(cid, QUIT, 0), refused(NOT_PERMITTED), "the service serves others too");
        ws.send_text("still open").unwrap();
        assert_eq!(ws.receive_text(10).unwrap(), "still open");
        works();
    });
}

#[test]
fn a_page_shorter_than_its_valid_is_refused() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        let cid = service_cid();
        let id = |opcode: usize| ((ws.handle().to_raw() as usize) << 8) | opcode;
        for valid in [4097, 8192, 1 << 20, 1 << 31, usize::MAX] {
            assert_eq!(RawPages::new(1).lend(cid, id(SEND), 0, valid).0, MALFORMED, "{valid}");
            RawPages::new(1).give(cid, id(SEND), 0, valid);
            assert_eq!(RawPages::new(1).lend(cid, id(CLOSE), 0, valid).0, refused_word(MALFORMED), "{valid}");
            let request = open_request(peer.address().port(), "/", &[], &[]);
            assert_eq!(RawPages::with(&request).lend_mut(cid, OPEN, 0, valid).0, MALFORMED, "{valid}");
        }
        assert_eq!(blocking(cid, id(STATE), 0), xous::Result::Scalar2(2, 5), "five moved sends have failed");
        // More than a message may have: 256 KiB.
        assert_eq!(RawPages::new(65).lend(cid, id(SEND), 1, 10).0, MALFORMED);
        assert_eq!(RawPages::new(65).lend_mut(cid, id(RECEIVE), 0, 0).0, refused_word(MALFORMED));
        ws.send_text("still open").unwrap();
        assert_eq!(ws.receive_text(10).unwrap(), "still open");
    });
}

#[test]
fn sends_and_closes_with_wrong_flags_are_refused() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        let cid = service_cid();
        let id = |opcode: usize| ((ws.handle().to_raw() as usize) << 8) | opcode;
        for word in [3, 6, 7, 10, 14, 15, 16, 1 << 16, usize::MAX] {
            assert_eq!(RawPages::with(b"x").lend(cid, id(SEND), word, 1).0, MALFORMED, "{word}");
        }
        assert_eq!(RawPages::with(&[7; 126]).lend(cid, id(SEND), 2, 126).0, TOO_LONG, "a ping");
        for code in [1, 999, 1005, 1006, 1015, 5000, 65536 + 1000, usize::MAX] {
            assert_eq!(blocking(cid, id(CLOSE), code), refused(MALFORMED), "{code}");
            assert_eq!(RawPages::new(1).lend(cid, id(CLOSE), code, 0).0, refused_word(MALFORMED), "{code}");
            xous::send_message(cid, Message::new_scalar(id(CLOSE), code, 0, 0, 0)).unwrap();
        }
        assert_eq!(
            RawPages::with(b"\xff").lend(cid, id(CLOSE), 1000, 1).0,
            refused_word(MALFORMED),
            "not UTF-8"
        );
        assert_eq!(RawPages::with(&[b'r'; 124]).lend(cid, id(CLOSE), 1000, 124).0, refused_word(TOO_LONG));
        ws.send_text("still open").unwrap();
        assert_eq!(ws.receive_text(10).unwrap(), "still open");
    });
}

#[test]
fn malformed_requests_are_refused() {
    system!().run(|| {
        let (peer, visits) = peers::serve(|_, visits| visits.send(()).unwrap());
        let cid = service_cid();
        let port = peer.address().port();
        let good = open_request(port, "/path", &["protocol"], &[("Name", "value")]);
        let attempt = |page: &[u8], valid| {
            let mut pages = RawPages::with(page);
            assert_eq!(pages.lend_mut(cid, OPEN, 0, valid), (MALFORMED, 0), "{valid}: {page:x?}");
        };
        for valid in 0..good.len() {
            attempt(&good[..valid], valid);
        }
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = good.clone();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            changed
        };
        for bad in [
            with(0, b"WSO2"),
            with(56, &[255, 1]),
            with(56, &[1, 33]),
            with(60, &[0xff, 0xff]),
            with(62, b"\xff\xfe"),
            vec![0; 4096],
            vec![0xff; 4096],
            b"WSO1".repeat(1024),
        ] {
            attempt(&bad, bad.len());
        }
        assert!(visits.try_recv().is_err(), "nobody was connected to");
        nothing_is_left();
    });
}

/// The service does its work for whoever asks properly.
fn works() {
    let peer = Peer::echo().unwrap();
    let ws = open(&peer);
    ws.send_text("hello").unwrap();
    assert_eq!(ws.receive_text(10).unwrap(), "hello");
    assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000));
}

/// One thread for all connections: which of them has something.
#[test]
fn readiness_by_numbers() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let cid = service_cid();
        let ready = move || {
            let mut page = RawPages::new(1);
            let (code, len) = page.lend_mut(cid, READY, 0, 0);
            let handle = page.bytes()[..len].try_into().map_or(0, u32::from_le_bytes);
            (code, handle)
        };
        assert_eq!(ready(), (CLOSED, 0), "nothing is watched");
        let both = [open(&peer), open(&peer)];
        let ids = both.each_ref().map(|ws| ws.handle().to_raw() as usize);
        let watch = |id: usize, on: usize| blocking(cid, (id << 8) | READY, on);
        assert_eq!(watch(ids[0], 2), refused(MALFORMED));
        assert_eq!(watch(1 << 20, 1), refused(CLOSED));
        assert_eq!(blocking(cid, (ids[0] << 8) | QUEUED, 0), xous::Result::Scalar2(0, 0));
        assert_eq!(blocking(cid, (1 << 28) | QUEUED, 0), xous::Result::Scalar2(0, 0));
        for id in ids {
            assert_eq!(watch(id, 1), xous::Result::Scalar2(0, 0));
            assert_eq!(ready(), (0, id as u32), "as it was added");
        }
        assert_eq!(RawPages::new(1).lend(cid, READY, 0, 0).0, MALFORMED, "not to be written");
        for (at, ws) in both.iter().enumerate() {
            // It is named once, until a page has been lent to it.
            let nothing = ws.receive_for(std::time::Duration::from_millis(1));
            assert_eq!(nothing.err(), Some(ReceiveError::NothingCame));
            ws.send_text("x").unwrap();
            assert_eq!(ready(), (0, ids[at] as u32));
            assert_eq!(ws.receive_text(1).unwrap(), "x");
        }
        // One page at a time; and the last connection that is not watched any more ends the wait.
        nothing_is_open();
        let waiting = std::thread::spawn(ready);
        stats_when(|stats| stats.open_messages == 2);
        assert_eq!(ready(), (BUSY_RECEIVES, 0));
        assert_eq!(watch(ids[0], 0), xous::Result::Scalar2(0, 0));
        assert_eq!(watch(ids[0], 0), xous::Result::Scalar2(0, 0));
        both[1].close(1000, "").unwrap();
        assert_eq!(waiting.join().unwrap(), (0, ids[1] as u32), "it has ended");
        assert_eq!(ready(), (CLOSED, 0));
        both[0].close(1000, "").unwrap();
        nothing_is_left();
    });
}
