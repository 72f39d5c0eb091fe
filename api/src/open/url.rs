//! The address of a WebSocket as text.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::error::UrlError;
use crate::{Request, Tls, open::CredentialsForm};

/// The address of a WebSocket that can be kept, in a setting or for another opening: `ws[s]://[USER[:PASSWORD]@]HOST[:PORT]
/// [/PATH][?QUERY]` (RFC 6455 section 3).
///
/// [`Request::from_url`] does the same with a text that lives as long as the request.
///
/// ```
/// use xous_api_websocket::Url;
///
/// let url: Url = "wss://me:secret@example.com/chat?room=1".parse()?;
/// let request = url.request().sub_protocol("chat");
/// assert_eq!((&*request.host, request.port, &*request.path), ("example.com", 443, "/chat?room=1"));
/// assert!(request.tls.is_some() && request.credentials.is_some());
/// // As a text, for people and logs, it has no password.
/// assert_eq!(url.to_string(), "wss://me@example.com/chat?room=1");
/// # Ok::<(), xous_api_websocket::error::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Url(Parts<'static>);

#[derive(Clone, PartialEq, Eq)]
struct Parts<'a> {
    secure: bool,
    /// An IPv6 address is without its brackets here.
    host: Cow<'a, str>,
    port: u16,
    path: Cow<'a, str>,
    /// User name and password, decoded.
    user: Option<User<'a>>,
}

/// Name and password.
type User<'a> = (Cow<'a, str>, Cow<'a, str>);

impl Url {
    /// Whether it asks for TLS (`wss`).
    pub fn is_secure(&self) -> bool {
        self.0.secure
    }

    /// Name or address, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The port, also if the text has none.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// A request for it; see [`Request::from_url`].
    pub fn request(&self) -> Request<'_> {
        let Parts { secure, host, port, path, user } = &self.0;
        let user = user.as_ref().map(|(name, password)| (Cow::Borrowed(&**name), Cow::Borrowed(&**password)));
        let parts =
            Parts { secure: *secure, host: (&**host).into(), port: *port, path: (&**path).into(), user };
        parts.into_request()
    }
}

impl<'a> Request<'a> {
    /// A request for this address, `ws[s]://[USER[:PASSWORD]@]HOST[:PORT][/PATH][?QUERY]` (RFC 6455 section 3, RFC 3986).
    /// With `wss` it is secured by [`Tls::default`]; [`Request::tls`] changes whom it trusts.
    ///
    /// The scheme is in any case; an empty port is the usual one; an IPv6 address stands in brackets, with a zone if it
    /// has one (`[fe80::1%25eth0]` or `[fe80::1%eth0]`, RFC 6874); a query may follow the host. User name and password
    /// are decoded and go into a header ([`CredentialsForm::Basic`]). Nothing is allocated unless something has to be
    /// decoded. A name in letters beyond ASCII has to be in punycode, which the feature `idn` makes of it (`ascii_host`).
    ///
    /// ```
    /// # use xous_api_websocket::{Request, error::UrlError};
    /// let request = Request::from_url("ws://[::1]:8080?token=x")?;
    /// assert_eq!((&*request.host, request.port, &*request.path), ("::1", 8080, "/?token=x"));
    /// assert_eq!(Request::from_url("wss://example.com/#top"), Err(UrlError::Fragment));
    /// # Ok::<(), UrlError>(())
    /// ```
    ///
    /// # Errors
    /// The part that is wrong.
    pub fn from_url(url: &'a str) -> Result<Self, UrlError> {
        Parts::parse(url).map(Parts::into_request)
    }
}

impl<'a> Parts<'a> {
    fn parse(url: &'a str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        // In any case (RFC 3986 section 3.1).
        let secure = match (scheme.eq_ignore_ascii_case("ws"), scheme.eq_ignore_ascii_case("wss")) {
            (true, _) => false,
            (_, true) => true,
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (user_info(user)?, place),
            None => (None, authority),
        };
        let (host, port) = match place.rsplit_once(':') {
            // The colon is not one of an address.
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (place, ""),
        };
        let usual = if secure { 443 } else { 80 };
        Ok(Parts {
            secure,
            host: self::host(host)?,
            port: self::port(port, usual)?,
            path: self::path(path).map_err(|at| self::at(url, url.len() - path.len() + at))?,
            user,
        })
    }

    fn into_request(self) -> Request<'a> {
        let mut request = Request::new(self.host, self.port).path(self.path);
        if self.secure {
            request = request.tls(Tls::default());
        }
        match self.user {
            Some((name, password)) => request.credentials(name, password, CredentialsForm::Basic),
            None => request,
        }
    }

    fn into_owned(self) -> Parts<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Parts {
            secure: self.secure,
            host: owned(self.host),
            port: self.port,
            path: owned(self.path),
            user: self.user.map(|(name, password)| (owned(name), owned(password))),
        }
    }
}

/// User name and password (RFC 3986 section 3.2.1). A colon in the name cannot be sent (RFC 7617 section 2).
fn user_info(text: &str) -> Result<Option<User<'_>>, UrlError> {
    if text.is_empty() {
        return Ok(None);
    }
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    let (name, password) = (decoded(name)?, decoded(password)?);
    let is_sent = |text: &str| !text.chars().any(char::is_control);
    let valid = !name.contains(':') && is_sent(&name) && is_sent(&password);
    if valid { Ok(Some((name, password))) } else { Err(UrlError::UserInfo) }
}

/// Without percent-encoding, and UTF-8.
fn decoded(text: &str) -> Result<Cow<'_, str>, UrlError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&byte);
    if text.bytes().all(is_plain) {
        return Ok(text.into());
    }
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = match (byte, behind) {
            (b'%', _) => {
                let (byte, behind) = triplet(behind).ok_or(UrlError::UserInfo)?;
                bytes.push(byte);
                behind
            }
            (byte, behind) if is_plain(*byte) => {
                bytes.push(*byte);
                behind
            }
            _ => return Err(UrlError::UserInfo),
        };
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| UrlError::UserInfo)
}

/// The byte that the two digits behind a `%` stand for, and what is behind them.
fn triplet(text: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let ([high, low], rest) = text.split_first_chunk()?;
    Some((digit(*high)? << 4 | digit(*low)?, rest))
}

fn host(text: &str) -> Result<Cow<'_, str>, UrlError> {
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        let (address, zone) = match address.split_once('%') {
            Some((address, zone)) => (address, Some(zone)),
            None => (address, None),
        };
        address.parse::<Ipv6Addr>().map_err(|_| UrlError::Host)?;
        return match zone.map(|zone| (zone, zone.strip_prefix("25"))) {
            None => Ok(address.into()),
            Some((_, Some(zone))) if is_zone(zone) => Ok(format!("{address}%{zone}").into()),
            // As people and other programs write it.
            Some((zone, _)) if is_zone(zone) => Ok(text.get(1..text.len() - 1).unwrap_or_default().into()),
            Some(_) => Err(UrlError::Host),
        };
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    #[cfg(feature = "idn")]
    if !text.is_ascii() {
        let ascii = super::host::ascii_host(text).map_err(|_| UrlError::Host)?;
        return if ascii.bytes().all(is_name) { Ok(ascii) } else { Err(UrlError::Host) };
    }
    if text.is_empty() || !text.bytes().all(is_name) { Err(UrlError::Host) } else { Ok(text.into()) }
}

fn is_zone(zone: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !zone.is_empty() && zone.bytes().all(is_part)
}

/// The usual one if it is empty (RFC 3986 section 3.2.3).
fn port(text: &str, usual: u16) -> Result<u16, UrlError> {
    match text {
        "" => Ok(usual),
        text if !text.bytes().all(|byte| byte.is_ascii_digit()) => Err(UrlError::Port),
        text => text.parse().ok().filter(|port| *port != 0).ok_or(UrlError::Port),
    }
}

/// # Errors
/// Where the byte is that needs percent-encoding.
fn path(text: &str) -> Result<Cow<'_, str>, usize> {
    let needs = |&(at, byte): &(usize, u8)| match byte {
        b'%' => text.as_bytes().get(at + 1..).and_then(triplet).is_none(),
        byte => !byte.is_ascii_graphic(),
    };
    if let Some((at, _)) = text.bytes().enumerate().find(needs) {
        return Err(at);
    }
    Ok(match text {
        "" => "/".into(),
        text if text.starts_with('/') => text.into(),
        query => format!("/{query}").into(),
    })
}

/// The error for the byte of the path at this place of the address: people count characters.
fn at(url: &str, byte: usize) -> UrlError {
    UrlError::Path { at: url.char_indices().take_while(|&(at, _)| at <= byte).count() }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        Parts::parse(url).map(|parts| Url(parts.into_owned()))
    }
}

/// Without the password. The user's name is as it was decoded.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { secure, host, port, path, user } = &self.0;
        f.write_str(if *secure { "wss://" } else { "ws://" })?;
        if let Some((name, _)) = user {
            write!(f, "{name}@")?;
        }
        match host.split_once('%') {
            Some((address, zone)) => write!(f, "[{address}%25{zone}]"),
            None if host.contains(':') => write!(f, "[{host}]"),
            None => f.write_str(host),
        }?;
        if *port != if *secure { 443 } else { 80 } {
            write!(f, ":{port}")?;
        }
        f.write_str(path)
    }
}

/// Without the password.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

#[cfg(test)]
mod tests;
