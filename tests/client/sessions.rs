//! What the sessions of a connection have in common that is opened again.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::{ConnectionOptions, Event, Limits, Reconnect, Websocket};

use crate::common::raw::{FIRST_TEXT, LAST, TEXT, frame, read_frame};
use crate::common::{PATIENCE, nothing_is_left, peers, request, seen, system};

const SHORT: Duration = Duration::from_millis(100);

fn policy() -> Reconnect {
    Reconnect::new().first(SHORT).largest(SHORT).jitter(0)
}

fn reconnecting(ws: &Websocket) {
    let event = ws.receive_event();
    assert!(matches!(event, Ok(Event::Reconnecting { .. })), "{event:?}");
}

fn reopened(ws: &Websocket) {
    let event = ws.receive_event();
    assert!(matches!(event, Ok(Event::Reopened { .. })), "{event:?}");
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
