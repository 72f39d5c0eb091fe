//! Control frames going out (RFC 6455, section 5.5).

use super::close::ClosePayload;
use super::frame::{CLOSE, FIN, Header, MAX_CONTROL_PAYLOAD, PING, PONG, Role};
use super::mask::Mask;

/// A whole control frame, ready for the socket, in a value of fixed size.
#[derive(Clone, Copy, Debug)]
pub struct ControlFrame {
    bytes: [u8; MAX_CONTROL_HEADER + MAX_CONTROL_PAYLOAD],
    len: u8,
}

/// Two bytes and a masking key.
const MAX_CONTROL_HEADER: usize = 6;

impl ControlFrame {
    /// A ping; `None` if `payload` is longer than [`MAX_CONTROL_PAYLOAD`]. A server's frames ignore `key`.
    pub fn ping(role: Role, payload: &[u8], key: [u8; 4]) -> Option<Self> {
        Self::compose(role, PING, payload, key)
    }

    /// A pong: the answer to a ping carries its payload (section 5.5.3). `None` as for [`ControlFrame::ping`].
    pub fn pong(role: Role, payload: &[u8], key: [u8; 4]) -> Option<Self> {
        Self::compose(role, PONG, payload, key)
    }

    /// A close.
    pub fn close(role: Role, payload: &ClosePayload, key: [u8; 4]) -> Self {
        Self::compose(role, CLOSE, payload.as_bytes(), key).expect("a close payload has at most 125 bytes")
    }

    fn compose(role: Role, opcode: u8, payload: &[u8], key: [u8; 4]) -> Option<Self> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return None;
        }
        let masked = role == Role::Client;
        let header = Header::new(FIN | opcode, payload.len() as u64, masked.then_some(key));
        let at = header.as_slice().len();
        let len = at + payload.len();
        let mut bytes = [0; MAX_CONTROL_HEADER + MAX_CONTROL_PAYLOAD];
        bytes[..at].copy_from_slice(header.as_slice());
        bytes[at..len].copy_from_slice(payload);
        if masked {
            Mask::new(key).apply(&mut bytes[at..len]);
        }
        Some(Self { bytes, len: len as u8 })
    }
}

impl AsRef<[u8]> for ControlFrame {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
