//! The clients of a server, and when it has had enough of them.
//!
//! Who competes: a thread per client, and the main thread, which waits for the end. Nothing can be full: there are as many
//! clients as threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use xous_api_websocket::error::Closed;
use xous_api_websocket::{CloseCode, Websocket};

/// How long the threads are waited for that tell of their clients' ends.
const GOODBYE: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Clients {
    /// Messages that are taken in all.
    limit: Option<u64>,
    /// The first client is the last.
    once: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: Vec<Websocket>,
    /// Messages that have come, and those of them that are dealt with.
    come: u64,
    done: u64,
    /// Threads that take no more clients.
    idle: usize,
    ended: bool,
    /// How the client of `--once` has ended.
    last: Option<Closed>,
}

impl Clients {
    pub(crate) fn new(limit: Option<u64>, once: bool) -> Self {
        Clients { limit, once, state: Mutex::default(), changed: Condvar::new() }
    }

    /// A client has come. `false` if none is wanted any more.
    pub(crate) fn enter(&self, client: &Websocket) -> bool {
        let mut state = self.lock();
        if !state.ended {
            state.open.push(client.clone());
        }
        !state.ended
    }

    /// A client has gone, which has been told.
    pub(crate) fn leave(&self, client: &Websocket, closed: Option<Closed>) {
        let mut state = self.lock();
        state.open.retain(|open| open.handle() != client.handle());
        state.ended |= self.once;
        state.last = closed;
        self.changed.notify_all();
    }

    /// A message has come. `false` if it is one too many.
    pub(crate) fn takes(&self) -> bool {
        let mut state = self.lock();
        state.come += 1;
        self.limit.is_none_or(|limit| state.come <= limit)
    }

    /// A message that was taken is printed and answered.
    pub(crate) fn done(&self) {
        let mut state = self.lock();
        state.done += 1;
        state.ended |= Some(state.done) == self.limit;
        self.changed.notify_all();
    }

    /// A thread takes no more clients. There are `threads` of them.
    pub(crate) fn idle(&self, threads: usize) {
        let mut state = self.lock();
        state.idle += 1;
        state.ended |= state.idle == threads;
        self.changed.notify_all();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Waits until there has been enough, closes what is open and waits until that has been told. Returns how the client of
    /// `--once` has ended.
    pub(crate) fn wait(&self) -> Option<Closed> {
        let state = self.changed.wait_while(self.lock(), |state| !state.ended);
        let open = state.unwrap_or_else(PoisonError::into_inner).open.clone();
        for client in open {
            // One that is gone already is what is wanted.
            client.close(CloseCode::NORMAL, "").ok();
        }
        let told = self.changed.wait_timeout_while(self.lock(), GOODBYE, |state| !state.open.is_empty());
        let (mut state, _) = told.unwrap_or_else(PoisonError::into_inner);
        state.last.take().filter(|_| self.once)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
