//! What a crash, or a store that did not answer, has left.

use std::sync::PoisonError;

use super::claims::Phase;
use super::files::Files;
use super::journal::{Entry, delete};
use super::record::Record;
use super::store::{Store, StoreError, StoreFile};

impl<S: Store> Files<S> {
    /// Clears what is left of files that were not complete, and brings complete replacements to their places. Done
    /// already, unless this process has just started or the store failed since. Everything else here calls it first.
    ///
    /// # Errors
    /// Those of the store: nothing can be read or received before this succeeds.
    pub fn recover(&self) -> Result<(), StoreError> {
        if self.lock().is_recovered() {
            return Ok(());
        }
        let _one_at_a_time = self.recovering.lock().unwrap_or_else(PoisonError::into_inner);
        let doubts = {
            let state = self.lock();
            if state.is_recovered() {
                return Ok(());
            }
            state.doubts
        };
        self.go_through()?;
        let mut state = self.lock();
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
            let mut state = self.lock();
            state.last = entries.iter().map(|(_, number)| *number).fold(state.last, u32::max);
        }
        let left = |wanted: Entry| {
            let entries = entries.iter().filter(move |(entry, _)| *entry == wanted);
            entries.map(|(_, number)| *number).filter(|number| !self.lock().claims.is_live(*number))
        };
        for number in left(Entry::Replace) {
            self.redo(number)?;
        }
        for number in left(Entry::Incomplete) {
            if let Some(Record::Incomplete { key }) =
                self.journal.read(&self.store, Entry::Incomplete, number)?
            {
                delete(&self.store, &key)?;
            }
            self.journal.delete(&self.store, Entry::Incomplete, number)?;
        }
        for number in left(Entry::Staged) {
            self.journal.delete(&self.store, Entry::Staged, number)?;
        }
        let unsettled = self.lock().claims.unsettled();
        for name in &unsettled {
            self.settle(name);
        }
        Ok(())
    }

    /// A replacement that was complete becomes the file's content again; its copy is made anew.
    fn redo(&self, number: u32) -> Result<(), StoreError> {
        let record = self.journal.read(&self.store, Entry::Replace, number)?;
        let staged = self.journal.key(Entry::Staged, number);
        if let Some(Record::Replace { key, staged: name, length }) = record
            && name == staged.name()
            && is_whole(self.store.open(&staged), length)?
        {
            self.lock().claims.set(&key, number, Phase::Staged);
            return Ok(());
        }
        self.journal.delete(&self.store, Entry::Replace, number)
    }
}

/// Whether the staged key is there with its length. It always is while its record is; others may have been at it.
fn is_whole<F: StoreFile>(file: Result<F, StoreError>, length: u64) -> Result<bool, StoreError> {
    match file {
        Ok(file) => Ok(file.length() == length),
        Err(StoreError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}
