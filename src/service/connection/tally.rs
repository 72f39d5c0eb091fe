//! What has passed on the connections of a listener, those that have ended included.
//!
//! Who competes: connections that open or end, and who looks.

use super::outcome::Outcome;
use super::traffic::Passed;
use crate::sync::{Instant, Mutex};

/// Of a listener.
pub(crate) struct Tally {
    pub(crate) since: Instant,
    sum: Mutex<Sum>,
}

/// Of its connections.
#[derive(Clone, Default)]
pub(crate) struct Sum {
    pub(crate) opened: u32,
    pub(crate) passed: Passed,
    /// How the one ended that did so last.
    pub(crate) last_end: Option<Outcome>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally { since: Instant::now(), sum: Mutex::default() }
    }
}

impl Tally {
    /// One more is open.
    pub(super) fn opened(&self) {
        let mut sum = self.sum.lock();
        sum.opened = sum.opened.wrapping_add(1);
    }

    /// One that was open has ended like this. `close` says what has passed on it, and has it not counted as open any more:
    /// under the lock, so that it is never counted twice.
    pub(super) fn ended(&self, close: impl FnOnce() -> Passed, outcome: &Outcome) {
        let mut sum = self.sum.lock();
        sum.passed.add(close());
        sum.last_end = Some(outcome.clone());
    }

    /// Of those that have ended, and of these, which are open when they are asked.
    pub(crate) fn with(&self, open: impl Iterator<Item = Passed>) -> Sum {
        let sum = self.sum.lock();
        let mut all = sum.clone();
        open.for_each(|passed| all.passed.add(passed));
        all
    }
}
