//! What uploads need of a store of keys, and the PDDB as one.

use crate::pddb::{self, Create, DictPath, KeyPath, Pddb, PddbError};

/// Why a store did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError {
    /// There is no such key.
    NotFound,
    /// The key is there already.
    Exists,
    /// There is no room.
    Full,
    /// The store is not there or not open.
    Unmounted,
    /// It gave no answer: whether it did it, or will, is not known.
    NoAnswer,
    /// Anything else; it was not done.
    Failed,
}

/// A store of keys that has every change on its medium when the call returns, and may be cut off at any moment.
///
/// After that every change that has returned is there. Of the one that had not, a write may have changed the bytes that
/// it was to change, or some of them; a new key may be there, empty; a key that was to be deleted may be there,
/// whole or with anything in it. Other keys are as they were.
pub trait Store: Send + Sync {
    /// An open key.
    type File: StoreFile;

    /// Opens a key.
    ///
    /// # Errors
    /// `NotFound` and others.
    fn open(&self, key: &KeyPath) -> Result<Self::File, StoreError>;

    /// Makes an empty key with room for `room` bytes, at most [`ROOM_MOST`](crate::pddb::ROOM_MOST), and its dict.
    ///
    /// # Errors
    /// `Exists` and others.
    fn create(&self, key: &KeyPath, room: u32) -> Result<Self::File, StoreError>;

    /// Deletes a key.
    ///
    /// # Errors
    /// `NotFound` and others.
    fn delete(&self, key: &KeyPath) -> Result<(), StoreError>;

    /// The keys of a dict; none if there is no such dict.
    ///
    /// # Errors
    /// All but `NotFound`.
    fn keys(&self, dict: &DictPath) -> Result<Vec<String>, StoreError>;

    /// The dicts of a basis.
    ///
    /// # Errors
    /// All but `NotFound`.
    fn dicts(&self, basis: &str) -> Result<Vec<String>, StoreError>;

    /// Proves that all changes so far are there, which their own answers do not.
    ///
    /// # Errors
    /// All but `NotFound`.
    fn flush(&self) -> Result<(), StoreError>;
}

/// An open key of a store.
pub trait StoreFile: Send {
    /// Bytes that it had when it was opened, or has by what was written here.
    fn length(&self) -> u64;

    /// Reads from `position` on; 0 at the end.
    ///
    /// # Errors
    /// Those of the store.
    fn read_at(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, StoreError>;

    /// Writes all of `data` at `position`.
    ///
    /// # Errors
    /// Those of the store.
    fn write_at(&mut self, position: u64, data: &[u8]) -> Result<(), StoreError>;

    /// As `write_at`, and may return before it is done, when all that was begun before is.
    ///
    /// # Errors
    /// Those of the store, for this write or for the one before. After one of them nobody knows what is there.
    fn begin_write(&mut self, position: u64, data: &[u8]) -> Result<(), StoreError>;

    /// Waits until all that was begun is done.
    ///
    /// # Errors
    /// Those of the store, for what was begun.
    fn settle(&mut self) -> Result<(), StoreError>;
}

impl From<PddbError> for StoreError {
    fn from(error: PddbError) -> Self {
        match error {
            PddbError::NotFound => StoreError::NotFound,
            PddbError::Exists => StoreError::Exists,
            PddbError::Full => StoreError::Full,
            PddbError::NoServer | PddbError::NotMounted => StoreError::Unmounted,
            PddbError::NoAnswer => StoreError::NoAnswer,
            // It looks like an answer, but nobody knows what the server did.
            PddbError::Malformed => StoreError::NoAnswer,
            PddbError::NotEmpty | PddbError::Stale | PddbError::TooLong | PddbError::Refused(_) => {
                log::warn!("the PDDB: {error}");
                StoreError::Failed
            }
        }
    }
}

impl Store for Pddb {
    type File = pddb::File;

    fn open(&self, key: &KeyPath) -> Result<pddb::File, StoreError> {
        Ok(Pddb::open(self, key)?)
    }

    fn create(&self, key: &KeyPath, room: u32) -> Result<pddb::File, StoreError> {
        Ok(Pddb::create(self, key, Create { new: true, room })?)
    }

    fn delete(&self, key: &KeyPath) -> Result<(), StoreError> {
        Ok(Pddb::delete(self, key)?)
    }

    fn keys(&self, dict: &DictPath) -> Result<Vec<String>, StoreError> {
        match Pddb::keys(self, dict) {
            Err(PddbError::NotFound) => Ok(Vec::new()),
            keys => Ok(keys?),
        }
    }

    fn dicts(&self, basis: &str) -> Result<Vec<String>, StoreError> {
        Ok(Pddb::dicts(self, basis)?)
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(Pddb::flush(self)?)
    }
}

impl StoreFile for pddb::File {
    fn length(&self) -> u64 {
        pddb::File::length(self)
    }

    fn read_at(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        Ok(pddb::File::read_at(self, position, buffer)?)
    }

    fn write_at(&mut self, position: u64, data: &[u8]) -> Result<(), StoreError> {
        StoreFile::begin_write(self, position, data)?;
        StoreFile::settle(self)
    }

    fn begin_write(&mut self, mut position: u64, mut data: &[u8]) -> Result<(), StoreError> {
        while !data.is_empty() {
            let written = pddb::File::begin_write(self, position, data)?;
            position += written as u64;
            data = data.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        Ok(pddb::File::settle(self)?)
    }
}
