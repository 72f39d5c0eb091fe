//! Recordings of connections.

#[path = "../../tests/support/records.rs"]
mod reader;

/// See `tests/support/records.rs`.
pub fn check(data: &[u8]) {
    reader::check(data);
}
