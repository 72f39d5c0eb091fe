//! The device sleeps: the service does not hold that up, and asks at once afterwards whether its peers are still there.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hosted::{SUSPEND_NOW, SUSRES};
use xous::Message;
use xous_api_names::XousNames;
use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::state::Phase;
use xous_api_websocket::{CloseCode, Code, Deadlines, Event, Reconnect, Websocket};

use crate::common::raw::{self, PING, PONG, frame, read_frame};
use crate::common::{PATIENCE, nothing_is_left, open, peers, request, seen, service_cid, stats_when, system};

const HOUR: Duration = Duration::from_secs(3600);

/// Reports pings, and answers them if it lives.
fn session(mut stream: TcpStream, lives: bool, pings: &Sender<()>) {
    while let Ok(received) = read_frame(&mut stream) {
        if received.first == PING {
            pings.send(()).ok();
            if lives {
                stream.write_all(&frame(PONG, &received.payload)).unwrap();
            }
        }
    }
}

/// Suspends the device, and returns when it is awake again: whether it has slept, and after which time.
fn suspend(susres: xous::CID) -> (usize, Duration) {
    let start = Instant::now();
    match xous::send_message(susres, Message::new_blocking_scalar(SUSPEND_NOW, 0, 0, 0, 0)) {
        Ok(xous::Result::Scalar1(slept)) => (slept, start.elapsed()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn peers_are_asked_at_once_when_the_device_has_slept() {
    system!().suspends().run(|| {
        let susres = XousNames::new().unwrap().request_connection_blocking(SUSRES).unwrap();
        let [(living, asked), (gone, asked_in_vain), (unasked, none)] = [true, false, true]
            .map(|lives| peers::by_hand(move |stream, pings| session(stream, lives, pings)));
        let opened = |peer, deadlines| Websocket::open(&request(peer).options(deadlines)).unwrap();
        let asks = Deadlines::new().keepalive(HOUR).pong(PATIENCE);
        let alive = opened(&living, asks);
        let dead = opened(&gone, asks.pong(Duration::from_millis(500)));
        let quiet = opened(&unasked, Deadlines::new().keepalive(None).pong(PATIENCE));
        for night in 1..=3 {
            let (slept, took) = suspend(susres);
            assert!(slept == 1 && took < Duration::from_secs(2), "{slept} after {took:?}");
            seen(&asked);
            if night == 1 {
                let start = Instant::now();
                let ReceiveError::Closed(closed) = dead.receive().unwrap_err() else { panic!() };
                assert_eq!(
                    (closed.code, dead.state().unwrap().end),
                    (CloseCode::ABNORMAL, Some(Code::NoPong))
                );
                assert!(start.elapsed() < PATIENCE);
                seen(&asked_in_vain);
            }
            // The answer has come when the round trip is known.
            let start = Instant::now();
            while alive.state().unwrap().round_trip.is_none() {
                assert!(start.elapsed() < PATIENCE);
            }
        }
        assert_eq!([&alive, &quiet].map(|ws| ws.state().unwrap().phase), [Phase::Open; 2]);
        assert!(none.try_recv().is_err() && asked_in_vain.try_recv().is_err());
        alive.close(1000, "").ok();
        quiet.close(1000, "").ok();
        nothing_is_left();
    });
}

/// An attempt that is due in an hour is due when the device wakes; one before which the owner is asked is not, nor one that the
/// server has put off, before its time.
#[test]
fn a_connection_that_waits_to_be_opened_again_does_so_when_the_device_has_slept() {
    system!().suspends().run(|| {
        let susres = XousNames::new().unwrap().request_connection_blocking(SUSRES).unwrap();
        let (restarted, openings) = peers::by_hand(|stream, openings| {
            openings.send(()).unwrap();
            drop(stream);
        });
        let busy = |seconds| {
            peers::serve(move |mut stream, asked| {
                raw::read_head(&mut stream);
                let retry = format!("Retry-After: {seconds}\r\n");
                write!(stream, "HTTP/1.1 503 Busy\r\n{retry}Content-Length: 0\r\n\r\n").unwrap();
                asked.send(Instant::now()).unwrap();
            })
        };
        let ((busy, asked), (hasty, asked_twice)) = (busy(3600), busy(2));
        let hourly = Reconnect::new().first(HOUR).largest(HOUR).before_open(true);
        let open = |peer, policy| {
            let ws = Websocket::open(&request(peer).reconnect(policy)).unwrap();
            assert!(matches!(ws.receive_event(), Ok(Event::Reconnecting { .. })));
            ws
        };
        let (waits, put_off, put_off_shortly) =
            (open(&restarted, hourly), open(&busy, hourly), open(&hasty, hourly));
        seen(&openings);
        let asks = open(&restarted, hourly.asks(HOUR));
        seen(&openings);
        seen(&asked);
        assert_eq!(suspend(susres).0, 1);
        assert!(matches!(waits.receive_event(), Ok(Event::Reopened { .. })));
        seen(&openings);
        assert!(asked.try_recv().is_err() && openings.try_recv().is_err());
        asks.reconnect_now().unwrap();
        seen(&openings);
        let (first, second) = (seen(&asked_twice), seen(&asked_twice));
        assert!(second - first >= Duration::from_secs(2), "what the server has asked for");
        drop((waits, put_off, put_off_shortly, asks));
        nothing_is_left();
    });
}

#[test]
fn nobody_else_can_say_that_the_device_sleeps() {
    system!().suspends().run(|| {
        let susres = XousNames::new().unwrap().request_connection_blocking(SUSRES).unwrap();
        let (peer, pings) = peers::by_hand(move |stream, pings| session(stream, true, pings));
        let ws = Websocket::open(&request(&peer).options(Deadlines::new().keepalive(HOUR))).unwrap();
        let other = open(&peer);
        stats_when(|stats| stats.connections == 2 && stats.timers == 1);
        for words in [[0; 4], [0, 0, 1, 0], [usize::MAX; 4]] {
            let [a, b, c, d] = words;
            xous::send_message(service_cid(), Message::new_scalar(0, a, b, c, d)).unwrap();
        }
        let stats = stats_when(|stats| stats.connections == 2);
        assert_eq!(stats.timers, 1, "a check would be one");
        assert_eq!(suspend(susres).0, 1);
        seen(&pings);
        drop((ws, other));
        nothing_is_left();
    });
}
