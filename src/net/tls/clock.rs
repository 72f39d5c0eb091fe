//! The time by which certificates are judged.

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::net::TlsError;
use crate::{clock, platform};

/// The system's clock, once it is set.
#[derive(Debug)]
pub(super) struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        clock::now().map(UnixTime::since_unix_epoch)
    }
}

/// The system's clock, set or not. It is for a server that checks no certificates, but needs the age of its sessions.
#[derive(Debug)]
pub(super) struct AnyClock;

impl TimeProvider for AnyClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(clock::any(platform::has_clock()).unwrap_or_default()))
    }
}

/// Checks the clock before anything is sent. Otherwise an unset clock would show only when the peer's certificate has
/// come.
pub(super) fn check() -> Result<(), TlsError> {
    Clock.current_time().map(|_| ()).ok_or(TlsError::ClockNotSet)
}
