//! Messages, whole and as streams, in both directions.
//!
//! ```text
//! message: received, a stream     send, writer: sent, whole or as a stream
//! kind, payload: what one holds
//! ```

pub(crate) mod kind;
pub(crate) mod message;
pub(crate) mod payload;
pub(crate) mod send;
pub(crate) mod writer;

pub use kind::{Kind, Part};
pub use message::Message;
pub use payload::Payload;
pub use send::SendOptions;
pub use writer::MessageWriter;
