//! A turn that one thread has at a time.
//!
//! Those who come meanwhile wait in the order in which they came, each for as long as it wants to. Nothing is locked while
//! somebody has the turn. As many can wait as there are workers.
//!
//! Who has it may leave it, to do something that may last, and keep something for when it is back. If that takes too long,
//! or the turn has lasted long enough, the next one has its turn, and what was kept is dropped: so there is one such thing
//! at a time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::service::limits::{LIST_AWAY, LIST_TURN};
use crate::sync::{Condvar, Instant, Mutex};

/// What one thread does at a time, with a `T`.
pub(in super::super) struct Turn<T> {
    queue: Mutex<Queue>,
    moved: Condvar,
    /// Of who has left the turn: its number, and what it keeps.
    kept: Mutex<Option<(u32, T)>>,
}

/// Who has the turn is first, the others wait; each by its number.
struct Queue {
    numbers: VecDeque<u32>,
    last: u32,
    /// Who is first has left: since when, and after which time it is passed over.
    away: Option<(Instant, Duration)>,
}

/// A place in the queue, until it is dropped.
pub(in super::super) struct Place<'a, T> {
    turn: &'a Turn<T>,
    number: u32,
    /// Its turn.
    began: Instant,
}

/// The place of somebody who has left, and is passed over if it is not back soon.
pub(in super::super) struct Left<'a, T>(Place<'a, T>);

impl Queue {
    /// How long the next one waits for who is first, which waits for nobody.
    fn wait_of(&self, number: u32) -> Duration {
        match (self.numbers.iter().position(|one| *one == number), self.away) {
            (Some(0), _) => Duration::ZERO,
            (Some(1), Some((since, limit))) => limit.saturating_sub(since.elapsed()),
            _ => Duration::MAX,
        }
    }

    /// Who is first has left and is back. Returns whether it goes on: nobody else waits, or it was not away for long.
    fn goes_on(&mut self, number: u32) -> bool {
        let is_first = self.numbers.front() == Some(&number);
        let is_back = is_first && (self.numbers.len() == 1 || self.away.is_some_and(is_not_over));
        if is_back {
            self.away = None;
        }
        is_back
    }
}

fn is_not_over((since, limit): (Instant, Duration)) -> bool {
    since.elapsed() < limit
}

impl<T> Turn<T> {
    /// Nobody has it.
    pub(in super::super) const fn new() -> Self {
        let queue = Mutex::new(Queue { numbers: VecDeque::new(), last: 0, away: None });
        Turn { queue, moved: Condvar::new(), kept: Mutex::new(None) }
    }

    /// Waits for the turn, which ends with what is returned; `None` if it does not come within `limit`.
    pub(in super::super) fn take(&self, limit: Duration) -> Option<Place<'_, T>> {
        let place = self.wait(limit)?;
        let _of_another = self.kept.lock().take();
        Some(place)
    }

    fn wait(&self, limit: Duration) -> Option<Place<'_, T>> {
        let start = Instant::now();
        let mut place = self.enter(start);
        let mut queue = self.queue.lock();
        loop {
            let ahead = queue.wait_of(place.number);
            if ahead.is_zero() {
                break;
            }
            let Some(left) = limit.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) else {
                // The place is left without the lock.
                drop(queue);
                return None;
            };
            queue = self.moved.wait_timeout(queue, left.min(ahead));
        }
        if queue.numbers.front() != Some(&place.number) {
            queue.numbers.pop_front();
            queue.away = None;
        }
        drop(queue);
        place.began = Instant::now();
        Some(place)
    }

    fn enter(&self, began: Instant) -> Place<'_, T> {
        let mut queue = self.queue.lock();
        queue.last = queue.last.wrapping_add(1);
        let number = queue.last;
        queue.numbers.push_back(number);
        Place { turn: self, number, began }
    }
}

impl<'a, T> Place<'a, T> {
    /// Leaves the turn for a while. What is kept is there afterwards, unless somebody else has had a turn.
    pub(in super::super) fn leave(self, kept: T) -> Left<'a, T> {
        *self.turn.kept.lock() = Some((self.number, kept));
        let limit = LIST_AWAY.min(LIST_TURN.saturating_sub(self.began.elapsed()));
        self.turn.queue.lock().away = Some((Instant::now(), limit));
        self.turn.moved.notify_all();
        Left(self)
    }
}

impl<'a, T> Left<'a, T> {
    /// As [`Turn::take`]: goes on, or waits for another turn. With what was kept, if it is there.
    pub(in super::super) fn again(self, limit: Duration) -> Option<(Place<'a, T>, Option<T>)> {
        let Left(place) = self;
        let Place { turn, number, .. } = place;
        let goes_on = turn.queue.lock().goes_on(number);
        let place = if goes_on {
            place
        } else {
            drop(place);
            turn.wait(limit)?
        };
        let kept = turn.kept.lock().take();
        Some((place, kept.filter(|(of, _)| *of == number).map(|(_, kept)| kept)))
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        // Before somebody else has its turn.
        drop(self.turn.kept.lock().take_if(|(number, _)| *number == self.number));
        let mut queue = self.turn.queue.lock();
        if queue.numbers.front() == Some(&self.number) {
            queue.away = None;
        }
        queue.numbers.retain(|number| *number != self.number);
        drop(queue);
        self.turn.moved.notify_all();
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn each_has_its_turn_and_who_waits_too_long_has_none() {
        static TURN: Turn<()> = Turn::new();
        let mine = TURN.take(Duration::ZERO);
        assert!(mine.is_some());
        assert!(TURN.take(Duration::from_millis(1)).is_none());
        let others: Vec<_> = (0..4).map(|_| std::thread::spawn(|| TURN.take(LONG).is_some())).collect();
        drop(mine);
        assert!(others.into_iter().all(|other| other.join().unwrap()));
        assert!(TURN.queue.lock().numbers.is_empty());
    }

    #[test]
    fn who_leaves_goes_on_unless_it_was_passed_over() {
        let turn = Turn::new();
        let left = turn.take(LONG).unwrap().leave("mine");
        let (place, kept) = left.again(LONG).unwrap();
        assert_eq!(kept, Some("mine"));
        let left = place.leave("mine");
        // It is not back in time.
        let other = turn.take(LONG).unwrap().leave("other");
        let (place, kept) = left.again(LONG).unwrap();
        assert_eq!(kept, None);
        drop(place);
        assert!(other.again(LONG).unwrap().1.is_none(), "it was dropped");
        drop(turn.take(LONG).unwrap().leave("gone"));
        assert!(turn.kept.lock().is_none() && turn.queue.lock().numbers.is_empty());
    }

    #[test]
    fn a_turn_ends_for_who_waits_however_soon_its_owner_is_back() {
        let turn = Turn::new();
        std::thread::scope(|scope| {
            let mut place = turn.take(LONG).unwrap();
            let waits = scope.spawn(|| turn.take(LONG).is_some());
            let start = Instant::now();
            while !waits.is_finished() {
                assert!(start.elapsed() < LONG);
                place = place.leave(()).again(LONG).unwrap().0;
            }
            assert!(waits.join().unwrap() && start.elapsed() >= LIST_TURN / 2, "{:?}", start.elapsed());
        });
    }
}
