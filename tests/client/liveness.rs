//! Pings that say how far away the peer is, and whether it is there.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::ControlError;
use xous_api_websocket::state::{Phase, RoundTrip};
use xous_api_websocket::{Code, Deadlines, Websocket};

use crate::common::raw::{CLOSE, PING, PONG, frame, read_frame};
use crate::common::{PATIENCE, nothing_is_left, open, peers, request, seen, stats_when, system};

const SHORT: Duration = Duration::from_millis(100);

/// A peer that reports what comes. It answers pings after this time, each behind two pongs that answer nothing; or never.
fn peer(after: Option<Duration>) -> (Peer, Receiver<u8>) {
    peers::by_hand(move |mut stream, kinds: &Sender<u8>| {
        while let Ok(received) = read_frame(&mut stream) {
            match (received.first, after) {
                (PING, Some(after)) => {
                    stream.write_all(&frame(PONG, b"")).unwrap();
                    stream.write_all(&frame(PONG, b"another")).unwrap();
                    // What is to be measured.
                    std::thread::sleep(after);
                    stream.write_all(&frame(PONG, &received.payload)).unwrap();
                }
                (CLOSE, _) => stream.write_all(&frame(CLOSE, &received.payload)).unwrap(),
                _ => (),
            }
            kinds.send(received.first).ok();
        }
    })
}

/// When so long a trip has been seen.
fn round_trip(ws: &Websocket, when: impl Fn(&RoundTrip) -> bool) -> RoundTrip {
    let start = Instant::now();
    loop {
        if let Some(trip) = ws.state().unwrap().round_trip.filter(&when) {
            return trip;
        }
        assert!(start.elapsed() < PATIENCE, "{:?}", ws.state());
    }
}

#[test]
fn a_pong_says_how_long_the_way_is() {
    system!().run(|| {
        let (peer, kinds) = peer(Some(SHORT));
        let keepalive = Deadlines::new().keepalive(SHORT).pong(PATIENCE);
        for by_service in [true, false] {
            let deadlines = if by_service { keepalive } else { Deadlines::default() };
            let ws = Websocket::open(&request(&peer).options(deadlines)).unwrap();
            if !by_service {
                assert_eq!(ws.state().unwrap().round_trip, None);
                ws.ping(b"mine").unwrap();
            }
            let trip = round_trip(&ws, |_| true);
            assert!(trip.least >= SHORT && trip.least < PATIENCE, "{trip:?}");
            assert!(trip.last >= trip.least && trip.mean >= trip.least, "{trip:?}");
            ws.close(1000, "").unwrap();
            while seen(&kinds) != CLOSE {}
        }
    });
}

#[test]
fn pings_can_be_turned_on_and_off_while_a_connection_is_open() {
    system!().run(|| {
        let (peer, kinds) = peer(Some(Duration::ZERO));
        // So that the timer soon forgets what was written.
        let ws = Websocket::open(&request(&peer).options(Deadlines::new().write(5 * SHORT))).unwrap();
        let off = stats_when(|stats| stats.timers == 0);
        ws.set_keepalive(Some(SHORT), PATIENCE).unwrap();
        (0..3).for_each(|_| assert_eq!(seen(&kinds), PING));
        // Not twice as often for being said twice.
        ws.set_keepalive(Some(4 * SHORT), PATIENCE).unwrap();
        ws.set_keepalive(Some(4 * SHORT), PATIENCE).unwrap();
        while kinds.try_recv().is_ok() {}
        let start = Instant::now();
        (0..3).for_each(|_| assert_eq!(seen(&kinds), PING));
        assert!(start.elapsed() >= 7 * SHORT, "{:?}", start.elapsed());
        ws.set_keepalive(None, PATIENCE).unwrap();
        assert_eq!(stats_when(|stats| stats.timers == 0).connections, off.connections);
        while kinds.try_recv().is_ok() {}
        assert!(kinds.recv_timeout(8 * SHORT).is_err(), "no more pings");
        ws.close(1000, "").unwrap();
        assert_eq!(ws.set_keepalive(Some(SHORT), SHORT), Err(ControlError::Closed));
        nothing_is_left();
    });
}

#[test]
fn a_peer_that_is_gone_is_named_as_such() {
    system!().run(|| {
        let (peer, _kinds) = peer(None);
        let ws = open(&peer);
        assert_eq!(ws.state().unwrap().end, None);
        ws.set_keepalive(Some(SHORT), SHORT).unwrap();
        ws.receive_text(1).unwrap_err();
        for _ in 0..2 {
            let state = ws.state().unwrap();
            assert_eq!((state.phase, state.end), (Phase::Closed, Some(Code::NoPong)));
            nothing_is_left();
        }
        // Not so who says good bye.
        let echo = Peer::echo().unwrap();
        let ws = open(&echo);
        ws.close(1000, "").unwrap();
        assert_eq!(ws.state().unwrap().end, None);
    });
}
