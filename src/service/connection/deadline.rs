//! What a connection waits for, each with an end.

use std::time::Duration;

/// How long a shutdown has to take effect before it is repeated: on the device it only ends a call that is
/// already waiting.
pub(super) const SHUTDOWN_AGAIN: Duration = Duration::from_millis(250);

/// What can be late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Deadline {
    /// The opening, as a whole.
    Open,
    /// The peer takes no bytes.
    Write,
    /// The owner lends no page.
    Stall,
    /// The closing handshake.
    Close,
    /// Time for a Ping, or for its Pong.
    Keepalive,
    /// The socket was shut down and its threads have not noticed.
    Shutdown,
    /// A page of the owner whose time is over.
    Receive,
    /// The process that it was handed to has not taken it up.
    TakeUp,
    /// Time for a message that goes out every so often.
    Heartbeat,
}

impl Deadline {
    /// The deadline of which the timer tells.
    pub(crate) fn from_kind(kind: usize) -> Option<Self> {
        use Deadline::*;
        [Open, Write, Stall, Close, Keepalive, Shutdown, Receive, TakeUp, Heartbeat]
            .into_iter()
            .find(|deadline| *deadline as usize == kind)
    }
}
