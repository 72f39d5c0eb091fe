//! The dict beside the files' own in which records and staged contents are.

use super::record::{RECORD_BYTES, Record};
use super::store::{Store, StoreError, StoreFile};
use crate::pddb::{DictPath, KeyPath, MAX_ROOM, PathError};

/// What the journal's dict has behind the name of the files' dict.
const SUFFIX: &str = ".journal";

/// The kind of a key of the journal, which is the first letter of its name. A number of eight hexadecimal digits
/// follows. All keys of one file share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// [`Record::Incomplete`].
    Incomplete,
    /// [`Record::Replace`].
    Replace,
    /// The content that is to replace another.
    Staged,
}

impl Entry {
    fn letter(self) -> char {
        match self {
            Entry::Incomplete => 'i',
            Entry::Replace => 'r',
            Entry::Staged => 's',
        }
    }
}

/// The journal of a dict.
#[derive(Debug)]
pub(super) struct Journal {
    dict: DictPath,
}

impl Journal {
    /// The journal of the files in `files`.
    pub(super) fn of(files: &DictPath) -> Result<Self, PathError> {
        Ok(Journal { dict: DictPath::new(files.basis(), &format!("{}{SUFFIX}", files.name()))? })
    }

    /// A key of the journal.
    pub(super) fn key(&self, entry: Entry, number: u32) -> KeyPath {
        let name = format!("{}{number:08x}", entry.letter());
        self.dict.key(&name).expect("nine letters and digits are a name")
    }

    /// Everything in the journal.
    pub(super) fn entries(&self, store: &impl Store) -> Result<Vec<(Entry, u32)>, StoreError> {
        Ok(store.keys(&self.dict)?.iter().filter_map(|name| parse(name)).collect())
    }

    /// Makes a record, in one write.
    pub(super) fn write(
        &self,
        store: &impl Store,
        entry: Entry,
        number: u32,
        record: &Record,
    ) -> Result<(), StoreError> {
        let key = self.key(entry, number);
        let bytes = record.to_bytes(key.name());
        // With this much room it is alone in its page, and written in place.
        store.create(&key, MAX_ROOM)?.write_at(0, &bytes)
    }

    /// Reads a record; `None` if the key holds no whole record.
    pub(super) fn read(
        &self,
        store: &impl Store,
        entry: Entry,
        number: u32,
    ) -> Result<Option<Record>, StoreError> {
        let key = self.key(entry, number);
        let mut file = match store.open(&key) {
            Err(StoreError::NotFound) => return Ok(None),
            file => file?,
        };
        let mut bytes = [0; RECORD_BYTES];
        let mut len = 0;
        while len < bytes.len() {
            match file.read_at(len as u64, &mut bytes[len..])? {
                0 => break,
                read => len += read,
            }
        }
        Ok(Record::from_bytes(key.name(), &bytes[..len]))
    }

    /// Deletes an entry, which may be gone already.
    pub(super) fn delete(&self, store: &impl Store, entry: Entry, number: u32) -> Result<(), StoreError> {
        delete(store, &self.key(entry, number))
    }
}

/// Whether a part of a dict's name is that of a journal. Nobody has files there.
pub(super) fn is_journal(part: &str) -> bool {
    part.ends_with(SUFFIX)
}

/// Makes a key for a content of `length` bytes. A small one gets room for all of it, so that it is written in place.
/// More room may not be asked for.
pub(super) fn create<S: Store>(store: &S, key: &KeyPath, length: u64) -> Result<S::File, StoreError> {
    let room = u32::try_from(length).ok().filter(|length| *length <= MAX_ROOM);
    store.create(key, room.unwrap_or(0))
}

/// Deletes a key, which may be gone already.
pub(super) fn delete(store: &impl Store, key: &KeyPath) -> Result<(), StoreError> {
    match store.delete(key) {
        // The PDDB says the same when it has deleted a key and finds no room to write that down; then it has when this
        // succeeds.
        Err(StoreError::NotFound) => store.flush(),
        result => result,
    }
}

fn parse(name: &str) -> Option<(Entry, u32)> {
    let entry = [Entry::Incomplete, Entry::Replace, Entry::Staged];
    let entry = entry.into_iter().find(|entry| name.starts_with(entry.letter()))?;
    let digits = name.get(1..).filter(|digits| digits.len() == 8)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    Some((entry, number)).filter(|_| digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_journal_s_own_names_are_entries() {
        let journal = Journal::of(&DictPath::new(".System", "uploads").unwrap()).unwrap();
        for entry in [Entry::Incomplete, Entry::Replace, Entry::Staged] {
            assert_eq!(parse(journal.key(entry, 0x12ab).name()), Some((entry, 0x12ab)));
        }
        for name in ["", "i", "i123", "x00000000", "i+0000000", "i0000000G", "i000000000", "i000000AB"] {
            assert_eq!(parse(name), None, "{name}");
        }
        assert!(Journal::of(&DictPath::new(".System", &"d".repeat(110)).unwrap()).is_err());
    }
}
