//! The files behind routes: where they are kept, who works on them, and what programs learn of them.
//!
//! ```text
//! upload routes --> carrier (one worker for all) --> file_stores --> src/upload
//!                      '--> file_events (told to programs)
//! programs -----------> program_files (their own requests) --> file_stores
//! GET of a list ------> turn (one at a time)
//! remains, expiry -----> clearer (one worker for all)
//! ```
//!
//! Nothing here knows of ports or of HTTP: routes do, which are above.

pub(super) mod carrier;
pub(super) mod clearer;
pub(super) mod file_events;
pub(super) mod file_stores;
pub(super) mod program_files;
pub(super) mod turn;
