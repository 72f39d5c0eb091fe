//! Machine time: the instructions executed, and the time skipped while the processor slept.

/// Units of machine time in a millisecond.
pub(crate) const PER_MILLISECOND: u64 = 100_000;

/// Nanoseconds of a unit of machine time.
pub(crate) const NANOSECONDS: u64 = 10;

/// What becomes of the time in which the processor has nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idle {
    /// It is skipped to the next event of the machine: runs repeat to the instruction.
    #[default]
    Virtual,
    /// It passes as outside while a program waits for the network of the PC; otherwise it is skipped.
    Real,
}

/// Turns an instruction count into machine time.
#[derive(Default)]
pub(crate) struct Clock {
    skipped: u64,
}

impl Clock {
    pub(crate) fn now(&self, count: u64) -> u64 {
        self.skipped.saturating_add(count)
    }

    /// The count at which it is `time`, if nothing more is skipped.
    pub(crate) fn count_at(&self, time: u64) -> u64 {
        time.saturating_sub(self.skipped)
    }

    pub(crate) fn skip(&mut self, by: u64) {
        self.skipped = self.skipped.saturating_add(by);
    }
}
