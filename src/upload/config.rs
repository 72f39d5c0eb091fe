//! What an upload route allows.

use std::time::Duration;

use super::files::WRITE_BATCH;

/// Largest write batch.
const MAX_WRITE_BATCH: usize = 64 * 1024;

/// Settings of an upload route, by default for files of any size and name.
#[derive(Debug, Clone)]
pub struct Config {
    /// Bytes of the largest file.
    pub largest: u32,
    /// Patterns of the names that are taken, with `*` for any characters. Default: all.
    pub allowed: Vec<Box<str>>,
    /// Whether an existing file may be replaced. Default: no.
    pub replace: bool,
    /// What stands for a `:` of a sender's name, which no name here has. Default: such a name is refused.
    pub colon: Option<char>,
    /// How many bytes are written at a time, at most 64 KiB. Default: [`WRITE_BATCH`], which has the reasons.
    pub write_batch: usize,
    /// Transfers of one connection at a time. Default: 4. Each takes a write batch of memory.
    pub transfers: usize,
    /// How long a transfer whose connection has gone waits for its sender. With zero it does not wait. Default: 10
    /// minutes.
    pub resume: Duration,
    /// Whether somebody decides about each file before it is begun. Default: no.
    pub asks: bool,
    /// For how long the store may be silent before a transfer that waits for it stops, to be resumed. Default: 10
    /// minutes.
    pub patience: Duration,
    /// How many transfers of all connections may wait. Beyond that, the one that has waited longest is given up.
    /// Default: 8.
    pub waiting: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            largest: u32::MAX,
            allowed: vec!["*".into()],
            replace: false,
            colon: None,
            write_batch: WRITE_BATCH,
            transfers: 4,
            resume: Duration::from_secs(600),
            asks: false,
            patience: Duration::from_secs(600),
            waiting: 8,
        }
    }
}

impl Config {
    pub(super) fn batch(&self) -> usize {
        self.write_batch.clamp(1, MAX_WRITE_BATCH)
    }
}
