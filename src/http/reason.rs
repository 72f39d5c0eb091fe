//! Why a request is refused: with which status, and what a person is told.

use std::fmt;

use crate::proto::handshake::{Plain, Refusal};

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No request, or a handshake with something missing or wrong.
    Malformed,
    /// A `.` or `..` stands between slashes, which no route has.
    DotSegment,
    /// The route is for some, and the request does not show that it comes from one of them.
    NoLogin(Challenge),
    /// The port is for those who have shown its code.
    NotPaired,
    /// That is not its code.
    WrongCode,
    /// Too many codes were tried.
    TooManyCodes,
    /// A page of an origin that the port does not take.
    ForeignOrigin,
    /// Files under a name that anybody may have lead here.
    ForeignHost,
    /// No route.
    NotFound,
    /// No such file.
    NoFile,
    /// An upgrade where pages or files are.
    NoWebSocket,
    /// Another method than these.
    Method(&'static str),
    /// The head did not come in time.
    Late,
    /// A body where none is read.
    Body,
    /// A plain request where WebSockets are, or another version of theirs.
    NoUpgrade,
    /// The address has its share of the port.
    PeerFull,
    /// The head is longer than the port takes.
    TooLarge,
    /// It is longer than the program has room for.
    TooLargeForProgram,
    /// A body in a transfer coding that is not known here.
    UnknownCoding,
    /// The program has decided on an answer that cannot be sent.
    BadDecision,
    /// The database failed.
    StoreFailed,
    /// There is no place, or another client needs it more.
    Full,
    /// The program has not taken the client in time.
    NotTaken,
    /// Others get the list, and the client's turn has not come.
    ListBusy,
    /// The file is being read, received or replaced.
    FileBusy,
    /// The database is locked or does not answer.
    StoreLocked,
}

/// How a client is asked for a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// For a name and a password.
    Basic,
    /// For a token.
    Bearer,
    /// For one or the other.
    Both,
}

const BASIC: (&str, &str) = ("WWW-Authenticate", "Basic realm=\"device\", charset=\"UTF-8\"");
const BEARER: (&str, &str) = ("WWW-Authenticate", "Bearer realm=\"device\"");

impl Reason {
    /// Of HTTP.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Reason::Malformed | Reason::DotSegment => 400,
            Reason::NoLogin(_) | Reason::NotPaired => 401,
            Reason::WrongCode | Reason::ForeignOrigin | Reason::ForeignHost => 403,
            Reason::NotFound | Reason::NoFile | Reason::NoWebSocket => 404,
            Reason::Method(_) => 405,
            Reason::Late => 408,
            Reason::Body => 413,
            Reason::NoUpgrade => 426,
            Reason::PeerFull | Reason::TooManyCodes => 429,
            Reason::TooLarge | Reason::TooLargeForProgram => 431,
            Reason::BadDecision | Reason::StoreFailed => 500,
            Reason::UnknownCoding => 501,
            Reason::Full | Reason::NotTaken | Reason::ListBusy | Reason::FileBusy | Reason::StoreLocked => {
                503
            }
        }
    }

    /// For a person, and for the log.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Reason::Malformed => "The request is malformed, or something that it needs is missing.",
            Reason::DotSegment => "The path has a part that is . or .. only.",
            Reason::NoLogin(_) => "A login is needed here, and the request shows none that counts.",
            Reason::NotPaired => "Only those come in who have shown the code of the device.",
            Reason::WrongCode => "This is not the code that the device shows, or it has ended.",
            Reason::TooManyCodes => "Too many codes were tried. Have the device show a new one.",
            Reason::ForeignOrigin => {
                "Web pages of this origin may not connect. The program that listens says which may."
            }
            Reason::ForeignHost => {
                "Files are not shown under this host name. The program that listens says under which they are."
            }
            Reason::NotFound => "Nothing is at this path.",
            Reason::NoFile => "There is no such file.",
            Reason::NoWebSocket => "There is no WebSocket at this path, but something to read.",
            Reason::Method(_) => "This path does not take this method.",
            Reason::Late => "The request did not come in time.",
            Reason::Body => "This path takes no request with a body.",
            Reason::NoUpgrade => "A WebSocket is at this path: ask for it with version 13.",
            Reason::PeerFull => "There are too many connections from this address.",
            Reason::TooLarge => "The head of the request is too large.",
            Reason::TooLargeForProgram => "The head of the request is too large for the program.",
            Reason::UnknownCoding => "The body of the request has a transfer coding that is not known here.",
            Reason::BadDecision => "The program has failed.",
            Reason::StoreFailed => "The database has failed.",
            Reason::Full => "All places are taken. Try again in a moment.",
            Reason::NotTaken => "The program that listens does not take clients now. Try again in a moment.",
            Reason::ListBusy => "Other clients get the list. Try again in a moment.",
            Reason::FileBusy => "The file is being read or replaced. Try again in a moment.",
            Reason::StoreLocked => "The database is locked, or does not answer.",
        }
    }

    /// Header lines that the status asks for (RFC 9110 sections 10.2.1, 10.2.3, 11.6.1 and 15.5.22, RFC 6455 section 4.4).
    pub(crate) const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Reason::NoLogin(Challenge::Basic) => &[BASIC],
            Reason::NoLogin(Challenge::Bearer) => &[BEARER],
            Reason::NoLogin(Challenge::Both) => &[BASIC, BEARER],
            Reason::NotPaired => &[("WWW-Authenticate", "Pairing realm=\"device\"")],
            Reason::NoUpgrade => Refusal::UpgradeRequired.headers(),
            Reason::StoreLocked => &[("Retry-After", "10")],
            Reason::PeerFull | Reason::Full | Reason::NotTaken | Reason::ListBusy | Reason::FileBusy => {
                &[("Retry-After", "1")]
            }
            _ => &[],
        }
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BadRequest => Reason::Malformed,
            Refusal::MethodNotAllowed => Reason::Method("GET"),
            Refusal::UpgradeRequired => Reason::NoUpgrade,
            Refusal::TooLarge => Reason::TooLarge,
            Refusal::NotImplemented => Reason::UnknownCoding,
        }
    }
}

/// What a client asked for, as the log shows it: a path without its query and fragment, which may be secret, and of a
/// head the path. Characters that are not plain are escaped, and a long one is cut.
pub(crate) struct Shown<'a> {
    path: &'a str,
    is_head: bool,
}

/// The longest, in characters.
const SHOWN: usize = 100;

impl<'a> Shown<'a> {
    /// What a GET asks for.
    pub(crate) fn path(path: &'a str) -> Self {
        Shown { path: path.split(['?', '#']).next().unwrap_or_default(), is_head: false }
    }

    /// What a request asks for that was taken for one.
    pub(crate) fn plain(request: &Plain<'a>) -> Self {
        Shown { is_head: request.method == "HEAD", ..Self::path(request.path()) }
    }

    /// What a head asks for that may be cut off, or none.
    pub(crate) fn head(head: &'a [u8]) -> Self {
        let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty());
        let line = line.unwrap_or_default();
        let target = line.split(|byte| *byte == b' ').nth(1);
        let path = target.and_then(|target| std::str::from_utf8(target).ok()).unwrap_or_default();
        Shown { is_head: line.starts_with(b"HEAD "), ..Self::path(path) }
    }

    /// Its answer has no body, also if that refuses it (RFC 9110 section 9.3.2).
    pub(crate) fn is_head(&self) -> bool {
        self.is_head
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str("-");
        }
        let mut chars = self.path.chars();
        for c in chars.by_ref().take(SHOWN) {
            write!(f, "{}", c.escape_debug())?;
        }
        if chars.next().is_some() { f.write_str("...") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_request_is_its_path_and_harmless() {
        assert_eq!(Shown::head(b"GET /a/b?token=secret HTTP/1.1\r\nX: y\r\n").to_string(), "/a/b");
        assert_eq!(Shown::head(b"GET /a#secret HTTP/1.1\r\nX: y\r\n").to_string(), "/a");
        assert_eq!(Shown::head(b"\r\nGET /cut").to_string(), "/cut");
        for none in [&b""[..], b"GET", b"GET \xff x", b"\r\n", b"GET ?x HTTP/1.1"] {
            assert_eq!(Shown::head(none).to_string(), "-", "{none:?}");
        }
        assert_eq!(Shown::path("/\u{1b}[2J\u{202e}").to_string(), "/\\u{1b}[2J\\u{202e}");
        assert_eq!(Shown::path(&"x".repeat(200)).to_string(), "x".repeat(100) + "...");
    }

    #[test]
    fn a_head_tells_its_method_as_far_as_it_came() {
        for yes in ["HEAD ", "HEAD / HTTP/1.1\r\n\r\n", "\r\n\r\nHEAD /", "HEAD \u{e4}", "HEAD  \r\n"] {
            assert!(Shown::head(yes.as_bytes()).is_head(), "{yes:?}");
        }
        for no in ["", "HEAD", "HEADER / HTTP/1.1", "head / HTTP/1.1", " HEAD /", "GET / HTTP/1.1\r\nHEAD "] {
            assert!(!Shown::head(no.as_bytes()).is_head(), "{no:?}");
        }
    }
}
