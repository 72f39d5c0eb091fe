//! What this process has of a connection: the way to it in the service, and pages for what goes out and comes in.
//!
//! ```text
//! forwarded: the links whose messages are lent on
//! link ──> inbox: pages that are lent to receive
//!      ──> outgoing: pages that messages are sent with, and collected in     queue_error: what becomes of those
//!          ├─> parts: one message in pieces   moved: given and not waited for
//!          └─> sending ──> lending            what others see of it
//!      ──> queue: messages that are reported     options: what is chosen for each
//! address: the connection's name, and the service
//! ```

pub(crate) mod address;
pub(crate) mod forwarded;
pub(crate) mod inbox;
pub(crate) mod lending;
#[expect(clippy::module_inception, reason = "what the room is about")]
mod link;
pub(crate) mod moved;
pub(crate) mod options;
pub(crate) mod outgoing;
pub(crate) mod parts;
pub(crate) mod queue;
pub(crate) mod queue_error;
pub(crate) mod sending;

pub(crate) use link::Link;
