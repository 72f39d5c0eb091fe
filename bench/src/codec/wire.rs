//! The other end of a codec: an endless stream of the same message, and a sink.

use std::hint::black_box;
use std::io::{self, Read};

use super::case::Content;

/// Least bytes of the wire that is read again and again: more than the largest read.
const LEAST: usize = 96 * 1024;

/// Whole frames of one message each, masked with a different key each, read over and over in pieces of the same
/// size. Each read is one copy, as from a socket.
#[derive(Clone)]
pub(crate) struct Wire {
    bytes: Vec<u8>,
    at: usize,
    piece: usize,
}

impl Wire {
    /// A wire with messages of `size` bytes that gives at most `piece` bytes per read.
    pub(crate) fn new(content: Content, size: usize, piece: usize) -> Self {
        let mut bytes = Vec::new();
        let mut key = 0x9e37_79b9_u32;
        while bytes.len() < LEAST || bytes.len() < 2 * piece {
            key = key.wrapping_mul(0x2c1b_3c6d).wrapping_add(0x297a_2d39);
            frame(content, size, key.to_le_bytes(), &mut bytes);
        }
        Self { bytes, at: 0, piece }
    }

    /// The same messages as text, which they are not.
    #[cfg(test)]
    pub(crate) fn into_text(mut self) -> Self {
        self.bytes[0] = 0x81;
        self
    }

    /// The most that one read gives.
    pub(crate) fn piece(&self) -> usize {
        self.piece
    }

    /// The next bytes, at most `most`, without a copy.
    pub(crate) fn next(&mut self, most: usize) -> &[u8] {
        if self.at == self.bytes.len() {
            self.at = 0;
        }
        let len = most.min(self.piece).min(self.bytes.len() - self.at);
        let next = &self.bytes[self.at..self.at + len];
        self.at += len;
        next
    }
}

/// Appends a masked frame (RFC 6455 section 5.2).
fn frame(content: Content, size: usize, key: [u8; 4], to: &mut Vec<u8>) {
    to.push(0x80 | if content.is_text() { 1 } else { 2 });
    match size {
        0..=125 => to.push(0x80 | size as u8),
        126..=0xffff => {
            to.push(0x80 | 126);
            to.extend_from_slice(&(size as u16).to_be_bytes());
        }
        _ => {
            to.push(0x80 | 127);
            to.extend_from_slice(&(size as u64).to_be_bytes());
        }
    }
    to.extend_from_slice(&key);
    to.extend(content.payload(size).iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

impl Read for Wire {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let from = self.next(to.len());
        to[..from.len()].copy_from_slice(from);
        Ok(from.len())
    }
}

/// Takes all that is written, at once and without a copy: what a socket does with it is the same for everybody.
#[derive(Default)]
pub(crate) struct Discard;

impl Discard {
    /// Takes `bytes`; their number.
    pub(crate) fn swallow(&mut self, bytes: &[u8]) -> usize {
        black_box(bytes).len()
    }
}
