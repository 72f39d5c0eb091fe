//! Masking (RFC 6455, section 5.3): payload byte `i` is XORed with key byte `i % 4`.
//!
//! Both directions are the same operation. Blocks of a fixed size, whose loops LLVM turns into the
//! target's vector instructions, serve any alignment of data and key.

/// A masking key turned so that its first byte belongs to the next payload byte.
///
/// Kept as a little-endian word: byte 0 of the key is the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask(u32);

/// The unrolled block, and one vector of it.
const BLOCK: usize = 64;
const LANE: usize = 16;

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
        let (blocks, rest) = data.as_chunks_mut::<BLOCK>();
        blocks.iter_mut().for_each(|block| xor(block, key));
        let (lanes, rest) = rest.as_chunks_mut::<LANE>();
        lanes.iter_mut().for_each(|lane| xor(lane, key));
        let (halves, rest) = rest.as_chunks_mut::<8>();
        halves.iter_mut().for_each(|half| xor(half, key));
        let (words, rest) = rest.as_chunks_mut::<4>();
        words.iter_mut().for_each(|word| xor(word, key));
        rest.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    }

    /// As [`Mask::apply`]; returns whether all of `data` is ASCII afterwards.
    #[inline]
    pub(super) fn apply_ascii(&mut self, data: &mut [u8]) -> bool {
        let key = self.pass(data.len());
        let mut seen = [0; LANE];
        let (blocks, rest) = data.as_chunks_mut::<BLOCK>();
        for block in blocks {
            xor(block, key);
            let (lanes, _) = block.as_chunks::<LANE>();
            lanes.iter().for_each(|lane| or(&mut seen, lane));
        }
        let (lanes, rest) = rest.as_chunks_mut::<LANE>();
        for lane in lanes {
            xor(lane, key);
            or(&mut seen, lane);
        }
        let mut tail = 0u32;
        let (words, rest) = rest.as_chunks_mut::<4>();
        for word in words {
            xor(word, key);
            tail |= u32::from_le_bytes(*word);
        }
        for (byte, key) in rest.iter_mut().zip(key) {
            *byte ^= key;
            tail |= u32::from(*byte);
        }
        seen.iter().fold(0, |all, byte| all | byte) < 0x80 && tail & 0x8080_8080 == 0
    }

    /// Copies as much of `from` as fits into `to`, masked, and turns the key behind it.
    /// Returns the number of bytes.
    #[inline]
    pub(super) fn copy(&mut self, from: &[u8], to: &mut [u8]) -> usize {
        let len = from.len().min(to.len());
        let key = self.pass(len);
        let (from, to) = (&from[..len], &mut to[..len]);
        let ((from, from_rest), (to, to_rest)) = (from.as_chunks::<BLOCK>(), to.as_chunks_mut::<BLOCK>());
        from.iter().zip(to).for_each(|(from, to)| xor_into(from, to, key));
        let ((from, from_rest), (to, to_rest)) =
            (from_rest.as_chunks::<LANE>(), to_rest.as_chunks_mut::<LANE>());
        from.iter().zip(to).for_each(|(from, to)| xor_into(from, to, key));
        let ((from, from_rest), (to, to_rest)) = (from_rest.as_chunks::<4>(), to_rest.as_chunks_mut::<4>());
        from.iter().zip(to).for_each(|(from, to)| xor_into(from, to, key));
        from_rest.iter().zip(to_rest).zip(key).for_each(|((from, to), key)| *to = from ^ key);
        len
    }

    /// The key for the next `len` bytes; turns this one behind them.
    #[inline]
    fn pass(&mut self, len: usize) -> [u8; 4] {
        let key = self.0.to_le_bytes();
        self.0 = self.0.rotate_right((len as u32 & 3) * 8);
        key
    }
}

#[inline(always)]
fn xor<const N: usize>(data: &mut [u8; N], key: [u8; 4]) {
    for i in 0..N {
        data[i] ^= key[i % 4];
    }
}

#[inline(always)]
fn xor_into<const N: usize>(from: &[u8; N], to: &mut [u8; N], key: [u8; 4]) {
    for i in 0..N {
        to[i] = from[i] ^ key[i % 4];
    }
}

#[inline(always)]
fn or(seen: &mut [u8; LANE], lane: &[u8; LANE]) {
    for i in 0..LANE {
        seen[i] |= lane[i];
    }
}
