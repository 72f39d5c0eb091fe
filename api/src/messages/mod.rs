//! Messages, whole and as streams, in both directions.
//!
//! ```text
//! message: received, a stream     send, writer: sent, whole or as a stream
//!                                 options: what is chosen for each
//!                                 watch: sends what is queued, queue_error: what became of it
//! payload: what one holds
//! ```

pub(crate) mod message;
pub(crate) mod options;
pub(crate) mod payload;
pub(crate) mod queue_error;
pub(crate) mod send;
pub(crate) mod watch;
pub(crate) mod writer;

pub use message::Message;
pub use options::SendOptions;
pub use payload::Payload;
pub use writer::MessageWriter;
