//! How long a ping and its pong take (RFC 6455, sections 5.5.2 and 5.5.3).

use core::time::Duration;

/// What was measured so far, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundTrip {
    last: u32,
    least: u32,
    sum: u64,
    count: u32,
}

impl RoundTrip {
    /// One more; at least a microsecond, so that a clock of milliseconds does not make it look as if there were none.
    pub fn add(&mut self, took: Duration) {
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        self.least = if self.count == 0 { took } else { self.least.min(took) };
        self.last = took;
        // The mean is of all, until there have been more than can be counted.
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(u64::from(took));
    }

    /// The last, the least and the mean in microseconds; zeros if there was none.
    pub fn microseconds(&self) -> [u32; 3] {
        let mean = self.sum.checked_div(u64::from(self.count)).unwrap_or_default();
        [self.last, self.least, u32::try_from(mean).unwrap_or(u32::MAX)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_the_least_and_the_mean() {
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.microseconds(), [0; 3]);
        for (took, expected) in [(30, [30, 30, 30]), (10, [10, 10, 20]), (50, [50, 10, 30]), (0, [1, 1, 22])]
        {
            round_trip.add(Duration::from_micros(took));
            assert_eq!(round_trip.microseconds(), expected);
        }
        round_trip.add(Duration::MAX);
        assert_eq!(round_trip.microseconds()[0], u32::MAX);
    }
}
