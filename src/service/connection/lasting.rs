//! What the openings of a connection share that is opened again and again.
//!
//! Who competes: the worker that waits for the next attempt, and the dispatcher, which may cut the wait short, bring
//! another request, or end it all.

use std::time::Duration;

use xous_api_websocket::{CloseCode, ConnectionOptions, Reconnect};
use zeroize::Zeroizing;

use super::outcome::{ABNORMAL, NO_CODE, Outcome};
use crate::proto::{Backoff, BackoffPolicy};
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::sync::{Condvar, Instant, Mutex};

/// A request as it came.
pub(super) type RequestBytes = Zeroizing<Box<[u8]>>;

/// Of a connection.
pub(crate) struct Lasting {
    policy: Reconnect,
    /// Those of the first request, whichever is sent later.
    options: ConnectionOptions,
    state: Mutex<State>,
    changed: Condvar,
    /// The owner wants no attempt. Not under the lock, as a connection asks under its own.
    stopped: AtomicBool,
}

#[derive(Default)]
struct State {
    /// A wait is on.
    waits: bool,
    /// The owner wants no wait.
    now: bool,
    /// For how long the server wants to be left alone; the rest of the wait is this side's own.
    asked: Duration,
    /// The device has slept: the network may be there by now.
    due: bool,
    /// An attempt is on: it has a request in its hands, and another one has no place.
    attempts: bool,
    /// What the owner wants to be sent from now on.
    request: Option<RequestBytes>,
}

impl Lasting {
    pub(crate) fn new(policy: Reconnect, options: ConnectionOptions) -> Self {
        let (state, changed, stopped) = (Mutex::default(), Condvar::new(), AtomicBool::new(false));
        Lasting { policy, options, state, changed, stopped }
    }

    /// What cannot be of the policy.
    pub(super) fn fault(&self) -> Option<&'static str> {
        self.policy.fault()
    }

    /// What is agreed on for all sessions.
    pub(super) fn options(&self) -> &ConnectionOptions {
        &self.options
    }

    pub(super) fn backoff(&self) -> Backoff {
        let Reconnect { first, factor, largest, jitter, stable, attempts, .. } = self.policy;
        Backoff::new(BackoffPolicy { first, factor, largest, jitter, stable, attempts })
    }

    /// What is sent meanwhile waits.
    pub(super) fn queues(&self) -> bool {
        self.policy.queues
    }

    /// A first opening that fails is an attempt like any other.
    pub(super) fn before_open(&self) -> bool {
        self.policy.before_open && !self.is_stopped()
    }

    /// How long the owner is waited for before an attempt.
    pub(super) fn asks(&self) -> Option<Duration> {
        self.policy.asks
    }

    /// Behind such an end the connection is opened again.
    pub(super) fn continues(&self, outcome: &Outcome) -> bool {
        let counts = match (outcome.by_peer, outcome.code) {
            (true, 1000 | NO_CODE | 3000..=4999) => self.policy.after_close,
            (true, code) => code != ABNORMAL && CloseCode::new(code).is_transient(),
            (false, code) => code == ABNORMAL,
        };
        counts && !self.is_stopped()
    }

    /// The next attempt is not waited for any more. `false` if it was not waited for.
    pub(crate) fn go_on(&self) -> bool {
        let mut state = self.state.lock();
        let waits = state.waits;
        state.now |= waits;
        drop(state);
        self.changed.notify_all();
        waits
    }

    /// The device has slept. The wait is over but for what the server has asked for; the owner is still asked.
    pub(super) fn resume(&self) {
        let mut state = self.state.lock();
        state.due |= state.waits;
        drop(state);
        self.changed.notify_all();
    }

    /// The owner wants no attempt.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(SeqCst)
    }

    /// The next attempt is made with this request, at once if the owner was asked for it. `false` while one is on.
    pub(crate) fn go_on_with(&self, request: &[u8]) -> bool {
        let mut state = self.state.lock();
        let takes = !state.attempts;
        // One at a time is kept besides the one that was sent last.
        let before = if takes { state.request.take() } else { None };
        if takes {
            state.request = Some(Zeroizing::new(request.into()));
        }
        drop(state);
        drop(before);
        self.changed.notify_all();
        takes
    }

    /// There is no attempt any more.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, SeqCst);
        self.wake();
    }

    /// Whether there still is one may have changed.
    pub(super) fn wake(&self) {
        drop(self.state.lock());
        self.changed.notify_all();
    }

    /// A wait begins, which the owner learns next, and of which the server has `asked` for so much.
    pub(super) fn begin(&self, asked: Duration) {
        let mut state = self.state.lock();
        (state.waits, state.asked, state.due) = (true, asked, false);
    }

    /// Waits for the time of the next attempt, and then for the owner if it is asked. `false` if there is to be none, or
    /// the connection is not `wanted` any more.
    pub(super) fn wait(&self, wait: Duration, wanted: impl Fn() -> bool) -> bool {
        let start = Instant::now();
        let asks = self.policy.asks.unwrap_or_default();
        let mut state = self.state.lock();
        loop {
            let waited = start.elapsed();
            let asks = if state.request.is_none() { asks } else { Duration::ZERO };
            let wait = if state.due { wait.min(state.asked) } else { wait };
            let left = wait.saturating_add(asks).saturating_sub(waited);
            let goes_on = wanted() && !self.is_stopped();
            if !goes_on || state.now || left.is_zero() {
                (state.waits, state.now) = (false, false);
                return goes_on;
            }
            state = self.changed.wait_timeout(state, left);
        }
    }

    /// An attempt begins: what the owner has brought since the last one.
    pub(super) fn take_request(&self) -> Option<RequestBytes> {
        let mut state = self.state.lock();
        state.attempts = true;
        state.request.take()
    }

    /// It is known what came of the attempt.
    pub(super) fn attempted(&self) {
        self.state.lock().attempts = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(policy: Reconnect) -> Lasting {
        Lasting::new(policy, ConnectionOptions::new())
    }

    #[test]
    fn the_ends_that_count() {
        let (lasting, after_close) = (new(Reconnect::new()), new(Reconnect::new().after_close(true)));
        let by_peer = |code| Outcome { by_peer: true, ..Outcome::new(code, "") };
        for code in [1001, 1011, 1012, 1013, 1014] {
            assert!(lasting.continues(&by_peer(code)) && after_close.continues(&by_peer(code)), "{code}");
            assert!(!lasting.continues(&Outcome::new(code, "ours")), "{code}");
        }
        for code in [1000, 1005, 3000, 4999] {
            assert!(!lasting.continues(&by_peer(code)) && after_close.continues(&by_peer(code)), "{code}");
        }
        for code in [1002, 1003, 1007, 1008, 1009, 1010] {
            assert!(!after_close.continues(&by_peer(code)), "{code}");
        }
        assert!(lasting.continues(&Outcome::new(ABNORMAL, "lost")));
        lasting.stop();
        assert!(!lasting.continues(&Outcome::new(ABNORMAL, "lost")));
    }

    #[test]
    fn a_wait_ends_with_its_time_or_when_the_owner_says_so() {
        let long = Duration::from_secs(3600);
        let plain = new(Reconnect::new());
        assert!(plain.wait(Duration::from_millis(1), || true));
        assert!(!plain.wait(long, || false));
        assert!(!plain.go_on(), "nobody waits");
        let asks = new(Reconnect::new().asks(long));
        assert!(asks.go_on_with(&[1]));
        assert!(asks.wait(Duration::from_millis(1), || true));
        assert_eq!(asks.take_request().map(|request| request.len()), Some(1));
        assert!(!asks.go_on_with(&[2]), "one is on");
        asks.attempted();
        asks.begin(Duration::ZERO);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| asks.wait(Duration::ZERO, || true));
            assert!(asks.go_on());
            assert!(waits.join().unwrap());
        });
        for asked in [Duration::ZERO, Duration::from_millis(50)] {
            plain.begin(asked);
            plain.resume();
            let start = Instant::now();
            assert!(plain.wait(long, || true), "the device has slept");
            assert!(start.elapsed() >= asked, "what the server has asked for");
        }
        plain.stop();
        assert!(!plain.wait(long, || true));
    }
}
