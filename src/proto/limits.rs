//! How much of a message the caller takes.

use super::violation::Violation;

/// What the caller takes from its peer. Each is checked on what a frame declares, before its payload comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Payload bytes of one data frame; more is [`Violation::FrameTooBig`].
    pub max_frame: u64,
    /// Payload bytes of one message; more is [`Violation::MessageTooBig`].
    pub max_message: u64,
    /// Data frames of one message, empty ones too; more is [`Violation::TooManyFragments`]. The first is
    /// always taken.
    pub max_fragments: u32,
}

impl Limits {
    /// No limit of any kind. Harmless to this codec, whose memory does not depend on sizes.
    pub const NONE: Self = Self { max_frame: u64::MAX, max_message: u64::MAX, max_fragments: u32::MAX };
}

impl Default for Limits {
    fn default() -> Self {
        Self::NONE
    }
}

/// What a message has used of its limits, as declared by its frames so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    limits: Limits,
    /// The longest message in one frame.
    max_whole: u64,
    length: u64,
    fragments: u32,
}

impl Budget {
    pub(super) const fn new(limits: Limits) -> Self {
        let Limits { max_frame, max_message, .. } = limits;
        let max_whole = if max_frame < max_message { max_frame } else { max_message };
        Self { limits, max_whole, length: 0, fragments: 0 }
    }

    /// Whether a message in one frame of `len` bytes is within them.
    #[inline]
    pub(super) const fn allows_whole(&self, len: u64) -> bool {
        len <= self.max_whole
    }

    /// Checks a frame of `len` bytes, the first of its message or another.
    #[inline]
    pub(super) fn check(&self, first: bool, len: u64) -> Result<(), Violation> {
        let (length, fragments) = if first { (0, 0) } else { (self.length, self.fragments) };
        if len > self.limits.max_frame {
            return Err(Violation::FrameTooBig);
        }
        if len > self.limits.max_message.saturating_sub(length) {
            return Err(Violation::MessageTooBig);
        }
        if fragments > 0 && fragments >= self.limits.max_fragments {
            return Err(Violation::TooManyFragments);
        }
        Ok(())
    }

    /// Counts a frame that has been checked.
    #[inline]
    pub(super) fn spend(&mut self, first: bool, len: u64) {
        // No sum wraps: the check has held them to the limits.
        (self.length, self.fragments) =
            if first { (len, 1) } else { (self.length + len, self.fragments + 1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: u64 = (1 << 63) - 1;

    #[test]
    fn no_limit_takes_what_can_be_declared_and_does_not_wrap() {
        let mut budget = Budget::new(Limits::NONE);
        budget.spend(true, LARGE);
        assert_eq!(budget.check(false, LARGE), Ok(()));
        budget.spend(false, LARGE);
        assert_eq!(budget.check(false, 1), Ok(()));
        assert_eq!(budget.check(false, 2), Err(Violation::MessageTooBig));
    }

    #[test]
    fn each_limit_is_exact() {
        let limits = Limits { max_frame: 10, max_message: 15, max_fragments: 3 };
        let mut budget = Budget::new(limits);
        assert!(budget.allows_whole(10));
        assert!(!budget.allows_whole(11));
        assert_eq!(budget.check(true, 10), Ok(()));
        assert_eq!(budget.check(true, 11), Err(Violation::FrameTooBig));
        budget.spend(true, 10);
        assert_eq!(budget.check(false, 5), Ok(()));
        assert_eq!(budget.check(false, 6), Err(Violation::MessageTooBig));
        budget.spend(false, 5);
        assert_eq!(budget.check(false, 0), Ok(()));
        budget.spend(false, 0);
        assert_eq!(budget.check(false, 0), Err(Violation::TooManyFragments));
        assert_eq!(budget.check(true, 0), Ok(()), "a new message");
    }
}
