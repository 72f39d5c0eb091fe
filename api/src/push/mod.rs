//! What comes on a connection, pushed to a server of the program.
//!
//! ```text
//! forwarding: one thread for all connections ──> chunk ──> assembler: messages again
//! forward: threads that wait where the program does not want to
//! ```

pub(crate) mod assembler;
pub(crate) mod chunk;
pub(crate) mod forward;
pub(crate) mod forwarding;

pub use assembler::Assembler;
pub use chunk::Chunk;
pub use forwarding::Forwarding;
