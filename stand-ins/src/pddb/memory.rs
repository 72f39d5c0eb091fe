//! Dicts and keys in memory: gone with the process.

use std::collections::{BTreeMap, TryReserveError};

use super::Code;
use super::store::Store;

/// Bytes of a block.
const BLOCK: usize = 4096;
/// Heap that this process may use: a file of 8 MiB, and what is beside it.
#[cfg(target_os = "xous")]
const HEAP: usize = 9 << 20;

/// The content of a key, in blocks: one that grows is not copied, for which there might be no room.
#[derive(Default)]
struct Content {
    blocks: Vec<Vec<u8>>,
    length: usize,
}

impl Content {
    /// What is there of `length` bytes from `position` on, in pieces.
    fn pieces(&self, position: usize, length: usize) -> impl Iterator<Item = &[u8]> {
        let end = self.length.min(position.saturating_add(length));
        let first = position / BLOCK;
        self.blocks.iter().enumerate().skip(first).map_while(move |(index, block)| {
            let start = index * BLOCK;
            block.get(position.saturating_sub(start)..end.checked_sub(start)?.min(BLOCK))
        })
    }

    fn write(&mut self, position: usize, data: &[u8]) -> Result<(), Code> {
        let end = position.checked_add(data.len()).ok_or(Code::DiskFull)?;
        if self.grow(end.div_ceil(BLOCK)).is_err() {
            self.blocks.truncate(self.length.div_ceil(BLOCK));
            return Err(Code::DiskFull);
        }
        self.length = self.length.max(end);
        let mut left = data;
        let mut offset = position % BLOCK;
        for block in self.blocks.iter_mut().skip(position / BLOCK) {
            let (now, later) = left.split_at(left.len().min(BLOCK - offset));
            block[offset..offset + now.len()].copy_from_slice(now);
            (left, offset) = (later, 0);
            if left.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Adds blocks of zeros until there are so many.
    fn grow(&mut self, blocks: usize) -> Result<(), TryReserveError> {
        while self.blocks.len() < blocks {
            let mut block = Vec::new();
            block.try_reserve_exact(BLOCK)?;
            block.resize(BLOCK, 0);
            self.blocks.try_reserve(1)?;
            self.blocks.push(block);
        }
        Ok(())
    }
}

/// The content of each key, by dict and key.
#[derive(Default)]
pub(super) struct Memory {
    dicts: BTreeMap<String, BTreeMap<String, Content>>,
}

impl Memory {
    /// Nothing yet.
    #[cfg(target_os = "xous")]
    pub(super) fn open(_synced: bool) -> Result<Self, xous::Error> {
        xous_api_websocket::allow_heap(HEAP)?;
        Ok(Memory::default())
    }

    fn dict(&self, dict: &str) -> Result<&BTreeMap<String, Content>, Code> {
        self.dicts.get(dict).ok_or(Code::BasisLost)
    }

    fn dict_mut(&mut self, dict: &str) -> Result<&mut BTreeMap<String, Content>, Code> {
        self.dicts.get_mut(dict).ok_or(Code::BasisLost)
    }

    fn key_mut(&mut self, dict: &str, key: &str) -> Result<&mut Content, Code> {
        self.dict_mut(dict)?.get_mut(key).ok_or(Code::BasisLost)
    }
}

impl Store for Memory {
    fn dicts(&self) -> Result<Vec<String>, Code> {
        Ok(self.dicts.keys().cloned().collect())
    }

    fn has_dict(&self, dict: &str) -> bool {
        self.dicts.contains_key(dict)
    }

    fn create_dict(&mut self, dict: &str) -> Result<(), Code> {
        if self.has_dict(dict) {
            return Err(Code::InternalError);
        }
        self.dicts.insert(dict.to_owned(), BTreeMap::new());
        Ok(())
    }

    fn delete_dict(&mut self, dict: &str) -> Result<(), Code> {
        if !self.dict(dict)?.is_empty() {
            return Err(Code::InternalError);
        }
        self.dicts.remove(dict);
        Ok(())
    }

    fn keys(&self, dict: &str) -> Result<Vec<String>, Code> {
        Ok(self.dict(dict)?.keys().cloned().collect())
    }

    fn length(&self, dict: &str, key: &str) -> Option<u64> {
        self.dicts.get(dict)?.get(key).map(|content| content.length as u64)
    }

    fn create(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        let keys = self.dict_mut(dict)?;
        if keys.contains_key(key) {
            return Err(Code::InternalError);
        }
        keys.insert(key.to_owned(), Content::default());
        Ok(())
    }

    fn truncate(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        *self.key_mut(dict, key)? = Content::default();
        Ok(())
    }

    fn read(&self, dict: &str, key: &str, position: u64, buffer: &mut [u8]) -> Result<usize, Code> {
        let content = self.dict(dict)?.get(key).ok_or(Code::BasisLost)?;
        let position = usize::try_from(position).map_err(|_| Code::UnexpectedEof)?;
        let mut count = 0;
        for piece in content.pieces(position, buffer.len()) {
            buffer[count..count + piece.len()].copy_from_slice(piece);
            count += piece.len();
        }
        Ok(count)
    }

    fn write(&mut self, dict: &str, key: &str, position: u64, data: &[u8]) -> Result<(), Code> {
        let position = usize::try_from(position).map_err(|_| Code::DiskFull)?;
        self.key_mut(dict, key)?.write(position, data)
    }

    fn delete(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        self.dict_mut(dict)?.remove(key).map(drop).ok_or(Code::BasisLost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_gaps_are_zeros() {
        let mut memory = Memory::default();
        memory.create_dict("d").unwrap();
        memory.create("d", "k").unwrap();
        memory.write("d", "k", 2, b"abc").unwrap();
        memory.write("d", "k", 4, b"de").unwrap();
        let mut buffer = [9; 10];
        assert_eq!(memory.read("d", "k", 1, &mut buffer), Ok(5));
        assert_eq!(buffer[..6], *b"\0abde\x09");
        assert_eq!(memory.read("d", "k", 6, &mut buffer), Ok(0));
        assert_eq!(memory.write("d", "k", u64::MAX, b"x"), Err(Code::DiskFull));
        assert_eq!(memory.length("d", "k"), Some(6));
        memory.truncate("d", "k").unwrap();
        assert_eq!(memory.length("d", "k"), Some(0));
    }

    #[test]
    fn pieces_of_any_length_are_put_together() {
        let mut memory = Memory::default();
        memory.create_dict("d").unwrap();
        memory.create("d", "k").unwrap();
        let bytes: Vec<u8> = (0..3 * BLOCK + 100).map(|i| (i * 7 + i / 251) as u8).collect();
        for piece in [1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, bytes.len()] {
            for (index, part) in bytes.chunks(piece).enumerate() {
                memory.write("d", "k", (index * piece) as u64, part).unwrap();
            }
            assert_eq!(memory.length("d", "k"), Some(bytes.len() as u64));
            let mut read = vec![0; bytes.len()];
            for (index, part) in read.chunks_mut(piece).enumerate() {
                assert_eq!(memory.read("d", "k", (index * piece) as u64, part), Ok(part.len()));
            }
            assert_eq!(read, bytes);
            memory.truncate("d", "k").unwrap();
        }
    }

    #[test]
    fn nothing_is_made_twice_and_nothing_is_lost_with_its_dict() {
        let mut memory = Memory::default();
        assert_eq!(memory.create("d", "k"), Err(Code::BasisLost));
        memory.create_dict("d").unwrap();
        assert_eq!(memory.create_dict("d"), Err(Code::InternalError));
        memory.create("d", "k").unwrap();
        assert_eq!(memory.create("d", "k"), Err(Code::InternalError));
        assert_eq!(memory.delete_dict("d"), Err(Code::InternalError));
        memory.delete("d", "k").unwrap();
        assert_eq!(memory.delete("d", "k"), Err(Code::BasisLost));
        memory.delete_dict("d").unwrap();
        assert_eq!(memory.dicts(), Ok(Vec::new()));
    }
}
