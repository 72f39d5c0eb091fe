//! When a connection that has ended is opened again.

use std::time::Duration;

use crate::settings::{read_wait, write_wait};
use crate::wire::fields::{Reader, Writer};

const AFTER_CLOSE: u8 = 1;
const QUEUES: u8 = 1 << 1;
const ATTEMPTS: u8 = 1 << 2;
const BEFORE_OPEN: u8 = 1 << 3;
const ASKS: u8 = 1 << 4;

/// Lets the service open a connection again that was open and has ended. The handle, the deadlines, the limits and the owner
/// stay the same. A first opening that fails is an error as always, and is tried again only if that is
/// [asked for](Reconnect::before_open).
///
/// It is opened again after an end without a Close frame, a missing pong, and a Close with 1001, 1011, 1012, 1013 or
/// 1014; after a Close with 1000, none, or 3000 to 4999 if that is [asked for](Reconnect::after_close). An attempt that
/// fails is followed by another if its code [is transient](crate::Code::is_transient), or the server answers 408, 429,
/// 502, 503 or 504, whose `Retry-After` is honoured, up to a day: in seconds, or as a date, which
/// counts from the answer's own `Date`, or from the device's clock if that is set. Every other end is the end, and so is a
/// close of the owner.
///
/// The receiver learns of it in order with its messages ([`Websocket::receive_event`](crate::Websocket::receive_event)). A
/// message that was cut off in the middle has no end ([`ReceiveError::CutOff`](crate::error::ReceiveError::CutOff)).
/// Nothing is sent twice: what was queued when the connection broke is answered with `Closed`.
///
/// ```
/// use std::time::Duration;
/// use xous_api_websocket::{Reconnect, Request};
///
/// let reconnect = Reconnect::new().first(Duration::from_secs(2)).largest(Duration::from_secs(300));
/// let request = Request::new("example.com", 443).reconnect(reconnect);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a policy does nothing before a request has it"]
pub struct Reconnect {
    /// The first wait. See [`Reconnect::first`].
    pub first: Duration,
    /// See [`Reconnect::factor`].
    pub factor: u16,
    /// See [`Reconnect::largest`].
    pub largest: Duration,
    /// See [`Reconnect::jitter`].
    pub jitter: u8,
    /// See [`Reconnect::stable`].
    pub stable: Duration,
    /// See [`Reconnect::attempts`].
    pub attempts: Option<u32>,
    /// See [`Reconnect::after_close`].
    pub after_close: bool,
    /// See [`Reconnect::queues`].
    pub queues: bool,
    /// See [`Reconnect::asks`].
    pub asks: Option<Duration>,
    /// See [`Reconnect::before_open`].
    pub before_open: bool,
}

impl Default for Reconnect {
    /// See [`Reconnect::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl Reconnect {
    /// After 1 second, then 2, 4 and so on up to a minute, each with up to half as much by chance; for ever; anew after
    /// half a minute; not after a clean close. What is sent meanwhile is refused.
    pub fn new() -> Self {
        Reconnect {
            first: Duration::from_secs(1),
            factor: 200,
            largest: Duration::from_secs(60),
            jitter: 50,
            stable: Duration::from_secs(30),
            attempts: None,
            after_close: false,
            queues: false,
            asks: None,
            before_open: false,
        }
    }

    /// The first wait; not zero.
    pub fn first(mut self, wait: Duration) -> Self {
        self.first = wait;
        self
    }

    /// Each wait is so many hundredths of the one before: 200 doubles it; at least 100. After ten failures in a row the
    /// wait is the largest in any case.
    pub fn factor(mut self, hundredths: u16) -> Self {
        self.factor = hundredths;
        self
    }

    /// The largest wait, to which the jitter is added; not less than the first.
    pub fn largest(mut self, wait: Duration) -> Self {
        self.largest = wait;
        self
    }

    /// Up to so many hundredths of a wait are added to it by chance, so that clients that lost their server at the same
    /// moment do not all come back at the same moment; at most 100.
    pub fn jitter(mut self, hundredths: u8) -> Self {
        self.jitter = hundredths;
        self
    }

    /// Waits begin anew with the first when the connection has been open for so long, and not before; at most
    /// [`Reconnect::MAX_STABLE`]. A connection that was open for less than the first wait is never stable, so that a
    /// server that accepts and drops is met with growing waits.
    pub fn stable(mut self, time: Duration) -> Self {
        self.stable = time;
        self
    }

    /// So many attempts in a row may fail, at least one. `None` for no end.
    pub fn attempts(mut self, most: impl Into<Option<u32>>) -> Self {
        self.attempts = most.into();
        self
    }

    /// Whether it is opened again also when the peer has closed it without a fault.
    pub fn after_close(mut self, again: bool) -> Self {
        self.after_close = again;
        self
    }

    /// Whether what is sent meanwhile waits, as many messages as a connection's queue holds. Otherwise it is refused with
    /// [`Code::Reconnecting`](crate::Code::Reconnecting).
    pub fn queues(mut self, waits: bool) -> Self {
        self.queues = waits;
        self
    }

    /// Before each attempt the program is waited for up to this time, to bring new headers or credentials with
    /// [`Websocket::reconnect_with`](crate::Websocket::reconnect_with) or to say that there is nothing new with
    /// [`Websocket::reconnect_now`](crate::Websocket::reconnect_now). Then the last request is sent once more.
    pub fn asks(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.asks = time.into();
        self
    }

    /// Whether a first opening that fails is an attempt like any other, for a program that starts before its network or its
    /// server. If another one follows, the program has its connection at once
    /// ([`Websocket::open`](crate::Websocket::open) succeeds, with status 0 and no head) and learns the rest as always: the
    /// first event is [`Reconnecting`](crate::Event::Reconnecting). A first opening that fails in a way that does not count
    /// is an error, and so is one for which the service has no place ([`NoWorker`](crate::Code::NoWorker)).
    pub fn before_open(mut self, counts: bool) -> Self {
        self.before_open = counts;
        self
    }

    /// The longest time after which a connection counts as stable.
    pub const MAX_STABLE: Duration = Duration::from_secs(24 * 3600);

    /// What cannot be, with the name of the field. A request with it is refused with
    /// [`BadRequest`](crate::Code::BadRequest).
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let faults = [
            (self.first < Duration::from_millis(1), "reconnect.first is zero"),
            (self.factor < 100, "reconnect.factor is less than 100 hundredths"),
            (self.largest < self.first, "reconnect.largest is less than reconnect.first"),
            (self.jitter > 100, "reconnect.jitter is more than 100 hundredths"),
            (self.stable > Self::MAX_STABLE, "reconnect.stable is more than a day"),
            (self.attempts == Some(0), "reconnect.attempts is 0"),
            (self.asks.is_some_and(|time| time.is_zero()), "reconnect.asks is zero"),
        ];
        faults.into_iter().find_map(|(is_so, fault)| is_so.then_some(fault))
    }

    /// u8 flags: 1 after a close, 2 sends wait, 4 attempts have an end, 8 before it was open, 16 asks, even if that is 0; u32 milliseconds:
    /// first, largest, stable, asks (0 without the flag: not); u16 factor, u8 jitter, u32 attempts.
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        w.u8(flag(self.after_close, AFTER_CLOSE)
            | flag(self.queues, QUEUES)
            | flag(self.attempts.is_some(), ATTEMPTS)
            | flag(self.before_open, BEFORE_OPEN)
            | flag(self.asks.is_some(), ASKS));
        for wait in [self.first, self.largest, self.stable, self.asks.unwrap_or_default()] {
            write_wait(w, wait);
        }
        w.u16(self.factor);
        w.u8(self.jitter);
        w.u32(self.attempts.unwrap_or_default());
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let flags = r.u8()?;
        let [first, largest, stable, asks] = [read_wait(r)?, read_wait(r)?, read_wait(r)?, read_wait(r)?];
        let (factor, jitter, attempts) = (r.u16()?, r.u8()?, r.u32()?);
        Some(Reconnect {
            first,
            factor,
            largest,
            jitter,
            stable,
            attempts: (flags & ATTEMPTS != 0).then_some(attempts),
            after_close: flags & AFTER_CLOSE != 0,
            queues: flags & QUEUES != 0,
            // A time of zero is refused, and that with its name.
            asks: (flags & ASKS != 0 || !asks.is_zero()).then_some(asks),
            before_open: flags & BEFORE_OPEN != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        let policy = Reconnect::new;
        assert_eq!(policy().fault(), None);
        for (wrong, field) in [
            (policy().first(Duration::ZERO), "first"),
            (policy().factor(99), "factor"),
            (policy().largest(Duration::from_millis(999)), "largest"),
            (policy().jitter(101), "jitter"),
            (policy().stable(Duration::MAX), "stable"),
            (policy().attempts(0), "attempts"),
            (policy().asks(Duration::ZERO), "asks"),
        ] {
            assert!(wrong.fault().unwrap().starts_with(&format!("reconnect.{field} ")), "{wrong:?}");
        }
    }
}
