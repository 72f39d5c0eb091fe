//! What uploads need of a store of keys.

use std::time::Duration;

use crate::pddb::{DictPath, KeyPath};

/// How many bytes are written at a time: two pages of the PDDB. Before a write that makes a large key longer, the
/// PDDB checks that three pages are free, whatever the write needs. It stops for good when they do not suffice
/// (`key_update` in `backend/basis.rs` and `backend/dictionary.rs`). With two pages at a time, a full PDDB says that
/// it is full. A write of whole pages also needs no page read back.
pub const WRITE_BATCH: usize = 2 * 4064;

/// Why a store did not do what it was asked for.
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
    /// It gave no answer. It is not known whether it has done it, or will.
    NoAnswer,
    /// Anything else; it was not done.
    Failed,
}

/// A store of keys. When a call returns, its change is on the medium. The store may be cut off at any moment.
///
/// After that, every change that has returned is there. The call that had not returned may have left this: a write
/// has changed all, some or none of the bytes that it was to change; a new key is there and empty; a key that was to
/// be deleted is there, whole or with any content. Other keys are as they were.
pub trait Store: Send + Sync {
    /// An open key.
    type File: StoreFile;

    /// Opens a key.
    ///
    /// # Errors
    /// `NotFound` and others.
    fn open(&self, key: &KeyPath) -> Result<Self::File, StoreError>;

    /// Makes an empty key with room for `room` bytes, at most [`MAX_ROOM`](crate::pddb::MAX_ROOM), and its dict.
    ///
    /// # Errors
    /// `Exists` and others.
    fn create(&self, key: &KeyPath, room: u32) -> Result<Self::File, StoreError>;

    /// Deletes a key.
    ///
    /// # Errors
    /// `NotFound` and others.
    fn delete(&self, key: &KeyPath) -> Result<(), StoreError>;

    /// The keys of a dict. The list is empty if there is no such dict.
    ///
    /// # Errors
    /// All but `NotFound`.
    fn keys(&self, dict: &DictPath) -> Result<Vec<String>, StoreError>;

    /// The dicts of a basis.
    ///
    /// # Errors
    /// All but `NotFound`.
    fn dicts(&self, basis: &str) -> Result<Vec<String>, StoreError>;

    /// Whether it has not answered somebody for a while: calls may fail at once.
    fn is_silent(&self) -> bool {
        false
    }

    /// How long the calling thread waits for another one that goes through the journal.
    fn patience(&self) -> Duration {
        Duration::from_secs(3)
    }

    /// Proves that all changes so far are there, which their own answers do not.
    ///
    /// # Errors
    /// All but `NotFound`.
    fn flush(&self) -> Result<(), StoreError>;
}

/// An open key of a store.
pub trait StoreFile: Send {
    /// Its length in bytes: that when it was opened, or more by what was written here.
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

    /// As `write_at`, but may return before the write is done. All writes that were begun before are done then.
    ///
    /// # Errors
    /// Those of the store, for this write or for the one before. After an error it is not known what is there.
    fn begin_write(&mut self, position: u64, data: &[u8]) -> Result<(), StoreError>;

    /// Waits until all that was begun is done.
    ///
    /// # Errors
    /// Those of the store, for what was begun.
    fn finish_writes(&mut self) -> Result<(), StoreError>;
}
