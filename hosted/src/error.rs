//! Why a system could not be started or did not run to its end.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::prepare::PrepareError;

/// Why a system was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The programs it is made of are not there.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A program cannot be started as asked for: change what the message names.
    #[error("cannot start {path}: {fault}")]
    Program {
        /// Its path.
        path: String,
        /// What is wrong.
        fault: String,
    },
    /// The host refused something.
    #[error("cannot start a hosted system: {task}: {source}")]
    Host {
        /// What was being done.
        task: &'static str,
        /// What it said.
        source: io::Error,
    },
}

/// Why a running system was given up. All its processes have been ended.
#[derive(Debug)]
pub struct RunError {
    /// What happened.
    pub cause: RunFault,
    /// The log of kernel and servers, which is kept.
    pub log: PathBuf,
    /// The log's last lines.
    pub log_tail: String,
}

/// What ended a system before its programs were done.
#[derive(Debug)]
pub enum RunFault {
    /// The time limit passed.
    TimeLimit {
        /// The limit.
        limit: Duration,
        /// The paths of the programs that had not ended and, before readiness, of the servers not registered.
        waiting_for: Vec<String>,
    },
    /// The kernel ended, and with it everything else.
    KernelEnded,
    /// The kernel has taken more memory than it may. It never frees what messages carried: start the system anew, or
    /// raise the limit.
    KernelMemory {
        /// Bytes that it has.
        taken: u64,
        /// Bytes that it may have.
        limit: u64,
    },
    /// A server ended, without which the programs may wait for ever.
    ServerEnded {
        /// Its path.
        path: String,
        /// What the shell says of its end: exit code, or 128 + N for signal N. 0 may also mean that the kernel ended.
        status: i32,
    },
    /// The host refused something.
    Host(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            RunFault::TimeLimit { limit, waiting_for } => {
                write!(f, "not done after {} s: {}", limit.as_secs_f32(), waiting_for.join(", "))?;
            }
            RunFault::KernelEnded => write!(f, "the Xous kernel ended")?,
            RunFault::KernelMemory { taken, limit } => write!(
                f,
                "the hosted kernel has taken {} MiB of memory, more than its limit of {} MiB: it never frees what \
                 messages carried, so the system was ended; start it anew, or raise the limit",
                taken >> 20,
                limit >> 20
            )?,
            RunFault::ServerEnded { path, status } => write!(f, "the server {path} ended with {status}")?,
            RunFault::Host(error) => write!(f, "the hosted system cannot be watched: {error}")?,
        }
        write!(f, "\nthe log is {}; its end:\n{}", self.log.display(), self.log_tail)
    }
}

impl std::error::Error for RunError {}
