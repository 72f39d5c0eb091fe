//! A turn that one thread has at a time.
//!
//! Those who come meanwhile wait in the order in which they came, each for as long as it wants to. Nothing is locked while
//! somebody has the turn. As many can wait as there are workers.

use std::collections::VecDeque;
use std::time::Duration;

use crate::sync::{Condvar, Instant, Mutex};

/// What one thread does at a time.
pub(in super::super) struct Turn {
    queue: Mutex<Queue>,
    moved: Condvar,
}

/// Who has the turn is first, the others wait; each by its number.
struct Queue {
    numbers: VecDeque<u32>,
    last: u32,
}

/// A place in the queue, until it is dropped.
pub(in super::super) struct Place<'a> {
    turn: &'a Turn,
    number: u32,
}

impl Turn {
    /// Nobody has it.
    pub(in super::super) const fn new() -> Self {
        Turn { queue: Mutex::new(Queue { numbers: VecDeque::new(), last: 0 }), moved: Condvar::new() }
    }

    /// Waits for the turn, which ends with what is returned; `None` if it does not come within `limit`.
    pub(in super::super) fn take(&self, limit: Duration) -> Option<Place<'_>> {
        let start = Instant::now();
        let place = self.enter();
        let mut queue = self.queue.lock();
        while queue.numbers.front() != Some(&place.number) {
            let Some(left) = limit.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) else {
                // The place is left without the lock.
                drop(queue);
                return None;
            };
            queue = self.moved.wait_timeout(queue, left);
        }
        drop(queue);
        Some(place)
    }

    fn enter(&self) -> Place<'_> {
        let mut queue = self.queue.lock();
        queue.last = queue.last.wrapping_add(1);
        let number = queue.last;
        queue.numbers.push_back(number);
        Place { turn: self, number }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turn.queue.lock().numbers.retain(|number| *number != self.number);
        self.turn.moved.notify_all();
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn_and_who_waits_too_long_has_none() {
        static TURN: Turn = Turn::new();
        let mine = TURN.take(Duration::ZERO);
        assert!(mine.is_some());
        assert!(TURN.take(Duration::from_millis(1)).is_none());
        let others: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| TURN.take(Duration::from_secs(60)).is_some())).collect();
        drop(mine);
        assert!(others.into_iter().all(|other| other.join().unwrap()));
        assert!(TURN.queue.lock().numbers.is_empty());
    }
}
