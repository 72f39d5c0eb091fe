//! What can go wrong: one error per operation.
//!
//! `Display` writes all that there is to say, in one sentence for people. `source` is the error or the [`Code`] behind it.
//! [`OpenError::is_transient`] and [`Code::is_transient`] say whether the same call may succeed later.
//!
//! ```no_run
//! use xous_api_websocket::error::OpenError;
//! use xous_api_websocket::{Request, Websocket};
//!
//! match Websocket::open(&Request::new("192.0.2.1", 80)) {
//!     Ok(ws) => println!("open, {:?}", ws.sub_protocol()),
//!     Err(OpenError::Refused { status: 401, .. }) => println!("ask for the password"),
//!     Err(error) => println!("{error}; {}", if error.is_transient() { "later" } else { "never" }),
//! }
//! ```
//!
//! [`Message`](crate::Message) and [`MessageWriter`](crate::MessageWriter) are `std::io` streams, whose errors are an
//! [`io::Error`]. It holds a [`ReceiveError`] or a [`SendError`]:
//!
//! ```no_run
//! use std::io;
//! use xous_api_websocket::{Websocket, error::ReceiveError};
//!
//! fn save(ws: &Websocket, file: &mut std::fs::File) -> io::Result<u64> {
//!     let copied = io::copy(&mut ws.receive()?, file);
//!     if let Err(error) = &copied {
//!         match error.get_ref().and_then(|inner| inner.downcast_ref()) {
//!             Some(ReceiveError::Closed(closed)) => println!("the connection has ended within the message: {closed}"),
//!             _ => println!("it is the file: {error}"),
//!         }
//!     }
//!     copied
//! }
//! ```

use std::fmt;
use std::io::{self, ErrorKind};

use crate::wire::fields::MAX_REQUEST;
use crate::{CloseCode, Code};

pub use crate::link::queue_error::{QueueError, Unsent};
#[cfg(feature = "idn")]
pub use crate::open::host::NotAHost;
pub use crate::tls::pin::NoFingerprint;

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The peer's close code; [`CloseCode::NONE`] if it gave none, [`CloseCode::ABNORMAL`] if it vanished without a Close
    /// frame (RFC 6455 section 7.4.1).
    pub code: CloseCode,
    /// The peer's reason.
    pub reason: String,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection is closed: {}", self.code)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " {:?}", self.reason) }
    }
}

impl std::error::Error for Closed {}

impl Closed {
    /// An end with this code and reason.
    pub fn new(code: impl Into<CloseCode>, reason: impl Into<String>) -> Self {
        Closed { code: code.into(), reason: reason.into() }
    }
}

/// A request cannot be sent to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// More than 32 sub-protocols, headers, origins, CA certificates, or certificates of a chain, or more than 8 pins.
    #[error("more than 32 sub-protocols, headers, origins or certificates, or more than 8 pins")]
    TooMany,
    /// More than [`Request::MAX_BYTES`](crate::Request::MAX_BYTES) in all, or a route's page longer than
    /// [`Route::MAX_BODY`](crate::Route::MAX_BODY).
    #[error("more than {MAX_REQUEST} bytes")]
    TooLong,
}

/// A text is not the address of a WebSocket (RFC 6455 section 3): the part that is wrong. It says nothing of what stands
/// there, as that may be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It begins with something else than `ws://` or `wss://`.
    #[error("the address begins neither with ws:// nor with wss://")]
    Scheme,
    /// The user's name or password has a character that needs percent-encoding, stands for bytes that are not UTF-8 or
    /// for control characters, or the name has a colon.
    #[error("the user name or password in the address cannot be sent, or needs percent-encoding")]
    UserInfo,
    /// There is no host, or what stands there is neither a name nor an IPv6 address in brackets. Letters beyond ASCII are
    /// read with the feature `idn` only.
    #[error(
        "the host in the address is neither a name in ASCII (others are written in punycode, xn--...) nor an address; \
         IPv6 stands in brackets, as in ws://[::1]:80/"
    )]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port in the address is not a number from 1 to 65535")]
    Port,
    /// The path or the query has a character that needs percent-encoding, or a `%` that is not followed by two digits.
    #[error("character {at} of the address, in its path, needs percent-encoding")]
    Path {
        /// Which one, beginning with 1.
        at: usize,
    },
    /// A WebSocket has no fragment; `%23` stands for the character.
    #[error("the address of a WebSocket has no part behind a #; %23 stands for the character")]
    Fragment,
}

/// A connection could not be opened. Nothing is left of it.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The request does not fit what the service takes: shorten it.
    #[error("the request does not fit: {0}")]
    Request(#[source] RequestError),
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
                // A refusal may have spaces in front of a colon (RFC 9112, section 5.1).
                other
                    .trim_end_matches([' ', '\t'])
                    .eq_ignore_ascii_case(name)
                    .then(|| value.trim_matches([' ', '\t']))
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

    /// Whether the same request may succeed later: see [`Code::is_transient`]. Of the server's answers, 408, 429,
    /// 502, 503 and 504 are (RFC 9110 section 15, RFC 6585 section 4).
    pub fn is_transient(&self) -> bool {
        match self {
            OpenError::Request(_) => false,
            OpenError::Refused { status, .. } => matches!(status, 408 | 429 | 502..=504),
            OpenError::Failed { code, .. } => code.is_transient(),
            OpenError::Service(_) => true,
        }
    }

    pub(crate) fn code(code: Code) -> Self {
        OpenError::Failed { code, text: code.to_string() }
    }
}

/// A connection could not be opened, and what the server showed, if its certificate was the reason.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct Unopened {
    /// Why.
    #[source]
    pub error: OpenError,
    /// The server's certificates, if they were not accepted.
    pub shown: Option<crate::certificate::Shown>,
}

impl From<OpenError> for Unopened {
    fn from(error: OpenError) -> Self {
        Unopened { error, shown: None }
    }
}

/// A message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection has ended: open a new one.
    #[error("the connection is closed")]
    Closed,
    /// A limit of the service was met, which the code names: try again when an earlier send has returned.
    #[error("not sent for now: {0}")]
    Busy(#[source] Code),
    /// The service refused. See [`Code`] for what to do.
    #[error("not sent, the service refused: {0}")]
    Refused(#[source] Code),
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
#[non_exhaustive]
pub enum ReceiveError {
    /// The connection has ended; nothing more comes.
    #[error("{0}")]
    Closed(#[source] Closed),
    /// The connection broke off within the message, of which nothing more comes, and is opened again
    /// ([`Reconnect`](crate::Reconnect)): receive again.
    #[error("the message was cut off, and the connection is opened again")]
    CutOff,
    /// Of an exchange: the connection was lost before the next message came, perhaps with the one that was sent, and is opened
    /// again ([`Reconnect`](crate::Reconnect)). Whether to send it once more is the caller's choice.
    #[error("the connection was lost before an answer came, and is opened again")]
    Reconnecting,
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
    #[error("not received for now: {0}")]
    Busy(#[source] Code),
    /// The service refused. See [`Code`] for what to do.
    #[error("not received, the service refused: {0}")]
    Refused(#[source] Code),
    /// The kernel refused to deliver the message.
    #[error("not received, the kernel refused the message")]
    Kernel,
}

/// A message was not exchanged for the next one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The message was not sent, and nothing was waited for.
    #[error(transparent)]
    NotSent(#[from] SendError),
    /// The message is with the socket, and the next one has not come: receive again where the error says so, and send
    /// nothing twice.
    #[error(transparent)]
    NotReceived(#[from] ReceiveError),
}

/// A connection could not be closed, granted or asked for its state, or the service for its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// It has ended already.
    #[error("the connection or listener is closed")]
    Closed,
    /// A limit of the service, named by the code: try again later.
    #[error("not now: {0}")]
    Busy(#[source] Code),
    /// The service refused. See [`Code`] for what to do.
    #[error("the service refused: {0}")]
    Refused(#[source] Code),
    /// The caller's heap has no room for the answer: a file, or a list of files. Read it in pieces, or let the heap grow
    /// ([`allow_heap`](crate::allow_heap)).
    #[error("there is no memory for the answer")]
    NoMemory,
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
#[non_exhaustive]
pub enum ListenError {
    /// The request does not fit what the service takes: shorten it.
    #[error("the request does not fit: {0}")]
    Request(#[source] RequestError),
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
#[non_exhaustive]
pub enum AcceptError {
    /// The listener has been given up.
    #[error("the listener has been given up")]
    Closed,
    /// A limit of the service, named by the code: try again later.
    #[error("not accepted for now: {0}")]
    Busy(#[source] Code),
    /// The service refused. See [`Code`] for what to do.
    #[error("not accepted, the service refused: {0}")]
    Refused(#[source] Code),
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

impl ReceiveError {
    pub(crate) fn from_code(code: Code) -> Self {
        match code {
            Code::BusyReceives | Code::BusyMessages | Code::BusyService => ReceiveError::Busy(code),
            Code::NothingCame => ReceiveError::NothingCame,
            code => ReceiveError::Refused(code),
        }
    }
}

impl From<ReceiveError> for io::Error {
    fn from(error: ReceiveError) -> Self {
        let kind = match &error {
            ReceiveError::Closed(_) => ErrorKind::UnexpectedEof,
            ReceiveError::NoMemory => ErrorKind::OutOfMemory,
            ReceiveError::NothingCame => ErrorKind::TimedOut,
            _ => ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

impl From<SendError> for io::Error {
    fn from(error: SendError) -> Self {
        let kind = match error {
            SendError::Closed => ErrorKind::BrokenPipe,
            SendError::Busy(_) => ErrorKind::WouldBlock,
            _ => ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Request(_) => ErrorKind::InvalidInput,
            OpenError::Refused { .. } => ErrorKind::ConnectionRefused,
            OpenError::Failed { code: Code::Timeout, .. } => ErrorKind::TimedOut,
            OpenError::Failed { code: Code::Connect, .. } => ErrorKind::ConnectionRefused,
            _ => ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use std::any::type_name;
    use std::error::Error;

    use super::*;
    use crate::sender::SenderError;

    /// Its name, if it is an error that any thread may pass on.
    fn error<E: Error + Send + Sync + 'static>() -> &'static str {
        type_name::<E>().rsplit("::").next().unwrap()
    }

    #[test]
    fn every_type_is_an_error_that_can_be_boxed() {
        let errors = [
            error::<Closed>(),
            error::<RequestError>(),
            error::<UrlError>(),
            error::<OpenError>(),
            error::<Unopened>(),
            error::<SendError>(),
            error::<ReceiveError>(),
            error::<ExchangeError>(),
            error::<ControlError>(),
            error::<ListenError>(),
            error::<AcceptError>(),
        ];
        error::<Code>();
        error::<NoFingerprint>();
        error::<QueueError>();
        error::<SenderError>();
        #[cfg(feature = "idn")]
        error::<NotAHost>();
        let declared = include_str!("error.rs").lines().filter_map(|line| {
            let (_, name) = line.split_once("pub struct ").or_else(|| line.split_once("pub enum "))?;
            line.starts_with("pub ").then(|| name.trim_end_matches(" {"))
        });
        assert_eq!(declared.collect::<Vec<_>>(), errors);
    }

    #[test]
    fn the_code_behind_an_error_is_its_source() {
        let code = Code::BusyMessages;
        let errors: [&dyn Error; 4] = [
            &SendError::Busy(code),
            &ReceiveError::Busy(code),
            &ControlError::Busy(code),
            &AcceptError::Refused(code),
        ];
        for error in errors {
            assert_eq!(error.source().and_then(|source| source.downcast_ref()), Some(&code), "{error}");
        }
        let closed = Closed::new(1001, "bye");
        let error = ReceiveError::Closed(closed.clone());
        assert_eq!(error.source().and_then(|source| source.downcast_ref()), Some(&closed));
        // An error of a stream holds the error of the connection.
        let within = io::Error::from(error.clone());
        assert_eq!(within.get_ref().and_then(|inner| inner.downcast_ref()), Some(&error));
    }
}
