//! Uploads: the parts parser.

#[path = "../../tests/support/parts.rs"]
mod parser;

/// See `tests/support/parts.rs`.
pub fn check(data: &[u8]) {
    parser::check(data);
}
