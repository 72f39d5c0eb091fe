//! One thread for sockets that nobody waits for.
//!
//! Who competes: the ports' threads bring sockets of clients that they have refused, which are kept open for a while
//! so that the clients can read why; the dispatcher brings addresses whose `accept` is to end, as many as there are
//! ports. Full: the socket that came first is closed. On the device that may take as long as its peer likes; then no
//! more are taken.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::net::wake_accept;
use crate::platform::SHUTDOWN_SENDS_FIN;
use crate::service::limits::{LINGER, LINGERING};
use crate::sync::{Condvar, Mutex};

/// On the device a connection and a panic take 16 and 32 KiB of stack.
const STACK: usize = 64 * 1024;

/// The thread's work.
pub(crate) struct Lingering {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    /// Where a port's thread waits in `accept` and is to be woken.
    accepting: Vec<SocketAddr>,
    /// Each with the time at which it is closed.
    lingering: VecDeque<(Instant, TcpStream)>,
    /// Since when one of them is being closed.
    closing: Option<Instant>,
}

enum Work {
    WakeAccept(SocketAddr),
    Close(TcpStream),
}

impl Lingering {
    /// Starts the thread.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start() -> std::io::Result<Arc<Self>> {
        let lingering = Arc::new(Lingering { state: Mutex::default(), more: Condvar::new() });
        let own = lingering.clone();
        std::thread::Builder::new()
            .name("ws-lingering".into())
            .stack_size(STACK)
            .spawn(move || own.work())?;
        Ok(lingering)
    }

    /// Whether another socket is taken: the thread is not held up by one that does not close.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.state.lock();
        let is_stuck = state.closing.is_some_and(|since| since.elapsed() > LINGER);
        !is_stuck || state.lingering.len() < LINGERING
    }

    /// Keeps a socket open for a client that has been sent its last answer. One that is closed with bytes unread is
    /// reset, and the answer may be lost. On the device closing resets nothing, and only it tells the client of the end.
    pub(crate) fn linger(&self, stream: TcpStream) {
        let wait = if SHUTDOWN_SENDS_FIN { LINGER } else { Duration::ZERO };
        self.state.lock().lingering.push_back((Instant::now() + wait, stream));
        self.more.notify_one();
    }

    /// Ends a call that waits for a client on `address`, by being one.
    pub(crate) fn wake_accept(&self, address: SocketAddr) {
        self.state.lock().accepting.push(address);
        self.more.notify_one();
    }

    fn work(&self) {
        loop {
            match self.next() {
                Work::WakeAccept(address) => wake_accept(address, LINGER),
                // On the device this waits until what was sent has arrived.
                Work::Close(stream) => drop(stream),
            }
        }
    }

    fn next(&self) -> Work {
        let mut state = self.state.lock();
        state.closing = None;
        loop {
            if let Some(address) = state.accepting.pop() {
                return Work::WakeAccept(address);
            }
            let wait =
                state.lingering.front().map(|(until, _)| until.saturating_duration_since(Instant::now()));
            let full = state.lingering.len() > LINGERING;
            if (full || wait.is_some_and(|wait| wait.is_zero()))
                && let Some((_, stream)) = state.lingering.pop_front()
            {
                state.closing = Some(Instant::now());
                return Work::Close(stream);
            }
            state = match wait {
                Some(wait) => self.more.wait_timeout(state, wait),
                None => self.more.wait(state),
            };
        }
    }
}
