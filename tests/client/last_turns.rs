//! What lies in front of the peer's Close frame is answered before the Close frame is (RFC 6455 section 5.5.1).

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::{Closed, ControlError, ReceiveError, SendError};
use xous_api_websocket::wire::{Opcode, PAGE_SIZE, Pages, ReceiveWord, Status, message_id};
use xous_api_websocket::{Deadlines, Kind, Websocket};

use crate::common::raw::{CLOSE, Frame, TEXT, close_payload, frame, read_frame};
use crate::common::{
    nothing_is_left, nothing_is_open, open, peers, request, seen, service_cid, stats_when, system,
};

/// As short as is waited for a program that has no answer.
const SHORT: Duration = Duration::from_millis(300);

/// A peer that sends `many` numbers and a Close frame in one write, when it has been told so with a message if it
/// `waits`, and reports what comes, until that is a Close.
fn burst_of(many: usize, waits: bool) -> (Peer, Receiver<(Frame, Instant)>) {
    peers::by_hand(move |mut stream, frames: &Sender<(Frame, Instant)>| {
        if waits {
            assert_eq!(read_frame(&mut stream).unwrap().first, TEXT);
        }
        let mut bytes: Vec<u8> = (0..many).flat_map(|number| frame(TEXT, text(number).as_bytes())).collect();
        bytes.extend(frame(CLOSE, &close_payload(4001, "that is all")));
        stream.write_all(&bytes).unwrap();
        loop {
            let Ok(frame) = read_frame(&mut stream) else { return };
            let last = frame.first == CLOSE;
            frames.send((frame, Instant::now())).unwrap();
            if last {
                return;
            }
        }
    })
}

fn burst(many: usize) -> (Peer, Receiver<(Frame, Instant)>) {
    burst_of(many, false)
}

fn text(number: usize) -> String {
    format!("number {number}")
}

/// The numbers in their order, and the Close frame that answers the peer's.
fn expect(frames: &Receiver<(Frame, Instant)>, many: usize) -> Instant {
    for number in 0..many {
        let frame = seen(frames).0;
        assert_eq!((frame.first, frame.payload), (TEXT, text(number).into_bytes()), "of {many}");
    }
    let (close, when) = seen(frames);
    assert_eq!(close.close(), (4001, String::new()));
    when
}

fn ended() -> ReceiveError {
    ReceiveError::Closed(Closed::new(4001, "that is all"))
}

#[test]
fn a_burst_is_answered_before_the_close_behind_it() {
    system!().run(|| {
        for many in [1, 2, 200] {
            let (peer, frames) = burst(many);
            let ws = open(&peer);
            for number in 0..many {
                let got = ws.receive_text(20).unwrap();
                assert_eq!(got, text(number));
                ws.send_text(&got).unwrap();
            }
            assert_eq!(ws.receive_text(20), Err(ended()));
            expect(&frames, many);
            assert_eq!(ws.send_text("late"), Err(SendError::Closed));
        }
        nothing_is_left();
    });
}

/// The answers are queued when the program asks for more, and go out all the same.
#[test]
fn answers_that_nobody_waits_for_go_out_before_the_close() {
    system!().run(|| {
        let (peer, frames) = burst(8);
        let ws = open(&peer);
        let texts: Vec<_> = (0..8).map(|_| ws.receive_text(20).unwrap()).collect();
        texts.iter().for_each(|text| ws.send_async(Kind::Text, text.as_bytes()).unwrap());
        assert_eq!(ws.receive_text(20), Err(ended()));
        expect(&frames, 8);
        assert_eq!(ws.state().unwrap().failed_sends, 0);
        drop(ws);
        nothing_is_left();
    });
}

/// Each of two threads lends a page of its own and gets a message; the one that asks for more first does not speak for
/// the other.
#[test]
fn everybody_who_has_a_message_is_waited_for() {
    system!().run(|| {
        let (peer, frames) = burst_of(2, true);
        let ws = open(&peer);
        let id = message_id(Opcode::Receive, ws.handle());
        let receive = move || {
            let mut page = Pages::new(PAGE_SIZE);
            let returned = page.lend_mut(service_cid(), id, 0, 0, PAGE_SIZE).unwrap();
            (ReceiveWord::from_word(returned.offset).unwrap().status, page.bytes()[..returned.valid].to_vec())
        };
        let (sender, ends) = channel();
        let receiver = |answers: Option<Websocket>| {
            let sender = sender.clone();
            thread::spawn(move || {
                receive();
                if let Some(ws) = answers {
                    // The other one has asked for more long since.
                    thread::sleep(SHORT);
                    (0..2).for_each(|number| ws.send_text(&text(number)).unwrap());
                }
                sender.send(receive()).unwrap();
            })
        };
        nothing_is_open();
        let threads = [receiver(None), receiver(Some(ws.clone()))];
        stats_when(|stats| stats.open_messages == 3);
        ws.send_text("go").unwrap();
        expect(&frames, 2);
        for _ in 0..2 {
            assert_eq!(seen(&ends), (Status::Closed { code: 4001 }, b"that is all".to_vec()));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_program_that_asks_for_nothing_costs_the_close_deadline() {
    system!().run(|| {
        let (peer, frames) = burst(1);
        let ws = Websocket::open(&request(&peer).options(Deadlines::new().close(SHORT))).unwrap();
        assert_eq!(ws.receive_text(20).unwrap(), text(0));
        let start = Instant::now();
        ws.send_text(&text(0)).unwrap();
        let took = expect(&frames, 1) - start;
        assert!(took < 20 * SHORT, "{took:?}");
        assert_eq!(ws.receive_text(20), Err(ended()));
        drop(ws);
        nothing_is_left();
    });
}

/// Nobody is waited for who has got nothing, or has asked for the end.
#[test]
fn an_end_that_is_wanted_comes_at_once() {
    system!().run(|| {
        let start = Instant::now();
        let (peer, frames) = burst(0);
        let ws = open(&peer);
        expect(&frames, 0);
        assert_eq!(ws.receive_text(20), Err(ended()));
        let (peer, frames) = burst(1);
        let ws = open(&peer);
        ws.receive_text(20).unwrap();
        assert_eq!(ws.close(4002, "").map(u16::from), Ok(4001));
        assert_eq!(seen(&frames).0.close().0, 4002);
        assert_eq!(ws.close(4002, ""), Err(ControlError::Closed));
        let (peer, frames) = burst(1);
        let ws = open(&peer);
        ws.receive_text(20).unwrap();
        ws.send_async(Kind::Text, text(0).as_bytes()).unwrap();
        // Who has answered is waited for so shortly that the peer's Close may be answered before this is asked for.
        let closed = ws.close(4002, "");
        assert!(matches!(closed, Ok(_) | Err(ControlError::Closed)), "{closed:?}");
        assert_eq!(seen(&frames).0.payload, text(0).into_bytes());
        let (code, _) = seen(&frames).0.close();
        assert!(matches!(code, 4001 | 4002), "{code}");
        let took = start.elapsed();
        assert!(took < Deadlines::default().close, "{took:?}");
        nothing_is_left();
    });
}
