//! What the sessions of a connection have in common that is opened again, and what is sent between two of them.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hosted::peer::Peer;
use xous_api_websocket::error::{ControlError, QueueError, ReceiveError, SendError};
use xous_api_websocket::state::Phase;
use xous_api_websocket::{CloseCode, Code, ConnectionOptions, Deadlines, Kind, Limits, Reconnect, Websocket};

use crate::common::raw::{CLOSE, FIRST_TEXT, LAST, TEXT, close_payload, frame, read_frame};
use crate::common::{PATIENCE, nothing_is_left, peers, reconnecting, reopened, request, seen, system};

const SHORT: Duration = Duration::from_millis(100);

fn policy() -> Reconnect {
    Reconnect::new().first(SHORT).largest(SHORT).jitter(0)
}

#[test]
fn another_request_leaves_limits_and_the_policy_as_they_were() {
    system!().run(|| {
        let number = AtomicUsize::new(0);
        let (peer, frames) = peers::by_hand(move |mut stream, frames| {
            if number.fetch_add(1, SeqCst) == 0 {
                return;
            }
            for _ in 0..2 {
                frames.send(read_frame(&mut stream).unwrap()).unwrap();
            }
            stream.write_all(&frame(TEXT, &[b'x'; 10])).unwrap();
            stream.write_all(&frame(TEXT, &[b'x'; 11])).unwrap();
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        });
        let options = ConnectionOptions::new().limits(Limits::new().message(10)).fragment_size(4);
        let first = request(&peer).options(options).reconnect(policy().asks(PATIENCE));
        let ws = Websocket::open(&first).unwrap();
        reconnecting(&ws);
        // Of this one neither is taken, so that it may have a policy that cannot be.
        let other = request(&peer).reconnect(Reconnect::new().first(Duration::ZERO));
        ws.reconnect_with(&other).unwrap();
        reopened(&ws);
        ws.send_text("12345678").unwrap();
        let (one, two) = (seen(&frames), seen(&frames));
        assert_eq!((one.first, one.payload.len(), two.first, two.payload.len()), (FIRST_TEXT, 4, LAST, 4));
        assert_eq!(ws.receive_text(100).unwrap().len(), 10);
        let ReceiveError::Closed(closed) = ws.receive_text(100).unwrap_err() else { panic!() };
        assert_eq!(u16::from(closed.code), 1009);
        nothing_is_left();
    });
}

/// A peer whose first session closes with 1012, and ends the transport when it is told to; of the next one each frame is
/// reported. The connection when its own Close frame is out.
fn closing(policy: Reconnect) -> (Peer, Websocket, Receiver<Vec<u8>>, Sender<()>) {
    let (lets_go, go) = channel();
    let (number, go) = (AtomicUsize::new(0), Arc::new(Mutex::new(go)));
    let (peer, frames) = peers::by_hand(move |mut stream: TcpStream, frames: &Sender<Vec<u8>>| {
        let first = number.fetch_add(1, SeqCst) == 0;
        if first {
            stream.write_all(&frame(CLOSE, &close_payload(1012, "restart"))).unwrap();
        }
        while let Ok(got) = read_frame(&mut stream) {
            if got.first == CLOSE && !first {
                stream.write_all(&frame(CLOSE, &got.payload)).ok();
                return;
            }
            frames.send(got.payload).ok();
        }
        if first {
            go.lock().unwrap().recv_timeout(PATIENCE).ok();
        }
    });
    let deadlines = Deadlines::new().close(PATIENCE);
    let ws = Websocket::open(&request(&peer).options(deadlines).reconnect(policy)).unwrap();
    assert_eq!(seen(&frames)[..2], 1012_u16.to_be_bytes(), "its answer");
    (peer, ws, frames, lets_go)
}

/// A peer that restarts takes its time to end the transport.
#[test]
fn what_is_sent_behind_a_close_that_is_no_end_waits_for_the_next_session() {
    system!().run(|| {
        let (_peer, ws, frames, lets_go) = closing(policy().queues(true));
        for number in 0..8 {
            ws.send_async(Kind::Text, &[b'0' + number]).unwrap();
        }
        for number in 8..10 {
            ws.queue(Kind::Text, &[b'0' + number]).unwrap();
        }
        let flushes = {
            let ws = ws.clone();
            thread::spawn(move || ws.flush().unwrap())
        };
        while ws.state().unwrap().queued_sends < 10 {
            thread::yield_now();
        }
        // As many as a queue holds, and no more.
        let more = (0..100).filter(|_| ws.send_async(Kind::Text, b"more").is_ok()).count();
        assert!((1..16).contains(&more), "{more}");
        assert_eq!(ws.state().unwrap().failed_sends, 0);
        lets_go.send(()).unwrap();
        reconnecting(&ws);
        reopened(&ws);
        flushes.join().unwrap();
        (0..10).for_each(|number| assert_eq!(seen(&frames), [b'0' + number]));
        (0..more).for_each(|_| assert_eq!(seen(&frames), b"more"));
        assert_eq!(ws.state().unwrap().failed_sends, 0);
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn what_is_sent_behind_a_close_that_is_no_end_is_refused_as_while_it_is_opened_again() {
    system!().run(|| {
        let (_peer, ws, frames, lets_go) = closing(policy());
        let refused = SendError::Refused(Code::Reconnecting);
        assert_eq!(ws.send_text("refused"), Err(refused));
        ws.send_async(Kind::Text, b"refused").unwrap();
        assert_eq!(ws.state().unwrap().failed_sends, 1);
        for number in 0..2 {
            ws.queue(Kind::Text, &[b'0' + number]).unwrap();
        }
        assert_eq!(ws.flush(), Err(QueueError::NotSent(refused)));
        assert_eq!(ws.state().unwrap().queued_sends, 2, "they still wait");
        lets_go.send(()).unwrap();
        reconnecting(&ws);
        reopened(&ws);
        ws.flush().unwrap();
        (0..2).for_each(|number| assert_eq!(seen(&frames), [b'0' + number]));
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn what_waits_for_the_next_session_ends_with_a_close_or_a_stop_of_the_owner() {
    system!().run(|| {
        for closes in [true, false] {
            let (_peer, ws, frames, lets_go) = closing(policy().queues(true));
            let sends = {
                let ws = ws.clone();
                thread::spawn(move || ws.send_text("waits"))
            };
            while ws.state().unwrap().queued_sends == 0 {
                thread::yield_now();
            }
            match closes {
                true => assert_eq!(ws.close(1000, "").map(u16::from), Ok(1012)),
                false => ws.reconnect_stop().unwrap(),
            }
            assert_eq!(sends.join().unwrap(), Err(SendError::Closed));
            assert_eq!(ws.send_text("too late"), Err(SendError::Closed));
            lets_go.send(()).unwrap();
            let ReceiveError::Closed(closed) = ws.receive_event().unwrap_err() else { panic!() };
            assert_eq!((closed.code, ws.state().unwrap().phase), (CloseCode::from(1012), Phase::Closed));
            assert!(frames.try_recv().is_err(), "there is no other session");
            nothing_is_left();
        }
    });
}

/// Its peer has closed and will be back.
#[test]
fn pings_are_set_for_the_next_session_behind_a_close_that_is_no_end() {
    system!().run(|| {
        let (_peer, ws, frames, lets_go) = closing(policy());
        assert_eq!(ws.state().unwrap().phase, Phase::Closing);
        ws.set_keepalive(Some(SHORT), PATIENCE).unwrap();
        let nobody = xous::PID::new(32).unwrap();
        assert_eq!(ws.clone().grant(nobody), Err(ControlError::Refused(Code::Reconnecting)));
        lets_go.send(()).unwrap();
        reconnecting(&ws);
        reopened(&ws);
        assert_eq!(seen(&frames).len(), 4, "a ping of the service");
        ws.close(1000, "").unwrap();
        assert_eq!(ws.set_keepalive(None, PATIENCE), Err(ControlError::Closed));
        nothing_is_left();
    });
}
