//! The words of the frame format that both directions share (RFC 6455, section 5.2).

use core::fmt;

/// Which end of the connection this program is.
///
/// A client masks what it sends and must not be sent masked frames; a server the other way round
/// (RFC 6455, section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Opened the connection.
    Client,
    /// Accepted the connection.
    Server,
}

impl Role {
    /// The other end's role.
    pub const fn peer(self) -> Self {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }

    /// The mask bit of every frame that this role sends.
    pub(super) const fn mask_bit(self) -> u8 {
        match self {
            Role::Client => MASK,
            Role::Server => 0,
        }
    }
}

/// What a message carries (RFC 6455, section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text, checked.
    Text,
    /// Bytes.
    Binary,
}

impl Kind {
    pub(super) const fn opcode(self) -> u8 {
        match self {
            Kind::Text => TEXT,
            Kind::Binary => BINARY,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Text => "text",
            Kind::Binary => "binary",
        })
    }
}

/// The most payload bytes of a control frame (RFC 6455, section 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The longest frame header: two bytes, a 64-bit length, a masking key.
pub const MAX_HEADER: usize = 14;

/// The bytes beside the payload that [`Encoder::encode`](super::Encoder::encode) needs: two words, which hold a header.
pub const HEADER_SPACE: usize = 16;

/// The longest payload that a frame can declare: 63 bits (RFC 6455, section 5.2).
pub const MAX_PAYLOAD: u64 = (1 << 63) - 1;

// First byte of a header.
pub(super) const FIN: u8 = 0x80;
pub(super) const RSV: u8 = 0x70;
pub(super) const OPCODE: u8 = 0x0f;
/// Set in the opcode of every control frame.
pub(super) const CONTROL: u8 = 0x08;

// Second byte of a header.
pub(super) const MASK: u8 = 0x80;
pub(super) const LEN7: u8 = 0x7f;
pub(super) const LEN16: u8 = 126;
pub(super) const LEN64: u8 = 127;

// Opcodes (RFC 6455, section 11.8).
pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xa;

/// A composed frame header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    bytes: [u8; HEADER_SPACE],
    len: u8,
}

impl Header {
    /// Composes a header with the shortest form of `len`, which is at most [`MAX_PAYLOAD`].
    ///
    /// In registers, as what is stored byte by byte cannot be loaded as words without waiting for it.
    #[inline]
    pub(super) fn new(first: u8, len: u64, key: Option<[u8; 4]>) -> Self {
        let (mask, key_len) = if key.is_some() { (MASK, 4) } else { (0, 0) };
        let key = u64::from(u32::from_le_bytes(key.unwrap_or_default()));
        let begin = |second: u8| u64::from(u16::from_le_bytes([first, mask | second]));
        // The first eight bytes and those behind them, each with its first byte lowest.
        let (low, high, end) = match len {
            0..=125 => (begin(len as u8) | key << 16, 0, 2),
            126..=0xffff => {
                let len = u64::from((len as u16).swap_bytes());
                (begin(LEN16) | len << 16 | key << 32, 0, 4)
            }
            _ => {
                let len = len.swap_bytes();
                (begin(LEN64) | len << 16, len >> 48 | key << 16, 10)
            }
        };
        let mut bytes = [0; HEADER_SPACE];
        bytes[..8].copy_from_slice(&low.to_le_bytes());
        bytes[8..].copy_from_slice(&high.to_le_bytes());
        Self { bytes, len: end + key_len }
    }

    /// The header, and zeros behind it.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8; HEADER_SPACE] {
        &self.bytes
    }

    #[inline]
    pub(super) fn len(&self) -> u8 {
        self.len
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// How much of `available` belongs to a payload of which `remaining` is to come.
///
/// Generic over the size type so that the arithmetic of a 32-bit machine can be tested on any.
#[inline(always)]
pub(super) fn portion<S: Copy + Ord + TryFrom<u64>>(remaining: u64, available: S) -> S {
    // A length that does not fit the type is more than can be available.
    S::try_from(remaining).map_or(available, |remaining| remaining.min(available))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths around the limits of 32 bits, with the size type of a machine that has no more.
    #[test]
    fn portions_with_32_bit_sizes() {
        let available = u32::MAX - 5;
        for remaining in [1 << 31, (1 << 32) - 1, 1 << 32, (1 << 32) + 7, MAX_PAYLOAD, u64::MAX] {
            let expected = remaining.min(u64::from(available));
            assert_eq!(u64::from(portion(remaining, available)), expected, "{remaining:#x}");
            assert_eq!(portion(remaining, 4096u32), 4096, "a wrapped length would be less: {remaining:#x}");
        }
        assert_eq!(portion(3, available), 3);
        assert_eq!(portion(0, available), 0);
        assert_eq!(portion(1 << 32, 0u32), 0);
        assert_eq!(portion(1 << 16, u16::MAX), u16::MAX);
    }
}
