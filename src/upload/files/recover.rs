//! What a crash, or a store that did not answer, has left.

use super::claims::Phase;
use super::files::Files;
use super::journal::{Entry, delete};
use super::record::Record;
use super::store::{Store, StoreError, StoreFile};

impl<S: Store> Files<S> {
    /// Clears what is left of incomplete files, and puts complete replacements in their places. Does nothing unless
    /// this process has just started or the store has failed since. Everything else here calls it first.
    ///
    /// # Errors
    /// Those of the store. Nothing can be read or received before this succeeds.
    pub fn recover(&self) -> Result<(), StoreError> {
        if self.state.lock().is_recovered() {
            return Ok(());
        }
        let _one_at_a_time = self.recovering.take(self.store.patience()).ok_or(StoreError::NoAnswer)?;
        let doubts = {
            let state = self.state.lock();
            if state.is_recovered() {
                return Ok(());
            }
            state.doubts
        };
        self.go_through()?;
        let mut state = self.state.lock();
        state.recovered = Some(doubts);
        // What became doubtful meanwhile counts for the next time.
        if state.is_recovered() {
            state.claims.release_doubtful();
        }
        Ok(())
    }

    fn go_through(&self) -> Result<(), StoreError> {
        let entries = self.journal.entries(&self.store)?;
        {
            let mut state = self.state.lock();
            state.last = entries.iter().map(|(_, number)| *number).fold(state.last, u32::max);
        }
        let left = |wanted: Entry| {
            let entries = entries.iter().filter(move |(entry, _)| *entry == wanted);
            entries.map(|(_, number)| *number).filter(|number| !self.state.lock().claims.is_live(*number))
        };
        for number in left(Entry::Replace) {
            self.redo(number)?;
        }
        for number in left(Entry::Incomplete) {
            // A record cannot name a key that belongs to none of these files.
            let staged = self.journal.key(Entry::Staged, number);
            if let Some(Record::Incomplete { key }) =
                self.journal.read(&self.store, Entry::Incomplete, number)?
                && (key == staged || self.is_own(&key))
            {
                delete(&self.store, &key)?;
            }
            self.journal.delete(&self.store, Entry::Incomplete, number)?;
        }
        for number in left(Entry::Staged) {
            self.journal.delete(&self.store, Entry::Staged, number)?;
        }
        let unsettled = self.state.lock().claims.unsettled();
        for name in &unsettled {
            self.put_in_place(name);
        }
        Ok(())
    }

    /// Makes a complete replacement the file's content again. Its copy is made anew.
    fn redo(&self, number: u32) -> Result<(), StoreError> {
        let record = self.journal.read(&self.store, Entry::Replace, number)?;
        let staged = self.journal.key(Entry::Staged, number);
        if let Some(Record::Replace { key, staged: name, length }) = record
            && name == staged.name()
            && self.is_own(&key)
            && is_whole(self.store.open(&staged), length)?
        {
            self.state.lock().claims.set(&key, number, Phase::Staged);
            return Ok(());
        }
        self.journal.delete(&self.store, Entry::Replace, number)
    }
}

/// Whether the staged key is there with its length. It always is while its record is there, unless another program
/// has changed it.
fn is_whole<F: StoreFile>(file: Result<F, StoreError>, length: u64) -> Result<bool, StoreError> {
    match file {
        Ok(file) => Ok(file.length() == length),
        Err(StoreError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pddb::{DictPath, KeyPath};
    use crate::upload::files::journal::Journal;
    use crate::upload::tests::memory::Memory;

    #[test]
    fn a_record_about_a_key_that_is_none_of_the_files_does_nothing() {
        let memory = Memory::default();
        let dict = |name| DictPath::new(".System", name).unwrap();
        let write = |key: &KeyPath| memory.create(key, 0).unwrap().write_at(0, b"mine").unwrap();
        let (own, other) = (dict("a/b").key("own").unwrap(), dict("ab").key("other").unwrap());
        write(&own);
        write(&other);
        let journal = Journal::of(&dict("a")).unwrap();
        for (number, key) in [(1, &own), (2, &other)] {
            let record = Record::Incomplete { key: key.clone() };
            journal.write(&memory, Entry::Incomplete, number, &record).unwrap();
        }
        let staged = journal.key(Entry::Staged, 3);
        write(&staged);
        let replace = Record::Replace { key: other.clone(), staged: staged.name().to_owned(), length: 4 };
        journal.write(&memory, Entry::Replace, 3, &replace).unwrap();

        Files::new(memory.clone(), dict("a")).unwrap().recover().unwrap();
        assert!(matches!(memory.open(&own), Err(StoreError::NotFound)));
        assert_eq!(memory.open(&other).unwrap().length(), 4);
        assert_eq!(journal.entries(&memory).unwrap(), []);
    }
}
