//! How long to wait before a connection that has ended is opened again.

use core::time::Duration;

/// After so many failures in a row the wait is the largest, however slowly it was to grow.
const MANY: u32 = 10;

/// How waits grow, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffPolicy {
    /// The first wait.
    pub first: Duration,
    /// By how many hundredths each wait is that of the one before it: 200 doubles. At least 100.
    pub factor: u16,
    /// No wait is longer, but for the jitter, and for a server that asks for more time.
    pub largest: Duration,
    /// How many hundredths of a wait are added to it at most, by chance.
    pub jitter: u8,
    /// A connection that was open for so long is a success; one that was not is another failure. One that was shorter
    /// than the first wait is no success in any case: nothing would keep a server that accepts and drops from a storm.
    pub stable: Duration,
    /// How many attempts in a row may fail. `None` for no end.
    pub attempts: Option<u32>,
}

/// Says when the next attempt is due. It keeps no clock and draws no numbers: the caller says how long a connection has
/// lasted, and brings the chance.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    policy: BackoffPolicy,
    failures: u32,
}

impl Backoff {
    /// The longest time for which a server is left alone because it asked for it.
    pub const MAX_ASKED: Duration = Duration::from_secs(24 * 3600);

    /// Nothing has failed so far.
    pub const fn new(policy: BackoffPolicy) -> Self {
        Self { policy, failures: 0 }
    }

    /// A connection has ended that was open for so long.
    pub fn ended(&mut self, lasted: Duration) {
        if lasted >= self.policy.stable.max(self.policy.first) {
            self.failures = 0;
        }
    }

    /// The wait before the next attempt; `None` if there is to be none. `chance` is a random number; `asked` is the
    /// time for which the server has asked to be left alone (`Retry-After`, RFC 9110 section 10.2.3).
    pub fn next(&mut self, chance: u32, asked: Option<Duration>) -> Option<Duration> {
        if self.is_spent() {
            return None;
        }
        let wait = self.base();
        self.failures = self.failures.saturating_add(1);
        let asked = asked.unwrap_or_default().min(Self::MAX_ASKED);
        Some(with_jitter(wait.max(asked), self.policy.jitter, chance))
    }

    /// As many attempts in a row have failed as may.
    pub fn is_spent(&self) -> bool {
        self.policy.attempts.is_some_and(|most| self.failures >= most)
    }

    /// How many attempts have failed in a row, the one that is due included.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    fn base(&self) -> Duration {
        let BackoffPolicy { first, factor, largest, .. } = self.policy;
        if self.failures >= MANY {
            return largest;
        }
        let mut wait = first;
        for _ in 0..self.failures {
            wait = wait.saturating_mul(u32::from(factor)) / 100;
        }
        wait.min(largest)
    }
}

/// Between the wait and so many hundredths more.
fn with_jitter(wait: Duration, jitter: u8, chance: u32) -> Duration {
    let most = wait.saturating_mul(u32::from(jitter)) / 100;
    let nanoseconds = most.as_nanos().saturating_mul(u128::from(chance)) >> 32;
    wait.saturating_add(Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::{RngCore, SeedableRng};

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn policy() -> BackoffPolicy {
        BackoffPolicy { first: s(1), factor: 200, largest: s(60), jitter: 0, stable: s(30), attempts: None }
    }

    fn waits(policy: BackoffPolicy, many: usize) -> Vec<Duration> {
        let mut backoff = Backoff::new(policy);
        (0..many).map_while(|_| backoff.next(0, None)).collect()
    }

    #[test]
    fn waits_grow_up_to_the_largest() {
        assert_eq!(waits(policy(), 8), [1, 2, 4, 8, 16, 32, 60, 60].map(s));
        let slow = BackoffPolicy { factor: 100, ..policy() };
        assert_eq!(
            waits(slow, 12),
            [[1; 10].as_slice(), &[60; 2]].concat().into_iter().map(s).collect::<Vec<_>>()
        );
    }

    #[test]
    fn only_a_connection_that_lasts_begins_anew() {
        let mut backoff = Backoff::new(policy());
        for (lasted, wait) in [(0, 1), (29, 2), (0, 4), (30, 1), (29, 2), (3600, 1)] {
            backoff.ended(s(lasted));
            assert_eq!(backoff.next(0, None), Some(s(wait)), "after {lasted}");
        }
    }

    #[test]
    fn a_server_that_accepts_and_drops_is_no_success_however_short_stable_is() {
        let mut backoff = Backoff::new(BackoffPolicy { stable: Duration::ZERO, ..policy() });
        let waits = [(); 8].map(|()| {
            backoff.ended(Duration::from_millis(999));
            backoff.next(0, None).unwrap()
        });
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60].map(s));
        backoff.ended(s(1));
        assert_eq!(backoff.next(0, None), Some(s(1)));
    }

    #[test]
    fn attempts_have_an_end_and_begin_anew_behind_a_success() {
        let mut backoff = Backoff::new(BackoffPolicy { attempts: Some(2), ..policy() });
        assert_eq!([(); 3].map(|()| backoff.next(0, None)), [Some(s(1)), Some(s(2)), None]);
        backoff.ended(s(30));
        assert_eq!(backoff.next(0, None), Some(s(1)));
    }

    #[test]
    fn a_server_that_asks_for_time_gets_it_but_not_for_ever() {
        let mut backoff = Backoff::new(policy());
        assert_eq!(backoff.next(0, Some(s(90))), Some(s(90)));
        assert_eq!(backoff.next(0, Some(s(1))), Some(s(2)));
        assert_eq!(backoff.next(0, Some(Duration::MAX)), Some(Backoff::MAX_ASKED));
    }

    /// Whatever the policy and the chance: no wait is shorter than the first, none shorter than the one before, none longer
    /// than the largest with its jitter; and at most one attempt per largest wait after ten.
    #[test]
    fn no_policy_makes_a_storm() {
        let mut random = ChaCha8Rng::seed_from_u64(18);
        for _ in 0..2000 {
            let first = Duration::from_millis(u64::from(random.next_u32() % 10_000 + 1));
            let policy = BackoffPolicy {
                first,
                factor: 100 + (random.next_u32() % 900) as u16,
                largest: first + Duration::from_millis(u64::from(random.next_u32() % 600_000)),
                jitter: (random.next_u32() % 101) as u8,
                stable: s(u64::from(random.next_u32() % 30)),
                attempts: None,
            };
            let mut backoff = Backoff::new(policy);
            let mut least = first;
            for number in 0..40 {
                backoff.ended(Duration::ZERO);
                let wait = backoff.next(random.next_u32(), None).unwrap();
                let base = waits(policy, number + 1)[number];
                assert!(base >= least && wait >= base, "{policy:?} {number}: {wait:?}");
                assert!(wait <= policy.largest + policy.largest * u32::from(policy.jitter) / 100);
                assert!(number < 10 || wait >= policy.largest);
                least = base;
            }
        }
    }

    /// A thousand clients that lose their server at the same moment come back over all of the jitter's range.
    #[test]
    fn a_thousand_clients_are_spread_over_the_jitter() {
        let policy = BackoffPolicy { jitter: 50, ..policy() };
        let mut random = ChaCha8Rng::seed_from_u64(1000);
        let mut clients = [Backoff::new(policy); 1000];
        for base in [1, 2, 4, 8, 16, 32, 60, 60] {
            // In tenths of the range.
            let mut tenths = [0; 10];
            for client in &mut clients {
                let late = client.next(random.next_u32(), None).unwrap() - s(base);
                let tenth = late.as_nanos() * 10 / (s(base) / 2).as_nanos();
                tenths[usize::try_from(tenth).unwrap()] += 1;
            }
            // A hundred each, give or take four standard deviations (9.5), as there are eighty of them.
            assert!(tenths.iter().all(|many| (62..=138).contains(many)), "{base}: {tenths:?}");
            println!("{base} s and up to half as much: {tenths:?}");
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let policy = BackoffPolicy {
            first: Duration::MAX,
            factor: u16::MAX,
            largest: Duration::MAX,
            jitter: u8::MAX,
            stable: Duration::MAX,
            attempts: None,
        };
        assert!(waits(policy, 20).iter().all(|wait| *wait <= Duration::MAX));
        let mut backoff = Backoff::new(policy);
        assert!((0..20).all(|_| backoff.next(u32::MAX, Some(Duration::MAX)).is_some()));
    }
}
