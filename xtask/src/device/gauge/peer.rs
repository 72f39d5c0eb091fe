//! The other side of what is measured: a plain WebSocket server (RFC 6455) that is written for nothing else. It checks what
//! it gets, and costs the machine nothing.

use ::device::Peer;
use websocket::proto::handshake::Key;

/// What every message consists of.
const BYTE: u8 = b'x';
const HEAD_END: &[u8] = b"\r\n\r\n";
/// Bits of a frame's first two bytes.
const FINAL: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const BINARY: u8 = 2;
/// Opcodes from here on are those of control frames.
const CONTROL: u8 = 8;

/// What it does behind the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// Sends each frame back.
    Echo,
    /// Takes messages.
    Take,
    /// Sends messages without end.
    Give,
}

/// One connection.
pub(super) struct WebSocketPeer {
    does: Does,
    /// Bytes of each message.
    length: usize,
    /// Bytes of the message that has begun.
    begun: usize,
    is_open: bool,
    /// What has come and is not whole yet.
    incoming: Vec<u8>,
}

impl WebSocketPeer {
    pub(super) fn new(does: Does, length: usize) -> Self {
        Self { does, length, begun: 0, is_open: false, incoming: Vec::new() }
    }

    /// The answer to the opening handshake, if its request is there.
    fn open(&mut self) -> Option<Vec<u8>> {
        let end = self.incoming.windows(HEAD_END.len()).position(|bytes| bytes == HEAD_END)?;
        let head =
            String::from_utf8(self.incoming.drain(..end + HEAD_END.len()).collect()).expect("a head is text");
        let key = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().as_bytes())
        });
        let key = key.and_then(Key::parse).expect("the request has a key");
        self.is_open = true;
        let accept = String::from_utf8_lossy(&key.accept()).into_owned();
        let lines = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        Some(format!("{lines}Sec-WebSocket-Accept: {accept}\r\n\r\n").into_bytes())
    }

    /// Takes the next frame, if it is whole; gives what is answered to it.
    fn frame(&mut self) -> Option<Vec<u8>> {
        let [first, second, ..] = self.incoming[..] else { return None };
        assert!(second & MASKED != 0, "a client masks");
        let (head, length) = match usize::from(second & !MASKED) {
            126 => (4, number(self.incoming.get(2..4)?)),
            127 => (10, number(self.incoming.get(2..10)?)),
            short => (2, short),
        };
        let end = head + 4 + length;
        let key: [u8; 4] = self.incoming.get(head..head + 4)?.try_into().ok()?;
        let mut payload = self.incoming.get(head + 4..end)?.to_vec();
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        self.incoming.drain(..end);
        if first & OPCODE >= CONTROL {
            return Some(Vec::new());
        }
        self.check(first & FINAL != 0, &payload);
        Some(if self.does == Does::Echo { frame(first, &payload) } else { Vec::new() })
    }

    /// Messages are as long as they should be, and their bytes are right.
    fn check(&mut self, is_last: bool, payload: &[u8]) {
        assert!(payload.iter().all(|byte| *byte == BYTE), "other bytes have come");
        self.begun += payload.len();
        if is_last {
            assert_eq!(self.begun, self.length, "a message of another length has come");
            self.begun = 0;
        }
    }
}

impl Peer for WebSocketPeer {
    fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.incoming.extend(bytes);
        let mut answer = Vec::new();
        if !self.is_open {
            let Some(head) = self.open() else { return answer };
            answer.extend(head);
        }
        while let Some(back) = self.frame() {
            answer.extend(back);
        }
        answer
    }

    fn unasked(&mut self) -> Vec<u8> {
        if self.is_open && self.does == Does::Give {
            frame(FINAL | BINARY, &vec![BYTE; self.length])
        } else {
            Vec::new()
        }
    }
}

/// A frame as a server sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut frame = vec![first];
    match length {
        ..126 => frame.push(length as u8),
        126..65536 => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// A number whose highest byte is first.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    fn open(does: Does, length: usize) -> WebSocketPeer {
        let mut peer = WebSocketPeer::new(does, length);
        assert!(peer.answer(&REQUEST[..20]).is_empty());
        let answer = String::from_utf8(peer.answer(&REQUEST[20..])).unwrap();
        // The example of RFC 6455, section 1.3.
        assert!(answer.ends_with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"), "{answer}");
        peer
    }

    #[test]
    fn frames_come_back_without_their_masks() {
        let mut peer = open(Does::Echo, 3);
        // "xx" as the first frame of a message, a ping, "x" as its last; all but a byte, and that.
        let sent =
            [2, 0x82, 1, 2, 0, 0, b'x' ^ 1, b'x' ^ 2, 0x89, 0x80, 0, 0, 0, 0, 0x80, 0x81, 0, 0, 0, 0, b'x'];
        assert_eq!(peer.answer(&sent[..sent.len() - 1]), [2, 2, b'x', b'x']);
        assert_eq!(peer.answer(b"x"), [0x80, 1, b'x']);
        assert!(peer.unasked().is_empty());
    }

    #[test]
    fn messages_of_all_lengths_are_given() {
        for (length, head) in [(16, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
            let mut peer = open(Does::Give, length);
            assert_eq!(peer.unasked().len(), head + length);
        }
    }

    #[test]
    #[should_panic(expected = "another length")]
    fn another_length_is_noticed() {
        open(Does::Take, 3).answer(&[0x82, 0x81, 0, 0, 0, 0, b'x']);
    }
}
