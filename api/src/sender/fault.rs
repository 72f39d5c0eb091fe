//! Why a file is not stored.

use std::io;

use crate::error::OpenError;

/// A file is not stored, or is not known to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SenderError {
    /// The service does not take the file: change what `reason` says. `code` is one of `docs/upload.md`.
    #[error("{reason}")]
    Refused {
        /// Such as `bad_name` or `full`.
        code: String,
        /// A sentence for people.
        reason: String,
    },
    /// Another file has the name: choose another one, or send with [`Sender::replace`](crate::Sender::replace) if the
    /// route allows that.
    #[error("A file of this name exists.")]
    Exists {
        /// Bytes of the file that is there.
        length: u64,
        /// Whether the route replaces files.
        replaceable: bool,
    },
    /// The connection has ended, for this reason: go on over a new one, with the same sender.
    #[error("connection lost: {0}")]
    Lost(String),
    /// No connection could be opened.
    #[error("{0}")]
    Open(#[source] OpenError),
    /// What is at the other end is no upload route: ask for another path.
    #[error("what it answers is no answer of an upload route")]
    NoUpload,
    /// The file is stored, and is not what was read: what is read has changed meanwhile. Send it again.
    #[error("it is stored, but it is not what was read; send it again")]
    Differs,
    /// There are more than 4 GiB less one byte.
    #[error("too large; the longest file has 4 GiB less one byte")]
    TooLong,
    /// What is sent cannot be read.
    #[error("{0}")]
    Reader(#[source] io::Error),
    /// The process can start no thread.
    #[error("no thread: {0}")]
    Thread(#[source] io::Error),
}

impl SenderError {
    /// Whether the same sender may succeed later, over a new connection.
    pub fn is_transient(&self) -> bool {
        match self {
            SenderError::Lost(_) => true,
            SenderError::Open(error) => error.is_transient(),
            SenderError::Refused { code, .. } => is_not_now(code),
            _ => false,
        }
    }
}

/// Whether a refusal or a failure with this code is about now, and not about the file.
pub(super) fn is_not_now(code: &str) -> bool {
    matches!(code, "busy" | "too_many" | "unmounted" | "no_answer")
}
