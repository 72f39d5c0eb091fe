//! The least that any decoder does: find the length, unmask in place. No checks, no state between reads, and frames
//! that are cut by a read are moved to the front of the buffer. Not a codec: a measure for them.

use std::hint::black_box;
use std::io::Read;

use super::case::Case;
use super::codecs::{Codec, Decode};
use super::wire::Wire;

pub(crate) const CODEC: Codec = Codec {
    name: "reference",
    decoder: |wire| Box::new(Bare::new(wire)),
    encoder: |_, _| unreachable!("decodes only"),
    can: |case| matches!(case, Case::Decode { content, .. } if !content.is_text()),
};

struct Bare {
    wire: Wire,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Bare {
    fn new(wire: Wire) -> Self {
        let len = 2 * wire.piece() + 128 * 1024;
        Self { wire, buffer: vec![0; len], start: 0, end: 0 }
    }

    /// Payload, its length and the key, if the frame is whole.
    fn frame(&self) -> Option<(usize, usize, [u8; 4])> {
        let bytes = &self.buffer[self.start..self.end];
        let (len, at) = match bytes.get(1)? & 0x7f {
            126 => (usize::from(u16::from_be_bytes(*bytes.get(2..4)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*bytes.get(2..10)?.first_chunk()?) as usize, 10),
            len => (usize::from(len), 2),
        };
        let key = *bytes.get(at..at + 4)?.first_chunk()?;
        (bytes.len() >= at + 4 + len).then_some((self.start + at + 4, len, key))
    }
}

impl Decode for Bare {
    fn decode(&mut self, messages: usize) -> usize {
        let (mut left, mut bytes) = (messages, 0);
        while left > 0 {
            let Some((at, len, key)) = self.frame() else {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
                self.end += self.wire.read(&mut self.buffer[self.end..]).expect("memory");
                continue;
            };
            let payload = &mut self.buffer[at..at + len];
            let (words, rest) = payload.as_chunks_mut::<4>();
            for word in words {
                *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
            }
            rest.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            bytes += black_box(payload).len();
            self.start = at + len;
            left -= 1;
        }
        bytes
    }
}
