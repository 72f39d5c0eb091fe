//! Close codes and the payload of a Close frame (RFC 6455, sections 5.5.1 and 7.4).

use core::fmt;

use super::frame::MAX_CONTROL_PAYLOAD;
use super::violation::Violation;

/// A status code that may stand in a Close frame.
///
/// 1005, 1006 and 1015 stand for "none given", "no Close frame" and "TLS failed" in programs and never
/// travel (RFC 6455, section 7.4.1), so this type cannot hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// A server goes down or a page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// A kind of data that this end does not take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// Data that does not fit its kind, such as text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// A rule of this end, for which no other code fits.
    pub const POLICY: Self = Self(1008);
    /// A message too big to take.
    pub const TOO_BIG: Self = Self(1009);
    /// A client misses an extension in the server's answer.
    pub const EXTENSION: Self = Self(1010);
    /// This end met something unexpected.
    pub const INTERNAL: Self = Self(1011);
    /// The service restarts (this and the next two are in IANA's registry, not in the RFC).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// Overloaded: come back later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// A gateway got no valid answer from behind it.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// `code`, if it may stand in a Close frame: 1000 to 1014 without 1004, 1005 and 1006, and 3000 to 4999,
    /// which are for libraries and applications (RFC 6455, section 7.4.2).
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The most bytes of text in a Close frame.
pub const MAX_CLOSE_TEXT: usize = MAX_CONTROL_PAYLOAD - 2;

/// Why an end closes: a code, and a text for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseReason<'a> {
    code: CloseCode,
    text: &'a str,
}

impl<'a> CloseReason<'a> {
    /// A reason to send; `None` if `text` is longer than [`MAX_CLOSE_TEXT`] bytes.
    pub const fn new(code: CloseCode, text: &'a str) -> Option<Self> {
        if text.len() <= MAX_CLOSE_TEXT { Some(Self { code, text }) } else { None }
    }

    /// A reason without text.
    pub const fn code_only(code: CloseCode) -> Self {
        Self { code, text: "" }
    }

    /// The code.
    pub const fn code(&self) -> CloseCode {
        self.code
    }

    /// The text, often empty.
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Reads the payload of a Close frame, at most 125 bytes (RFC 6455, section 5.5.1).
    pub(super) fn parse(payload: &'a [u8]) -> Result<Option<Self>, Violation> {
        let Some((code, text)) = payload.split_first_chunk() else {
            return if payload.is_empty() { Ok(None) } else { Err(Violation::ClosePayloadLength) };
        };
        let code = u16::from_be_bytes(*code);
        let code = CloseCode::new(code).ok_or(Violation::CloseCode(code))?;
        let text = core::str::from_utf8(text).map_err(|_| Violation::InvalidUtf8)?;
        Ok(Some(Self { code, text }))
    }
}

/// The payload of a Close frame as an owned value of fixed size.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClosePayload {
    bytes: [u8; MAX_CONTROL_PAYLOAD],
    len: u8,
}

impl ClosePayload {
    /// The payload for `reason`; empty without one.
    pub fn new(reason: Option<CloseReason<'_>>) -> Self {
        let mut bytes = [0; MAX_CONTROL_PAYLOAD];
        let mut len = 0;
        if let Some(reason) = reason {
            len = 2 + reason.text.len();
            bytes[..2].copy_from_slice(&reason.code.0.to_be_bytes());
            bytes[2..len].copy_from_slice(reason.text.as_bytes());
        }
        Self { bytes, len: len as u8 }
    }

    /// The bytes, as they stand in the frame.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The code and text.
    pub fn reason(&self) -> Option<CloseReason<'_>> {
        CloseReason::parse(self.as_bytes()).expect("built from a checked reason")
    }
}

impl fmt::Debug for ClosePayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClosePayload").field(&self.reason()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_as_written() {
        for text in ["", "x", "bye é", &"x".repeat(MAX_CLOSE_TEXT)] {
            let reason = CloseReason::new(CloseCode::POLICY, text);
            let payload = ClosePayload::new(reason);
            assert_eq!(payload.as_bytes().len(), 2 + text.len());
            assert_eq!(payload.reason(), reason);
        }
        assert_eq!(ClosePayload::new(None).as_bytes(), b"");
        assert_eq!(ClosePayload::new(None).reason(), None);
    }

    #[test]
    fn the_code_is_big_endian() {
        let payload = ClosePayload::new(Some(CloseReason::code_only(CloseCode::NORMAL)));
        assert_eq!(payload.as_bytes(), [0x03, 0xe8]);
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        assert_eq!(CloseReason::new(CloseCode::NORMAL, &"x".repeat(MAX_CLOSE_TEXT + 1)), None);
        assert_eq!(CloseReason::new(CloseCode::NORMAL, &"é".repeat(62)), None, "bytes count, not characters");
    }
}
