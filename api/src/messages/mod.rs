//! Messages, whole and as streams, in both directions.
//!
//! ```text
//! message: received, a stream     send, writer: sent, whole or as a stream
//!                                 watch: sends what is queued
//! payload: what one holds
//! ```

pub(crate) mod message;
pub(crate) mod payload;
pub(crate) mod send;
pub(crate) mod watch;
pub(crate) mod writer;

pub use message::Message;
pub use payload::Payload;
pub use writer::MessageWriter;
