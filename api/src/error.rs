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
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// The request does not fit what the service takes: shorten it.
    #[error("the request does not fit: {0}")]
    Request(crate::RequestError),
    /// The server answered with this HTTP status instead of 101: change the request, or ask another server.
    #[error("{text}")]
    Refused {
        /// Such as 401 or 404.
        status: u16,
        /// For people.
        text: String,
        /// The answer's status line and headers as they came. [`OpenError::header`] finds a header.
        head: Vec<u8>,
        /// The first bytes of its body, at most 1024, without what its transfer added.
        body: Vec<u8>,
    },
    /// Everything else. See [`Code`] for what to do.
    #[error("{text}")]
    Failed {
        /// Why.
        code: Code,
        /// What failed and where, for people.
        text: String,
    },
    /// The kernel or the name server refused: the service is not running.
    #[error("the WebSocket service cannot be reached (kernel error {})", .0.to_usize())]
    Service(xous::Error),
}

impl OpenError {
    /// The value of a header of the server's answer, such as `Location`, `WWW-Authenticate` or `Retry-After`: of the
    /// first one with this name, in any case (RFC 9110 section 5.1). `None` without an answer, or if the value is not
    /// UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head().split_inclusive(|byte| *byte == b'\n').skip(1);
        lines
            .filter_map(|line| std::str::from_utf8(line.strip_suffix(b"\r\n")?).ok()?.split_once(':'))
            .find_map(|(other, value)| {
                other.eq_ignore_ascii_case(name).then(|| value.trim_matches([' ', '\t']))
            })
    }

    /// Status line and headers of the server's answer; empty without one.
    pub fn head(&self) -> &[u8] {
        match self {
            OpenError::Refused { head, .. } => head,
            _ => &[],
        }
    }

    /// The first bytes of the body of the server's answer, at most 1024; empty without one.
    pub fn body(&self) -> &[u8] {
        match self {
            OpenError::Refused { body, .. } => body,
            _ => &[],
        }
    }

    pub(crate) fn code(code: Code) -> Self {
        OpenError::Failed { code, text: code.to_string() }
    }
}

/// A connection could not be opened, and what the server showed, if its certificate was the reason.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct Unopened {
    /// Why.
    pub error: OpenError,
    /// The server's certificates, if they were not accepted.
    pub shown: Option<crate::Shown>,
}

impl From<OpenError> for Unopened {
    fn from(error: OpenError) -> Self {
        Unopened { error, shown: None }
    }
}

/// A message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The connection has ended: open a new one.
    #[error("the connection is closed")]
    Closed,
    /// A limit of the service was met, which the code names: try again when an earlier send has returned.
    #[error("not sent, the service is busy: {0}")]
    Busy(Code),
    /// The service refused. See [`Code`] for what to do.
    #[error("not sent, the service refused: {0}")]
    Refused(Code),
    /// The kernel refused to deliver the message.
    #[error("not sent, the kernel refused the message")]
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

/// A message was not received, or not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The connection has ended; nothing more comes.
    #[error("{0}")]
    Closed(Closed),
    /// No message began to come in time. Nothing is lost: receive again.
    #[error("nothing came in time")]
    NothingCame,
    /// The message is longer than the caller's limit. The rest of it was discarded.
    #[error("the message is longer than {limit} bytes")]
    TooLong {
        /// The caller's limit, bytes.
        limit: usize,
    },
    /// Text was asked for and a binary message came, which was discarded.
    #[error("the message is not text")]
    NotText,
    /// The caller's heap has no room for the message, which was discarded. Read it as a stream
    /// ([`Message`](crate::Message)), or let the heap grow ([`allow_heap`](crate::allow_heap)).
    #[error("there is no memory for the message")]
    NoMemory,
    /// A limit of the service was met, which the code names: try again later.
    #[error("not received, the service is busy: {0}")]
    Busy(Code),
    /// The service refused. See [`Code`] for what to do.
    #[error("not received, the service refused: {0}")]
    Refused(Code),
    /// The kernel refused to deliver the message.
    #[error("not received, the kernel refused the message")]
    Kernel,
}

impl From<ReceiveError> for std::io::Error {
    fn from(error: ReceiveError) -> Self {
        let kind = match &error {
            ReceiveError::Closed(_) => std::io::ErrorKind::UnexpectedEof,
            ReceiveError::NoMemory => std::io::ErrorKind::OutOfMemory,
            ReceiveError::NothingCame => std::io::ErrorKind::TimedOut,
            _ => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, error)
    }
}

/// A connection could not be closed, granted or asked for its state, or the service for its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It has ended already.
    #[error("the connection is closed")]
    Closed,
    /// A limit of the service, named by the code: try again later.
    #[error("the service is busy: {0}")]
    Busy(Code),
    /// The service refused. See [`Code`] for what to do.
    #[error("the service refused: {0}")]
    Refused(Code),
    /// The kernel refused to deliver the message.
    #[error("the kernel refused the message")]
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

/// A port is not listened on.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ListenError {
    /// The request does not fit what the service takes: shorten it.
    #[error("the request does not fit: {0}")]
    Request(crate::RequestError),
    /// The port cannot be listened on. See [`Code`] for what to do.
    #[error("{text}")]
    Failed {
        /// Why.
        code: Code,
        /// What failed and where, for people.
        text: String,
    },
    /// The kernel or the name server refused: the service is not running.
    #[error("the WebSocket service cannot be reached (kernel error {})", .0.to_usize())]
    Service(xous::Error),
}

impl ListenError {
    pub(crate) fn code(code: Code) -> Self {
        ListenError::Failed { code, text: code.to_string() }
    }
}

/// No connection was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// The listener has been given up.
    #[error("the listener has been given up")]
    Closed,
    /// A limit of the service, named by the code: try again later.
    #[error("not accepted, the service is busy: {0}")]
    Busy(Code),
    /// The service refused. See [`Code`] for what to do.
    #[error("not accepted, the service refused: {0}")]
    Refused(Code),
    /// The kernel refused to deliver the message.
    #[error("not accepted, the kernel refused the message")]
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
