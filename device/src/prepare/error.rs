//! Why the programs are not there.

use std::{fmt, io, path::PathBuf};

use super::{files::LOCK_LIMIT, toolchain::Missing};

/// Why the programs are not there.
#[derive(Debug)]
pub enum PrepareError {
    /// No compiler or linker for the device: install the packages that it names.
    Missing(Missing),
    /// The workspace's manifest has no profile for the device.
    Profile(String),
    /// A file below `target/device/` could not be read or written: see to the directory.
    File {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Cargo could not be started: see that `cargo` is on the `PATH`.
    Start {
        /// The command.
        command: String,
        /// What went wrong.
        source: io::Error,
    },
    /// Cargo failed; what it said is on standard error. Without a network the first use cannot succeed: run it again
    /// with one.
    Failed {
        /// The command, to be run by hand.
        command: String,
    },
    /// Another process has been building for too long: end it, then try again.
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

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(missing) => {
                write!(f, "{missing}; on Debian `cargo xtask target` and `cargo xtask device` install it")
            }
            Self::Profile(fault) => f.write_str(fault),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Start { command, source } => {
                write!(f, "cannot start `{command}`: {source}; is cargo on the PATH?")
            }
            Self::Failed { command } => write!(
                f,
                "`{command}` failed, see above; it needs the crate registry once, afterwards no network is used"
            ),
            Self::Busy { lock } => write!(
                f,
                "{}: another process has held this lock for {} minutes; end it and try again",
                lock.display(),
                LOCK_LIMIT.as_secs() / 60
            ),
        }
    }
}

impl std::error::Error for PrepareError {}
