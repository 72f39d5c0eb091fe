//! Who waits for what: for a time, a mutex, or a condition. No kernel, no clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A mutex or condition of std: its process, and its address there.
pub(super) type Key = (u8, usize);

/// A condition came true, or a sleep is over.
const REACHED: usize = 0;
/// The time for a condition is over.
const TIMED_OUT: usize = 1;

struct Sleeper<S> {
    until: u64,
    sender: S,
    /// What it waits for beside the time.
    condition: Option<Key>,
}

/// All waiting threads, by the senders of their messages. Times are milliseconds since the start.
pub(super) struct Waits<S> {
    sleepers: Vec<Sleeper<S>>,
    mutexes: BTreeMap<Key, VecDeque<S>>,
    /// Unlocked by one thread before the next, which has counted itself in, has sent its message.
    unlocked: BTreeSet<Key>,
    conditions: BTreeMap<Key, VecDeque<S>>,
}

impl<S: Copy + PartialEq> Waits<S> {
    pub(super) fn new() -> Self {
        Waits {
            sleepers: Vec::new(),
            mutexes: BTreeMap::new(),
            unlocked: BTreeSet::new(),
            conditions: BTreeMap::new(),
        }
    }

    pub(super) fn sleep(&mut self, sender: S, until: u64) {
        self.sleepers.push(Sleeper { until, sender, condition: None });
    }

    /// Whether the mutex is the sender's at once; else it waits.
    pub(super) fn lock(&mut self, mutex: Key, sender: S) -> bool {
        let free = self.unlocked.remove(&mutex);
        if !free {
            self.mutexes.entry(mutex).or_default().push_back(sender);
        }
        free
    }

    /// The thread whose the mutex is now.
    pub(super) fn unlock(&mut self, mutex: Key) -> Option<S> {
        let next = self.mutexes.get_mut(&mutex).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.unlocked.insert(mutex);
        }
        next
    }

    /// Forgets a mutex that is gone.
    pub(super) fn free_mutex(&mut self, mutex: Key) {
        self.mutexes.remove(&mutex);
        self.unlocked.remove(&mutex);
    }

    /// Waits for a condition, with a time for it or without.
    pub(super) fn wait(&mut self, condition: Key, sender: S, until: Option<u64>) {
        self.conditions.entry(condition).or_default().push_back(sender);
        if let Some(until) = until {
            self.sleepers.push(Sleeper { until, sender, condition: Some(condition) });
        }
    }

    /// The threads that a condition's notification reaches: `most` of them, or all for 0. They are to be answered with
    /// the value beside them.
    pub(super) fn notify(&mut self, condition: Key, most: usize) -> Vec<(S, usize)> {
        let Some(waiting) = self.conditions.get_mut(&condition) else { return Vec::new() };
        let count = if most == 0 { waiting.len() } else { most.min(waiting.len()) };
        let reached: Vec<(S, usize)> = waiting.drain(..count).map(|sender| (sender, REACHED)).collect();
        if waiting.is_empty() {
            self.conditions.remove(&condition);
        }
        self.sleepers.retain(|sleeper| {
            sleeper.condition != Some(condition)
                || reached.iter().all(|(sender, _)| *sender != sleeper.sender)
        });
        reached
    }

    /// The threads that sleep no longer at this time, with their answers.
    pub(super) fn due(&mut self, now: u64) -> Vec<(S, usize)> {
        let mut due = Vec::new();
        let Waits { sleepers, conditions, .. } = self;
        sleepers.retain(|sleeper| {
            if sleeper.until > now {
                return true;
            }
            let Some(condition) = sleeper.condition else {
                due.push((sleeper.sender, REACHED));
                return false;
            };
            if let Some(waiting) = conditions.get_mut(&condition) {
                waiting.retain(|sender| *sender != sleeper.sender);
            }
            due.push((sleeper.sender, TIMED_OUT));
            false
        });
        due
    }

    /// When somebody is due next.
    pub(super) fn next(&self) -> Option<u64> {
        self.sleepers.iter().map(|sleeper| sleeper.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = (7, 0x2000);
    const OTHER: Key = (8, 0x2000);

    #[test]
    fn sleepers_wake_at_their_times() {
        let mut waits = Waits::new();
        waits.sleep('a', 30);
        waits.sleep('b', 10);
        assert_eq!(waits.next(), Some(10));
        assert_eq!(waits.due(9), []);
        assert_eq!(waits.due(10), [('b', 0)]);
        assert_eq!(waits.next(), Some(30));
        assert_eq!(waits.due(100), [('a', 0)]);
        assert_eq!(waits.next(), None);
    }

    #[test]
    fn a_mutex_goes_to_those_who_wait_in_their_order() {
        let mut waits = Waits::new();
        assert!(!waits.lock(KEY, 'a'));
        assert!(!waits.lock(KEY, 'b'));
        assert!(!waits.lock(OTHER, 'c'));
        assert_eq!(waits.unlock(KEY), Some('a'));
        assert_eq!(waits.unlock(KEY), Some('b'));
        assert_eq!(waits.unlock(KEY), None);
        assert!(waits.lock(KEY, 'd'), "unlocked before it was asked for");
        assert!(!waits.lock(KEY, 'e'));
        waits.free_mutex(KEY);
        assert_eq!(waits.unlock(KEY), None);
        waits.free_mutex(KEY);
        assert!(!waits.lock(KEY, 'f'), "it is another one that has taken its place");
    }

    #[test]
    fn a_notification_reaches_as_many_as_it_says() {
        let mut waits = Waits::new();
        waits.wait(KEY, 'a', None);
        waits.wait(KEY, 'b', Some(50));
        waits.wait(KEY, 'c', Some(60));
        waits.wait(OTHER, 'd', None);
        assert_eq!(waits.notify(KEY, 2), [('a', 0), ('b', 0)]);
        assert_eq!(waits.next(), Some(60), "who was reached does not time out");
        assert_eq!(waits.notify(KEY, 0), [('c', 0)]);
        assert_eq!(waits.notify(KEY, 1), []);
        assert_eq!(waits.notify(OTHER, 9), [('d', 0)]);
    }

    #[test]
    fn who_has_timed_out_is_not_reached() {
        let mut waits = Waits::new();
        waits.wait(KEY, 'a', Some(50));
        assert_eq!(waits.due(50), [('a', 1)]);
        assert_eq!(waits.notify(KEY, 1), []);
    }
}
