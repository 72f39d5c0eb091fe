//! The payload of a Close frame (RFC 6455, section 5.5.1).

use core::fmt;

use super::close_code::CloseCode;
use super::frame::MAX_CONTROL_PAYLOAD;
use super::violation::Violation;

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
            bytes[..2].copy_from_slice(&reason.code.value().to_be_bytes());
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
