//! The time by which certificates are judged.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::net::TlsError;
use crate::platform;

/// The year in which this was written begins. A clock that says less has not been set: on the device it counts from
/// 1970 after a loss of power.
const WRITTEN: Duration = Duration::from_secs(1_767_225_600);

/// The system's clock, once it is set.
#[derive(Debug)]
pub(super) struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        plausible(now(platform::has_clock()))
    }
}

/// The system's clock, set or not: for a server that judges no certificates, but keeps the age of its sessions.
#[derive(Debug)]
pub(super) struct AnyClock;

impl TimeProvider for AnyClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(now(platform::has_clock()).unwrap_or_default()))
    }
}

/// Asked before the peer is: an unset clock would only show when its certificate has come.
pub(super) fn check() -> Result<(), TlsError> {
    Clock.current_time().map(|_| ()).ok_or(TlsError::ClockNotSet)
}

/// What the clock says, if there is one: std waits for it without end, and without rest.
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
