//! Std's locks, conditions, atomics, threads and clock.

use std::sync::{LockResult, PoisonError, TryLockError};
use std::time::Duration;

pub(crate) use std::sync::{MutexGuard, atomic};
pub(crate) use std::thread;
pub(crate) use std::time::Instant;

/// A lock. One thread must not take it twice.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T: ?Sized>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Mutex(std::sync::Mutex::new(value))
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        whole(self.0.lock())
    }

    /// The lock if nobody has it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// A condition that threads wait for which hold a [`Mutex`]. Any wait may end early, so check again what was waited
/// for.
#[derive(Debug, Default)]
pub(crate) struct Condvar(std::sync::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Condvar(std::sync::Condvar::new())
    }

    /// Gives the lock back, waits, and takes the lock again.
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        whole(self.0.wait(guard))
    }

    /// As [`Condvar::wait`], for at most about `limit`.
    pub(crate) fn wait_timeout<'a, T>(&self, guard: MutexGuard<'a, T>, limit: Duration) -> MutexGuard<'a, T> {
        whole(self.0.wait_timeout(guard, limit)).0
    }

    /// Ends one wait.
    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Ends all waits.
    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// There is none on a PC, where a [`Condvar`] is cheap.
#[cfg(not(target_os = "xous"))]
#[derive(Debug)]
pub(super) enum OwnServer {}

#[cfg(not(target_os = "xous"))]
impl OwnServer {
    pub(super) fn new() -> Option<Self> {
        None
    }

    pub(super) fn receive(&self) {
        match *self {}
    }

    pub(super) fn send(&self) {
        match *self {}
    }
}

fn whole<T>(locked: LockResult<T>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_leaves_the_lock_to_others() {
        let mutex = Mutex::new(1);
        std::thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _held = mutex.lock();
                assert!(mutex.try_lock().is_none(), "held");
                panic!("with the lock");
            });
            assert!(panics.join().is_err());
        });
        *mutex.lock() += 1;
        assert_eq!(mutex.try_lock().as_deref(), Some(&2));
    }

    #[test]
    fn a_wait_ends_with_its_limit() {
        let (mutex, changed) = (Mutex::new(()), Condvar::new());
        let guard = changed.wait_timeout(mutex.lock(), Duration::from_millis(1));
        assert!(mutex.try_lock().is_none(), "taken again");
        drop(guard);
    }
}
