//! Why a transfer is refused or has failed, as the sender is told.

use super::parser::Malformed;

/// The codes are part of the protocol and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The message does not follow the protocol.
    Malformed,
    /// The name cannot be one of a file here.
    BadName,
    /// The route does not take files of this name.
    NotAllowed,
    /// The file is larger than the route takes.
    TooLarge,
    /// There is a file of this name, and it may not be replaced.
    Exists,
    /// The program does not take it, or has not said so in time.
    Declined,
    /// A file of this name is being received.
    Busy,
    /// Too many transfers on this connection: send it again when one is over.
    TooMany,
    /// More bytes came than were declared. What was received is gone.
    TooLong,
    /// The transfer is over.
    Ended,
    /// The sender cancelled it.
    Cancelled,
    /// No transfer waits under this id and token.
    Unknown,
    /// The store is not open.
    Unmounted,
    /// The store has no room.
    Full,
    /// The store does not answer. It is not known whether the file is there; if it is, it is whole.
    NoAnswer,
    /// The store failed.
    Store,
}

impl Fault {
    /// The code that programs read.
    pub const fn code(self) -> &'static str {
        match self {
            Fault::Malformed => "malformed",
            Fault::BadName => "bad_name",
            Fault::NotAllowed => "not_allowed",
            Fault::TooLarge => "too_large",
            Fault::Exists => "exists",
            Fault::Declined => "declined",
            Fault::Busy => "busy",
            Fault::TooMany => "too_many",
            Fault::TooLong => "too_long",
            Fault::Ended => "ended",
            Fault::Cancelled => "cancelled",
            Fault::Unknown => "unknown",
            Fault::Unmounted => "unmounted",
            Fault::Full => "full",
            Fault::NoAnswer => "no_answer",
            Fault::Store => "store",
        }
    }

    /// The sentence that people read.
    pub const fn reason(self) -> &'static str {
        match self {
            Fault::Malformed => "The message does not follow the protocol.",
            Fault::BadName => "The name cannot be the name of a file here.",
            Fault::NotAllowed => "Files of this name are not taken.",
            Fault::TooLarge => "The file is too large.",
            Fault::Exists => "A file of this name exists.",
            Fault::Declined => "The program does not take the file.",
            Fault::Busy => "A file of this name is being received.",
            Fault::TooMany => "There are too many transfers on this connection.",
            Fault::TooLong => "More bytes came than were declared.",
            Fault::Ended => "The transfer is over.",
            Fault::Cancelled => "The transfer was cancelled.",
            Fault::Unknown => "No such transfer waits to be resumed.",
            Fault::Unmounted => "The database is locked.",
            Fault::Full => "The database is full.",
            Fault::NoAnswer => "The database does not answer.",
            Fault::Store => "The database failed.",
        }
    }
}

impl From<Malformed> for Fault {
    fn from(why: Malformed) -> Self {
        match why {
            Malformed::Short | Malformed::NotUtf8 => Fault::Malformed,
            Malformed::LongName => Fault::BadName,
        }
    }
}
