//! What can go wrong, per operation.

use std::fmt;

use crate::Code;

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The peer's close code; 1005 if it gave none, 1006 if it vanished without a Close frame (RFC 6455
    /// section 7.4.1).
    pub code: u16,
    /// The peer's reason.
    pub reason: String,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection is closed ({}", self.code)?;
        if self.reason.is_empty() { write!(f, ")") } else { write!(f, " {:?})", self.reason) }
    }
}

/// A connection could not be opened. Nothing is left of it.
#[derive(Debug, PartialEq)]
pub enum OpenError {
    /// The request does not fit what the service takes: shorten it.
    Request(crate::RequestError),
    /// The server answered with this HTTP status instead of 101: ask it differently, or somebody else.
    Refused {
        /// Such as 401 or 404.
        status: u16,
        /// For people.
        text: String,
    },
    /// Everything else. See [`Code`] for what to do.
    Failed {
        /// Why.
        code: Code,
        /// What failed and where, for people.
        text: String,
    },
    /// The kernel or the name server refused: the service is not running.
    Service(xous::Error),
}

impl OpenError {
    pub(crate) fn code(code: Code) -> Self {
        OpenError::Failed { code, text: format!("{code:?}") }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Request(error) => write!(f, "the request does not fit: {error}"),
            OpenError::Refused { text, .. } | OpenError::Failed { text, .. } => write!(f, "{text}"),
            OpenError::Service(error) => write!(f, "the WebSocket service cannot be reached: {error:?}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// A message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The connection has ended: open a new one.
    Closed,
    /// A limit of the service, named by the code: try again when an earlier send has returned.
    Busy(Code),
    /// The service refused. See [`Code`] for what to do.
    Refused(Code),
    /// The kernel refused to deliver the message.
    Kernel,
}

impl SendError {
    pub(crate) fn from_code(code: Code) -> Self {
        match code {
            Code::Closed => SendError::Closed,
            Code::BusyQueue | Code::BusyMessages | Code::BusyService => SendError::Busy(code),
            code => SendError::Refused(code),
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Closed => write!(f, "the connection is closed"),
            SendError::Busy(code) => write!(f, "not sent, the service is busy ({code:?})"),
            SendError::Refused(code) => write!(f, "not sent, the service refused ({code:?})"),
            SendError::Kernel => write!(f, "not sent, the kernel refused the message"),
        }
    }
}

impl std::error::Error for SendError {}

/// A message was not received, or not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiveError {
    /// The connection has ended; nothing more comes.
    Closed(Closed),
    /// The message is longer than the caller's limit; the rest of it was discarded.
    TooLong {
        /// The caller's limit, bytes.
        limit: usize,
    },
    /// Text was asked for and a binary message came; it was discarded.
    NotText,
    /// The caller's heap has no room for the message, which was discarded: read it as a stream
    /// ([`Message`](crate::Message)), or let the heap grow ([`allow_heap`](crate::allow_heap)).
    NoMemory,
    /// A limit of the service, named by the code: try again later.
    Busy(Code),
    /// The service refused. See [`Code`] for what to do.
    Refused(Code),
    /// The kernel refused to deliver the message.
    Kernel,
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReceiveError::Closed(closed) => write!(f, "{closed}"),
            ReceiveError::TooLong { limit } => write!(f, "the message is longer than {limit} bytes"),
            ReceiveError::NotText => write!(f, "the message is not text"),
            ReceiveError::NoMemory => write!(f, "there is no memory for the message"),
            ReceiveError::Busy(code) => write!(f, "not received, the service is busy ({code:?})"),
            ReceiveError::Refused(code) => write!(f, "not received, the service refused ({code:?})"),
            ReceiveError::Kernel => write!(f, "not received, the kernel refused the message"),
        }
    }
}

impl std::error::Error for ReceiveError {}

impl From<ReceiveError> for std::io::Error {
    fn from(error: ReceiveError) -> Self {
        let kind = match &error {
            ReceiveError::Closed(_) => std::io::ErrorKind::UnexpectedEof,
            ReceiveError::NoMemory => std::io::ErrorKind::OutOfMemory,
            _ => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, error)
    }
}

/// A connection could not be closed, granted or asked for its state, or the service for its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlError {
    /// It has ended already.
    Closed,
    /// A limit of the service, named by the code: try again later.
    Busy(Code),
    /// The service refused. See [`Code`] for what to do.
    Refused(Code),
    /// The kernel refused to deliver the message.
    Kernel,
}

impl ControlError {
    pub(crate) fn from_code(code: Code) -> Self {
        match code {
            Code::Closed => ControlError::Closed,
            Code::BusyMessages | Code::BusyService | Code::BusyQueue => ControlError::Busy(code),
            code => ControlError::Refused(code),
        }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ControlError::Closed => write!(f, "the connection is closed"),
            ControlError::Busy(code) => write!(f, "the service is busy ({code:?})"),
            ControlError::Refused(code) => write!(f, "the service refused ({code:?})"),
            ControlError::Kernel => write!(f, "the kernel refused the message"),
        }
    }
}

impl std::error::Error for ControlError {}

/// A port is not listened on.
#[derive(Debug, PartialEq)]
pub enum ListenError {
    /// The request does not fit what the service takes: shorten it.
    Request(crate::RequestError),
    /// The port cannot be listened on. See [`Code`] for what to do.
    Failed {
        /// Why.
        code: Code,
        /// What failed and where, for people.
        text: String,
    },
    /// The kernel or the name server refused: the service is not running.
    Service(xous::Error),
}

impl ListenError {
    pub(crate) fn code(code: Code) -> Self {
        ListenError::Failed { code, text: format!("{code:?}") }
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenError::Request(error) => write!(f, "the request does not fit: {error:?}"),
            ListenError::Failed { text, .. } => write!(f, "{text}"),
            ListenError::Service(error) => write!(f, "the WebSocket service cannot be reached: {error:?}"),
        }
    }
}

impl std::error::Error for ListenError {}

/// No connection was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptError {
    /// The listener has been given up.
    Closed,
    /// A limit of the service, named by the code: try again later.
    Busy(Code),
    /// The service refused. See [`Code`] for what to do.
    Refused(Code),
    /// The kernel refused to deliver the message.
    Kernel,
}

impl AcceptError {
    pub(crate) fn from_code(code: Code) -> Self {
        match code {
            Code::Closed => AcceptError::Closed,
            Code::BusyReceives | Code::BusyMessages | Code::BusyService => AcceptError::Busy(code),
            code => AcceptError::Refused(code),
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcceptError::Closed => write!(f, "the listener has been given up"),
            AcceptError::Busy(code) => write!(f, "not accepted, the service is busy ({code:?})"),
            AcceptError::Refused(code) => write!(f, "not accepted, the service refused ({code:?})"),
            AcceptError::Kernel => write!(f, "not accepted, the kernel refused the message"),
        }
    }
}

impl std::error::Error for AcceptError {}
