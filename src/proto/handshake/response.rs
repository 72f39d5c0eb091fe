//! Composing the head of an HTTP response: the 101, refusals, and pages.

use core::fmt;

use super::field::{is_token, is_value, push_line};

/// The head of a response.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The HTTP status.
    pub status: u16,
    /// Header lines. `Connection`, `Content-Length` and `Transfer-Encoding` come from the fields below.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body that follows; `None` writes no `Content-Length`.
    pub content_length: Option<u64>,
    /// Whether the body comes in chunks (RFC 9112, section 7.1), which no HTTP/1.0 client knows.
    pub chunked: bool,
    /// Whether the connection serves another request behind this one.
    pub keep_alive: bool,
}

/// Why a response is not composed: something that the caller gave would break out of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// Not a number from 100 to 599.
    Status,
    /// A header name that is not a token, or that the composer sets itself.
    HeaderName,
    /// A header value with control or non-ASCII characters.
    HeaderValue,
    /// A sub-protocol that the client did not offer.
    SubProtocol,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResponseError::Status => "invalid status",
            ResponseError::HeaderName => "invalid header name",
            ResponseError::HeaderValue => "invalid header value",
            ResponseError::SubProtocol => "sub-protocol that was not offered",
        })
    }
}

impl core::error::Error for ResponseError {}

impl Response<'_> {
    /// Appends the head to `out`.
    ///
    /// # Errors
    /// See [`ResponseError`]. `out` is then as before.
    pub fn compose(&self, out: &mut Vec<u8>) -> Result<(), ResponseError> {
        const OWN: [&str; 3] = ["Connection", "Content-Length", "Transfer-Encoding"];
        check_headers(self.headers, |name| OWN.iter().any(|own| name.eq_ignore_ascii_case(own)))?;
        push_status(out, self.status)?;
        self.headers.iter().for_each(|(name, value)| push_line(out, name, value));
        if let Some(length) = self.content_length {
            push_line(out, "Content-Length", &length.to_string());
        }
        if self.chunked {
            push_line(out, "Transfer-Encoding", "chunked");
        }
        // Who sends an `Upgrade` says so here (RFC 9110, section 7.8).
        let upgrade = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Upgrade"));
        let options = match (upgrade, self.keep_alive) {
            (false, true) => "keep-alive",
            (false, false) => "close",
            (true, true) => "Upgrade, keep-alive",
            (true, false) => "Upgrade, close",
        };
        push_line(out, "Connection", options);
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// Checks the caller's header lines, whose names may not be those that `is_own` knows.
pub(super) fn check_headers(
    headers: &[(&str, &str)],
    is_own: impl Fn(&str) -> bool,
) -> Result<(), ResponseError> {
    for (name, value) in headers {
        if !is_token(name.as_bytes()) || is_own(name) {
            return Err(ResponseError::HeaderName);
        }
        if !is_value(value) {
            return Err(ResponseError::HeaderValue);
        }
    }
    Ok(())
}

/// Appends the status line.
pub(super) fn push_status(out: &mut Vec<u8>, status: u16) -> Result<(), ResponseError> {
    if !(100..=599).contains(&status) {
        return Err(ResponseError::Status);
    }
    out.extend_from_slice(format!("HTTP/1.1 {status} {}\r\n", reason(status)).as_bytes());
    Ok(())
}

/// The reason phrase: that of RFC 9110, section 15, RFC 6585 or RFC 7725, or the name of the class. Programs choose
/// statuses as well, so none is left without.
const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400..=499 => reason_of_client(status),
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        511 => "Network Authentication Required",
        _ => class(status),
    }
}

/// The same of a fault of the client's.
const fn reason_of_client(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        _ => class(status),
    }
}

const fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "Informational",
        2 => "Successful",
        3 => "Redirection",
        4 => "Client Error",
        _ => "Server Error",
    }
}
