//! A lock that is not waited for longer than one wants: who has it may wait for the store, and that for its user.
//!
//! Who competes: all who find that the journal has to be gone through; one of them does it.

use std::time::Duration;

use crate::sync::{Condvar, Instant, Mutex};

/// The lock.
#[derive(Default)]
pub(super) struct Turn {
    taken: Mutex<bool>,
    free: Condvar,
}

/// Having it, until this is dropped.
pub(super) struct Taken<'a>(&'a Turn);

impl Turn {
    /// Takes it, if that takes no longer than `limit`.
    pub(super) fn take(&self, limit: Duration) -> Option<Taken<'_>> {
        let mut taken = self.taken.lock();
        if *taken {
            let start = Instant::now();
            while *taken {
                let left = limit.saturating_sub(start.elapsed());
                if left.is_zero() {
                    return None;
                }
                taken = self.free.wait_timeout(taken, left);
            }
        }
        *taken = true;
        Some(Taken(self))
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.0.taken.lock() = false;
        self.0.free.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_at_a_time_and_others_wait_for_no_longer_than_they_want() {
        let turn = Turn::default();
        let first = turn.take(Duration::ZERO);
        assert!(first.is_some() && turn.take(Duration::from_millis(1)).is_none());
        std::thread::scope(|scope| {
            let next = scope.spawn(|| turn.take(Duration::from_secs(60)).is_some());
            drop(first);
            assert!(next.join().unwrap());
        });
        assert!(turn.take(Duration::ZERO).is_some());
    }
}
