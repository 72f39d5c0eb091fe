//! UTF-8, checked as it streams (RFC 6455, section 8.1; the encoding is RFC 3629).

/// The state of a check between two pieces of one text.
///
/// Fails at the first byte that no valid text can have there, wherever the pieces are cut, so a
/// surrogate or an overlong form is found at its second byte. Four bytes of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utf8 {
    /// Continuation bytes still to come.
    missing: u8,
    /// The range that the next of them must be in.
    low: u8,
    high: u8,
}

impl Default for Utf8 {
    fn default() -> Self {
        Self::new()
    }
}

impl Utf8 {
    /// The state at the start of a text.
    pub const fn new() -> Self {
        Self { missing: 0, low: CONTINUATION.0, high: CONTINUATION.1 }
    }

    /// Whether the text so far ends with a whole character.
    #[inline]
    pub const fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// Checks the next piece.
    ///
    /// # Errors
    /// The index of the first byte that cannot stand where it is. The state is of no use afterwards.
    #[inline]
    pub fn push(&mut self, piece: &[u8]) -> Result<(), usize> {
        if self.missing == 0 && ends_complete(piece) && is_valid(piece) {
            Ok(())
        } else {
            self.push_slow(piece)
        }
    }

    /// A piece that starts or ends inside a character, or is invalid.
    #[inline(never)]
    fn push_slow(&mut self, piece: &[u8]) -> Result<(), usize> {
        let head = piece.len().min(usize::from(self.missing));
        self.step_all(piece, 0, head)?;
        let end = piece.len() - incomplete_tail(&piece[head..]);
        let body = &piece[head..end];
        if !is_valid(body) {
            // The library names the character; the byte within it is found here.
            let valid = core::str::from_utf8(body).map_or_else(|error| error.valid_up_to(), str::len);
            self.step_all(piece, head + valid, piece.len())?;
        }
        self.step_all(piece, end, piece.len())
    }

    fn step_all(&mut self, piece: &[u8], from: usize, to: usize) -> Result<(), usize> {
        (from..to).try_for_each(|index| if self.step(piece[index]) { Ok(()) } else { Err(index) })
    }

    /// Takes one byte; false if it cannot stand here. The ranges are those of RFC 3629, section 4.
    fn step(&mut self, byte: u8) -> bool {
        if self.missing > 0 {
            let fits = (self.low..=self.high).contains(&byte);
            self.missing -= 1;
            (self.low, self.high) = CONTINUATION;
            return fits;
        }
        (self.missing, (self.low, self.high)) = match byte {
            0x00..=0x7f => (0, CONTINUATION),
            0xc2..=0xdf => (1, CONTINUATION),
            0xe0 => (2, (0xa0, 0xbf)),
            0xed => (2, (0x80, 0x9f)),
            0xe1..=0xef => (2, CONTINUATION),
            0xf0 => (3, (0x90, 0xbf)),
            0xf1..=0xf3 => (3, CONTINUATION),
            0xf4 => (3, (0x80, 0x8f)),
            _ => return false,
        };
        true
    }
}

const CONTINUATION: (u8, u8) = (0x80, 0xbf);

/// Whether `piece` does not end inside a character, as far as its last three bytes tell.
#[inline]
fn ends_complete(piece: &[u8]) -> bool {
    piece.last().is_none_or(|last| *last < 0x80) || incomplete_tail(piece) == 0
}

/// The number of bytes at the end of `piece` that begin a character whose rest is missing.
#[inline]
fn incomplete_tail(piece: &[u8]) -> usize {
    for (back, byte) in piece.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        return if length > back + 1 { back + 1 } else { 0 };
    }
    0
}

/// Whether `text` is valid from end to end.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline]
pub(super) fn is_valid(text: &[u8]) -> bool {
    simdutf8::basic::from_utf8(text).is_ok()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
pub(super) fn is_valid(text: &[u8]) -> bool {
    core::str::from_utf8(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where std says that `bytes` stop being the start of any text.
    fn expected(bytes: &[u8]) -> Result<(), usize> {
        (1..=bytes.len()).try_for_each(|len| match core::str::from_utf8(&bytes[..len]) {
            Err(error) if error.error_len().is_some() => Err(len - 1),
            _ => Ok(()),
        })
    }

    fn check(bytes: &[u8]) {
        let expected = expected(bytes);
        assert_eq!(Utf8::new().push(bytes), expected, "{bytes:x?}");
        for at in 0..=bytes.len() {
            let mut state = Utf8::new();
            let (one, two) = bytes.split_at(at);
            let outcome = state.push(one).and_then(|()| state.push(two).map_err(|index| at + index));
            assert_eq!(outcome, expected, "{bytes:x?} cut at {at}");
            if expected.is_ok() {
                assert_eq!(state.is_complete(), core::str::from_utf8(bytes).is_ok());
            }
        }
    }

    /// Every start of a character and its neighbours, alone and behind other text.
    #[test]
    fn every_two_bytes_and_the_edges_of_three_and_four() {
        for one in 0..=255 {
            check(&[one]);
            for two in 0..=255 {
                check(&[one, two]);
            }
        }
        let edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
        for one in 0xc0..=255 {
            for two in edges {
                for three in edges {
                    for four in edges {
                        check(&[one, two, three, four]);
                    }
                }
            }
        }
    }

    /// Long pieces go through the block-wise check: a bad or cut character at each place near its blocks.
    #[test]
    fn long_pieces() {
        for len in [60, 64, 70, 128, 130] {
            for at in 0..len {
                for part in [
                    &b"\xff"[..],
                    b"\xc3\xa9",
                    b"\xe2\x82",
                    b"\xe2\x28",
                    b"\xf0\x9f\x92\xa9",
                    b"\xed\xa0\x80",
                ] {
                    let mut text = vec![b'a'; len];
                    let end = (at + part.len()).min(len);
                    text[at..end].copy_from_slice(&part[..end - at]);
                    assert_eq!(Utf8::new().push(&text), expected(&text), "{part:x?} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn complete_between_characters_only() {
        let mut state = Utf8::new();
        for (byte, complete) in "a\u{20ac}".bytes().zip([true, false, false, true]) {
            assert_eq!(state.push(&[byte]), Ok(()));
            assert_eq!(state.is_complete(), complete);
        }
    }
}
