//! Stand-ins for the Xous services that are not published in a current version.
//!
//! Each is an ordinary Xous process under the real kernel and speaks the ABI of the service it stands for. They are
//! one program, `xous-stand-ins NAME`; [`COMMANDS`] lists the names.
//!
//! What comes in was written by other processes and is not trusted: every page is checked before it is read, and a
//! malformed request is answered, never a reason to stop.

mod name_table;
mod names;
mod pddb;
mod probe;
mod trng;
mod watcher;

use std::convert::Infallible;

/// A stand-in's main function. It serves until the process is killed and returns only when it cannot serve.
pub type Serve = fn() -> Result<Infallible, xous::Error>;

/// The stand-ins by the name that starts them.
pub const COMMANDS: &[(&str, Serve)] =
    &[("names", names::serve), ("trng", trng::serve), ("pddb", pddb::serve)];
