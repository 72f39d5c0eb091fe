//! What comes on a connection, pushed to a server of the program.
//!
//! For a program whose one server takes the screen, the clock and the network. [`Websocket::forward_to`] begins it: one
//! thread lends what comes on all connections to the server, piece by piece. [`Chunk`] reads a piece, an [`Assembler`] makes
//! messages of them, and the [`Forwarding`] can be stopped.
//!
//! [`Websocket::forward_to`]: crate::Websocket::forward_to

// forwarding: one thread for all connections ──> chunk ──> assembler: messages again
// forward: threads that wait where the program does not want to

pub(crate) mod assembler;
pub(crate) mod chunk;
pub(crate) mod forward;
pub(crate) mod forwarding;

pub use assembler::Assembler;
pub use chunk::Chunk;
pub use forwarding::Forwarding;
