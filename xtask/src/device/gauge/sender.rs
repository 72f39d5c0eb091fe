//! Who sends a file to the device's upload route (docs/upload.md), and costs the machine nothing. It begins when the program
//! has rung the bell, another port, as the route is there then; and the bell answers when the file is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ::device::Peer;

/// Bytes of a message.
pub(super) const PART: usize = 64 * 1024;
const BYTE: u8 = b'x';
/// The transfer's number, and what masks each frame.
const ID: u32 = 7;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const REQUEST: &str = "GET /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// What sender and bell know of each other.
#[derive(Default)]
pub(super) struct Bell {
    is_rung: AtomicBool,
    is_stored: AtomicBool,
}

/// The bell's side of its connection.
pub(super) struct BellPeer(pub(super) Arc<Bell>);

impl Peer for BellPeer {
    fn answer(&mut self, _bytes: &[u8]) -> Vec<u8> {
        self.0.is_rung.store(true, Relaxed);
        Vec::new()
    }

    fn unasked(&mut self) -> Vec<u8> {
        if self.0.is_stored.swap(false, Relaxed) { vec![BYTE] } else { Vec::new() }
    }
}

/// The sender's side of its connection.
pub(super) struct SenderPeer {
    bell: Arc<Bell>,
    /// Messages that it sends in all, and those that it has sent.
    parts: u32,
    sent: u32,
    has_asked: bool,
    is_open: bool,
    /// What has come and was not understood yet.
    incoming: Vec<u8>,
}

impl SenderPeer {
    pub(super) fn new(bell: Arc<Bell>, parts: u32) -> Self {
        Self { bell, parts, sent: 0, has_asked: false, is_open: false, incoming: Vec::new() }
    }

    fn next_part(&mut self) -> Vec<u8> {
        let mut message = ID.to_le_bytes().to_vec();
        if self.sent == 0 {
            message.extend(b"file\0");
            message.extend((self.parts * PART as u32).to_le_bytes());
        }
        message.resize(message.len() + PART, BYTE);
        self.sent += 1;
        frame(&message)
    }
}

impl Peer for SenderPeer {
    fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.incoming.extend(bytes);
        let has = |incoming: &[u8], text: &[u8]| incoming.windows(text.len()).any(|part| part == text);
        assert!(
            !has(&self.incoming, b"\"failed\"") && !has(&self.incoming, b"\"refused\""),
            "it is not taken"
        );
        self.is_open |= has(&self.incoming, b"101 Switching") && has(&self.incoming, b"\r\n\r\n");
        if has(&self.incoming, b"\"stored\"") {
            self.bell.is_stored.store(true, Relaxed);
        }
        Vec::new()
    }

    fn unasked(&mut self) -> Vec<u8> {
        if self.is_open && self.sent < self.parts {
            self.next_part()
        } else if self.bell.is_rung.load(Relaxed) && !std::mem::replace(&mut self.has_asked, true) {
            REQUEST.into()
        } else {
            Vec::new()
        }
    }
}

/// A binary message as a client sends it.
fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82, 0x80 | 127];
    frame.extend((message.len() as u64).to_be_bytes());
    frame.extend(KEY);
    frame.extend(message.iter().zip(KEY.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_begins_with_the_bell_and_the_bell_answers_at_the_end() {
        let bell = Arc::new(Bell::default());
        let (mut sender, mut ringer) = (SenderPeer::new(bell.clone(), 2), BellPeer(bell));
        assert!(sender.unasked().is_empty());
        ringer.answer(b"!");
        assert_eq!(sender.unasked(), REQUEST.as_bytes());
        assert!(sender.unasked().is_empty());
        sender.answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
        assert_eq!(sender.unasked().len(), 14 + 4 + 9 + PART);
        assert_eq!(sender.unasked().len(), 14 + 4 + PART);
        assert!(sender.unasked().is_empty() && ringer.unasked().is_empty());
        sender.answer(b"{\"stored\":7,");
        assert_eq!(ringer.unasked(), [BYTE]);
    }
}
