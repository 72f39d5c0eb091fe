//! A connection, as its owner holds it.
//!
//! ```text
//! opening ──> websocket ──> link ──> inbox: pages that the owner lends to receive
//!             queueing: messages that go out together
//!             exchange: sends and receives in one go
//!             reconnecting, event: while it is opened again
//! ```

pub(crate) mod event;
pub(crate) mod exchange;
pub(crate) mod inbox;
pub(crate) mod link;
pub(crate) mod opening;
mod queueing;
pub(crate) mod reconnecting;
mod websocket;

pub use event::Event;
pub use opening::Opening;
pub use websocket::Websocket;
