//! Puts a replacement from its staged key in its place.

use super::claims::{Claim, Phase};
use super::files::{COPY_BYTES, Files};
use super::journal::{Entry, create, delete};
use super::store::{Store, StoreError, StoreFile};
use crate::pddb::KeyPath;

impl<S: Store> Files<S> {
    /// Takes a complete replacement as far as its readers allow. Until it is in its place, it is read from where it
    /// is. So a failure costs only room, and the next request tries again.
    pub(super) fn put_in_place(&self, name: &KeyPath) {
        while let Some((number, phase)) = self.next_step(name) {
            let moving = phase == Phase::Moving;
            let result = if moving { self.copy(name, number) } else { self.clean_up(number) };
            if let Err(error) = result {
                log::warn!("{name} is not in its place yet: {error:?}");
                let back = if moving { Phase::Staged } else { Phase::Moved };
                self.state.lock().claims.set(name, number, back);
                return;
            }
            if moving {
                // As long as this record may be there, the copy may be made anew: then what it is made from must not
                // be gone. So an answer that fails leaves it to recovery.
                if self.journal.delete(&self.store, Entry::Replace, number).is_err() {
                    return self.doubt(name, number, false);
                }
                self.state.lock().claims.set(name, number, Phase::Moved);
            } else {
                self.state.lock().claims.release(name);
            }
        }
    }

    /// The next step, which the claims show as begun from now on.
    fn next_step(&self, name: &KeyPath) -> Option<(u32, Phase)> {
        let mut state = self.state.lock();
        let Claim { number, phase } = *state.claims.get(name)?;
        let next = match phase {
            Phase::Staged if !state.claims.is_read(name) => Phase::Moving,
            Phase::Moved if !state.claims.is_read(&self.journal.key(Entry::Staged, number)) => {
                Phase::Cleaning
            }
            _ => return None,
        };
        state.claims.set(name, number, next);
        Some((number, next))
    }

    fn copy(&self, name: &KeyPath, number: u32) -> Result<(), StoreError> {
        // Not overwritten: a longer one could not be cut.
        delete(&self.store, name)?;
        let mut from = self.store.open(&self.journal.key(Entry::Staged, number))?;
        let mut to = create(&self.store, name, from.length())?;
        let mut buffer = vec![0; COPY_BYTES];
        let mut position = 0;
        loop {
            let mut len = 0;
            while len < buffer.len() {
                match from.read_at(position + len as u64, &mut buffer[len..])? {
                    0 => break,
                    read => len += read,
                }
            }
            if len == 0 {
                break;
            }
            to.write_at(position, &buffer[..len])?;
            position += len as u64;
        }
        if position != from.length() {
            return Err(StoreError::Failed);
        }
        Ok(())
    }

    /// Deletes the staged content and its record.
    fn clean_up(&self, number: u32) -> Result<(), StoreError> {
        self.journal.delete(&self.store, Entry::Staged, number)?;
        self.journal.delete(&self.store, Entry::Incomplete, number)
    }
}
