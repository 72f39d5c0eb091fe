//! Ticktimer stand-in: time since the start, sleep, and what std's locks and condition variables wait for.
//!
//! The messages are those of std 1.96 (`os/xous/services/ticktimer.rs`) and the answers those of xous-core's server
//! (services/xous-ticktimer). There is no watchdog and no suspend.

mod waits;

#[cfg(target_os = "xous")]
pub(crate) use server::serve;

#[cfg(target_os = "xous")]
mod server;
