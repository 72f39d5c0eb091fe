//! When to ask whether the peer is still there (RFC 6455, section 5.5.2).

use core::time::Duration;

/// Decides when to ping and when to give up. It keeps no clock: the caller ticks it after each wait that it names, and
/// says what has happened meanwhile.
///
/// Everything that comes from the peer shows that it lives: a pong may be held up behind a long frame. While the
/// caller does not read, silence means nothing. Nor does it as long as the ping is held up itself, behind what the peer takes
/// slowly: no frame may go into the midst of another (section 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    interval: Duration,
    patience: Duration,
    /// The wait after which the next tick comes.
    wait: Duration,
    /// At the last tick the peer had not been silent for longer.
    silent: Duration,
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
    /// The peer has not answered in time: the connection is dead, unless the ping went out late ([`Keepalive::late`]).
    Dead,
}

impl Keepalive {
    /// Pings after at most `interval` of silence, and gives up after `patience` more: so a peer that is gone is known to be after
    /// both together. The first tick comes `interval` after the connection has opened. An `interval` of zero would ask for
    /// ticks without a pause.
    pub const fn new(interval: Duration, patience: Duration) -> Self {
        Self { interval, patience, wait: interval, silent: Duration::ZERO, asked: None }
    }

    /// A connection has opened: nothing is known of its peer. The first tick comes after this time.
    pub fn begin(&mut self) -> Duration {
        *self = Self::new(self.interval, self.patience);
        self.interval
    }

    /// Has the peer asked now, and its patience begin anew: what it has said, and the ping that it may owe an answer to, were
    /// of another time. The next tick comes after the wait.
    pub fn ask(&mut self) -> KeepaliveStep {
        self.asked = None;
        self.ping()
    }

    /// What is to be done. `heard`: something has come from the peer since the last tick; `held`: the caller does not
    /// read now.
    pub fn tick(&mut self, heard: bool, held: bool) -> KeepaliveStep {
        if heard || held {
            self.asked = None;
            self.silent = Duration::ZERO;
        }
        if held {
            return self.waits(self.interval);
        }
        // It may have said something right behind the last tick.
        self.silent = self.silent.saturating_add(self.wait);
        match self.asked {
            None if self.silent < self.interval => self.waits(self.interval.saturating_sub(self.silent)),
            Some(waited) if waited >= self.patience => KeepaliveStep::Dead,
            _ => self.ping(),
        }
    }

    /// Behind a [`KeepaliveStep::Dead`]: how long the ping has really been with the peer, `None` if it has not gone out. It
    /// stays so, or the peer still has time.
    pub fn late(&mut self, out_for: Option<Duration>) -> KeepaliveStep {
        let left = out_for.map_or(self.interval, |out_for| self.patience.saturating_sub(out_for));
        if left.is_zero() { KeepaliveStep::Dead } else { self.waits(left.min(self.interval)) }
    }

    /// Pings, unless the last one still has time.
    fn ping(&mut self) -> KeepaliveStep {
        let waited = self.asked.unwrap_or_default();
        let step = self.interval.min(self.patience.saturating_sub(waited));
        self.wait = step;
        match self.asked.replace(waited.saturating_add(step)) {
            None => KeepaliveStep::Ping(step),
            Some(_) => KeepaliveStep::Wait(step),
        }
    }

    const fn waits(&mut self, wait: Duration) -> KeepaliveStep {
        self.wait = wait;
        KeepaliveStep::Wait(wait)
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
        assert_eq!(keepalive.tick(true, false), Wait(s(20)));
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
        assert_eq!(keepalive.tick(false, false), Ping(s(10)));
        assert_eq!(keepalive.tick(true, false), Wait(s(20)));
        assert_eq!(keepalive.tick(false, false), Ping(s(10)), "asked anew");
        for _ in 0..9 {
            assert_eq!(keepalive.tick(true, false), Wait(s(20)), "no ping while it speaks");
            assert_eq!(keepalive.tick(true, false), Wait(s(10)));
        }
    }

    /// Whenever the last sign of life comes, the end is known after interval and patience at the latest.
    #[test]
    fn who_is_gone_is_known_to_be_in_time() {
        for (interval, patience) in [(30, 10), (30, 29), (30, 30), (30, 70), (10, 1)] {
            for last in 0..200 {
                let mut keepalive = Keepalive::new(s(interval), s(patience));
                let (mut now, mut before, mut next) = (0, -1, keepalive.begin());
                let end = loop {
                    now += next.as_secs() as i64;
                    // It speaks each second up to the last.
                    let heard = before < now.min(last);
                    before = now;
                    match keepalive.tick(heard, false) {
                        Wait(wait) | Ping(wait) => next = wait,
                        Dead => break now,
                    }
                };
                assert!(end - last <= (interval + patience) as i64, "{interval} {patience} {last}: {end}");
                assert!(end - last >= patience as i64, "{interval} {patience} {last}: {end}");
            }
        }
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
    fn the_peer_has_its_time_from_when_the_ping_went_out() {
        for patience in [1, 10, 29, 30, 31, 70] {
            for held_up in 0..200 {
                let mut keepalive = Keepalive::new(s(30), s(patience));
                let (mut now, mut next, mut out) = (0, keepalive.begin(), None);
                let end = loop {
                    now += next.as_secs();
                    let step = match keepalive.tick(false, false) {
                        Dead => keepalive.late(out.and_then(|out| now.checked_sub(out)).map(s)),
                        step => step,
                    };
                    match step {
                        Wait(wait) => next = wait,
                        Ping(wait) => (next, out) = (wait, Some(out.unwrap_or(now + held_up))),
                        Dead => break now,
                    }
                };
                let waited = end - out.unwrap();
                assert!(waited >= patience && waited <= patience.max(30), "{patience} {held_up}: {waited}");
            }
        }
    }

    #[test]
    fn a_ping_that_is_held_up_says_nothing_of_the_peer() {
        let mut keepalive = every_30_patience_10();
        assert_eq!(keepalive.tick(false, false), Ping(s(10)));
        for _ in 0..9 {
            assert_eq!((keepalive.tick(false, false), keepalive.late(None)), (Dead, Wait(s(30))));
        }
        assert_eq!((keepalive.tick(false, false), keepalive.late(Some(s(4)))), (Dead, Wait(s(6))));
        let mut other = keepalive;
        assert_eq!((other.tick(false, false), other.late(Some(s(10)))), (Dead, Dead));
        assert_eq!(keepalive.tick(true, false), Wait(s(24)), "what came has come after the last tick");
    }

    #[test]
    fn extremes() {
        let mut hasty = Keepalive::new(s(30), s(0));
        assert_eq!(hasty.tick(false, false), Ping(s(0)));
        assert_eq!(hasty.tick(false, false), Dead);
        assert_eq!([hasty.late(None), hasty.late(Some(s(0)))], [Wait(s(30)), Dead]);
        let mut endless = Keepalive::new(Duration::MAX, Duration::MAX);
        assert_eq!(endless.tick(false, false), Ping(Duration::MAX));
        assert_eq!(endless.tick(false, false), Dead);
        assert_eq!(Keepalive::new(s(0), s(0)).tick(true, false), Ping(s(0)));
    }
}
