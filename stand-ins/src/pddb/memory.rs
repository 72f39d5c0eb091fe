//! Dicts and keys in memory: gone with the process.

use std::collections::BTreeMap;

use super::Code;
use super::store::Store;

/// The content of each key, by dict and key.
#[derive(Default)]
pub(super) struct Memory {
    dicts: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

/// Heap that this process may use; a key that grows takes up to three times its length for a moment.
#[cfg(target_os = "xous")]
const HEAP: usize = 8 << 20;

impl Memory {
    /// Nothing yet.
    #[cfg(target_os = "xous")]
    pub(super) fn open(_synced: bool) -> Result<Self, xous::Error> {
        xous_api_websocket::allow_heap(HEAP)?;
        Ok(Memory::default())
    }

    fn dict(&self, dict: &str) -> Result<&BTreeMap<String, Vec<u8>>, Code> {
        self.dicts.get(dict).ok_or(Code::BasisLost)
    }

    fn dict_mut(&mut self, dict: &str) -> Result<&mut BTreeMap<String, Vec<u8>>, Code> {
        self.dicts.get_mut(dict).ok_or(Code::BasisLost)
    }

    fn key_mut(&mut self, dict: &str, key: &str) -> Result<&mut Vec<u8>, Code> {
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
        self.dicts.get(dict)?.get(key).map(|content| content.len() as u64)
    }

    fn create(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        let keys = self.dict_mut(dict)?;
        if keys.contains_key(key) {
            return Err(Code::InternalError);
        }
        keys.insert(key.to_owned(), Vec::new());
        Ok(())
    }

    fn truncate(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        *self.key_mut(dict, key)? = Vec::new();
        Ok(())
    }

    fn read(&self, dict: &str, key: &str, position: u64, buffer: &mut [u8]) -> Result<usize, Code> {
        let content = self.dict(dict)?.get(key).ok_or(Code::BasisLost)?;
        let rest = usize::try_from(position).ok().and_then(|from| content.get(from..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write(&mut self, dict: &str, key: &str, position: u64, data: &[u8]) -> Result<(), Code> {
        let content = self.key_mut(dict, key)?;
        let start = usize::try_from(position).map_err(|_| Code::DiskFull)?;
        let end = start.checked_add(data.len()).ok_or(Code::DiskFull)?;
        if end > content.len() {
            content.try_reserve(end - content.len()).map_err(|_| Code::DiskFull)?;
            content.resize(end, 0);
        }
        content[start..end].copy_from_slice(data);
        Ok(())
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
        assert_eq!(memory.write("d", "k", isize::MAX as u64 - 10, b"x"), Err(Code::DiskFull));
        assert_eq!(memory.length("d", "k"), Some(6));
        memory.truncate("d", "k").unwrap();
        assert_eq!(memory.length("d", "k"), Some(0));
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
