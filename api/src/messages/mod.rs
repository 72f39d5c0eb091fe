//! Messages, whole and as streams, in both directions.
//!
//! ```text
//! message: received, a stream     send, writer: sent, whole or as a stream
//!                                 outgoing, sending: sent together, queue_error: what became of them
//!                                 moved: given to the service
//! kind, payload: what one holds
//! ```

pub(crate) mod kind;
pub(crate) mod message;
pub(crate) mod moved;
pub(crate) mod outgoing;
pub(crate) mod payload;
pub(crate) mod queue_error;
pub(crate) mod send;
pub(crate) mod sending;
pub(crate) mod writer;

pub use kind::{Kind, Part};
pub use message::Message;
pub use payload::Payload;
pub use send::SendOptions;
pub use writer::MessageWriter;
