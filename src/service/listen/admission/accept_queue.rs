//! Where a program's pages wait for clients, and clients for a page.
//!
//! Who competes: the dispatcher parks pages. Workers with a client take one each, and wait for it up to the accept
//! deadline. Full: further pages are refused.

use std::collections::VecDeque;
use std::time::Duration;

use xous_api_websocket::Code;

use crate::service::limits::PARKED_ACCEPTS;
use crate::service::message::{Asked, Lent};
use crate::sync::{Condvar, Instant, Mutex};

/// Pages that wait for clients, and clients that wait for a page, of one listener.
pub(crate) struct AcceptQueue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Each with the route that its owner wants a client of, 0 for any.
    pages: VecDeque<(usize, Lent)>,
    closed: bool,
}

impl AcceptQueue {
    pub(crate) fn new() -> Self {
        AcceptQueue {
            state: Mutex::new(State { pages: VecDeque::new(), closed: false }),
            changed: Condvar::new(),
        }
    }

    /// Keeps a page for the next client of `route`.
    pub(crate) fn park(&self, route: usize, page: Lent) {
        let mut state = self.state.lock();
        let code = match (state.closed, state.pages.len()) {
            (true, _) => Code::Closed,
            (false, PARKED_ACCEPTS..) => Code::BusyReceives,
            (false, _) => {
                state.pages.push_back((route, page));
                drop(state);
                return self.changed.notify_all();
            }
        };
        drop(state);
        page.answer(code as usize, 0);
    }

    /// Puts a page back that was taken for a client which has gone.
    pub(crate) fn put_back(&self, route: usize, page: Lent) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            return page.answer(Code::Closed as usize, 0);
        }
        state.pages.push_front((route, page));
        drop(state);
        self.changed.notify_all();
    }

    /// A page for a client of `route` and what it was parked for; waits for it up to `limit`, and while the client
    /// `stays`.
    pub(crate) fn take(
        &self,
        route: u16,
        limit: Duration,
        stays: impl Fn() -> bool,
    ) -> Option<(usize, Lent)> {
        let start = Instant::now();
        let mut state = self.state.lock();
        loop {
            if state.closed || !stays() {
                return None;
            }
            let fits = |(wanted, _): &(usize, Lent)| *wanted == 0 || *wanted == usize::from(route);
            if let Some(at) = state.pages.iter().position(fits) {
                return state.pages.remove(at);
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return None;
            }
            state = self.changed.wait_timeout(state, left);
        }
    }

    /// A client that waits may not stay.
    pub(crate) fn look_again(&self) {
        // A worker that has asked whether its client stays, and does not wait yet, holds the lock.
        drop(self.state.lock());
        self.changed.notify_all();
    }

    /// Gives a page back, if there is one, so that its lender shows that it is there.
    pub(crate) fn ask(&self) -> Asked {
        let page = self.state.lock().pages.pop_back();
        page.map_or(Asked::Nothing, |(_, page)| page.ask(Code::Again as usize))
    }

    /// A page waits for a client.
    pub(crate) fn waits(&self) -> bool {
        !self.state.lock().pages.is_empty()
    }

    /// The listener is given up. Tells everybody who waits.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let pages = std::mem::take(&mut state.pages);
        drop(state);
        self.changed.notify_all();
        pages.into_iter().for_each(|(_, page)| page.answer(Code::Closed as usize, 0));
    }
}
