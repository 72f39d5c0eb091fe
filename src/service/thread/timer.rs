//! One thread that waits for the earliest deadline of all connections.
//!
//! It sleeps without a time limit while there is no deadline. Waits that begin and end with every message (for a
//! write, for a page) do not arm it each time. Their [`Watch`] stays armed for one period, and then checks whether
//! the same wait is still on. So a message costs no clock and no lock, and a wait that lasts is noticed after one to
//! two periods.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use crate::sync::{Condvar, Instant, Mutex, thread};

/// On the device a shutdown, a log line and a panic take 16, 16 and 32 KiB of stack.
const STACK: usize = 64 * 1024;

/// Something that is told when a deadline is over.
pub(crate) trait Wake: Send + Sync {
    /// The deadline `kind` is over. Must not block.
    fn wake(self: Arc<Self>, kind: usize, timer: &Timer);
}

/// The timer.
pub(crate) struct Timer {
    state: Mutex<State>,
    earlier: Condvar,
}

/// At most a few per connection, so they need no order. The earliest is searched for when it is needed.
struct State {
    due: Vec<Due>,
}

struct Due {
    at: Instant,
    whom: Weak<dyn Wake>,
    kind: usize,
}

impl Timer {
    /// Starts the thread.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start() -> std::io::Result<Arc<Self>> {
        let state = State { due: Vec::new() };
        let timer = Arc::new(Timer { state: Mutex::new(state), earlier: Condvar::new() });
        let own = timer.clone();
        thread::Builder::new().name("ws-timer".into()).stack_size(STACK).spawn(move || own.run())?;
        Ok(timer)
    }

    /// Wakes `whom` for `kind` after `wait`.
    pub(crate) fn arm(&self, whom: Weak<dyn Wake>, kind: usize, wait: Duration) {
        let now = Instant::now();
        // A wait beyond what the clock can say (49 days) is as good as none.
        let Some(at) = now.checked_add(wait) else { return };
        let mut state = self.state.lock();
        let first = state.earliest();
        state.due.push(Due { at, whom, kind });
        if first.is_none_or(|first| at < first) {
            self.earlier.notify_one();
        }
    }

    /// Forgets the deadlines of `whom`: those of one `kind`, or all.
    pub(crate) fn disarm(&self, whom: &Weak<dyn Wake>, kind: Option<usize>) {
        let mut state = self.state.lock();
        let first = state.earliest();
        state.due.retain(|due| !Weak::ptr_eq(whom, &due.whom) || kind.is_some_and(|kind| kind != due.kind));
        if state.earliest() != first {
            self.earlier.notify_one();
        }
    }

    /// `heir` is woken for a `kind` when `whom` would have been.
    pub(crate) fn pass_on(&self, whom: &Weak<dyn Wake>, heir: &Weak<dyn Wake>, kind: usize) {
        let mut state = self.state.lock();
        let passed = state.due.iter_mut().filter(|due| due.kind == kind && Weak::ptr_eq(whom, &due.whom));
        passed.for_each(|due| due.whom = heir.clone());
    }

    /// Deadlines that are waited for.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().due.len()
    }

    fn run(&self) {
        let mut state = self.state.lock();
        loop {
            let Some(at) = state.earliest() else {
                state = self.earlier.wait(state);
                continue;
            };
            let wait = at.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                state = self.earlier.wait_timeout(state, wait);
                continue;
            }
            let due = state.due.iter().position(|due| due.at == at).map(|index| state.due.swap_remove(index));
            drop(state);
            if let Some(Due { whom, kind, .. }) = due
                && let Some(whom) = whom.upgrade()
            {
                whom.wake(kind, self);
            }
            state = self.state.lock();
        }
    }
}

impl State {
    fn earliest(&self) -> Option<Instant> {
        self.due.iter().map(|due| due.at).min()
    }
}

/// A wait that comes and goes often.
#[derive(Default)]
pub(crate) struct Watch {
    /// Odd while it is on.
    turn: AtomicU32,
    /// The turn that the timer saw when it was armed.
    seen: AtomicU32,
    armed: AtomicBool,
}

impl Watch {
    /// The wait begins. Calls `arm` if the timer does not look at this watch already.
    pub(crate) fn begin(&self, arm: impl FnOnce()) {
        let turn = self.turn.fetch_add(1, SeqCst).wrapping_add(1);
        if !self.armed.swap(true, SeqCst) {
            self.seen.store(turn, SeqCst);
            arm();
        }
    }

    /// The wait is over.
    pub(crate) fn end(&self) {
        self.turn.fetch_add(1, SeqCst);
    }

    /// Whether the wait that the timer saw one period ago is still on. Calls `arm` to look again.
    pub(crate) fn is_over(&self, arm: impl FnOnce()) -> bool {
        let turn = self.turn.load(SeqCst);
        if turn % 2 == 1 && turn == self.seen.load(SeqCst) {
            return true;
        }
        if turn.is_multiple_of(2) {
            self.armed.store(false, SeqCst);
            // A wait that began in between saw the watch armed and counts on it.
            let turn = self.turn.load(SeqCst);
            if turn.is_multiple_of(2) || self.armed.swap(true, SeqCst) {
                return false;
            }
        }
        self.seen.store(self.turn.load(SeqCst), SeqCst);
        arm();
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    struct Bell(Sender<usize>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>, kind: usize, _timer: &Timer) {
            self.0.send(kind).unwrap();
        }
    }

    #[test]
    fn deadlines_come_in_order_and_those_disarmed_do_not() {
        let timer = Timer::start().unwrap();
        let (sender, rings) = channel();
        let bell: Arc<dyn Wake> = Arc::new(Bell(sender));
        let whom = Arc::downgrade(&bell);
        timer.arm(whom.clone(), 3, Duration::from_millis(1500));
        timer.arm(whom.clone(), 2, Duration::from_millis(1000));
        timer.arm(whom.clone(), 9, Duration::from_millis(5000));
        timer.arm(whom.clone(), 1, Duration::from_millis(500));
        timer.disarm(&whom, Some(9));
        let rung: Vec<_> = (0..3).map(|_| rings.recv_timeout(Duration::from_secs(10)).unwrap()).collect();
        assert_eq!(rung, [1, 2, 3]);
        assert_eq!(timer.len(), 0);
        timer.arm(whom.clone(), 4, Duration::MAX);
        assert_eq!(timer.len(), 0, "a wait for ever is none");
    }

    #[test]
    fn a_watch_notices_the_wait_that_lasts_and_no_other() {
        let watch = Watch::default();
        let mut armed = 0;
        watch.begin(|| armed += 1);
        watch.end();
        watch.begin(|| armed += 1);
        assert_eq!(armed, 1, "armed once");
        assert!(!watch.is_over(|| armed += 1), "another wait than the one seen");
        assert_eq!(armed, 2);
        assert!(watch.is_over(|| ()), "the same wait");
        watch.end();
        assert!(!watch.is_over(|| armed += 1));
        assert_eq!(armed, 2, "nothing is on: nobody looks any more");
        watch.begin(|| armed += 1);
        assert_eq!(armed, 3);
    }
}
