//! Stand-ins for the Xous services that are not published in a current version.
//!
//! Each is an ordinary Xous process under the real kernel and speaks the ABI of the service it stands for. They are
//! one program, `xous-stand-ins NAME [ARGUMENTS]`; [`COMMANDS`] lists the names. The same sources serve hosted mode on a
//! PC and the emulated device (`riscv32imac-unknown-xous-elf`); what differs is in `launcher.rs`, `trng.rs`, the store
//! of the PDDB, and the folder `device/`, whose servers are the drivers of registers.
//!
//! ```text
//! names/    name server                         PC, device
//! trng.rs   random numbers                      PC, device
//! pddb/     database: files, or memory          PC, device
//! susres.rs suspends that switch nothing off    PC, device
//! device/   ticktimer, preemption, net, dns,         device
//!           timeserver
//! ```
//!
//! What comes in was written by other processes and is not trusted: every page is checked before it is read, and a
//! malformed request is answered, never a reason to stop.

#[cfg(not(target_os = "xous"))]
pub mod control;
#[cfg(any(target_os = "xous", test))]
mod device;
mod launcher;
mod names;
mod pddb;
#[cfg(not(target_os = "xous"))]
mod probe;
mod raw;
pub mod settings;
mod susres;
mod trng;

use std::convert::Infallible;

/// A stand-in's main function. It serves until the process is killed and returns only when it cannot serve.
pub type Serve = fn() -> Result<Infallible, xous::Error>;

/// The stand-ins by the name that starts them.
#[cfg(not(target_os = "xous"))]
pub const COMMANDS: &[(&str, Serve)] =
    &[("names", names::serve), ("trng", trng::serve), ("pddb", pddb::serve), ("susres", susres::serve)];

/// The stand-ins by the name that starts them, in the order in which they are started.
#[cfg(target_os = "xous")]
pub const COMMANDS: &[(&str, Serve)] = &[
    ("ticktimer", device::ticktimer::serve),
    ("names", names::serve),
    ("susres", device::susres::serve),
    ("trng", trng::serve),
    ("net", device::net::serve),
    ("dns", device::dns::serve),
    ("timeserver", device::timeserver::serve),
    ("pddb", pddb::serve),
];
