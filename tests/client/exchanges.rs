//! A message out and the next one in, in one request: as a send and a receive, whatever happens meanwhile.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use hosted::{hear, tell};
use xous_api_websocket::error::{Closed, ExchangeError, ReceiveError, SendError};
use xous_api_websocket::push::Assembler;
use xous_api_websocket::state::Phase;
use xous_api_websocket::wire::{ExchangeWord, Handle, Opcode, ReceiveWord, Status, message_id};
use xous_api_websocket::{Code, Deadlines, Kind, Part, Payload, Websocket};

use crate::common::pages::RawPages;
use crate::common::raw::{BINARY, CLOSE, FIRST_TEXT, LAST, TEXT, close_payload, frame, read_frame};
use crate::common::{
    PATIENCE, nothing_is_left, nothing_is_open, open, pattern, peers, request, seen, service_cid, stats_when,
    system,
};

const SHORT: Duration = Duration::from_millis(200);
const LIMIT: usize = 1 << 17;
/// Pages that wait on one connection at most.
const PARKED_RECEIVES: usize = 4;

/// A peer that sends each frame back.
fn echo() -> Peer {
    let (peer, _) = peers::by_hand(|mut stream, _: &Sender<()>| {
        while let Ok(came) = read_frame(&mut stream) {
            stream.write_all(&frame(came.first, &came.payload)).unwrap();
            if came.first == CLOSE {
                return;
            }
        }
    });
    peer
}

/// What the peer gets next.
pub(crate) fn expect(stream: &mut TcpStream, first: u8, payload: &[u8]) {
    let came = read_frame(stream).unwrap();
    assert_eq!((came.first, came.payload.as_slice()), (first, payload));
}

/// What is asked comes, and what the peer answers is the answer.
pub(crate) fn is_answered(ws: &Websocket, stream: &mut TcpStream, question: &'static str, answer: &str) {
    let asking = ask(ws, question);
    expect(stream, TEXT, question.as_bytes());
    stream.write_all(&frame(TEXT, answer.as_bytes())).unwrap();
    assert_eq!(asking.join().unwrap().as_deref(), Ok(answer));
}

/// Exchanges a text on another thread.
pub(crate) fn ask(ws: &Websocket, text: &'static str) -> JoinHandle<Result<String, ExchangeError>> {
    let ws = ws.clone();
    thread::spawn(move || ws.exchange_text(text, 100))
}

/// The page of an exchange that the peer has got waits for what comes: what is sent behind it is answered later.
fn is_parked(ws: &Websocket, stream: &mut TcpStream) {
    ws.send_text("behind").unwrap();
    expect(stream, TEXT, b"behind");
}

/// Sends what the peer gets, as soon as the connection is open again.
pub(crate) fn is_open_again(ws: &Websocket, stream: &mut TcpStream) {
    let start = Instant::now();
    while let Err(refused) = ws.send_text("back") {
        assert!(start.elapsed() < PATIENCE, "{refused}");
    }
    expect(stream, TEXT, b"back");
}

/// So many messages wait to be sent.
pub(crate) fn queued_when(ws: &Websocket, many: usize) {
    let start = Instant::now();
    while ws.state().unwrap().queued_sends != many {
        assert!(start.elapsed() < PATIENCE);
    }
}

/// How an exchange by hand has ended, what came, and what else is in the pages.
type Answer = (Status, Vec<u8>, Vec<u8>);

/// Exchanges a binary message by hand, in pages that are full of it.
fn raw(handle: Handle, pages: usize, offset: usize, valid: usize) -> Answer {
    let mut page = RawPages::new(pages);
    page.bytes_mut()[..valid.min(pages * 4096)].fill(7);
    let (word, len) = page.lend_mut(service_cid(), message_id(Opcode::Exchange, handle), offset, valid);
    let status = ReceiveWord::from_word(word).unwrap().status;
    (status, page.bytes()[..len].to_vec(), page.bytes()[len..].to_vec())
}

/// As [`raw`], on another thread.
fn raw_ask(ws: &Websocket, pages: usize, valid: usize) -> JoinHandle<Answer> {
    let handle = ws.handle();
    thread::spawn(move || raw(handle, pages, binary(), valid))
}

fn binary() -> usize {
    ExchangeWord::new(Kind::Binary, 0).unwrap().to_word()
}

fn closed(code: u16, reason: &str) -> ExchangeError {
    ExchangeError::NotReceived(ReceiveError::Closed(Closed::new(code, reason)))
}

#[test]
fn messages_of_all_lengths_come_back() {
    system!().run(|| {
        let peer = echo();
        let ws = open(&peer);
        for len in [0, 1, 2, 31, 32, 125, 126, 4091, 4092, 4095, 4096, 4097, 16_383, 16_384, 16_385, 65_537] {
            for _ in 0..2 {
                let message = Payload::Binary(pattern(len));
                assert!(ws.exchange_whole(&message, LIMIT).unwrap() == message, "{len}");
                let text = "é".repeat(len / 2);
                assert!(ws.exchange_text(&text, LIMIT).unwrap() == text, "{len}");
                let back = ws.exchange_for(Kind::Binary, &pattern(len), PATIENCE).unwrap();
                assert!(back.into_bytes(LIMIT).unwrap() == pattern(len), "{len}");
            }
        }
        // More milliseconds than have room beside the message.
        let back = ws.exchange_for(Kind::Text, b"at last", Duration::MAX).unwrap();
        assert_eq!(back.into_text(100).unwrap(), "at last");
        ws.close(1000, "").unwrap();
        assert_eq!(ws.exchange_text("late", 100), Err(ExchangeError::NotSent(SendError::Closed)));
        drop(ws);
        nothing_is_left();
    });
}

#[test]
fn what_is_not_sent_is_said_and_nothing_is_waited_for() {
    system!().run(|| {
        let peer = echo();
        let ws = open(&peer);
        for _ in 0..20 {
            let refused = ws.exchange(Kind::Text, b"\xff").map(drop);
            assert_eq!(refused, Err(ExchangeError::NotSent(SendError::Refused(Code::InvalidText))));
        }
        assert_eq!(ws.exchange_text("still here", 100).as_deref(), Ok("still here"));
        // Within a message in parts.
        ws.send_fragment(Kind::Text, Part::First, b"a").unwrap();
        let refused = ws.exchange_text("between", 100);
        assert_eq!(refused, Err(ExchangeError::NotSent(SendError::Refused(Code::MessageOpen))));
        ws.send_fragment(Kind::Text, Part::Last, b"b").unwrap();
        assert_eq!(ws.exchange_text("behind", 100).as_deref(), Ok("ab"), "whatever comes next");
        assert_eq!(ws.receive_text(100).as_deref(), Ok("behind"));
        nothing_else_is_taken(&ws);
        assert_eq!(ws.state().unwrap().phase, Phase::Open);
        assert_eq!(stats_when(|stats| stats.open_messages == 1).connections, 1);
    });
}

/// By number, and what no exchange looks like.
fn nothing_else_is_taken(ws: &Websocket) {
    assert_eq!((Opcode::Exchange as usize, binary()), (42, 1));
    let malformed = Status::NotSent(Code::Malformed as u8);
    // A ping, parts, kinds that there are not; more than is lent.
    for (offset, valid) in [(2, 1), (3, 1), (5, 1), (13, 1), (usize::MAX, 1), (1 << 32, 1), (1, 4097)] {
        assert_eq!(raw(ws.handle(), 1, offset, valid).0, malformed, "{offset} {valid}");
    }
    let (cid, id) = (service_cid(), message_id(Opcode::Exchange, ws.handle()));
    let page = RawPages::with(b"not to be written");
    assert_eq!(ReceiveWord::from_word(page.lend(cid, id, 0, 17).0).unwrap().status, malformed);
    RawPages::with(b"given away").give(cid, id, 0, 10);
    let stranger = message_id(Opcode::Exchange, Handle::from_raw(0xff_ffff).unwrap());
    let (word, _) = RawPages::new(1).lend_mut(cid, stranger, 0, 4);
    assert_eq!(ReceiveWord::from_word(word).unwrap().status, Status::NotSent(Code::Closed as u8));
}

#[test]
fn what_was_sent_is_cleared_before_anything_comes() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        for (pages, len) in [(1, 4096), (2, 4097), (4, 9)] {
            let exchange = raw_ask(&ws, pages, len);
            expect(&mut stream, BINARY, &vec![7; len]);
            stream.write_all(&frame(TEXT, b"short")).unwrap();
            let (status, data, rest) = exchange.join().unwrap();
            assert_eq!(status, Status::Chunk { kind: Kind::Text, first: true, last: true });
            assert_eq!(data, b"short");
            assert!(!rest.contains(&7), "{len}");
        }
        let exchange = raw_ask(&ws, 1, 4096);
        expect(&mut stream, BINARY, &[7; 4096]);
        stream.write_all(&frame(CLOSE, &close_payload(4001, "so"))).unwrap();
        let (status, data, rest) = exchange.join().unwrap();
        assert_eq!((status, data.as_slice()), (Status::Closed { code: 4001 }, &b"so"[..]));
        assert!(!rest.contains(&7));
    });
}

#[test]
fn what_comes_late_is_for_the_next_receive() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        for round in 0..3 {
            let start = Instant::now();
            let nothing = ws.exchange_for(Kind::Text, b"now", SHORT).map(drop);
            assert_eq!(nothing, Err(ExchangeError::NotReceived(ReceiveError::NothingCame)), "{round}");
            assert!(start.elapsed() >= SHORT && start.elapsed() < PATIENCE);
            expect(&mut stream, TEXT, b"now");
            stream.write_all(&frame(TEXT, b"late")).unwrap();
            assert_eq!(ws.receive_text(100).as_deref(), Ok("late"));
        }
        // What has begun to come is given, as to any receive.
        stream.write_all(&frame(FIRST_TEXT, b"be")).unwrap();
        let begun = ws.exchange_for(Kind::Text, b"?", PATIENCE / 8).unwrap();
        stream.write_all(&frame(LAST, b"gun")).unwrap();
        assert_eq!(begun.into_text(100).as_deref(), Ok("begun"));
        expect(&mut stream, TEXT, b"?");
    });
}

/// In the service, in a page of this process, and many at once.
#[test]
fn what_came_before_comes_first() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        let numbers: Vec<u8> =
            (0..20).flat_map(|number| frame(TEXT, format!("{number}").as_bytes())).collect();
        stream.write_all(&numbers).unwrap();
        for number in 0..20 {
            let text = ws.exchange_text("next", 100).unwrap();
            assert_eq!(text, number.to_string());
            expect(&mut stream, TEXT, b"next");
        }
        let asking = ask(&ws, "last");
        expect(&mut stream, TEXT, b"last");
        stream
            .write_all(&[frame(TEXT, b"one"), frame(TEXT, b"two"), frame(BINARY, b"three")].concat())
            .unwrap();
        assert_eq!(asking.join().unwrap().as_deref(), Ok("one"));
        assert_eq!(ws.receive_text(100).as_deref(), Ok("two"));
        assert_eq!(ws.receive_whole(100).unwrap(), Payload::Binary(b"three".to_vec()));
    });
}

#[test]
fn an_end_is_told_whoever_brings_it() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        // By the peer, with a Close frame and without; by another thread.
        let ws = open(&peer);
        let mut stream = seen(&streams);
        let asking = ask(&ws, "?");
        expect(&mut stream, TEXT, b"?");
        stream.write_all(&frame(CLOSE, &close_payload(4000, "enough"))).unwrap();
        assert_eq!(asking.join().unwrap(), Err(closed(4000, "enough")));
        drop((ws, stream));
        let ws = open(&peer);
        let mut stream = seen(&streams);
        let asking = ask(&ws, "?");
        expect(&mut stream, TEXT, b"?");
        drop(stream);
        let Err(ExchangeError::NotReceived(ReceiveError::Closed(end))) = asking.join().unwrap() else {
            panic!()
        };
        assert_eq!(end.code.value(), 1006);
        let ws = open(&peer);
        let mut stream = seen(&streams);
        let asking = ask(&ws, "?");
        expect(&mut stream, TEXT, b"?");
        is_parked(&ws, &mut stream);
        let closing = thread::spawn({
            let ws = ws.clone();
            move || ws.close(1000, "").unwrap()
        });
        assert_eq!(read_frame(&mut stream).unwrap().first, CLOSE);
        // What was on its way still comes.
        stream.write_all(&[frame(TEXT, b"!"), frame(CLOSE, &close_payload(1000, ""))].concat()).unwrap();
        assert_eq!(asking.join().unwrap().as_deref(), Ok("!"));
        assert_eq!(closing.join().unwrap().value(), 1000);
        drop((ws, stream));
        nothing_is_left();
    });
}

/// The peer takes nothing: the message is never with the socket.
#[test]
fn a_message_that_no_socket_takes_is_not_sent() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = Websocket::open(&request(&peer).options(Deadlines::new().write(SHORT))).unwrap();
        let stream = seen(&streams);
        // Until the socket is full.
        let word = ExchangeWord::new(Kind::Binary, 1).unwrap().to_word();
        let not_sent = loop {
            match raw(ws.handle(), 48, word, 48 * 4096).0 {
                Status::Refused(code) if code == Code::NothingCame as u8 => (),
                status => break status,
            }
        };
        assert_eq!(not_sent, Status::NotSent(Code::Closed as u8));
        drop((ws, stream));
        nothing_is_left();
    });
}

#[test]
fn no_more_pages_wait_than_of_receives() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        let waiting: Vec<_> = (0..PARKED_RECEIVES).map(|_| raw_ask(&ws, 1, 1)).collect();
        (0..PARKED_RECEIVES).for_each(|_| expect(&mut stream, BINARY, &[7]));
        stats_when(|stats| stats.open_messages == 1 + PARKED_RECEIVES as u32);
        let busy = raw_ask(&ws, 1, 1).join().unwrap().0;
        // It may have been sent before the fourth was parked, but not waited for.
        assert_eq!(busy, Status::Refused(Code::BusyReceives as u8));
        expect(&mut stream, BINARY, &[7]);
        drop(stream);
        for page in waiting {
            assert_eq!(page.join().unwrap().0, Status::Closed { code: 1006 });
        }
    });
}

/// Each message is answered once, and nobody waits for the others before it sends.
#[test]
fn threads_exchange_on_one_connection() {
    system!().run(|| {
        let peer = echo();
        let ws = open(&peer);
        let threads: Vec<_> = (0..4_u8)
            .map(|number| {
                let ws = ws.clone();
                thread::spawn(move || {
                    let message = Payload::Binary(vec![number; 1 + 3000 * usize::from(number)]);
                    let answers = (0..100).map(|_| ws.exchange_whole(&message, LIMIT).unwrap().into_bytes());
                    answers.map(|answer| answer[0]).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut counts = [0; 4];
        for number in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            counts[usize::from(number)] += 1;
        }
        assert_eq!(counts, [100; 4]);
        drop(ws);
        nothing_is_left();
    });
}

#[test]
fn a_message_goes_out_while_another_thread_receives() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        nothing_is_open();
        let receiving = thread::spawn({
            let ws = ws.clone();
            move || ws.receive_text(100)
        });
        stats_when(|stats| stats.open_messages == 2);
        let asking = ask(&ws, "?");
        expect(&mut stream, TEXT, b"?");
        stream.write_all(&frame(TEXT, b"one")).unwrap();
        assert_eq!(receiving.join().unwrap().as_deref(), Ok("one"));
        stream.write_all(&frame(TEXT, b"two")).unwrap();
        assert_eq!(asking.join().unwrap().as_deref(), Ok("two"));
        // And others send while one waits for what comes.
        let asking = ask(&ws, "?");
        expect(&mut stream, TEXT, b"?");
        ws.send_text("more").unwrap();
        expect(&mut stream, TEXT, b"more");
        stream.write_all(&frame(TEXT, b"three")).unwrap();
        assert_eq!(asking.join().unwrap().as_deref(), Ok("three"));
    });
}

/// Of what is under way the next owner gets nothing, and the former one nothing that comes later.
#[test]
fn a_grant_ends_an_exchange() {
    system!()
        .role("owner", || {
            let (peer, streams) = peers::silent();
            let ws = open(&peer);
            let mut stream = seen(&streams);
            let asking = ask(&ws, "?");
            expect(&mut stream, TEXT, b"?");
            stats_when(|stats| stats.open_messages == 2);
            let heir = hear().parse().unwrap();
            let handle = ws.grant(heir).unwrap();
            assert_eq!(asking.join().unwrap(), Err(closed(1006, "")));
            stream.write_all(&frame(TEXT, b"for the next one")).unwrap();
            tell("heir", &handle.to_raw().to_string());
            expect(&mut stream, TEXT, b"mine");
            stream.write_all(&frame(TEXT, b"yours")).unwrap();
            assert_eq!(hear(), "received");
        })
        .role("heir", || {
            tell("owner", &xous::current_pid().unwrap().to_string());
            let ws = Websocket::from_granted(Handle::from_raw(hear().parse().unwrap()).unwrap()).unwrap();
            assert_eq!(ws.receive_text(100).as_deref(), Ok("for the next one"));
            assert_eq!(ws.exchange_text("mine", 100).as_deref(), Ok("yours"));
            tell("owner", "received");
        })
        .run_roles();
}

#[test]
fn a_server_that_is_forwarded_to_takes_turns() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        let sid = xous::create_server().unwrap();
        let forwarding = ws.forward_to(xous::connect(sid).unwrap(), 5).unwrap();
        let mut messages = Assembler::new(100);
        let mut pushed = || loop {
            let envelope = xous::receive_message(sid).unwrap();
            if let Some(message) = messages.receive(&envelope).transpose() {
                return message.unwrap();
            }
        };
        stream.write_all(&frame(TEXT, b"one")).unwrap();
        assert_eq!(pushed(), Payload::Text("one".to_owned()));
        // Who asks has lent a page before the server does.
        let asking = ask(&ws, "?");
        expect(&mut stream, TEXT, b"?");
        is_parked(&ws, &mut stream);
        stream.write_all(&[frame(TEXT, b"two"), frame(TEXT, b"three")].concat()).unwrap();
        assert_eq!(asking.join().unwrap().as_deref(), Ok("two"));
        assert_eq!(pushed(), Payload::Text("three".to_owned()));
        forwarding.stop();
        is_answered(&ws, &mut stream, "?", "four");
    });
}
