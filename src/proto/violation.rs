//! What a peer can do wrong in its frames, and the code to close with.

use core::fmt;

use super::close_code::CloseCode;

/// A fault in the peer's frames. The connection must be failed: send a Close frame with
/// [`Violation::close_code`], read no more, end the transport (RFC 6455, section 7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// RSV1, RSV2 or RSV3 is set though no extension was agreed (section 5.2).
    ReservedBits,
    /// An opcode that the RFC reserves (section 5.2).
    ReservedOpcode(u8),
    /// A control frame without FIN (section 5.5).
    ControlFragmented,
    /// A control frame that declares more than 125 bytes (section 5.5).
    ControlTooLong,
    /// A continuation frame with no message open (section 5.4).
    NothingToContinue,
    /// A new message before the last one ended (section 5.4).
    MessageInterrupted,
    /// A client's frame without a mask (section 5.1).
    NotMasked,
    /// A server's frame with a mask (section 5.1).
    Masked,
    /// A length in a longer form than it needs (section 5.2).
    LengthNotMinimal,
    /// A 64-bit length with the top bit set (section 5.2).
    LengthTopBit,
    /// A Close frame with a payload of one byte (section 5.5.1).
    ClosePayloadLength,
    /// A Close frame with a code that must not travel (section 7.4).
    CloseCode(u16),
    /// Text, or the text of a Close frame, that is not UTF-8 (sections 8.1 and 5.5.1).
    InvalidUtf8,
    /// A frame longer than [`Limits::max_frame`](super::Limits::max_frame).
    FrameTooBig,
    /// A message longer than [`Limits::max_message`](super::Limits::max_message).
    MessageTooBig,
    /// A message in more frames than [`Limits::max_fragments`](super::Limits::max_fragments).
    TooManyFragments,
}

impl Violation {
    /// The code for the Close frame that answers it (RFC 6455, section 7.4.1).
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Violation::InvalidUtf8 => CloseCode::INVALID_DATA,
            Violation::FrameTooBig | Violation::MessageTooBig => CloseCode::TOO_BIG,
            Violation::TooManyFragments => CloseCode::POLICY,
            _ => CloseCode::PROTOCOL,
        }
    }

    /// A short text for a log or a Close frame (section 7.1.6), fit for
    /// [`CloseReason`](super::CloseReason).
    pub const fn text(&self) -> &'static str {
        match self {
            Violation::ReservedBits => "reserved bits are set",
            Violation::ReservedOpcode(_) => "reserved opcode",
            Violation::ControlFragmented => "fragmented control frame",
            Violation::ControlTooLong => "control frame of more than 125 bytes",
            Violation::NothingToContinue => "continuation without a message",
            Violation::MessageInterrupted => "new message inside a message",
            Violation::NotMasked => "frame is not masked",
            Violation::Masked => "frame is masked",
            Violation::LengthNotMinimal => "length not in its shortest form",
            Violation::LengthTopBit => "length with its top bit set",
            Violation::ClosePayloadLength => "close payload of one byte",
            Violation::CloseCode(_) => "invalid close code",
            Violation::InvalidUtf8 => "text is not UTF-8",
            Violation::FrameTooBig => "frame too big",
            Violation::MessageTooBig => "message too big",
            Violation::TooManyFragments => "too many fragments",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        match self {
            Violation::ReservedOpcode(opcode) => write!(f, " {opcode:#x}"),
            Violation::CloseCode(code) => write!(f, " {code}"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for Violation {}
