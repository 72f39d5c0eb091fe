//! Header lines: reading them, and refusing what would not stay one line.

use core::fmt;

use super::head::{HeadError, MAX_LINES};

/// The header lines of a checked head, in their order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Headers<'h> {
    lines: &'h [u8],
}

/// What the lines `Transfer-Encoding` say of where a body ends (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// It comes in chunks, and its last one is the end.
    Chunked,
    /// The same, and what is in the chunks has been coded besides.
    CodedAndChunked,
    /// Chunks are not its last coding, or not once: only the end of the connection ends it.
    Unbounded,
}

impl<'h> Headers<'h> {
    /// Names and values, without the white space around the values. A value may hold bytes that are not ASCII.
    pub fn iter(&self) -> impl Iterator<Item = (&'h str, &'h [u8])> + use<'h> {
        self.lines.split(|byte| *byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            // Spaces behind a name are there in a refusal only: `split_reply`.
            Some((core::str::from_utf8(&line[..colon]).ok()?.trim_end(), line[colon + 1..].trim_ascii()))
        })
    }

    /// The values of every line of this name, in any case (RFC 9110, section 5.1).
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first line of this name.
    pub fn first(&self, name: &str) -> Option<&'h [u8]> {
        self.all(name).next()
    }

    /// The value of the only line of this name; `None` if there are none or several.
    pub fn only(&self, name: &str) -> Option<&'h [u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The elements of the comma-separated list that all lines of this name make up together, without
    /// empty ones (RFC 9110, section 5.6.1).
    pub fn list(&self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
    }

    /// Whether that list has `token`, in any case.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.list(name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Where the body ends, if it has been coded for its transfer.
    pub(super) fn framing(&self) -> Option<Framing> {
        const NAME: &str = "Transfer-Encoding";
        self.first(NAME)?;
        let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
        let mut codings = self.list(NAME);
        let first = codings.position(is_chunked);
        // It may not be there twice (section 6.1).
        Some(match (first, codings.next()) {
            (Some(0), None) => Framing::Chunked,
            (Some(_), None) => Framing::CodedAndChunked,
            _ => Framing::Unbounded,
        })
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, value.escape_ascii().to_string())))
            .finish()
    }
}

/// The first line of a complete `head`, without its end, and its header lines, which are well-formed: none of them is
/// folded, and the empty one is the end.
pub(super) fn split_head(head: &[u8]) -> Result<(&[u8], Headers<'_>), HeadError> {
    let (line, lines) = split_line(head).ok_or(HeadError::Malformed)?;
    let mut parsed = [httparse::EMPTY_HEADER; MAX_LINES - 1];
    match httparse::parse_headers(lines, &mut parsed) {
        Ok(httparse::Status::Complete((end, _))) if end == lines.len() => Ok((line, Headers { lines })),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyLines),
        _ => Err(HeadError::Malformed),
    }
}

/// As [`split_head`], of a reply that opens nothing: its names may have spaces behind them, which whoever passes it on is to
/// take out (RFC 9112, section 5.1).
#[cold]
#[inline(never)]
pub(super) fn split_reply(head: &[u8]) -> Result<(&[u8], Headers<'_>), HeadError> {
    let (line, lines) = split_line(head).ok_or(HeadError::Malformed)?;
    let mut parsed = [httparse::EMPTY_HEADER; MAX_LINES - 1];
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    match config.parse_response(&mut httparse::Response::new(&mut parsed), head) {
        Ok(httparse::Status::Complete(end)) if end == head.len() => Ok((line, Headers { lines })),
        _ => Err(HeadError::Malformed),
    }
}

/// The first line, without its end, and what is behind it.
fn split_line(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = head.windows(2).position(|two| two == b"\r\n")?;
    let (line, rest) = head.split_at_checked(end)?;
    Some((line, rest.get(2..)?))
}

/// The digit behind `HTTP/1.`: 0, or 1 for 1 and everything later, which is treated as the version that is known here
/// (RFC 9110, section 2.5). httparse knows no later one.
pub(super) fn minor_version(protocol: &[u8]) -> Option<u8> {
    match protocol.strip_prefix(b"HTTP/1.")? {
        [digit @ b'0'..=b'9'] => Some((digit - b'0').min(1)),
        _ => None,
    }
}

/// Whether `text` is a token: a method, header name or sub-protocol (RFC 9110, section 5.6.2).
pub(crate) fn is_token(text: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_tchar)
}

/// Whether `text` is printable ASCII without spaces, and not empty.
pub(super) fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether `text` may be the value of a header line that this end sends: ASCII without control characters.
pub(super) fn is_value(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// Whether a header `name` is set by the handshake or would change where the head or its body ends, so that
/// a caller may not set it.
pub(super) fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 9] = [
        "Connection",
        "Upgrade",
        "Content-Length",
        "Transfer-Encoding",
        "Trailer",
        "TE",
        "Expect",
        "Keep-Alive",
        "Proxy-Connection",
    ];
    const FAMILY: &str = "Sec-WebSocket-";
    RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
        || name.get(..FAMILY.len()).is_some_and(|start| start.eq_ignore_ascii_case(FAMILY))
}

/// Appends `name: value` and the end of line.
pub(super) fn push_line(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}
