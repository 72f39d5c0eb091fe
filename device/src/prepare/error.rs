//! Why the programs are not there.

use std::{io, path::PathBuf};

use super::{files::LOCK_LIMIT, toolchain::Missing};

/// Why the programs are not there.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// No compiler or linker for the device: install the packages that it names.
    #[error("{0}; on Debian `cargo xtask target` and `cargo xtask device` install it")]
    Missing(Missing),
    /// The workspace's manifest has no profile for the device.
    #[error("{0}")]
    Profile(String),
    /// A file below `target/device/` could not be read or written: see to the directory.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Cargo could not be started: see that `cargo` is on the `PATH`.
    #[error("cannot start `{command}`: {source}; is cargo on the PATH?")]
    Start {
        /// The command.
        command: String,
        /// What went wrong.
        source: io::Error,
    },
    /// Cargo failed; what it said is on standard error. Without a network the first use cannot succeed: run it again
    /// with one.
    #[error("`{command}` failed, see above; it needs the crate registry once, afterwards no network is used")]
    Failed {
        /// The command, to be run by hand.
        command: String,
    },
    /// Another process has been building for too long: end it, then try again.
    #[error("{lock}: another process has held this lock for {} minutes; end it and try again", LOCK_LIMIT.as_secs() / 60)]
    Busy {
        /// The lock that it holds.
        lock: PathBuf,
    },
}

impl PrepareError {
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}
