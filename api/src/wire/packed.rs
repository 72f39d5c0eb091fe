//! Several whole messages in the same memory.

use std::ops::Range;

use super::copy;
use crate::Kind;

/// Bytes of a message's place in the table.
const ENTRY: usize = 4;
/// In an entry: the message is binary.
const BINARY: u32 = 1 << 31;
/// A message begins at a multiple of this.
const ALIGNED: usize = 4;
/// As many as the word of an answer can say.
const MAX_COUNT: usize = u16::MAX as usize;

/// Puts messages into memory that holds several.
///
/// The first begins at 0, each other where the one before it ends, rounded up to a multiple of 4. Behind them is a table
/// of u32, little-endian, which grows from the end of the memory downwards: the last 4 bytes are of the first message.
/// Bits 0 to 30 are the message's length, bit 31 says that it is binary. How many there are is said in `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packer {
    count: usize,
    /// Where the next one begins.
    begin: usize,
}

impl Packer {
    /// Nothing is in the memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many messages there are.
    pub fn count(self) -> usize {
        self.count
    }

    /// There is no message.
    pub fn is_empty(self) -> bool {
        self.count == 0
    }

    /// Puts another message there. `false`, and nothing has changed, if it does not fit.
    #[inline]
    pub fn put(&mut self, memory: &mut [u8], kind: Kind, data: &[u8]) -> bool {
        let end = self.begin.saturating_add(data.len());
        let Some(table) = memory.len().checked_sub(ENTRY * (self.count + 1)) else { return false };
        if end > table || self.count >= MAX_COUNT {
            return false;
        }
        let (messages, table) = memory.split_at_mut(table);
        let (Some(place), Some(entry)) = (messages.get_mut(self.begin..end), table.first_chunk_mut()) else {
            return false;
        };
        let Some(word) = word(kind, data.len()) else { return false };
        copy(data, place);
        *entry = word.to_le_bytes();
        self.count += 1;
        self.begin = end.next_multiple_of(ALIGNED);
        true
    }

    /// The fewest bytes of memory that have room for what is in it.
    pub fn used(self) -> usize {
        self.begin.saturating_add(ENTRY * self.count)
    }

    /// Moves the table from the end of the first `from` bytes to that of the first `to`, both of which have room for it.
    pub fn move_table(self, memory: &mut [u8], from: usize, to: usize) {
        let table = ENTRY * self.count;
        let (Some(from), Some(to)) = (from.checked_sub(table), to.checked_sub(table)) else { return };
        if from != to && from.max(to).saturating_add(table) <= memory.len() {
            memory.copy_within(from..from + table, to);
        }
    }

    /// Whether a message of this length has room in memory of `size` bytes.
    pub fn fits(self, size: usize, len: usize) -> bool {
        let table = ENTRY * (self.count + 1);
        self.count < MAX_COUNT && self.begin.saturating_add(len).saturating_add(table) <= size
    }

    /// Where the next message goes: all of the memory if it is the first, which need not stay there with others.
    pub fn room(self, memory: &mut [u8]) -> &mut [u8] {
        if self.count == 0 {
            return memory;
        }
        let end = memory.len().saturating_sub(ENTRY * (self.count + 1));
        memory.get_mut(self.begin..end).unwrap_or_default()
    }

    /// Takes up the message whose `len` bytes are where the room begins. `false` if it does not fit.
    pub fn add(&mut self, memory: &mut [u8], kind: Kind, len: usize) -> bool {
        if !self.fits(memory.len(), len) {
            return false;
        }
        let Some(entry) = entry(memory.len(), self.count) else { return false };
        let (Some(word), Some(place)) = (word(kind, len), memory.get_mut(entry)) else { return false };
        place.copy_from_slice(&word.to_le_bytes());
        self.count += 1;
        self.begin = (self.begin + len).next_multiple_of(ALIGNED);
        true
    }
}

/// Finds messages in memory that holds several, as a [`Packer`] has put them there. What the memory says is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unpacker {
    count: usize,
    read: usize,
    begin: usize,
}

impl Unpacker {
    /// There are so many.
    pub fn new(count: usize) -> Self {
        Unpacker { count, read: 0, begin: 0 }
    }

    /// How many were not read.
    pub fn left(self) -> usize {
        self.count - self.read
    }

    /// Bytes of what was read, with the table.
    pub fn used(self) -> usize {
        self.begin.saturating_add(ENTRY.saturating_mul(self.count))
    }

    /// The next message. `None` at the end, or if it is not within the memory.
    #[inline]
    pub fn next(&mut self, memory: &[u8]) -> Option<(Kind, Range<usize>)> {
        if self.read == self.count {
            return None;
        }
        let bytes = memory.get(entry(memory.len(), self.read)?)?;
        let word = u32::from_le_bytes(bytes.try_into().ok()?);
        let end = self.begin.checked_add(usize::try_from(word & !BINARY).ok()?)?;
        let table = memory.len().checked_sub(ENTRY.checked_mul(self.count)?)?;
        if end > table {
            return None;
        }
        let range = self.begin..end;
        self.read += 1;
        self.begin = end.next_multiple_of(ALIGNED).min(table);
        Some((if word & BINARY != 0 { Kind::Binary } else { Kind::Text }, range))
    }
}

/// What stands in the table.
fn word(kind: Kind, len: usize) -> Option<u32> {
    let binary = if kind == Kind::Binary { BINARY } else { 0 };
    Some(u32::try_from(len).ok()? | binary)
}

/// Where the message's place in the table is.
fn entry(size: usize, number: usize) -> Option<Range<usize>> {
    let begin = size.checked_sub(ENTRY.checked_mul(number.checked_add(1)?)?)?;
    Some(begin..begin + ENTRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(packer: &mut Packer, memory: &mut [u8], kind: Kind, data: &[u8]) -> bool {
        let mut same = (*packer, memory.to_vec());
        let is_put = packer.put(memory, kind, data);
        // In two steps it is the same.
        if same.0.fits(memory.len(), data.len()) {
            same.0.room(&mut same.1)[..data.len()].copy_from_slice(data);
        }
        assert_eq!(same.0.add(&mut same.1, kind, data.len()), is_put);
        assert_eq!((same.0, &same.1[..]), (*packer, &memory[..]));
        is_put
    }

    #[test]
    fn messages_come_out_as_they_were_put_in() {
        let mut memory = [0; 64];
        let mut packer = Packer::new();
        let messages: [(Kind, &[u8]); 4] =
            [(Kind::Text, b"hello"), (Kind::Binary, b""), (Kind::Text, b""), (Kind::Binary, b"1234")];
        assert!(messages.iter().all(|(kind, data)| put(&mut packer, &mut memory, *kind, data)));
        assert_eq!(memory[60..], [5, 0, 0, 0]);
        assert_eq!(memory[56..60], [0, 0, 0, 0x80]);
        assert_eq!(memory[8..12], *b"1234");
        let mut unpacker = Unpacker::new(packer.count());
        for (kind, data) in messages {
            let (is, range) = unpacker.next(&memory).unwrap();
            assert_eq!((is, &memory[range]), (kind, data));
        }
        assert_eq!((unpacker.next(&memory), unpacker.left(), unpacker.used()), (None, 0, 28));
    }

    #[test]
    fn the_memory_is_filled_to_the_last_byte() {
        for size in 4..40 {
            let mut memory = vec![0; size];
            let mut packer = Packer::new();
            while put(&mut packer, &mut memory, Kind::Binary, b"1234") {}
            assert_eq!(packer.count(), size / 8, "{size}");
            let mut unpacker = Unpacker::new(packer.count());
            while let Some((_, range)) = unpacker.next(&memory) {
                assert_eq!(memory[range], *b"1234");
            }
            assert_eq!(unpacker.left(), 0);
        }
        assert!(!put(&mut Packer::new(), &mut [0; 3], Kind::Text, b""));
    }

    #[test]
    fn a_table_goes_where_the_messages_end_and_back() {
        let mut memory = [0; 64];
        let mut packer = Packer::new();
        for data in [&b"12345"[..], b"", b"6"] {
            assert!(put(&mut packer, &mut memory, Kind::Text, data));
        }
        assert_eq!(packer.used(), 12 + 12);
        for (from, to) in [(64, 24), (24, 28), (28, 64)] {
            packer.move_table(&mut memory, from, to);
            let mut unpacker = Unpacker::new(3);
            let read: Vec<_> = std::iter::from_fn(|| unpacker.next(&memory[..to])).collect();
            assert_eq!(read, [(Kind::Text, 0..5), (Kind::Text, 8..8), (Kind::Text, 8..9)], "{to}");
        }
        packer.move_table(&mut memory, 64, 65);
        packer.move_table(&mut memory, 64, 11);
        assert_eq!(memory[60..], [5, 0, 0, 0], "nothing has moved");
    }

    #[test]
    fn what_a_table_claims_is_not_believed() {
        for (count, memory) in [
            (1, [0xff_u8; 16]),
            (5, [0; 16]),
            (usize::MAX, [0; 16]),
            (2, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]),
            (1, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0]),
        ] {
            assert_eq!(Unpacker::new(count).next(&memory), None, "{count}");
        }
        assert_eq!(Unpacker::new(1).next(&[]), None);
    }
}
