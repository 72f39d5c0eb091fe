//! Masking (RFC 6455, section 5.3): payload byte `i` is XORed with key byte `i % 4`.
//!
//! Both directions are the same operation. It runs over blocks of a fixed size, whose loops LLVM turns
//! into vector instructions, at any alignment of data and key: those that every machine of the target has, and
//! for long data those of the machine at hand. Where words have to be aligned, it is [`words`]' part.

use super::wide::widely;
use super::words::{self, ALIGNED_ONLY};

/// A masking key turned so that its first byte belongs to the next payload byte.
///
/// Kept as a little-endian word: byte 0 of the key is the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask(u32);

/// The unrolled block, and one vector of it.
const BLOCK: usize = 64;
const LANE: usize = 16;
/// From so many blocks on the machine's own vectors are worth a call.
const WIDE: usize = 4;

/// The bytes of a piece, ORed in words: the top bits tell whether there was any but ASCII.
type Seen = [u32; LANE / 4];
const TOP_BITS: u32 = 0x8080_8080;

impl Mask {
    /// Changes nothing: the key of a frame without one.
    pub(super) const NONE: Self = Self(0);

    #[inline]
    pub(super) const fn new(key: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(key))
    }

    /// Masks or unmasks `data` in place and turns the key behind it.
    #[inline]
    pub(super) fn apply(&mut self, data: &mut [u8]) {
        let key = self.pass(data.len());
        if ALIGNED_ONLY {
            words::apply(data, key);
            return;
        }
        let Some(end) = data.last_chunk::<LANE>() else {
            xor_short(data, key);
            return;
        };
        // The bytes behind the last whole lane are masked in a lane that overlaps it. A lane is a multiple of
        // the key, so the key there is the one behind `data`.
        let mut end = *end;
        xor(&mut end, self.0);
        let (blocks, rest) = data.as_chunks_mut::<BLOCK>();
        if blocks.len() < WIDE {
            xor_blocks(blocks, key);
        } else {
            xor_wide(blocks, key);
        }
        rest.as_chunks_mut::<LANE>().0.iter_mut().for_each(|lane| xor(lane, key));
        if let Some(last) = data.last_chunk_mut() {
            *last = end;
        }
    }

    /// As [`Mask::apply`]; returns whether all of `data` is ASCII afterwards.
    #[inline]
    pub(super) fn apply_ascii(&mut self, data: &mut [u8]) -> bool {
        let key = self.pass(data.len());
        if ALIGNED_ONLY {
            return words::apply(data, key) & TOP_BITS == 0;
        }
        let Some(end) = data.last_chunk::<LANE>() else {
            return xor_short(data, key) & TOP_BITS == 0;
        };
        let mut end = *end;
        xor(&mut end, self.0);
        let mut seen = Seen::default();
        or(&mut seen, &end);
        let (blocks, rest) = data.as_chunks_mut::<BLOCK>();
        if blocks.len() < WIDE {
            xor_or_blocks(blocks, key, &mut seen);
        } else {
            xor_or_wide(blocks, key, &mut seen);
        }
        for lane in rest.as_chunks_mut::<LANE>().0 {
            xor(lane, key);
            or(&mut seen, lane);
        }
        if let Some(last) = data.last_chunk_mut() {
            *last = end;
        }
        seen.iter().fold(0, |all, word| all | word) & TOP_BITS == 0
    }

    /// Copies as much of `from` as fits into `to`, masked, and turns the key behind it.
    /// Returns the number of bytes.
    #[inline]
    pub(super) fn copy(&mut self, from: &[u8], to: &mut [u8]) -> usize {
        let len = from.len().min(to.len());
        let (from, to) = (&from[..len], &mut to[..len]);
        let key = self.pass(len);
        if ALIGNED_ONLY {
            words::copy_masked(from, to, key);
            return len;
        }
        let (Some(from_end), true) = (from.last_chunk::<LANE>(), len >= LANE) else {
            to.copy_from_slice(from);
            xor_short(to, key);
            return len;
        };
        let (blocks, rest) = from.as_chunks::<BLOCK>();
        let (to_blocks, to_rest) = to.as_chunks_mut::<BLOCK>();
        if blocks.len() < WIDE {
            xor_into_blocks(blocks, to_blocks, key);
        } else {
            xor_into_wide(blocks, to_blocks, key);
        }
        let (lanes, to_lanes) = (rest.as_chunks::<LANE>().0, to_rest.as_chunks_mut::<LANE>().0);
        lanes.iter().zip(to_lanes).for_each(|(from, to)| xor_into(from, to, key));
        if let Some(last) = to.last_chunk_mut::<LANE>() {
            xor_into(from_end, last, self.0);
        }
        len
    }

    /// The key for the next `len` bytes; turns this one behind them.
    #[inline]
    fn pass(&mut self, len: usize) -> u32 {
        let key = self.0;
        self.0 = self.0.rotate_right((len as u32 & 3) * 8);
        key
    }
}

/// As [`xor_blocks`], for many.
#[inline(never)]
fn xor_wide(blocks: &mut [[u8; BLOCK]], key: u32) {
    widely(
        #[inline(always)]
        || xor_blocks(blocks, key),
    );
}

/// As [`xor_or_blocks`], for many.
#[inline(never)]
fn xor_or_wide(blocks: &mut [[u8; BLOCK]], key: u32, seen: &mut Seen) {
    let all = widely(
        #[inline(always)]
        || xor_and_or(blocks, key),
    );
    for words in all.as_chunks::<{ LANE / 4 }>().0 {
        seen.iter_mut().zip(words).for_each(|(seen, word)| *seen |= word);
    }
}

/// Masks blocks and ORs them, in as many words as a block has: they fill vectors of any width.
#[inline(always)]
fn xor_and_or(blocks: &mut [[u8; BLOCK]], key: u32) -> [u32; BLOCK / 4] {
    let mut all = [0; BLOCK / 4];
    for block in blocks {
        for (word, seen) in block.as_chunks_mut().0.iter_mut().zip(&mut all) {
            let clear = u32::from_le_bytes(*word) ^ key;
            *word = clear.to_le_bytes();
            *seen |= clear;
        }
    }
    all
}

/// As [`xor_into_blocks`], for many.
#[inline(never)]
fn xor_into_wide(from: &[[u8; BLOCK]], to: &mut [[u8; BLOCK]], key: u32) {
    widely(
        #[inline(always)]
        || xor_into_blocks(from, to, key),
    );
}

#[inline(always)]
fn xor_blocks(blocks: &mut [[u8; BLOCK]], key: u32) {
    blocks.iter_mut().for_each(|block| xor(block, key));
}

#[inline(always)]
fn xor_or_blocks(blocks: &mut [[u8; BLOCK]], key: u32, seen: &mut Seen) {
    for block in blocks {
        xor(block, key);
        block.as_chunks::<LANE>().0.iter().for_each(|lane| or(seen, lane));
    }
}

#[inline(always)]
fn xor_into_blocks(from: &[[u8; BLOCK]], to: &mut [[u8; BLOCK]], key: u32) {
    from.iter().zip(to).for_each(|(from, to)| xor_into(from, to, key));
}

#[inline(always)]
fn xor<const N: usize>(data: &mut [u8; N], key: u32) {
    for word in data.as_chunks_mut().0 {
        *word = (u32::from_le_bytes(*word) ^ key).to_le_bytes();
    }
}

#[inline(always)]
fn xor_into<const N: usize>(from: &[u8; N], to: &mut [u8; N], key: u32) {
    for (from, to) in from.as_chunks().0.iter().zip(to.as_chunks_mut().0) {
        *to = (u32::from_le_bytes(*from) ^ key).to_le_bytes();
    }
}

/// Masks less than a lane in place; returns its bytes ORed in a word.
#[inline(always)]
fn xor_short(data: &mut [u8], key: u32) -> u32 {
    let mut seen = 0;
    let (words, rest) = data.as_chunks_mut();
    for word in words {
        *word = (u32::from_le_bytes(*word) ^ key).to_le_bytes();
        seen |= u32::from_le_bytes(*word);
    }
    for (byte, key) in rest.iter_mut().zip(key.to_le_bytes()) {
        *byte ^= key;
        seen |= u32::from(*byte);
    }
    seen
}

#[inline(always)]
fn or(seen: &mut Seen, lane: &[u8; LANE]) {
    for (seen, word) in seen.iter_mut().zip(lane.as_chunks().0) {
        *seen |= u32::from_le_bytes(*word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_byte(data: &[u8], key: [u8; 4], at: usize) -> Vec<u8> {
        data.iter().enumerate().map(|(i, byte)| byte ^ key[(at + i) % 4]).collect()
    }

    /// Every length around the block sizes, at every alignment of the data and of the key.
    #[test]
    fn all_forms_are_the_rfc_formula() {
        const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
        let source: Vec<u8> = (0..400u32).map(|i| (i * 7 + 3) as u8).collect();
        for len in (0..=150).chain([191, 192, 193, 255, 256, 257, 383]) {
            for start in 0..16 {
                let data = &source[start..start + len];
                for at in 0..4 {
                    let mut mask = Mask::new(KEY);
                    mask.pass(at);
                    let expected = by_byte(data, KEY, at);

                    let (mut in_place, mut ascii) = (source.clone(), source.clone());
                    let (mut first, mut second, mut third) = (mask, mask, mask);
                    first.apply(&mut in_place[start..start + len]);
                    assert_eq!(in_place[start..start + len], expected);
                    assert_eq!(in_place[start + len..], source[start + len..]);

                    let is_ascii = second.apply_ascii(&mut ascii[start..start + len]);
                    assert_eq!(ascii, in_place);
                    assert_eq!(is_ascii, expected.is_ascii());

                    let mut out = vec![0; len];
                    assert_eq!(third.copy(data, &mut out), len);
                    assert_eq!(out, expected);

                    mask.pass(len);
                    assert_eq!([first, second, third], [mask; 3]);
                }
            }
        }
    }

    #[test]
    fn one_byte_above_ascii_is_seen_anywhere() {
        for len in (1..=200).chain([256, 300, 1000]) {
            for at in 0..len {
                let key = [0x11, 0x22, 0xb3, 0x44];
                let mut clear = vec![b'a'; len];
                let mut none = Mask::NONE;
                assert!(none.apply_ascii(&mut clear));
                clear[at] = 0x80;
                let mut masked = by_byte(&clear, key, 0);
                assert!(!Mask::new(key).apply_ascii(&mut masked), "{at} of {len}");
                assert_eq!(masked, clear);
            }
        }
    }

    #[test]
    fn copy_takes_the_shorter_side() {
        for (from, to) in [(5, 100), (100, 5), (70, 64), (64, 70), (0, 9), (9, 0)] {
            let (source, mut out) = (vec![1; from], vec![0xee; to]);
            let mut mask = Mask::new([1, 2, 3, 4]);
            let len = mask.copy(&source, &mut out);
            assert_eq!(len, from.min(to));
            assert_eq!(out[..len], by_byte(&source[..len], [1, 2, 3, 4], 0));
            assert!(out[len..].iter().all(|byte| *byte == 0xee));
        }
    }
}
