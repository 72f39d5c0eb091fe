//! What the timer does to a socket whose time is over: it shuts it down, so that the worker's call returns.

use std::net::Shutdown;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::net::Socket;
use crate::service::thread::{Timer, Wake};
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What the timer shuts down.
pub(crate) struct Late {
    socket: Arc<Socket>,
    happened: AtomicBool,
}

/// Kinds of deadlines for the timer: which direction ends.
pub(crate) const READ: usize = 0;
/// See [`READ`].
pub(crate) const BOTH: usize = 1;
/// It is no deadline: the client is asked to go.
const LEAVE: usize = 2;
/// A shutdown is repeated after this, as on the device it only ends a call that is waiting already.
const AGAIN: Duration = Duration::from_millis(250);

impl Wake for Late {
    fn wake(self: Arc<Self>, kind: usize, timer: &Timer) {
        if kind != LEAVE {
            self.happened.store(true, Relaxed);
        }
        self.socket.shutdown(if kind == BOTH { Shutdown::Both } else { Shutdown::Read });
        timer.arm(self.weak(), kind, AGAIN);
    }
}

impl Late {
    pub(crate) fn new(socket: Arc<Socket>) -> Arc<Self> {
        Arc::new(Late { socket, happened: AtomicBool::new(false) })
    }

    /// A deadline was over.
    pub(crate) fn happened(&self) -> bool {
        self.happened.load(Relaxed)
    }

    /// Ends the reads of a client that is to go. The timer does that: to shut a socket down is a message to another
    /// server, which is waited for, and the server thread asks clients to go as well.
    pub(crate) fn end_reads(self: &Arc<Self>, timer: &Timer) {
        timer.arm(self.weak(), LEAVE, Duration::ZERO);
    }

    /// For the timer.
    pub(crate) fn weak(self: &Arc<Self>) -> Weak<dyn Wake> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }
}
