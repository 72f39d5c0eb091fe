//! A connection, as its owner holds it.
//!
//! ```text
//! opening ──> websocket ──> answer: what the service says to an opening
//!             queueing: messages that go out together
//!             exchange: sends and receives in one go
//!             reconnecting, event: while it is opened again
//! ```

mod answer;
pub(crate) mod event;
pub(crate) mod exchange;
pub(crate) mod opening;
mod queueing;
pub(crate) mod reconnecting;
mod websocket;

pub use event::Event;
pub use opening::Opening;
pub use websocket::Websocket;
