//! Deletes a file, so that a crash leaves it whole or absent.
//!
//! A key whose deletion is cut off may be listed still, with any content. So a record says first that it is incomplete,
//! as for a file that is being received and given up: once the record is whole, recovery deletes the key.

use super::claims::Phase;
use super::files::Files;
use super::journal::{Entry, delete};
use super::record::Record;
use super::store::{Store, StoreError, StoreFile};
use super::versions::Version;
use crate::pddb::KeyPath;

/// Why a file is not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveError {
    /// It is being read, received or replaced.
    Busy,
    /// It is another one than was meant.
    Changed,
    /// After `NoAnswer` it may be gone or be going to be, and is not shown. With `Full` there is no room for the record.
    Store(StoreError),
}

impl From<StoreError> for RemoveError {
    fn from(error: StoreError) -> Self {
        RemoveError::Store(error)
    }
}

impl<S: Store> Files<S> {
    /// Deletes the file of this name, if it `is_meant` by its version and length. When this returns without an error, it is
    /// gone for good.
    ///
    /// # Errors
    /// See [`RemoveError`].
    pub fn remove(&self, name: &str, is_meant: impl FnOnce(Version, u64) -> bool) -> Result<(), RemoveError> {
        let name = super::name::key_of(&self.dict, name).map_err(|_| StoreError::NotFound)?;
        self.recover()?;
        self.put_in_place(&name);
        let version = {
            let mut state = self.state.lock();
            if state.claims.get(&name).is_some() || state.claims.is_read(&name) {
                return Err(RemoveError::Busy);
            }
            // Nobody begins to read or to receive it from now on.
            state.claims.set(&name, 0, Phase::Receiving);
            state.versions.of(&name)
        };
        let meant = match self.store.open(&name) {
            Ok(file) if is_meant(version, file.length()) => Ok(()),
            Ok(_) => Err(RemoveError::Changed),
            Err(error) => Err(error.into()),
        };
        if meant.is_err() {
            self.state.lock().claims.release(&name);
            return meant;
        }
        let number = self.claim(&name, Phase::Receiving);
        let record = Record::Incomplete { key: name.clone() };
        if let Err(error) = self.journal.write(&self.store, Entry::Incomplete, number, &record) {
            self.give_up(&name, number, None, false);
            return Err(error.into());
        }
        self.delete_recorded(&name, number).map_err(|error| {
            self.doubt(&name, number, true);
            error.into()
        })
    }

    fn delete_recorded(&self, name: &KeyPath, number: u32) -> Result<(), StoreError> {
        delete(&self.store, name)?;
        self.journal.delete(&self.store, Entry::Incomplete, number)?;
        self.prove()?;
        let mut state = self.state.lock();
        state.versions.set(name, None);
        state.claims.release(name);
        Ok(())
    }
}
