//! How the PDDB stand-in of a system is set up: where it keeps its keys, and how it is to fail.

use std::path::PathBuf;
use std::time::Duration;

pub use stand_ins::settings::{PDDB_ANSWER, PDDB_ASKED, PDDB_MOUNT, PDDB_UNMOUNT, PDDB_USER};
use stand_ins::settings::{
    PDDB_ASKS_AT, PDDB_DIED, PDDB_DIES_AT, PDDB_FULL_AT, PDDB_HANGS_AT, PDDB_LATE, PDDB_POOL,
    PDDB_SECOND_BASIS, PDDB_SLOW, PDDB_SYNCED, PDDB_UNMOUNTED,
};

/// The PDDB stand-in of a system. Without anything said, it is mounted, never full, and keeps its keys in the system's
/// own directory, which goes with the system.
///
/// A key is the file `DIRECTORY/BASIS/DICT/KEY`, where the basis is `.System`; a dict of a second basis is
/// `DIRECTORY/.System/BASIS:DICT`. A dict is a directory whose name has `+`
/// for the separator `/`. Other characters that a file's name cannot have are escaped by `%`.
#[derive(Clone, Debug, Default)]
pub struct Pddb {
    environment: Vec<(&'static str, String)>,
    pub(crate) directory: Option<PathBuf>,
}

impl Pddb {
    /// Nothing said.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the keys in this directory, which is made if it is not there, and stays.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Has room for so many bytes, in all keys together.
    #[must_use]
    pub fn full_at(self, bytes: u64) -> Self {
        self.set(PDDB_FULL_AT, bytes)
    }

    /// Has a second basis of this name, which is open whenever the first is.
    #[must_use]
    pub fn second_basis(self, name: &str) -> Self {
        self.set(PDDB_SECOND_BASIS, name)
    }

    /// Starts without an open basis, until it is told [`PDDB_MOUNT`].
    #[must_use]
    pub fn unmounted(self) -> Self {
        self.set(PDDB_UNMOUNTED, 1)
    }

    /// Is registered only so long after its start.
    #[must_use]
    pub fn late(self, time: Duration) -> Self {
        self.set(PDDB_LATE, time.as_micros())
    }

    /// Takes at least so long over every request.
    #[must_use]
    pub fn slow(self, time: Duration) -> Self {
        self.set(PDDB_SLOW, time.as_micros())
    }

    /// Serves nobody any more from the `n`-th change on; the first is number 1. Changes are what makes, writes and
    /// deletes keys and dicts.
    #[must_use]
    pub fn hangs_at(self, n: u64) -> Self {
        self.set(PDDB_HANGS_AT, n)
    }

    /// Has so many free pages of 4064 bytes at hand. When they do not suffice for a change, it asks its user in a dialog
    /// and serves nobody until [`PDDB_USER`] is told what the user says. After Yes as many pages are at hand again.
    #[must_use]
    pub fn pool(self, pages: u64) -> Self {
        self.set(PDDB_POOL, pages)
    }

    /// Asks its user at the `n`-th change, whatever that is, and after a No at each that takes room, until the user says
    /// Yes.
    #[must_use]
    pub fn asks_at(self, n: u64) -> Self {
        self.set(PDDB_ASKS_AT, n)
    }

    /// Ends in the middle of the `n`-th change, with exit code [`Pddb::DIED`]: half of what is to be written is
    /// written, anything else is done, and nobody is answered.
    #[must_use]
    pub fn dies_at(self, n: u64) -> Self {
        self.set(PDDB_DIES_AT, n)
    }

    /// Has data on the disk before it answers, so that it outlives the host's crash as well. A write then takes
    /// milliseconds. Without it, data outlives everything that happens to processes.
    #[must_use]
    pub fn synced(self) -> Self {
        self.set(PDDB_SYNCED, 1)
    }

    /// The exit code of a stand-in that died as it was told, or of what would stop the real server.
    pub const DIED: i32 = PDDB_DIED;

    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str()))
    }

    fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.environment.push((name, value.to_string()));
        self
    }
}
