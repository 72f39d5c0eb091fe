//! Masking and copying by aligned words, for machines that load a word from its boundary only: one of four bytes that may
//! lie anywhere is four loads there.
//!
//! Loops are unrolled by hand, as what is compiled for size is not. Bytes become words by `zerocopy`, which checks where
//! they begin. The key's lowest byte belongs to the first byte.

use zerocopy::FromBytes;

/// Whether this is such a machine.
pub(super) const ALIGNED_ONLY: bool = cfg!(target_arch = "riscv32");

const WORD: usize = size_of::<u32>();

/// Copies as many bytes as `to` has, which `from` has as well.
#[inline]
pub(crate) fn copy(from: &[u8], to: &mut [u8]) {
    if ALIGNED_ONLY {
        copy_masked(from, to, 0);
    } else {
        to.copy_from_slice(from);
    }
}

/// Masks in place; returns all bytes ORed in a word.
pub(super) fn apply(data: &mut [u8], key: u32) -> u32 {
    let (head, rest) = data.split_at_mut(before_word(data));
    let (seen, key) = apply_bytes(head, key);
    let whole = rest.len() - rest.len() % WORD;
    let (middle, tail) = rest.split_at_mut(whole);
    let seen = seen
        | match <[u32]>::mut_from_bytes(middle) {
            Ok(words) => apply_words(words, key),
            // It begins at a boundary.
            Err(error) => apply_bytes(error.into_src(), key).0,
        };
    seen | apply_bytes(tail, key).0
}

/// Copies masked, as many bytes as the shorter side has.
pub(super) fn copy_masked(from: &[u8], to: &mut [u8], key: u32) {
    let len = from.len().min(to.len());
    let (from, to) = (&from[..len], &mut to[..len]);
    let at = before_word(to);
    let (from_head, from) = from.split_at(at);
    let (head, to) = to.split_at_mut(at);
    let key = copy_bytes(from_head, head, key);
    let whole = to.len() - to.len() % WORD;
    let done = match <[u32]>::mut_from_bytes(&mut to[..whole]) {
        Ok(words) => copy_words(from, words, key) * WORD,
        Err(_) => 0,
    };
    copy_bytes(&from[done..], &mut to[done..], key);
}

/// Bytes before the first boundary.
fn before_word(bytes: &[u8]) -> usize {
    bytes.as_ptr().align_offset(WORD).min(bytes.len())
}

/// For a few bytes. Returns them ORed, and the key for what follows.
fn apply_bytes(data: &mut [u8], mut key: u32) -> (u32, u32) {
    let mut seen = 0;
    for byte in data {
        *byte ^= key as u8;
        seen |= u32::from(*byte);
        key = key.rotate_right(8);
    }
    (seen, key)
}

fn copy_bytes(from: &[u8], to: &mut [u8], mut key: u32) -> u32 {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from ^ key as u8;
        key = key.rotate_right(8);
    }
    key
}

fn apply_words(words: &mut [u32], key: u32) -> u32 {
    let key = key.to_le();
    let mut seen = 0;
    let (blocks, rest) = words.as_chunks_mut::<8>();
    for [a, b, c, d, e, f, g, h] in blocks {
        *a ^= key;
        *b ^= key;
        *c ^= key;
        *d ^= key;
        *e ^= key;
        *f ^= key;
        *g ^= key;
        *h ^= key;
        seen |= *a | *b | *c | *d | *e | *f | *g | *h;
    }
    for word in rest {
        *word ^= key;
        seen |= *word;
    }
    seen
}

/// How many words it has copied: the last one may need bytes beyond the last word of `from`.
fn copy_words(from: &[u8], to: &mut [u32], key: u32) -> usize {
    let Some((first, rest)) = from.split_at_checked(before_word(from)) else { return 0 };
    let whole = rest.len() - rest.len() % WORD;
    let Ok(words) = <[u32]>::ref_from_bytes(&rest[..whole]) else { return 0 };
    let len = words.len().min(to.len());
    let (words, to) = (&words[..len], &mut to[..len]);
    if first.is_empty() {
        copy_aligned(words, to, key.to_le());
    } else {
        copy_shifted(first, words, to, key);
    }
    len
}

fn copy_aligned(from: &[u32], to: &mut [u32], key: u32) {
    let (from, from_rest) = from.as_chunks::<8>();
    let (to, to_rest) = to.as_chunks_mut::<8>();
    for (to, from) in to.iter_mut().zip(from) {
        // Not by arrays, which would go over the stack.
        to[0] = from[0] ^ key;
        to[1] = from[1] ^ key;
        to[2] = from[2] ^ key;
        to[3] = from[3] ^ key;
        to[4] = from[4] ^ key;
        to[5] = from[5] ^ key;
        to[6] = from[6] ^ key;
        to[7] = from[7] ^ key;
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = from ^ key;
    }
}

/// Each word is put together from the rest of the one before it and the beginning of its own. `first` is what comes before
/// the first word.
fn copy_shifted(first: &[u8], from: &[u32], to: &mut [u32], key: u32) {
    let up = 8 * first.len() as u32 % u32::BITS;
    let down = (u32::BITS - up) % u32::BITS;
    let mut rest = first.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    let (from, from_rest) = from.as_chunks::<4>();
    let (to, to_rest) = to.as_chunks_mut::<4>();
    for (to, from) in to.iter_mut().zip(from) {
        let (a, b) = (u32::from_le(from[0]), u32::from_le(from[1]));
        let (c, d) = (u32::from_le(from[2]), u32::from_le(from[3]));
        to[0] = ((rest | a << up) ^ key).to_le();
        to[1] = ((a >> down | b << up) ^ key).to_le();
        to[2] = ((b >> down | c << up) ^ key).to_le();
        to[3] = ((c >> down | d << up) ^ key).to_le();
        rest = d >> down;
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        let word = u32::from_le(*from);
        *to = ((rest | word << up) ^ key).to_le();
        rest = word >> down;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn masked(data: &[u8], key: [u8; 4]) -> Vec<u8> {
        data.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    fn bytes() -> Vec<u8> {
        (0..200_u32).map(|i| (i * 7 + 3) as u8).collect()
    }

    #[test]
    fn every_length_is_masked_and_copied_from_and_to_everywhere() {
        let (source, key) = (bytes(), u32::from_le_bytes(KEY));
        for len in 0..100 {
            for start in 0..4 {
                let data = &source[start..start + len];
                let expected = masked(data, KEY);
                let mut in_place = source.clone();
                let seen = apply(&mut in_place[start..start + len], key);
                assert_eq!(in_place[start..start + len], expected);
                assert_eq!(in_place[start + len..], source[start + len..]);
                assert_eq!(seen & 0x8080_8080 == 0, expected.is_ascii(), "{len} from {start}");
                for to in 0..4 {
                    let mut out = [0xee; 120];
                    copy_masked(data, &mut out[to..to + len], key);
                    assert_eq!(out[to..to + len], expected, "{len} from {start} to {to}");
                    assert!(out[..to].iter().chain(&out[to + len..]).all(|byte| *byte == 0xee));
                    copy_masked(data, &mut out[to..to + len], 0);
                    assert_eq!(out[to..to + len], *data);
                }
            }
        }
    }

    #[test]
    fn the_shorter_side_decides() {
        let mut out = [0; 9];
        copy_masked(&bytes(), &mut out, 0);
        assert_eq!(out, bytes()[..9]);
        copy_masked(&[1, 2], &mut out, 0);
        assert_eq!(out[..3], [1, 2, bytes()[2]]);
    }
}
