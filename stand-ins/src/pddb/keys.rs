//! Dicts and keys with the rules of the real database: lengths of names, room, and what an over-long name spoils.

use std::collections::HashSet;

use super::Code;
use super::store::Store;

/// Longest names, bytes.
const KEY_BYTES: usize = 94;
const DICT_BYTES: usize = 110;

/// The keys of the one basis.
pub(super) struct Keys<S> {
    store: S,
    /// Bytes that all keys together may have, and have.
    capacity: u64,
    used: u64,
    /// Dicts in which a key with an over-long name was to be made: nothing can be made in them until the next start.
    spoilt: HashSet<String>,
}

impl<S: Store> Keys<S> {
    pub(super) fn new(store: S, capacity: u64) -> Result<Self, Code> {
        let mut used = 0;
        for dict in store.dicts()? {
            used += store.keys(&dict)?.iter().filter_map(|key| store.length(&dict, key)).sum::<u64>();
        }
        Ok(Keys { store, capacity, used, spoilt: HashSet::new() })
    }

    /// Makes a key with this content, as a setting `DICT/KEY=TEXT` says.
    pub(super) fn set(&mut self, setting: &str) -> Result<(), Code> {
        let (path, text) = setting.split_once('=').ok_or(Code::InternalError)?;
        let (dict, key) = path.rsplit_once('/').ok_or(Code::AccessDenied)?;
        if !self.has_dict(dict) {
            self.create_dict(dict)?;
        }
        match self.length(dict, key) {
            Some(_) => self.truncate(dict, key)?,
            None => self.create(dict, key)?,
        }
        self.write(dict, key, 0, text.as_bytes())
    }

    pub(super) fn is_spoilt(&self) -> bool {
        !self.spoilt.is_empty()
    }

    pub(super) fn dicts(&self) -> Result<Vec<String>, Code> {
        self.store.dicts()
    }

    pub(super) fn has_dict(&self, dict: &str) -> bool {
        is_name(dict, DICT_BYTES) && self.store.has_dict(dict)
    }

    pub(super) fn create_dict(&mut self, dict: &str) -> Result<(), Code> {
        if is_name(dict, DICT_BYTES) { self.store.create_dict(dict) } else { Err(Code::InternalError) }
    }

    pub(super) fn delete_dict(&mut self, dict: &str) -> Result<(), Code> {
        self.store.delete_dict(dict)
    }

    pub(super) fn keys(&self, dict: &str) -> Result<Vec<String>, Code> {
        self.store.keys(dict)
    }

    /// Bytes of a key; `None` if it does not exist.
    pub(super) fn length(&self, dict: &str, key: &str) -> Option<u64> {
        if is_name(key, KEY_BYTES) { self.store.length(dict, key) } else { None }
    }

    /// Makes an empty key, or refuses as the real one does, also when there is no room. An over-long name spoils the
    /// dict.
    pub(super) fn create(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        if !is_name(key, KEY_BYTES) {
            self.spoilt.insert(dict.to_owned());
        }
        if self.spoilt.contains(dict) || self.used >= self.capacity {
            return Err(Code::InternalError);
        }
        self.store.create(dict, key)
    }

    pub(super) fn truncate(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        let length = self.length(dict, key).unwrap_or(0);
        self.store.truncate(dict, key)?;
        self.used = self.used.saturating_sub(length);
        Ok(())
    }

    /// Reads from `position` on; 0 at the end.
    pub(super) fn read(
        &self,
        dict: &str,
        key: &str,
        position: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Code> {
        let length = self.length(dict, key).ok_or(Code::BasisLost)?;
        if position > length {
            return Err(Code::UnexpectedEof);
        }
        self.store.read(dict, key, position, buffer)
    }

    /// Writes all of `data` at `position`, or nothing when there is no room.
    pub(super) fn write(&mut self, dict: &str, key: &str, position: u64, data: &[u8]) -> Result<(), Code> {
        let length = self.length(dict, key).ok_or(Code::BasisLost)?;
        let end = position.checked_add(data.len() as u64).ok_or(Code::InternalError)?;
        let used = self.used + end.saturating_sub(length);
        if used > self.capacity {
            return Err(Code::DiskFull);
        }
        self.store.write(dict, key, position, data)?;
        self.used = used;
        Ok(())
    }

    pub(super) fn delete(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        let length = self.length(dict, key).unwrap_or(0);
        self.store.delete(dict, key)?;
        self.used = self.used.saturating_sub(length);
        Ok(())
    }
}

fn is_name(name: &str, most: usize) -> bool {
    (1..=most).contains(&name.len())
}

#[cfg(test)]
mod tests {
    use super::super::memory::Memory;
    use super::*;

    #[test]
    fn a_setting_makes_a_key_and_replaces_one() {
        let mut keys = Keys::new(Memory::default(), 100).unwrap();
        keys.set("tls/server/key=-----BEGIN=\n").unwrap();
        assert_eq!(keys.length("tls/server", "key"), Some(12));
        keys.set("tls/server/key=short").unwrap();
        let mut text = [0; 10];
        assert_eq!(keys.read("tls/server", "key", 0, &mut text), Ok(5));
        assert_eq!(text[..5], *b"short");
        assert_eq!(keys.set("key=text"), Err(Code::AccessDenied));
        assert_eq!(keys.set("dict/key"), Err(Code::InternalError));
        assert_eq!(keys.set(&format!("d/{}=", "k".repeat(95))), Err(Code::InternalError));
        assert!(keys.is_spoilt());
    }

    #[test]
    fn room_is_counted_over_all_keys() {
        let mut keys = Keys::new(Memory::default(), 10).unwrap();
        keys.set("a/1=1234567").unwrap();
        keys.set("a/2=").unwrap();
        assert_eq!(keys.write("a", "2", 0, b"1234"), Err(Code::DiskFull));
        keys.write("a", "1", 0, b"7654321").unwrap();
        keys.write("a", "2", 0, b"123").unwrap();
        assert_eq!(keys.create("a", "3"), Err(Code::InternalError));
        keys.delete("a", "1").unwrap();
        keys.create("a", "3").unwrap();
    }
}
