//! Files that are whole or absent, whatever happens: names, claims, the journal. Nothing of WebSockets is known here.

mod claims;
#[expect(clippy::module_inception, reason = "the room is named for what it keeps")]
mod files;
mod journal;
mod name;
mod pddb;
mod reader;
mod record;
mod recover;
mod replace;
mod store;

pub(super) use files::{BeginError, Incoming};
pub use files::{FileEntry, Files};
pub(super) use name::{is_allowed, key_of};
pub use reader::Reader;
pub use store::{Store, StoreError, StoreFile, WRITE_BATCH};
