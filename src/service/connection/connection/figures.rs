//! What a connection says of itself.

use std::time::Duration;

use xous_api_websocket::state::{RoundTrip, Statistics};

use super::super::outcome::Outcome;
use super::Connection;

impl Connection {
    /// What has passed on it, and where it stands.
    pub(crate) fn statistics(&self) -> Statistics {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut statistics = Statistics::new(self.handle);
        let (phase, failed) = self.state();
        let (sends, bytes) = self.queued();
        let (peer, path) = self.account.partner();
        (statistics.phase, statistics.is_server) = (phase, self.is_server());
        (statistics.queued_sends, statistics.queued_bytes) = (number(sends), number(bytes));
        statistics.failed_sends = number(failed);
        statistics.round_trip = round_trip(self.round_trip());
        statistics.open_for = self.account.open_for();
        (statistics.peer, statistics.path) = (peer.to_owned(), path.to_owned());
        let past = self.shared.past.lock();
        let mut passed = past.passed;
        statistics.reconnects = past.reopened;
        drop(past);
        passed.add(self.account.passed());
        (statistics.sent, statistics.received) = (passed.sent, passed.received);
        statistics.stalls = passed.stalls;
        let state = self.state.lock();
        let (end, why) = (state.outcome.clone().or_else(|| state.last.clone()), state.why);
        drop(state);
        statistics.why = why.or_else(|| end.as_ref().and_then(|end| end.why));
        statistics.last_end = end.map(Outcome::told);
        statistics
    }
}

fn round_trip([last, least, mean]: [u32; 3]) -> Option<RoundTrip> {
    let time = |microseconds: u32| Duration::from_micros(microseconds.into());
    (last > 0).then(|| RoundTrip::new(time(last), time(least), time(mean)))
}
