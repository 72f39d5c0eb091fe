//! The time by which certificates are judged.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::net::TlsError;
use crate::platform;

/// The beginning of the year in which this was written. A clock that shows less has not been set. On the device it
/// counts from 1970 after a loss of power.
const WRITTEN: Duration = Duration::from_secs(1_767_225_600);

/// The system's clock, once it is set.
#[derive(Debug)]
pub(super) struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        plausible(now(platform::has_clock()))
    }
}

/// The system's clock, set or not. It is for a server that checks no certificates, but needs the age of its sessions.
#[derive(Debug)]
pub(super) struct AnyClock;

impl TimeProvider for AnyClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(now(platform::has_clock()).unwrap_or_default()))
    }
}

/// Checks the clock before anything is sent. Otherwise an unset clock would show only when the peer's certificate has
/// come.
pub(super) fn check() -> Result<(), TlsError> {
    Clock.current_time().map(|_| ()).ok_or(TlsError::ClockNotSet)
}

/// The time, if there is a clock. std would ask for it without end, and would never sleep in between.
fn now(is_there: bool) -> Option<Duration> {
    if !is_there {
        return None;
    }
    SystemTime::now().duration_since(UNIX_EPOCH).ok()
}

fn plausible(since_epoch: Option<Duration>) -> Option<UnixTime> {
    since_epoch.filter(|time| *time >= WRITTEN).map(UnixTime::since_unix_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_not_set_is_noticed() {
        assert!(plausible(None).is_none());
        assert!(now(true).is_some() && now(false).is_none());
        assert!(plausible(Some(Duration::from_secs(86_400))).is_none());
        assert!(plausible(Some(WRITTEN - Duration::from_secs(1))).is_none());
        assert_eq!(plausible(Some(WRITTEN)), Some(UnixTime::since_unix_epoch(WRITTEN)));
    }
}
