//! Who has a place at a port, who waits for one, and who gives way.
//!
//! ```text
//! a port's clients --> admission (workers for all ports) --> stage (what each is doing, and when it gives way)
//!                           |                                  |--> accept_queue (a WebSocket waits for its program)
//!                           '--> places (what one port has) <--|
//!                                                              '--> late (ends the reads of who says nothing)
//! ```
//!
//! Nothing here knows of requests, routes or listeners: those are above.

pub(super) mod accept_queue;
#[expect(clippy::module_inception, reason = "the room is named for what it serves")]
pub(super) mod admission;
pub(super) mod late;
pub(super) mod places;
pub(super) mod stage;
