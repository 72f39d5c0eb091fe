//! What is known of the peer's being there.

use std::time::Duration;

use xous_api_websocket::Deadlines;

use crate::proto::{Keepalive, RoundTrip};
use crate::sync::atomic::AtomicBool;
use crate::sync::{Instant, Mutex};

/// Of a connection. Who competes: the reader (what came, pongs), the writer (pings), the timer, and the dispatcher.
pub(super) struct Liveness {
    /// The peer is pinged when it is silent.
    pub(super) pings: AtomicBool,
    /// Something came from the peer since the timer last looked.
    pub(super) heard: AtomicBool,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    /// Of a peer that is pinged.
    pub(super) keepalive: Option<Keepalive>,
    pub(super) pong: Duration,
    /// How often that was changed.
    pub(super) changes: u32,
    /// A message goes out that often.
    pub(super) heartbeat: Option<Duration>,
    /// Pings of the service so far.
    pub(super) number: u32,
    /// What the last ping said and since when it is with the socket, and the one before it, as the way may be longer than the
    /// interval.
    pub(super) asked: [Option<(Box<[u8]>, Instant)>; 2],
    pub(super) round_trip: RoundTrip,
}

impl Liveness {
    pub(super) fn new(deadlines: &Deadlines) -> Self {
        let (interval, pong) = (deadlines.keepalive, deadlines.pong);
        let state = State {
            keepalive: interval.map(|interval| Keepalive::new(interval, pong)),
            pong,
            changes: 0,
            heartbeat: None,
            number: 0,
            asked: [None, None],
            round_trip: RoundTrip::default(),
        };
        let pings = AtomicBool::new(interval.is_some());
        Liveness { pings, heard: AtomicBool::new(false), state: Mutex::new(state) }
    }
}
