//! The server's reply, as the client checks it (RFC 6455, section 4.1, points 1 to 6 at the end).

use super::field::{Headers, minor_version, split_head, split_reply};
use super::key::Key;

/// A reply that opens the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'h> {
    /// Always 101.
    pub status: u16,
    /// The sub-protocol that the server chose, one of those asked for.
    pub protocol: Option<&'h str>,
    /// All header lines.
    pub headers: Headers<'h>,
}

/// A well-formed reply, not checked further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyHead<'h> {
    /// The HTTP status.
    pub status: u16,
    /// All header lines.
    pub headers: Headers<'h>,
}

/// Why a reply does not open the connection. The connection must then be closed, except after
/// [`ReplyError::Interim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Not an HTTP/1 reply, too many lines, or a 101 in HTTP/1.0.
    #[error("malformed reply")]
    Malformed,
    /// The server answered with another status than 101, such as 401, 404 or 503. [`parse_reply`] gives the
    /// header lines that come with it.
    #[error("refused with status {0}")]
    Status(u16),
    /// An interim reply (100, 102, 103): clear the buffer and read the next head (RFC 9110, section 15.2).
    #[error("interim reply {0}")]
    Interim(u16),
    /// `Upgrade` is missing or is not `websocket`.
    #[error("reply without upgrade to websocket")]
    Upgrade,
    /// `Connection` does not list `upgrade`.
    #[error("reply without connection upgrade")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, there twice, or not the value that the key asks for.
    #[error("wrong accept value")]
    Accept,
    /// An extension, though none was asked for.
    #[error("extension that was not asked for")]
    Extension,
    /// A sub-protocol that was not asked for, or several.
    #[error("sub-protocol that was not asked for")]
    SubProtocol,
}

/// Reads the status and header lines of a complete `head`. Only a 101 must be HTTP/1.1: what else a server or
/// a proxy says is a reply in HTTP/1.0 as well (RFC 6455, section 4.1; RFC 9110, section 2.5), and may have spaces in front of
/// colons (RFC 9112, section 5.1).
///
/// Folded lines must have been unfolded, as [`HeadBuffer::unfolds`](super::HeadBuffer::unfolds) does.
///
/// # Errors
/// [`ReplyError::Malformed`].
pub fn parse_reply(head: &[u8]) -> Result<ReplyHead<'_>, ReplyError> {
    let strict = split_head(head);
    let (line, headers) = strict.or_else(|_| split_reply(head)).map_err(|_| ReplyError::Malformed)?;
    let (version, status) = status_line(line).ok_or(ReplyError::Malformed)?;
    if status == 101 && (version == 0 || strict.is_err()) {
        return Err(ReplyError::Malformed);
    }
    Ok(ReplyHead { status, headers })
}

/// Version and status (RFC 9112, section 4). There are servers that leave out the space behind the status.
fn status_line(line: &[u8]) -> Option<(u8, u16)> {
    let (protocol, rest) = line.split_at_checked(8)?;
    let (status, reason) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
    let is_status = status.iter().all(u8::is_ascii_digit) && matches!(reason, [] | [b' ', ..]);
    let status = status.iter().fold(0, |sum, digit| 10 * sum + u16::from(digit.wrapping_sub(b'0')));
    Some((minor_version(protocol)?, status)).filter(|_| is_status)
}

/// Checks the complete `head` of a reply to a request with this `key` and these `sub_protocols`.
///
/// # Errors
/// See [`ReplyError`].
pub fn check_reply<'h>(head: &'h [u8], key: &Key, sub_protocols: &[&str]) -> Result<Reply<'h>, ReplyError> {
    let ReplyHead { status, headers } = parse_reply(head)?;
    match status {
        101 => {}
        100..=199 => return Err(ReplyError::Interim(status)),
        _ => return Err(ReplyError::Status(status)),
    }
    if !headers.only("Upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
        return Err(ReplyError::Upgrade);
    }
    if !headers.lists("Connection", "upgrade") {
        return Err(ReplyError::Connection);
    }
    if headers.only("Sec-WebSocket-Accept") != Some(&key.accept()) {
        return Err(ReplyError::Accept);
    }
    if headers.first("Sec-WebSocket-Extensions").is_some() {
        return Err(ReplyError::Extension);
    }
    Ok(Reply { status, protocol: chosen(&headers, sub_protocols)?, headers })
}

fn chosen<'h>(headers: &Headers<'h>, sub_protocols: &[&str]) -> Result<Option<&'h str>, ReplyError> {
    if headers.first("Sec-WebSocket-Protocol").is_none() {
        return Ok(None);
    }
    headers
        .only("Sec-WebSocket-Protocol")
        .and_then(|value| core::str::from_utf8(value).ok())
        .filter(|value| sub_protocols.contains(value))
        .map(Some)
        .ok_or(ReplyError::SubProtocol)
}
