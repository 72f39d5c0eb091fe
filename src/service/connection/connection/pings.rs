//! Whether the peer is there, and that it hears of us.

use std::sync::Arc;
use std::time::Duration;

use xous_api_websocket::state::Phase;
use xous_api_websocket::{Code, Deadlines};

use super::super::deadline::Deadline;
use super::super::liveness::State;
use super::Connection;
use crate::proto::{Keepalive, KeepaliveStep};
use crate::service::thread::{Note, note};
use crate::sync::Instant;
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};

impl Connection {
    /// Something came from the peer.
    pub(crate) fn heard(&self) {
        if self.liveness.pings.load(Relaxed) {
            self.liveness.heard.store(true, Relaxed);
        }
    }

    /// What the next ping of the service says: no other one, so that its pong is known.
    pub(crate) fn ping_number(&self) -> [u8; 4] {
        let mut state = self.liveness.state.lock();
        state.number = state.number.wrapping_add(1);
        state.number.to_be_bytes()
    }

    /// A ping is about to go out. Its pong may come before the writer sees that it has.
    pub(crate) fn pings(&self, payload: &[u8]) {
        let asked = (payload.into(), Instant::now());
        let mut state = self.liveness.state.lock();
        let [last, before] = &mut state.asked;
        *before = last.replace(asked);
    }

    /// That ping is with the socket, since now: how long it was held up is not the peer's doing.
    pub(crate) fn pinged(&self) -> Instant {
        let now = Instant::now();
        // Unless it is answered.
        if let [Some((_, when)), _] = &mut self.liveness.state.lock().asked {
            *when = now;
        }
        now
    }

    /// A pong has come. One that answers another ping than the last two, or none, says nothing of the time.
    pub(crate) fn ponged(&self, payload: &[u8]) {
        let mut state = self.liveness.state.lock();
        let answered = state.asked.iter_mut().find_map(|asked| asked.take_if(|(said, _)| **said == *payload));
        if let Some((_, when)) = answered {
            state.round_trip.add(when.elapsed());
        }
    }

    /// The last, the least and the mean time between a ping and its pong, in microseconds.
    pub(crate) fn round_trip(&self) -> [u32; 3] {
        self.liveness.state.lock().round_trip.microseconds()
    }

    /// Pings the peer after this silence from now on, and gives it up `pong` later. `false` if the connection is over, and is
    /// not opened again.
    pub(crate) fn set_keepalive(self: &Arc<Self>, interval: Option<Duration>, pong: Duration) -> bool {
        if !matches!(self.state().0, Phase::Opening | Phase::Open) && self.reopens().is_none() {
            return false;
        }
        let pong = pong.min(Deadlines::MAX_WAIT);
        let mut state = self.liveness.state.lock();
        state.keepalive = interval.map(|interval| Keepalive::new(interval, pong));
        state.pong = pong;
        state.changes = state.changes.wrapping_add(1);
        drop(state);
        self.liveness.pings.store(interval.is_some(), Relaxed);
        self.begins_to_ping();
        true
    }

    /// The first interval begins.
    pub(super) fn begins_to_ping(self: &Arc<Self>) {
        if let Some(next) = self.next() {
            return next.begins_to_ping();
        }
        self.disarm(Some(Deadline::Keepalive));
        let first = self.liveness.state.lock().keepalive.as_mut().map(Keepalive::begin);
        if let Some(interval) = first
            && self.state().0 == Phase::Open
        {
            self.arm(Deadline::Keepalive, interval);
        }
    }

    pub(super) fn keep_alive(self: &Arc<Self>) {
        let held = self.held.load(Relaxed);
        let mut state = self.liveness.state.lock();
        let (changes, pong) = (state.changes, state.pong);
        let tick = |keepalive: &mut Keepalive| keepalive.tick(self.liveness.heard.swap(false, Relaxed), held);
        let step = self.own_keepalive(&mut state).map(tick);
        drop(state);
        let wait = match step {
            None => return,
            Some(KeepaliveStep::Wait(wait)) => wait,
            Some(KeepaliveStep::Ping(wait)) => {
                self.outbox.ping();
                wait
            }
            Some(KeepaliveStep::Dead) => match self.has_time(changes) {
                Some(wait) => wait,
                None => {
                    note(Note::NoPong);
                    self.state.lock().why.get_or_insert(Code::NoPong);
                    return self.is_late(|| format!("no answer to a ping within {pong:?}"));
                }
            },
        };
        self.looks_again(wait, changes);
    }

    /// As long as no other one has taken its place: that one begins under the same lock, and what it asks its peer and hears
    /// of it is not this one's. This one's writer may hang in the socket for long behind that.
    fn own_keepalive<'a>(&self, state: &'a mut State) -> Option<&'a mut Keepalive> {
        state.keepalive.as_mut().filter(|_| !self.is_succeeded.load(SeqCst))
    }

    /// How long the peer still has to answer, if the ping was held up on its way to the socket, or what it was asked by has
    /// changed. While it is held up, the write deadline looks after the peer, or the close deadline.
    fn has_time(&self, changes: u32) -> Option<Duration> {
        let out_for = self.outbox.pinged().map(|when| when.elapsed());
        let mut state = self.liveness.state.lock();
        if state.changes != changes {
            return Some(Duration::ZERO);
        }
        match self.own_keepalive(&mut state).map(|keepalive| keepalive.late(out_for)) {
            Some(KeepaliveStep::Wait(wait)) => Some(wait),
            _ => None,
        }
    }

    /// Asks the peer now whether it is still there, if it is asked at all: what it may have said before does not count.
    pub(super) fn check(self: &Arc<Self>) {
        let mut state = self.liveness.state.lock();
        let changes = state.changes;
        let step = self.own_keepalive(&mut state).map(Keepalive::ask);
        drop(state);
        if let Some(KeepaliveStep::Ping(wait)) = step {
            self.liveness.heard.store(false, Relaxed);
            self.outbox.ping();
            self.looks_again(wait, changes);
        }
    }

    /// Once, also if the owner has changed it meanwhile.
    fn looks_again(self: &Arc<Self>, wait: Duration, changes: u32) {
        self.disarm(Some(Deadline::Keepalive));
        self.arm(Deadline::Keepalive, wait);
        if self.liveness.state.lock().changes != changes {
            self.begins_to_ping();
        }
    }

    /// Has the writer send its message now, and again each time `every` is over.
    pub(crate) fn beats(self: &Arc<Self>, every: Duration) {
        self.liveness.state.lock().heartbeat = Some(every);
        self.beat();
    }

    pub(super) fn beat(self: &Arc<Self>) {
        let every = self.liveness.state.lock().heartbeat;
        if let Some(every) = every
            && self.outbox.heartbeat()
        {
            self.arm(Deadline::Heartbeat, every);
        }
    }
}
