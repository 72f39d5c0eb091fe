//! What one thread waits for that is woken with nearly every message.
//!
//! On the device a [`Condvar`] costs two messages to the ticktimer, and the thread that it wakes finds the lock still held.
//! This costs one message to a server of this very process.
//!
//! Who competes: one thread that waits, and any number that wake it. Under the lock it says that it waits, and who first
//! finds that there takes it back and sends one message. The thread waits until it has that one, and for nothing else. So
//! there is never a second one: none is lost, none is left over, and none finds the queue full.

use std::sync::OnceLock;

use super::atomic::{AtomicBool, Ordering::Relaxed};
use super::{Condvar, Mutex, MutexGuard, OwnServer};

/// What one thread waits for. Any wait may end early, so check again what was waited for.
#[derive(Debug)]
pub(crate) struct Signal {
    /// A thread waits and nobody has woken it yet. Changed under the lock.
    waits: AtomicBool,
    /// `None` inside if there is none to be had.
    server: OnceLock<Option<OwnServer>>,
    /// In the place of a server.
    changed: Condvar,
}

impl Signal {
    pub(crate) const fn new() -> Self {
        Signal { waits: AtomicBool::new(false), server: OnceLock::new(), changed: Condvar::new() }
    }

    /// Gets what makes waits cheap. Without, or if there is none to be had, they are those of a [`Condvar`].
    pub(crate) fn prepare(&self) {
        self.server.get_or_init(OwnServer::new);
    }

    /// Gives the lock back, waits, and takes the lock again. Only one thread at a time may wait, and prepares before.
    pub(crate) fn wait<'a, T>(&self, mutex: &'a Mutex<T>, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.waits.store(true, Relaxed);
        match self.server.get() {
            Some(Some(server)) => {
                drop(guard);
                server.receive();
                mutex.lock()
            }
            _ => {
                let guard = self.changed.wait(guard);
                self.waits.store(false, Relaxed);
                guard
            }
        }
    }

    /// Ends the wait, if there is one, and gives the lock back: before, so that who wakes up gets it. Never blocks.
    pub(crate) fn notify<T>(&self, guard: MutexGuard<'_, T>) {
        if !self.waits.load(Relaxed) {
            return;
        }
        match self.server.get() {
            Some(Some(server)) => {
                self.waits.store(false, Relaxed);
                drop(guard);
                server.send();
            }
            // Under the lock, as std's takes that for granted on the device.
            _ => self.changed.notify_one(),
        }
    }
}

#[cfg(all(test, feature = "shuttle"))]
mod interleavings {
    use std::sync::Arc;

    use shuttle::thread::{JoinHandle, spawn};

    use super::*;
    use crate::sync::explore::explore;

    struct Shared {
        state: Mutex<State>,
        changed: Signal,
    }

    #[derive(Default)]
    struct State {
        work: u32,
        is_over: bool,
    }

    impl Shared {
        fn new() -> Arc<Self> {
            Arc::new(Shared { state: Mutex::default(), changed: Signal::new() })
        }

        /// Takes work until the end, which comes behind all of it.
        fn works(self: &Arc<Self>, has_server: bool) -> JoinHandle<u32> {
            let shared = self.clone();
            spawn(move || {
                if has_server {
                    shared.changed.prepare();
                }
                let mut done = 0;
                let mut state = shared.state.lock();
                loop {
                    done += std::mem::take(&mut state.work);
                    if state.is_over {
                        return done;
                    }
                    state = shared.changed.wait(&shared.state, state);
                }
            })
        }

        fn changes(&self, change: impl FnOnce(&mut State)) {
            let mut state = self.state.lock();
            change(&mut state);
            self.changed.notify(state);
        }

        fn brings(self: &Arc<Self>, times: u32) -> JoinHandle<()> {
            let shared = self.clone();
            spawn(move || (0..times).for_each(|_| shared.changes(|state| state.work += 1)))
        }
    }

    #[test]
    fn two_who_wake_lose_nothing_and_send_one_message_at_a_time() {
        for has_server in [true, false] {
            explore(2, move || {
                let shared = Shared::new();
                let working = shared.works(has_server);
                let bringing = [shared.brings(2), shared.brings(1)];
                bringing.into_iter().for_each(|thread| thread.join().unwrap());
                shared.changes(|state| state.is_over = true);
                assert_eq!(working.join().unwrap(), 3);
            });
        }
    }

    #[test]
    fn an_end_reaches_who_waits_and_who_is_about_to() {
        for has_server in [true, false] {
            explore(3, move || {
                let shared = Shared::new();
                let working = shared.works(has_server);
                let bringing = shared.brings(1);
                shared.changes(|state| state.is_over = true);
                assert!(working.join().unwrap() <= 1);
                bringing.join().unwrap();
            });
        }
    }
}
