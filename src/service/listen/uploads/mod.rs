//! What becomes of a WebSocket that brings files.
//!
//! ```text
//! a connection's reader --> receiver (its chunks) --> lane (32 KiB that wait) --> the carrier of the room files
//!                              |                        |
//!                              '--> progress <---------'   (ends a peer that sends next to nothing)
//! route: what all uploads of a route have in common
//! ```

mod lane;
mod progress;
pub(super) mod receiver;
pub(super) mod route;
