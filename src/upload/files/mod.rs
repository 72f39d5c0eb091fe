//! Files that are whole or absent, whatever happens. This room knows nothing of WebSockets.
//!
//! ```text
//! files --> claims (what is being received, replaced, read)
//!   |  '--> journal --> record (the entries that recovery reads)
//!   |  |--> name (names of files and their keys) --> apart (accents)
//!   |  '--> versions (what contents are told apart by)
//!   '-----> replace (puts a replacement in place), remove, recover (after a crash), reader, listing
//!              all of them --> store (the trait) <-- pddb (the store of the device)
//! ```

mod apart;
mod claims;
#[expect(clippy::module_inception, reason = "the room is named for what it keeps")]
mod files;
#[cfg(all(test, feature = "shuttle"))]
mod interleavings;
mod journal;
mod listing;
mod name;
mod pddb;
mod reader;
mod record;
mod recover;
mod remove;
mod replace;
mod store;
mod turn;
mod versions;

pub(super) use files::{BeginError, Incoming};
pub use files::{FileEntry, Files};
pub use listing::{Listing, Names};
pub(super) use name::{NameError, is_allowed, new_key_of};
pub use reader::Reader;
pub use remove::RemoveError;
pub use store::{Store, StoreError, StoreFile, WRITE_BATCH};
pub use versions::Version;
