//! What uploads need of a store of keys.

use crate::pddb::{DictPath, KeyPath};

/// Bytes that are written at a time: two pages of the PDDB. Before a write that makes a large key longer, the PDDB sees
/// to it that three pages are free, whatever the write needs, and stops for good when they do not suffice
/// (`key_update` in `backend/basis.rs` and `backend/dictionary.rs`); with two, a full PDDB says that it is full. And a
/// write that begins and ends with a page reads none back.
pub const WRITE_BATCH: usize = 2 * 4064;

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
    fn finish_writes(&mut self) -> Result<(), StoreError>;
}
