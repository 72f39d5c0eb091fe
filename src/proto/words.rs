//! Masking in place by aligned words, for machines that load a word from its boundary only, and copying, which the
//! client crate does in the same way.
//!
//! The loop is unrolled by hand, as what is compiled for size is not. The key's lowest byte belongs to the first byte.

// Its source and not the crate: nothing of Xous is in it.
#[path = "../../api/src/wire/words.rs"]
mod copying;

use zerocopy::FromBytes;

pub(crate) use self::copying::copy;
pub(super) use self::copying::{ALIGNED_ONLY, copy_masked};
use self::copying::{WORD, before_word};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_masked_everywhere() {
        const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
        let source: Vec<u8> = (0..200_u32).map(|i| (i * 7 + 3) as u8).collect();
        for len in 0..100 {
            for start in 0..4 {
                let masked = source[start..start + len].iter().zip(KEY.iter().cycle());
                let expected: Vec<u8> = masked.map(|(byte, key)| byte ^ key).collect();
                let mut in_place = source.clone();
                let seen = apply(&mut in_place[start..start + len], u32::from_le_bytes(KEY));
                assert_eq!(in_place[start..start + len], expected);
                assert_eq!(in_place[start + len..], source[start + len..]);
                assert_eq!(seen & 0x8080_8080 == 0, expected.is_ascii(), "{len} from {start}");
            }
        }
    }
}
