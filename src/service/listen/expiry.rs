//! When a port's certificate expires, and whether somebody should be told.
//!
//! Nothing polls: it is looked at when a certificate is loaded and when a client comes.

use std::time::Duration;

use xous_api_websocket::certificate::Moment;

const DAY: u64 = 24 * 60 * 60;
/// How long before its end a certificate is warned of.
const AHEAD: u64 = 14 * DAY;

/// The end of a certificate's validity, and when it was last warned of.
pub(super) struct Expiry {
    /// `None` if it is not known.
    until: Option<Moment>,
    /// The day on which a warning was given, counted from 1970.
    warned: Option<u64>,
}

impl Expiry {
    pub(super) fn new(until: Option<Moment>) -> Self {
        Expiry { until, warned: None }
    }

    /// The end, in seconds since 1970.
    pub(super) fn seconds(&self) -> Option<u64> {
        self.until.map(Moment::unix_seconds)
    }

    /// What to warn of at this time since 1970, at most once a day. Nothing if the clock is not set.
    pub(super) fn warning(&mut self, now: Option<Duration>) -> Option<String> {
        let (until, now) = (self.until?, now?.as_secs());
        let left = until.unix_seconds().saturating_sub(now);
        let today = now / DAY;
        if left > AHEAD || self.warned == Some(today) {
            return None;
        }
        self.warned = Some(today);
        Some(match left {
            0 => format!("its certificate has expired at {until}: renew it"),
            _ => format!("its certificate expires at {until}, in {} days: renew it", left / DAY),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_given_two_weeks_ahead_and_once_a_day() {
        let until = Moment { year: 2026, month: 12, day: 31, hour: 12, minute: 0, second: 0 };
        let end = until.unix_seconds();
        let mut expiry = Expiry::new(Some(until));
        assert_eq!(expiry.seconds(), Some(1_798_718_400));
        let mut at = |seconds| expiry.warning(Some(Duration::from_secs(seconds)));
        assert_eq!(at(end - AHEAD - 1), None);
        let text = at(end - AHEAD).unwrap();
        assert_eq!(text, "its certificate expires at 2026-12-31 12:00 UTC, in 14 days: renew it");
        assert_eq!(at(end - AHEAD + 11 * 3600), None, "the same day");
        assert!(at(end - AHEAD + 12 * 3600).unwrap().contains("in 13 days"));
        assert!(at(end - 3 * 3600).unwrap().contains("in 0 days"));
        assert!(at(end + 13 * 3600).unwrap().contains("has expired at 2026-12-31"));
        assert_eq!(at(end + 14 * 3600), None);
    }

    #[test]
    fn what_is_not_known_is_not_warned_of() {
        assert_eq!(Expiry::new(None).warning(Some(Duration::from_secs(1 << 40))), None);
        let until = Moment { year: 2020, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
        assert_eq!(Expiry::new(Some(until)).warning(None), None, "the clock is not set");
    }
}
