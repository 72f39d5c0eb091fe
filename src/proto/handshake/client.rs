//! The client's request (RFC 6455, section 4.1).

use core::fmt;
use core::net::Ipv6Addr;

use super::field::{is_reserved, is_token, is_value, is_visible, push_line};
use super::key::{Key, push_base64};

/// The longest request that is composed.
pub const MAX_REQUEST: usize = 8 * 1024;

/// What a client asks for. Nothing in it can break out of its place in the request: see [`RequestError`].
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest<'a> {
    /// A name, an IPv4 address, or an IPv6 address with or without brackets.
    pub host: &'a str,
    /// The port. The `Host` header leaves it out where it is the scheme's own (80, or 443 if `secure`).
    pub port: u16,
    /// Whether the connection runs in TLS.
    pub secure: bool,
    /// Path and query, beginning with `/`, already percent-encoded. Empty stands for `/`.
    pub path: &'a str,
    /// The `Origin` header, for servers that ask for one (RFC 6454).
    pub origin: Option<&'a str>,
    /// Who the caller is.
    pub authorization: Authorization<'a>,
    /// In order of preference (section 1.9).
    pub sub_protocols: &'a [&'a str],
    /// More header lines.
    pub headers: &'a [(&'a str, &'a str)],
}

/// How a client names itself. Anybody who can read the stream can read both forms, so use TLS.
#[derive(Clone, Copy, Default)]
pub enum Authorization<'a> {
    /// It does not, or does so by a header of the caller's own.
    #[default]
    None,
    /// `Authorization: Basic` (RFC 7617). The user name may not hold a colon.
    Basic {
        /// User name.
        user: &'a str,
        /// Password.
        password: &'a str,
    },
    /// `login` and `password` in the query of the path, percent-encoded, for servers that know nothing else.
    /// Paths end up in logs and caches; never the default.
    Query {
        /// User name.
        user: &'a str,
        /// Password.
        password: &'a str,
    },
}

impl fmt::Debug for Authorization<'_> {
    /// Names the form and keeps the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Authorization::None => "None",
            Authorization::Basic { .. } => "Basic(..)",
            Authorization::Query { .. } => "Query(..)",
        })
    }
}

/// Why a request is not composed. Nothing has been sent, and the caller can correct it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// Not a host name or address: letters, digits, `-`, `.`, `_`, or an IPv6 address.
    Host,
    /// Not beginning with `/`, or with spaces, a `#`, control or non-ASCII characters.
    Path,
    /// With spaces, control or non-ASCII characters, or empty.
    Origin,
    /// With control characters, or a colon in the name for `Basic`.
    Credentials,
    /// Not a token, or named twice (section 4.1, point 10).
    SubProtocol,
    /// A header name that is not a token, or that belongs to the handshake.
    HeaderName,
    /// A header value with control or non-ASCII characters.
    HeaderValue,
    /// More than [`MAX_REQUEST`] bytes.
    TooLong,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RequestError::Host => "invalid host",
            RequestError::Path => "invalid path",
            RequestError::Origin => "invalid origin",
            RequestError::Credentials => "invalid credentials",
            RequestError::SubProtocol => "invalid sub-protocol",
            RequestError::HeaderName => "invalid header name",
            RequestError::HeaderValue => "invalid header value",
            RequestError::TooLong => "request too long",
        })
    }
}

impl core::error::Error for RequestError {}

impl ClientRequest<'_> {
    /// Appends the request head to `out`.
    ///
    /// # Errors
    /// See [`RequestError`]. `out` is then as before.
    pub fn compose(&self, key: &Key, out: &mut Vec<u8>) -> Result<(), RequestError> {
        self.check()?;
        let start = out.len();
        self.push_request_line(out);
        self.push_host(out);
        push_line(out, "Upgrade", "websocket");
        push_line(out, "Connection", "Upgrade");
        push_line(out, "Sec-WebSocket-Key", key.as_str());
        push_line(out, "Sec-WebSocket-Version", "13");
        if let Some(origin) = self.origin {
            push_line(out, "Origin", origin);
        }
        if !self.sub_protocols.is_empty() {
            push_line(out, "Sec-WebSocket-Protocol", &self.sub_protocols.join(", "));
        }
        self.push_authorization(out);
        self.headers.iter().for_each(|(name, value)| push_line(out, name, value));
        out.extend_from_slice(b"\r\n");
        if out.len() - start > MAX_REQUEST {
            out.truncate(start);
            return Err(RequestError::TooLong);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), RequestError> {
        let ensure = |holds: bool, error| if holds { Ok(()) } else { Err(error) };
        ensure(self.size() <= MAX_REQUEST, RequestError::TooLong)?;
        ensure(is_host(self.host), RequestError::Host)?;
        ensure(self.path.is_empty() || is_path(self.path), RequestError::Path)?;
        ensure(self.origin.is_none_or(is_visible), RequestError::Origin)?;
        ensure(self.authorization.is_valid(), RequestError::Credentials)?;
        ensure(self.refused_sub_protocol().is_none(), RequestError::SubProtocol)?;
        match self.refused_header() {
            None => Ok(()),
            Some((name, _)) if !self.takes_name(name) => Err(RequestError::HeaderName),
            Some(_) => Err(RequestError::HeaderValue),
        }
    }

    /// The first sub-protocol that is no token, or was named before.
    pub(crate) fn refused_sub_protocol(&self) -> Option<&str> {
        let named = self.sub_protocols.iter().enumerate();
        let refused = |(at, name): &(usize, &&str)| {
            !is_token(name.as_bytes()) || self.sub_protocols.iter().take(*at).any(|other| other == *name)
        };
        named.into_iter().find(refused).map(|(_, name)| *name)
    }

    /// The first header line whose name or value cannot be sent.
    pub(crate) fn refused_header(&self) -> Option<(&str, &str)> {
        self.headers.iter().copied().find(|(name, value)| !self.takes_name(name) || !is_value(value))
    }

    /// Whether a header of this name may be added.
    pub(crate) fn takes_name(&self, name: &str) -> bool {
        is_token(name.as_bytes()) && !self.sets_itself(name)
    }

    /// The length of everything that the caller gave, so that nothing long is looked at twice.
    fn size(&self) -> usize {
        let protocols = self.sub_protocols.iter().map(|name| name.len() + 2);
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
        let fixed = self.host.len() + self.path.len() + self.origin.map_or(0, str::len);
        protocols.chain(headers).fold(fixed + self.authorization.size(), usize::saturating_add)
    }

    fn sets_itself(&self, name: &str) -> bool {
        let is = |other| name.eq_ignore_ascii_case(other);
        is_reserved(name)
            || is("Host")
            || is("Origin") && self.origin.is_some()
            || is("Authorization") && matches!(self.authorization, Authorization::Basic { .. })
    }

    fn push_request_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"GET ");
        out.extend_from_slice(if self.path.is_empty() { b"/" } else { self.path.as_bytes() });
        if let Authorization::Query { user, password } = self.authorization {
            out.push(if self.path.contains('?') { b'&' } else { b'?' });
            out.extend_from_slice(b"login=");
            push_percent(out, user);
            out.extend_from_slice(b"&password=");
            push_percent(out, password);
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
    }

    fn push_host(&self, out: &mut Vec<u8>) {
        let bare_v6 = self.host.contains(':') && !self.host.starts_with('[');
        let default = if self.secure { 443 } else { 80 };
        let (open, close) = if bare_v6 { ("[", "]") } else { ("", "") };
        let port = if self.port == default { String::new() } else { format!(":{}", self.port) };
        push_line(out, "Host", &format!("{open}{}{close}{port}", self.host));
    }

    fn push_authorization(&self, out: &mut Vec<u8>) {
        if let Authorization::Basic { user, password } = self.authorization {
            push_basic(out, user, password);
        }
    }
}

impl Authorization<'_> {
    pub(super) fn is_valid(&self) -> bool {
        match self {
            Authorization::None => true,
            Authorization::Basic { user, password } => {
                !user.contains(':') && is_plain(user) && is_plain(password)
            }
            Authorization::Query { user, password } => is_plain(user) && is_plain(password),
        }
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Authorization::None => 0,
            Authorization::Basic { user, password } | Authorization::Query { user, password } => {
                user.len().saturating_add(password.len())
            }
        }
    }
}

/// Appends the line `Authorization` with these credentials (RFC 7617).
pub(super) fn push_basic(out: &mut Vec<u8>, user: &str, password: &str) {
    out.extend_from_slice(b"Authorization: Basic ");
    push_base64(out, format!("{user}:{password}").as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Without control characters (RFC 7617, section 2). Others go out in UTF-8, as browsers send them.
fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/') && is_visible(path) && !path.contains('#')
}

pub(crate) fn is_host(host: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let in_brackets = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    in_brackets.unwrap_or(host).parse::<Ipv6Addr>().is_ok()
        || !host.is_empty() && host.bytes().all(is_name_byte)
}

/// Appends `text` with all but unreserved characters percent-encoded (RFC 3986, section 2.1).
fn push_percent(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}
