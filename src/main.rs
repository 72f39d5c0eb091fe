//! The service process.
fn main() {}
