//! `Sec-WebSocket-Key` and the proof that a server has read it (RFC 6455, sections 4.1 and 4.2.2).

use embedded_websocket::{WebSocketKey, WebSocketServer};

/// The key of one opening handshake: 16 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; KEY_LEN]);

const KEY_LEN: usize = 24;
const ACCEPT_LEN: usize = 28;

impl Key {
    /// A client's key from 16 random bytes, fresh for each connection.
    pub fn new(nonce: [u8; 16]) -> Self {
        let mut text = Vec::with_capacity(KEY_LEN);
        push_base64(&mut text, &nonce);
        Self(text.try_into().expect("16 bytes make 24 characters"))
    }

    /// A key from a request: 24 characters that decode to 16 bytes. The unused bits of the last one may be
    /// set, as in the RFC's own example.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; KEY_LEN] = text.try_into().ok()?;
        let (digits, padding) = text.split_at(22);
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+' || *byte == b'/';
        (digits.iter().all(is_digit) && padding == b"==").then_some(Self(*text))
    }

    /// The text of the header.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("base64 is ASCII")
    }

    /// What `Sec-WebSocket-Accept` must be: base64 of SHA-1 of the key and a fixed GUID.
    pub fn accept(&self) -> [u8; ACCEPT_LEN] {
        // embedded-websocket gives the value only inside the whole answer, where it stands last. Its key type
        // panics on more than the 24 characters that this one always has; its answer has 129 bytes.
        const END: &[u8] = b"\r\n\r\n";
        let mut answer = [0; 256];
        let len = WebSocketServer::new_server()
            .server_accept(&WebSocketKey::from(self.as_str()), None, &mut answer)
            .expect("the answer fits the buffer");
        let value = answer[..len].strip_suffix(END).and_then(|head| head.last_chunk());
        *value.expect("the answer ends with the value")
    }
}

/// Appends `bytes` in base64 with padding (RFC 4648, section 4).
pub(crate) fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place)) as usize & 63];
            out.push(if place > group.len() { b'=' } else { digit });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_of_the_rfc_example() {
        let key = Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        assert_eq!(&key.accept(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_made_and_read() {
        let nonce = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        let key = Key::new(nonce);
        // RFC 6455, section 4.1, writes this key with a C in front of the padding, which stands for the same bytes.
        assert_eq!(key.as_str(), "AQIDBAUGBwgJCgsMDQ4PEA==");
        assert_eq!(Key::parse(key.as_str().as_bytes()), Some(key));
        assert!(Key::parse(b"AQIDBAUGBwgJCgsMDQ4PEC==").is_some());
    }

    #[test]
    fn other_lengths_and_characters_are_no_key() {
        for text in
            ["", "==", "AQIDBAUGBwgJCgsMDQ4PEA=", "AQIDBAUGBwgJCgsMDQ4PEA===", "AQIDBAUGBwgJCgsMDQ4PEAA="]
        {
            assert_eq!(Key::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Key::parse(b"AQIDBAUGBwg JCgsMDQ4PE=="), None);
        assert_eq!(Key::parse(&[b'A'; 8000]), None);
    }

    #[test]
    fn base64_of_rfc_4648() {
        let encode = |text: &str| {
            let mut out = Vec::new();
            push_base64(&mut out, text.as_bytes());
            String::from_utf8(out).unwrap()
        };
        let vectors = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (len, expected) in vectors.iter().enumerate() {
            assert_eq!(encode(&"foobar"[..len]), *expected);
        }
    }
}
