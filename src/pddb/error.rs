//! Why the PDDB did not do what it was asked for.

use std::fmt;
use std::io;

/// A request failed. Unless it says otherwise, nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PddbError {
    /// No PDDB is registered: the system has none, or it has not started yet. Later attempts may succeed.
    NoServer,
    /// No basis is open, which takes the user: wait with [`Pddb::wait_mounted`](super::Pddb::wait_mounted).
    NotMounted,
    /// There was no answer in time. It is not known whether the request was carried out, or still will be.
    NoAnswer,
    /// It was not sent, as a write to the same key was refused before it.
    NotSent,
    /// There is no such key or dict.
    NotFound,
    /// The key or dict is there already.
    Exists,
    /// The dict holds keys.
    NotEmpty,
    /// There is no room left. Delete something first.
    Full,
    /// The open key has been deleted, or the PDDB does not know its descriptor any more: open it again.
    Stale,
    /// A list is too long.
    TooLong,
    /// The PDDB answered with this code, which has no other meaning for the request (`PddbRetcode` in
    /// `services/pddb/src/api.rs`).
    Refused(u8),
    /// This request cannot have such an answer, or the kernel refused the message.
    Malformed,
}

/// Codes of the PDDB.
pub(super) mod code {
    pub(in super::super) const OK: usize = 1;
    pub(in super::super) const BASIS_LOST: usize = 2;
    pub(in super::super) const ACCESS_DENIED: usize = 3;
    pub(in super::super) const UNEXPECTED_EOF: usize = 4;
    pub(in super::super) const INTERNAL_ERROR: usize = 5;
    pub(in super::super) const DISK_FULL: usize = 6;
}

impl PddbError {
    /// A code that the operation gives no meaning to.
    pub(super) fn other(code: usize) -> Self {
        u8::try_from(code).map_or(PddbError::Malformed, PddbError::Refused)
    }
}

impl fmt::Display for PddbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PddbError::NoServer => "there is no PDDB",
            PddbError::NotMounted => "the PDDB is not mounted",
            PddbError::NoAnswer => "the PDDB does not answer",
            PddbError::NotSent => "a write before this one was refused",
            PddbError::NotFound => "there is no such key",
            PddbError::Exists => "it exists already",
            PddbError::NotEmpty => "the dict is not empty",
            PddbError::Full => "the PDDB is full",
            PddbError::Stale => "the key is not open any more",
            PddbError::TooLong => "the list is too long",
            PddbError::Refused(code) => return write!(f, "the PDDB refused with code {code}"),
            PddbError::Malformed => "the PDDB gave no valid answer",
        })
    }
}

impl std::error::Error for PddbError {}

impl From<PddbError> for io::Error {
    fn from(error: PddbError) -> Self {
        let kind = match error {
            PddbError::NoServer | PddbError::NotMounted => io::ErrorKind::NotConnected,
            PddbError::NoAnswer => io::ErrorKind::TimedOut,
            PddbError::NotFound => io::ErrorKind::NotFound,
            PddbError::Exists => io::ErrorKind::AlreadyExists,
            PddbError::NotEmpty => io::ErrorKind::DirectoryNotEmpty,
            PddbError::Full => io::ErrorKind::StorageFull,
            PddbError::Malformed => io::ErrorKind::InvalidData,
            PddbError::NotSent | PddbError::Stale | PddbError::TooLong | PddbError::Refused(_) => {
                io::ErrorKind::Other
            }
        };
        io::Error::new(kind, error)
    }
}
