//! When to ask whether the peer is still there (RFC 6455, section 5.5.2).

use core::time::Duration;

/// Decides when to ping and when to give up. It keeps no clock: the caller ticks it after each wait that it names, and
/// says what has happened meanwhile.
///
/// Everything that comes from the peer shows that it lives: a pong may be held up behind a long frame. While the
/// caller does not read, silence means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    interval: Duration,
    patience: Duration,
    /// How long the ping that was sent will have waited for an answer at the next tick.
    asked: Option<Duration>,
}

/// What [`Keepalive::tick`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepaliveStep {
    /// Nothing: tick again after this time.
    Wait(Duration),
    /// Send a ping, and tick again after this time.
    Ping(Duration),
    /// The peer has not answered in time: the connection is dead.
    Dead,
}

impl Keepalive {
    /// Pings after `interval` to twice `interval` of silence, and gives up after `patience` more. The first tick comes
    /// `interval` after the connection has opened. An `interval` of zero would ask for ticks without a pause.
    pub const fn new(interval: Duration, patience: Duration) -> Self {
        Self { interval, patience, asked: None }
    }

    /// Has the peer asked now, and its patience begin anew: what it has said, and the ping that it may owe an answer to, were
    /// of another time. The next tick comes after the wait.
    pub fn ask(&mut self) -> KeepaliveStep {
        self.asked = None;
        self.tick(false, false)
    }

    /// What is to be done. `heard`: something has come from the peer since the last tick; `held`: the caller does not
    /// read now.
    pub fn tick(&mut self, heard: bool, held: bool) -> KeepaliveStep {
        if heard || held {
            self.asked = None;
            return KeepaliveStep::Wait(self.interval);
        }
        let waited = self.asked.unwrap_or_default();
        if self.asked.is_some() && waited >= self.patience {
            return KeepaliveStep::Dead;
        }
        let step = self.interval.min(self.patience.saturating_sub(waited));
        match self.asked.replace(waited.saturating_add(step)) {
            None => KeepaliveStep::Ping(step),
            Some(_) => KeepaliveStep::Wait(step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeepaliveStep::{Dead, Ping, Wait};

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn every_30_patience_10() -> Keepalive {
        Keepalive::new(s(30), s(10))
    }

    #[test]
    fn silence_is_asked_about_and_then_ends_it() {
        let mut keepalive = every_30_patience_10();
        assert_eq!(keepalive.tick(false, false), Ping(s(10)));
        assert_eq!(keepalive.tick(false, false), Dead);
        assert_eq!(keepalive.tick(false, false), Dead, "and stays so");
    }

    #[test]
    fn it_can_be_asked_about_at_any_time() {
        let mut keepalive = every_30_patience_10();
        assert_eq!(keepalive.ask(), Ping(s(10)));
        assert_eq!(keepalive.ask(), Ping(s(10)), "while an answer is owed");
        assert_eq!(keepalive.tick(true, false), Wait(s(30)));
        assert_eq!((keepalive.ask(), keepalive.tick(false, false)), (Ping(s(10)), Dead));
    }

    #[test]
    fn patience_longer_than_the_interval_is_waited_for_in_steps() {
        let mut keepalive = Keepalive::new(s(30), s(70));
        assert_eq!(keepalive.tick(false, false), Ping(s(30)));
        assert_eq!(keepalive.tick(false, false), Wait(s(30)));
        assert_eq!(keepalive.tick(false, false), Wait(s(10)), "no longer than its patience");
        assert_eq!(keepalive.tick(false, false), Dead);
    }

    #[test]
    fn anything_from_the_peer_is_an_answer() {
        let mut keepalive = every_30_patience_10();
        assert_eq!(keepalive.tick(true, false), Wait(s(30)));
        assert_eq!(keepalive.tick(false, false), Ping(s(10)));
        assert_eq!(keepalive.tick(true, false), Wait(s(30)));
        assert_eq!(keepalive.tick(false, false), Ping(s(10)), "asked anew");
    }

    #[test]
    fn a_caller_that_does_not_read_hears_nothing() {
        let mut keepalive = every_30_patience_10();
        assert_eq!(keepalive.tick(false, false), Ping(s(10)));
        for _ in 0..9 {
            assert_eq!(keepalive.tick(false, true), Wait(s(30)));
        }
        assert_eq!(keepalive.tick(false, false), Ping(s(10)), "the peer has its whole time again");
    }

    #[test]
    fn extremes() {
        let mut hasty = Keepalive::new(s(30), s(0));
        assert_eq!(hasty.tick(false, false), Ping(s(0)));
        assert_eq!(hasty.tick(false, false), Dead);
        let mut endless = Keepalive::new(Duration::MAX, Duration::MAX);
        assert_eq!(endless.tick(false, false), Ping(Duration::MAX));
        assert_eq!(endless.tick(false, false), Dead);
        assert_eq!(Keepalive::new(s(0), s(0)).tick(true, false), Wait(s(0)));
    }
}
