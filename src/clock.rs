//! The time of day, once it is set.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::platform;

/// The year in which this was written begins. A clock that says less has not been set: on the device it counts from
/// 1970 after a loss of power.
pub(crate) const WRITTEN: Duration = Duration::from_secs(1_767_225_600);

/// The time since 1970 by the system's clock; `None` if there is no clock or it has not been set.
pub(crate) fn now() -> Option<Duration> {
    plausible(any(platform::has_clock()))
}

/// What the clock says, set or not, if there is one: std waits for it without end, and without rest.
pub(crate) fn any(is_there: bool) -> Option<Duration> {
    if !is_there {
        return None;
    }
    SystemTime::now().duration_since(UNIX_EPOCH).ok()
}

fn plausible(since_epoch: Option<Duration>) -> Option<Duration> {
    since_epoch.filter(|time| *time >= WRITTEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_not_set_is_noticed() {
        assert!(plausible(None).is_none());
        assert!(any(true).is_some() && any(false).is_none());
        assert!(plausible(Some(Duration::from_secs(86_400))).is_none());
        assert!(plausible(Some(WRITTEN - Duration::from_secs(1))).is_none());
        assert_eq!(plausible(Some(WRITTEN)), Some(WRITTEN));
    }
}
