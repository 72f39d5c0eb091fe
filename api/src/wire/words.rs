//! Copying by aligned words, for machines that load a word from its boundary only: one of four bytes that may lie anywhere
//! is four loads there.
//!
//! Loops are unrolled by hand, as what is compiled for size is not. Bytes become words by `zerocopy`, which checks where
//! they begin. The service compiles this file into its protocol core, which knows no other crate of the project: it masks
//! on the way (RFC 6455 section 5.3). The key's lowest byte belongs to the first byte.

use std::mem::MaybeUninit;

use zerocopy::FromBytes;

/// Whether this is such a machine.
pub(crate) const ALIGNED_ONLY: bool = cfg!(target_arch = "riscv32");

/// Bytes of a word.
pub(crate) const WORD: usize = size_of::<u32>();

/// Fewer bytes are copied faster without a look at where they lie.
pub(crate) const SHORT: usize = 48;

/// A place for a word.
pub(crate) trait Place {
    /// Puts it there.
    fn put(&mut self, word: u32);
}

impl Place for u32 {
    #[inline]
    fn put(&mut self, word: u32) {
        *self = word;
    }
}

impl Place for MaybeUninit<u32> {
    #[inline]
    fn put(&mut self, word: u32) {
        self.write(word);
    }
}

/// Copies as many bytes as `to` has, which `from` has as well.
#[inline]
pub(crate) fn copy(from: &[u8], to: &mut [u8]) {
    if ALIGNED_ONLY && to.len() >= SHORT {
        copy_by_words::<false>(from, to, 0);
    } else {
        to.copy_from_slice(from);
    }
}

/// Copies masked, as many bytes as the shorter side has.
#[cfg_attr(not(test), allow(dead_code, reason = "of the service alone"))]
pub(crate) fn copy_masked(from: &[u8], to: &mut [u8], key: u32) {
    match key {
        0 => copy_by_words::<false>(from, to, key),
        _ => copy_by_words::<true>(from, to, key),
    }
}

fn copy_by_words<const MASKED: bool>(from: &[u8], to: &mut [u8], key: u32) {
    let len = from.len().min(to.len());
    let (from, to) = (&from[..len], &mut to[..len]);
    let at = before_word(to);
    let (from_head, from) = from.split_at(at);
    let (head, to) = to.split_at_mut(at);
    let key = copy_bytes(from_head, head, key);
    let whole = to.len() - to.len() % WORD;
    let done = match <[u32]>::mut_from_bytes(&mut to[..whole]) {
        Ok(words) => copy_words::<MASKED, _>(from, words, key) * WORD,
        Err(_) => 0,
    };
    copy_bytes(&from[done..], &mut to[done..], key);
}

/// Bytes before the first boundary.
pub(crate) fn before_word(bytes: &[u8]) -> usize {
    bytes.as_ptr().align_offset(WORD).min(bytes.len())
}

fn copy_bytes(from: &[u8], to: &mut [u8], mut key: u32) -> u32 {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from ^ key as u8;
        key = key.rotate_right(8);
    }
    key
}

/// How many words it has copied: the last one may need bytes beyond the last word of `from`.
pub(crate) fn copy_words<const MASKED: bool, P: Place>(from: &[u8], to: &mut [P], key: u32) -> usize {
    let Some((first, rest)) = from.split_at_checked(before_word(from)) else { return 0 };
    let whole = rest.len() - rest.len() % WORD;
    let Ok(words) = <[u32]>::ref_from_bytes(&rest[..whole]) else { return 0 };
    let len = words.len().min(to.len());
    let (words, to) = (&words[..len], &mut to[..len]);
    if first.is_empty() {
        copy_aligned::<MASKED, P>(words, to, key.to_le());
    } else {
        copy_shifted::<MASKED, P>(first, words, to, key);
    }
    len
}

fn copy_aligned<const MASKED: bool, P: Place>(from: &[u32], to: &mut [P], key: u32) {
    // Known to be none, it costs nothing.
    let key = if MASKED { key } else { 0 };
    let (from, from_rest) = from.as_chunks::<8>();
    let (to, to_rest) = to.as_chunks_mut::<8>();
    let (from, from_last) = from.as_chunks::<2>();
    let (to, to_last) = to.as_chunks_mut::<2>();
    for ([to, to_next], [from, from_next]) in to.iter_mut().zip(from) {
        put_eight(to, from, key);
        put_eight(to_next, from_next, key);
    }
    for (to, from) in to_last.iter_mut().zip(from_last) {
        put_eight(to, from, key);
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        to.put(from ^ key);
    }
}

#[inline(always)]
fn put_eight<P: Place>(to: &mut [P; 8], from: &[u32; 8], key: u32) {
    // Not by arrays, which would go over the stack.
    to[0].put(from[0] ^ key);
    to[1].put(from[1] ^ key);
    to[2].put(from[2] ^ key);
    to[3].put(from[3] ^ key);
    to[4].put(from[4] ^ key);
    to[5].put(from[5] ^ key);
    to[6].put(from[6] ^ key);
    to[7].put(from[7] ^ key);
}

/// Each word is put together from the rest of the one before it and the beginning of its own. `first` is what comes before
/// the first word.
fn copy_shifted<const MASKED: bool, P: Place>(first: &[u8], from: &[u32], to: &mut [P], key: u32) {
    let key = if MASKED { key } else { 0 };
    let up = 8 * first.len() as u32 % u32::BITS;
    let down = (u32::BITS - up) % u32::BITS;
    let mut rest = first.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    let (from, from_rest) = from.as_chunks::<4>();
    let (to, to_rest) = to.as_chunks_mut::<4>();
    for (to, from) in to.iter_mut().zip(from) {
        let (a, b) = (u32::from_le(from[0]), u32::from_le(from[1]));
        let (c, d) = (u32::from_le(from[2]), u32::from_le(from[3]));
        to[0].put(((rest | a << up) ^ key).to_le());
        to[1].put(((a >> down | b << up) ^ key).to_le());
        to[2].put(((b >> down | c << up) ^ key).to_le());
        to[3].put(((c >> down | d << up) ^ key).to_le());
        rest = d >> down;
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        let word = u32::from_le(*from);
        to.put(((rest | word << up) ^ key).to_le());
        rest = word >> down;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_copied_from_and_to_everywhere() {
        const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
        let source: Vec<u8> = (0..200_u32).map(|i| (i * 7 + 3) as u8).collect();
        let masked = |data: &[u8]| -> Vec<u8> {
            data.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
        };
        for len in 0..100 {
            for start in 0..4 {
                let data = &source[start..start + len];
                let expected = masked(data);
                for to in 0..4 {
                    let mut out = [0xee; 120];
                    copy_masked(data, &mut out[to..to + len], u32::from_le_bytes(KEY));
                    assert_eq!(out[to..to + len], expected, "{len} from {start} to {to}");
                    assert!(out[..to].iter().chain(&out[to + len..]).all(|byte| *byte == 0xee));
                    copy_by_words::<false>(data, &mut out[to..to + len], 0);
                    assert_eq!(out[to..to + len], *data);
                    assert!(out[..to].iter().chain(&out[to + len..]).all(|byte| *byte == 0xee));
                }
            }
        }
    }

    #[test]
    fn the_shorter_side_decides() {
        let (source, mut out) = (*b"0123456789", [0; 9]);
        copy_masked(&source, &mut out, 0);
        assert_eq!(out, source[..9]);
        copy_masked(&[1, 2], &mut out, 0);
        assert_eq!(out[..3], [1, 2, source[2]]);
    }
}
