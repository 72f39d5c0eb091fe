//! What has passed on a connection.
//!
//! Who competes: one thread counts, and any may look. So nothing is locked, and no addition is atomic: to count costs a load
//! and a store.

use xous_api_websocket::state::Traffic;

use crate::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
};

/// One direction.
#[derive(Default)]
pub(crate) struct Way {
    messages: Counter,
    bytes: Counter,
}

/// What has passed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Passed {
    pub(crate) sent: Traffic,
    pub(crate) received: Traffic,
    pub(crate) stalls: u32,
}

/// What is known of the sessions of a connection before the one that is on.
#[derive(Default)]
pub(super) struct Past {
    pub(super) passed: Passed,
    /// How many have followed another.
    pub(super) reopened: u32,
}

/// A count of 63 bits, which one thread makes, on a device whose atomics have 32.
#[derive(Default)]
struct Counter {
    low: AtomicU32,
    /// How often bit 31 of `low` has changed, so that the lowest bit says whether both belong together.
    turns: AtomicU32,
}

impl Way {
    /// A piece of a message has passed; `last` if it ends the message. Only one thread calls this.
    pub(crate) fn count(&self, bytes: usize, last: bool) {
        self.count_several(bytes, usize::from(last));
    }

    /// As [`Way::count`], of so many messages.
    pub(crate) fn count_several(&self, bytes: usize, messages: usize) {
        self.bytes.add(bytes);
        self.messages.add(messages);
    }

    /// So far.
    pub(crate) fn passed(&self) -> Traffic {
        Traffic::new(self.messages.value(), self.bytes.value())
    }
}

impl Passed {
    pub(super) fn add(&mut self, other: Passed) {
        self.sent.add(other.sent);
        self.received.add(other.received);
        self.stalls = self.stalls.wrapping_add(other.stalls);
    }
}

impl Counter {
    /// Adds less than 2^31.
    fn add(&self, more: usize) {
        let before = self.low.load(Relaxed);
        let now = before.wrapping_add(u32::try_from(more).unwrap_or(0) & (u32::MAX >> 1));
        if (before ^ now) >> 31 != 0 {
            self.turns.store(self.turns.load(Relaxed).wrapping_add(1), Relaxed);
        }
        // Behind the turn, so that who sees this sees that one.
        self.low.store(now, Release);
    }

    fn value(&self) -> u64 {
        let low = self.low.load(Acquire);
        let seen = self.turns.load(Relaxed);
        // It was counted on in between.
        let ahead = (seen ^ (low >> 31)) & 1;
        u64::from(seen.wrapping_sub(ahead) >> 1) << 32 | u64::from(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_32_bits_are_counted() {
        let counter = Counter::default();
        let mut expected = 0;
        for step in [1, (1 << 31) - 1, 0, 1 << 30, (1 << 31) - 1, (1 << 31) - 1, 12345, 1 << 30, 1 << 30] {
            counter.add(step);
            expected += step as u64;
            assert_eq!(counter.value(), expected);
        }
        assert!(expected > 1 << 32);
    }

    #[test]
    fn who_looks_in_the_middle_of_a_turn_sees_what_was_before_it() {
        let counter = Counter::default();
        counter.add((1 << 31) - 1);
        counter.turns.store(1, Relaxed);
        assert_eq!(counter.value(), (1 << 31) - 1);
        counter.low.store(1 << 31, Relaxed);
        assert_eq!(counter.value(), 1 << 31);
    }

    #[test]
    fn pieces_make_messages() {
        let way = Way::default();
        way.count(3, false);
        way.count(0, true);
        way.count(5, true);
        assert_eq!(way.passed(), Traffic::new(2, 8));
    }
}
