//! Files that come in parts over a WebSocket and go into the PDDB.
//!
//! ```text
//! binary chunks --> Parser --> Upload --> Transfer --> Files --> Store (the PDDB)
//! text answers  <-----------------'      batch, SHA-256  '-- journal: whole or absent
//! ```
//!
//! The rooms `protocol` and `files` do not know each other. The files beside them (`connection`, `uploads`,
//! `transfer`, `config`) join them.
//!
//! [`Uploads`] is a route: its settings, its [`Files`], and the transfers that wait for a sender that has gone.
//! [`Upload`] is one connection of it, fed with the chunks of its messages. [`Files`] also lists and opens what has been
//! stored. The protocol, and why a file is whole or absent whatever happens, is in `docs/upload.md`.

mod config;
mod connection;
mod files;
mod protocol;
#[cfg(test)]
mod tests;
mod transfer;
mod uploads;
pub mod waiting;
mod watch;

pub use config::Config;
pub use connection::Upload;
pub use files::{
    FileEntry, Files, Listing, Names, Reader, RemoveError, Store, StoreError, StoreFile, Version, WRITE_BATCH,
};
pub use protocol::{Fault, Malformed, NAME_BYTES, Parser, Parts, Token};
pub(crate) use protocol::{hex, push_string};
pub use uploads::{TokenSource, Uploads};
pub use watch::{Event, Watch, What};

impl FileEntry {
    /// As a JSON object with the members `name` and `length`.
    pub fn to_json(&self) -> String {
        let mut json = String::from("{\"name\":");
        protocol::push_string(&mut json, &self.name);
        json.push_str(&format!(",\"length\":{}}}", self.length));
        json
    }
}
