//! The client's request, as the server checks and answers it (RFC 6455, section 4.2).

use super::authority::{is_authority, split_path, split_scheme};
use super::field::{Framing, Headers, is_reserved, is_token, minor_version, push_line, split_head};
use super::head::HeadError;
use super::key::Key;
use super::response::{Response, ResponseError, check_headers, push_status};

/// A request on a listening port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'h> {
    /// It asks for a WebSocket, and everything that RFC 6455 wants of it is there.
    Upgrade(Upgrade<'h>),
    /// It asks for something else.
    Plain(Plain<'h>),
}

/// A valid opening handshake. The caller decides whether to take it (path, origin, sub-protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrade<'h> {
    /// Path and query, as sent. Without a path, which stands for `/`, it begins with the query or is empty.
    pub target: &'h str,
    /// Host and port that are asked for; see [`Plain::host`].
    pub host: Option<&'h str>,
    /// The client's key.
    pub key: Key,
    /// All header lines.
    pub headers: Headers<'h>,
}

/// Any other HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain<'h> {
    /// `GET`, `HEAD`, ... in their own case.
    pub method: &'h str,
    /// Path and query, as sent, or `*` (RFC 9112, section 3.2.4). Without a path, which stands for `/`, it begins
    /// with the query or is empty.
    pub target: &'h str,
    /// Host and port that are asked for: a well-formed authority without a user's name, or empty. It is that of the
    /// request line, or else of the `Host` line (RFC 9112, section 3.2.2). `None` if an HTTP/1.0 client names none.
    pub host: Option<&'h str>,
    /// The digit behind `HTTP/1.`: 0, or 1 for it and all that is later (RFC 9110, section 2.5).
    pub version: u8,
    /// Whether the client takes more responses on this connection (RFC 9112, section 9.3).
    pub keep_alive: bool,
    /// Whether a body follows the head. It must be read to its end, or the connection closed.
    pub has_body: bool,
    /// All header lines.
    pub headers: Headers<'h>,
}

/// Why a request is refused; [`Refusal::compose`] answers it. The connection closes behind the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: malformed, or a handshake with something missing or wrong.
    BadRequest,
    /// 405: a handshake with another method than GET.
    MethodNotAllowed,
    /// 426: a version of the protocol other than 13 (section 4.4), or no handshake where only that is served.
    UpgradeRequired,
    /// 431: the head is over its caps.
    TooLarge,
    /// 501: the body has a transfer coding besides chunks (RFC 9112, section 6.1).
    NotImplemented,
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::TooLong | HeadError::TooManyLines => Refusal::TooLarge,
            HeadError::Malformed => Refusal::BadRequest,
        }
    }
}

/// Checks the complete `head` of a request.
///
/// # Errors
/// See [`Refusal`].
pub fn check_request(head: &[u8]) -> Result<Request<'_>, Refusal> {
    let plain = parse(head)?;
    // HTTP/1.0 has no upgrades (RFC 9110, section 7.8).
    if plain.version > 0 && plain.headers.lists("Upgrade", "websocket") {
        check_upgrade(&plain).map(Request::Upgrade)
    } else {
        Ok(Request::Plain(plain))
    }
}

/// Reads what every request has, and refuses what no server may take (RFC 9112, sections 3.2 and 6.3).
fn parse(head: &[u8]) -> Result<Plain<'_>, Refusal> {
    let (line, headers) = split_head(head).map_err(Refusal::from)?;
    let line = core::str::from_utf8(line).map_err(|_| Refusal::BadRequest)?;
    let RequestLine { method, target, version } = RequestLine::parse(line).ok_or(Refusal::BadRequest)?;
    let said = host_line(&headers, version)?;
    let (host, target) = split_authority(method, target).ok_or(Refusal::BadRequest)?;
    let closes = headers.lists("Connection", "close");
    let keep_alive = !closes && (version > 0 || headers.lists("Connection", "keep-alive"));
    let has_body = has_body(&headers)?;
    Ok(Plain { method, target, host: host.or(said), version, keep_alive, has_body, headers })
}

/// Reads the first line (RFC 9112, section 3). httparse cannot do it, as it knows no version after 1.1.
struct RequestLine<'h> {
    method: &'h str,
    target: &'h str,
    version: u8,
}

impl<'h> RequestLine<'h> {
    fn parse(line: &'h str) -> Option<Self> {
        let (method, rest) = line.split_once(' ')?;
        let (target, protocol) = rest.split_once(' ')?;
        // Bytes that are not ASCII do not belong there, but there are clients that send paths as they are. A fragment is
        // the client's own (RFC 9110, section 4.2.5).
        let is_foreign = |byte| matches!(byte, 0..=b' ' | b'#' | 0x7f);
        let is_target = !target.is_empty() && !target.bytes().any(is_foreign);
        let version = minor_version(protocol.as_bytes())?;
        (is_target && is_token(method.as_bytes())).then_some(RequestLine { method, target, version })
    }
}

/// The value of the `Host` line, which is there once, and may be empty (RFC 9112, section 3.2).
fn host_line<'h>(headers: &Headers<'h>, version: u8) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.all("Host");
    match (values.next(), values.next()) {
        (None, _) if version == 0 => Ok(None),
        (Some(value), None) => core::str::from_utf8(value)
            .ok()
            .filter(|value| value.is_empty() || is_authority(value))
            .map(Some)
            .ok_or(Refusal::BadRequest),
        _ => Err(Refusal::BadRequest),
    }
}

/// The authority of a target, if it names scheme and authority, and path and query (RFC 9112, section 3.2).
fn split_authority<'h>(method: &str, target: &'h str) -> Option<(Option<&'h str>, &'h str)> {
    if target.starts_with('/') || target == "*" && method == "OPTIONS" {
        return Some((None, target));
    }
    let (scheme, rest) = split_scheme(target)?;
    let known = ["http", "https", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let (authority, path) = split_path(rest);
    (known && is_authority(authority)).then_some((Some(authority), path))
}

/// Whether a body follows. One whose end the server cannot know is refused: whoever is in front of it could take another
/// part of the stream for the next request (RFC 9112, section 6.3).
fn has_body(headers: &Headers<'_>) -> Result<bool, Refusal> {
    let framing = headers.framing();
    if headers.first("Content-Length").is_none() {
        return match framing {
            None => Ok(false),
            Some(Framing::Chunked) => Ok(true),
            Some(Framing::CodedAndChunked) => Err(Refusal::NotImplemented),
            Some(Framing::Unbounded) => Err(Refusal::BadRequest),
        };
    }
    let length = headers
        .only("Content-Length")
        .filter(|value| !value.is_empty() && value.iter().all(u8::is_ascii_digit));
    match length {
        Some(digits) if framing.is_none() => Ok(digits.iter().any(|digit| *digit != b'0')),
        _ => Err(Refusal::BadRequest),
    }
}

/// The points of RFC 6455, section 4.2.1.
fn check_upgrade<'h>(request: &Plain<'h>) -> Result<Upgrade<'h>, Refusal> {
    let Plain { target, host, headers, .. } = *request;
    if request.method != "GET" {
        return Err(Refusal::MethodNotAllowed);
    }
    if request.has_body || !headers.lists("Connection", "upgrade") {
        return Err(Refusal::BadRequest);
    }
    match headers.only("Sec-WebSocket-Version") {
        Some(b"13") => {}
        Some(_) => return Err(Refusal::UpgradeRequired),
        None => return Err(Refusal::BadRequest),
    }
    let key = headers.only("Sec-WebSocket-Key").and_then(Key::parse).ok_or(Refusal::BadRequest)?;
    let offers = headers.first("Sec-WebSocket-Protocol").is_some();
    let mut protocols = headers.list("Sec-WebSocket-Protocol").peekable();
    if offers && (protocols.peek().is_none() || !protocols.all(is_token)) {
        return Err(Refusal::BadRequest);
    }
    Ok(Upgrade { target, host, key, headers })
}

impl<'h> Upgrade<'h> {
    /// The path, without the query.
    pub fn path(&self) -> &'h str {
        split_target(self.target).0
    }

    /// The query, without the `?`.
    pub fn query(&self) -> Option<&'h str> {
        split_target(self.target).1
    }

    /// The sub-protocols that the client offers, in its order of preference.
    pub fn protocols(&self) -> impl Iterator<Item = &'h str> {
        self.headers.list("Sec-WebSocket-Protocol").filter_map(|name| core::str::from_utf8(name).ok())
    }

    /// The origin of the page that asks. Browsers always name it. `None` if it is missing or there several times.
    pub fn origin(&self) -> Option<&'h str> {
        self.headers.only("Origin").and_then(|value| core::str::from_utf8(value).ok())
    }

    /// Appends the 101 response to `out`, with the chosen sub-protocol and more header lines. A client that
    /// expects a 100 gets it first (RFC 9110, section 7.8).
    ///
    /// # Errors
    /// See [`ResponseError`]. `out` is then as before.
    pub fn compose_accept(
        &self,
        protocol: Option<&str>,
        headers: &[(&str, &str)],
        out: &mut Vec<u8>,
    ) -> Result<(), ResponseError> {
        check_headers(headers, is_reserved)?;
        if protocol.is_some_and(|protocol| !self.protocols().any(|offered| offered == protocol)) {
            return Err(ResponseError::SubProtocol);
        }
        if self.headers.lists("Expect", "100-continue") {
            push_status(out, 100)?;
            out.extend_from_slice(b"\r\n");
        }
        push_status(out, 101)?;
        push_line(out, "Upgrade", "websocket");
        push_line(out, "Connection", "Upgrade");
        out.extend_from_slice(b"Sec-WebSocket-Accept: ");
        out.extend_from_slice(&self.key.accept());
        out.extend_from_slice(b"\r\n");
        if let Some(protocol) = protocol {
            push_line(out, "Sec-WebSocket-Protocol", protocol);
        }
        headers.iter().for_each(|(name, value)| push_line(out, name, value));
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

impl<'h> Plain<'h> {
    /// The path, without the query.
    pub fn path(&self) -> &'h str {
        split_target(self.target).0
    }

    /// The query, without the `?`.
    pub fn query(&self) -> Option<&'h str> {
        split_target(self.target).1
    }
}

fn split_target(target: &str) -> (&str, Option<&str>) {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    // RFC 3986, section 6.2.3.
    (if path.is_empty() { "/" } else { path }, query)
}

impl Refusal {
    /// The status.
    pub const fn status(self) -> u16 {
        match self {
            Refusal::BadRequest => 400,
            Refusal::MethodNotAllowed => 405,
            Refusal::UpgradeRequired => 426,
            Refusal::TooLarge => 431,
            Refusal::NotImplemented => 501,
        }
    }

    /// The header lines that the status asks for (RFC 9110, sections 15.5.6 and 15.5.22; RFC 6455, section 4.4).
    pub const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Refusal::MethodNotAllowed => &[("Allow", "GET")],
            Refusal::UpgradeRequired => &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
            Refusal::BadRequest | Refusal::TooLarge | Refusal::NotImplemented => &[],
        }
    }

    /// Appends the response to `out`: a head without a body, with [`Refusal::headers`].
    pub fn compose(self, out: &mut Vec<u8>) {
        Response {
            status: self.status(),
            headers: self.headers(),
            content_length: Some(0),
            chunked: false,
            keep_alive: false,
        }
        .compose(out)
        .expect("fixed names and values");
    }
}
