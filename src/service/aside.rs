//! One thread for what takes time and has no worker.
//!
//! Who competes: the ports' threads bring sockets of clients that they have refused, which are kept open for a while
//! so that the clients can read why; the dispatcher brings addresses to knock at; the dispatcher and the timer bring
//! work on the database. Full: the socket that came first is closed; of the rest there is as much as there are ports,
//! routes and open messages.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::limits::{LINGER, LINGERING};
use super::pool;
use crate::net::knock;

/// On the device a connection and a panic take 16 and 32 KiB of stack, and a port's certificates as much as a worker's.
const STACK: usize = pool::STACK;

/// Work that may wait for the database.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The thread's work.
pub(crate) struct Aside {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    knocks: Vec<SocketAddr>,
    jobs: VecDeque<Job>,
    /// Each with the time at which it is closed.
    lingering: VecDeque<(Instant, TcpStream)>,
}

enum Work {
    Knock(SocketAddr),
    Run(Job),
    Close(TcpStream),
}

impl Aside {
    /// Starts the thread.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start() -> std::io::Result<Arc<Self>> {
        let aside = Arc::new(Aside { state: Mutex::default(), more: Condvar::new() });
        let own = aside.clone();
        std::thread::Builder::new().name("ws-aside".into()).stack_size(STACK).spawn(move || own.work())?;
        Ok(aside)
    }

    /// Keeps a socket open for a client that has been sent its last answer. One that is closed with bytes unread is
    /// reset, and the answer may be lost.
    pub(crate) fn linger(&self, stream: TcpStream) {
        self.lock().lingering.push_back((Instant::now() + LINGER, stream));
        self.more.notify_one();
    }

    /// Ends a call that waits for a client on `address`, by being one.
    pub(crate) fn knock(&self, address: SocketAddr) {
        self.lock().knocks.push(address);
        self.more.notify_one();
    }

    /// Does `job` when it is its turn.
    pub(crate) fn run(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.more.notify_one();
    }

    fn work(&self) {
        loop {
            match self.next() {
                Work::Knock(address) => knock(address, LINGER),
                // On the device this waits until what was sent has arrived.
                Work::Close(stream) => drop(stream),
                Work::Run(job) => job(),
            }
        }
    }

    fn next(&self) -> Work {
        let mut state = self.lock();
        loop {
            if let Some(address) = state.knocks.pop() {
                return Work::Knock(address);
            }
            let wait =
                state.lingering.front().map(|(until, _)| until.saturating_duration_since(Instant::now()));
            let full = state.lingering.len() > LINGERING;
            if (full || wait.is_some_and(|wait| wait.is_zero()))
                && let Some((_, stream)) = state.lingering.pop_front()
            {
                return Work::Close(stream);
            }
            if let Some(job) = state.jobs.pop_front() {
                return Work::Run(job);
            }
            state = match wait {
                Some(wait) => self.more.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => self.more.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
