//! When to ask whether the peer is still there (RFC 6455, section 5.5.2).

use core::time::Duration;

/// Decides when to ping and when to give up. Times are [`Duration`]s since any fixed moment.
///
/// Everything that comes from the peer shows that it lives: a pong may be held up behind a long frame.
/// While the caller does not read ([`Keepalive::hold`]) silence means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    interval: Duration,
    patience: Duration,
    /// When the peer was last heard.
    heard: Duration,
    /// When the ping that awaits an answer was sent.
    asked: Option<Duration>,
    held: bool,
}

/// What [`Keepalive::poll`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepaliveStep {
    /// Nothing before this time; nothing at all if there is none.
    Wait(Option<Duration>),
    /// Send a ping and poll again.
    Ping,
    /// The peer has not answered in time: the connection is dead.
    Dead,
}

impl Keepalive {
    /// Pings after `interval` of silence and gives up after `patience` more. `now` is when the connection
    /// opened. A zero `interval` never pings.
    pub const fn new(interval: Duration, patience: Duration, now: Duration) -> Self {
        Self { interval, patience, heard: now, asked: None, held: false }
    }

    /// Bytes have come from the peer.
    pub const fn heard(&mut self, now: Duration) {
        self.heard = now;
        self.asked = None;
    }

    /// The caller stops reading: what the peer says is not seen.
    pub const fn hold(&mut self) {
        self.held = true;
    }

    /// The caller reads again; silence counts from `now`.
    pub const fn resume(&mut self, now: Duration) {
        self.held = false;
        self.heard(now);
    }

    /// What is to be done at `now`. Call it at the time it names, or whenever.
    pub fn poll(&mut self, now: Duration) -> KeepaliveStep {
        if self.held || self.interval.is_zero() {
            return KeepaliveStep::Wait(None);
        }
        match self.asked {
            Some(asked) => {
                let deadline = asked.saturating_add(self.patience);
                if now >= deadline { KeepaliveStep::Dead } else { KeepaliveStep::Wait(Some(deadline)) }
            }
            None => {
                let due = self.heard.saturating_add(self.interval);
                if now < due {
                    return KeepaliveStep::Wait(Some(due));
                }
                self.asked = Some(now);
                KeepaliveStep::Ping
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeepaliveStep::{Dead, Ping, Wait};

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn every_30_patience_10() -> Keepalive {
        Keepalive::new(at(30), at(10), at(100))
    }

    #[test]
    fn silence_is_asked_about_and_then_ends_it() {
        let mut keepalive = every_30_patience_10();
        assert_eq!(keepalive.poll(at(100)), Wait(Some(at(130))));
        assert_eq!(keepalive.poll(at(130)), Ping);
        assert_eq!(keepalive.poll(at(130)), Wait(Some(at(140))));
        assert_eq!(keepalive.poll(at(139)), Wait(Some(at(140))));
        assert_eq!(keepalive.poll(at(140)), Dead);
    }

    #[test]
    fn anything_from_the_peer_is_an_answer() {
        let mut keepalive = every_30_patience_10();
        keepalive.heard(at(120));
        assert_eq!(keepalive.poll(at(130)), Wait(Some(at(150))));
        assert_eq!(keepalive.poll(at(155)), Ping);
        keepalive.heard(at(160));
        assert_eq!(keepalive.poll(at(166)), Wait(Some(at(190))));
    }

    #[test]
    fn a_caller_that_does_not_read_hears_nothing() {
        let mut keepalive = every_30_patience_10();
        assert_eq!(keepalive.poll(at(130)), Ping);
        keepalive.hold();
        assert_eq!(keepalive.poll(at(500)), Wait(None));
        keepalive.resume(at(500));
        assert_eq!(keepalive.poll(at(500)), Wait(Some(at(530))));
    }

    #[test]
    fn a_late_poll_still_gives_the_peer_its_time() {
        let mut keepalive = every_30_patience_10();
        assert_eq!(keepalive.poll(at(1000)), Ping);
        assert_eq!(keepalive.poll(at(1000)), Wait(Some(at(1010))));
    }

    #[test]
    fn extremes() {
        assert_eq!(Keepalive::new(at(0), at(1), at(0)).poll(Duration::MAX), Wait(None));
        let mut endless = Keepalive::new(Duration::MAX, at(1), at(9));
        assert_eq!(endless.poll(at(10)), Wait(Some(Duration::MAX)));
    }
}
