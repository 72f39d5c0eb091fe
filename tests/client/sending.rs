//! What is chosen per message: sends that are not waited for and report when they are done, frames of a size, and how
//! much waits.

use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use hosted::peer::Peer;
use xous_api_websocket::error::SendError;
use xous_api_websocket::{Code, Kind, Payload, SendOptions};

use crate::common::raw::{CLOSE, FIRST_BINARY, LAST, MIDDLE, read_frame};
use crate::common::{PATIENCE, nothing_is_left, open, pattern, peers, seen, system};

/// The next report: tag, code, bytes and handle.
fn report(sid: xous::SID, opcode: usize) -> [usize; 4] {
    let envelope = xous::receive_message(sid).unwrap();
    assert_eq!(envelope.body.id(), opcode);
    let scalar = envelope.body.scalar_message().expect("a scalar");
    [scalar.arg1, scalar.arg2, scalar.arg3, scalar.arg4]
}

/// A peer that reads when it is told to.
fn slow_peer() -> (Peer, Sender<()>, Receiver<usize>) {
    let (reads, told) = channel();
    let told = std::sync::Mutex::new(told);
    let (peer, came) = peers::by_hand(move |mut stream: TcpStream, came: &Sender<usize>| {
        told.lock().unwrap().recv().unwrap();
        while let Ok(frame) = read_frame(&mut stream) {
            if frame.first == CLOSE {
                return;
            }
            came.send(frame.payload.len()).ok();
        }
    });
    (peer, reads, came)
}

#[test]
fn a_send_reports_when_it_is_done() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let ws = open(&peer);
        let handle = ws.handle().to_raw() as usize;
        let options = SendOptions::new().report_to(cid, 9);
        for (tag, len) in [(1, 0), (2, 10), (3, 100_000)] {
            ws.send_with(Kind::Binary, &pattern(len), options.tag(tag)).unwrap();
            assert!(ws.receive_whole(len).unwrap() == Payload::Binary(pattern(len)));
            assert_eq!(report(sid, 9), [tag, 0, len, handle]);
        }
        // A text that is none is found by the service.
        ws.send_with(Kind::Text, b"\xff", options.tag(4)).unwrap();
        assert_eq!(report(sid, 9), [4, Code::InvalidText as usize, 1, handle]);
        ws.close(1000, "").unwrap();
        ws.send_with(Kind::Text, b"late", options.tag(5)).unwrap();
        assert_eq!(report(sid, 9), [5, Code::Closed as usize, 4, handle]);
        nothing_is_left();
    });
}

#[test]
fn what_waits_is_counted_and_bounded_and_goes_out_in_order() {
    const LONG: usize = 8 << 20;
    system!().run(|| {
        let (peer, read, came) = slow_peer();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let ws = open(&peer);
        let none = ws.state().unwrap();
        assert_eq!((none.queued_sends, none.queued_bytes), (0, 0));
        let options = SendOptions::new().report_to(cid, 9);
        // More than the sockets on the way take.
        ws.send_with(Kind::Binary, &vec![0; LONG], options.tag(0)).unwrap();
        for tag in 1..16 {
            ws.send_with(Kind::Binary, &[1; 100], options.tag(tag)).unwrap();
        }
        let state = ws.state().unwrap();
        assert!(state.queued_sends >= 16 && state.queued_bytes >= LONG + 1500, "{state:?}");
        let refused = ws.send_with(Kind::Binary, b"", options.tag(16));
        assert_eq!(refused, Err(SendError::Busy(Code::BusyQueue)));
        read.send(()).unwrap();
        for tag in 0..16 {
            let [told, code, ..] = report(sid, 9);
            assert_eq!((told, code), (tag, 0));
        }
        let mut total = 0;
        while total < LONG + 1500 {
            total += seen(&came);
        }
        let start = Instant::now();
        while ws.state().unwrap().queued_sends > 0 {
            assert!(start.elapsed() < PATIENCE);
        }
    });
}

#[test]
fn moved_messages_that_wait_are_counted_by_the_service() {
    system!().run(|| {
        let (peer, read, came) = slow_peer();
        let ws = open(&peer);
        let long = vec![0; 64 * 1024];
        // The first one fills the sockets on the way, as they are made for more than it; then some wait.
        let start = Instant::now();
        let mut sent = 0;
        while ws.state().unwrap().queued_sends == 0 {
            ws.send_async(Kind::Binary, &long).unwrap();
            sent += 1;
            assert!(start.elapsed() < PATIENCE);
        }
        let state = ws.state().unwrap();
        assert_eq!(state.queued_bytes, state.queued_sends * long.len(), "{state:?}");
        read.send(()).unwrap();
        (0..sent).for_each(|_| assert_eq!(seen(&came), long.len()));
    });
}

#[test]
fn a_message_has_frames_of_the_size_that_was_chosen_for_it() {
    system!().run(|| {
        let (peer, frames) = peers::by_hand(|mut stream, frames: &Sender<(u8, usize)>| {
            while let Ok(frame) = read_frame(&mut stream) {
                frames.send((frame.first, frame.payload.len())).ok();
            }
        });
        let ws = open(&peer);
        ws.send_with(Kind::Binary, &pattern(250), SendOptions::new().frame_size(100)).unwrap();
        let all: Vec<_> = (0..3).map(|_| seen(&frames)).collect();
        assert_eq!(all, [(FIRST_BINARY, 100), (MIDDLE, 100), (LAST, 50)]);
    });
}
