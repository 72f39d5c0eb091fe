//! Pages that a connection's owner has lent for what comes in.
//!
//! Who competes: the dispatcher parks pages, one reader takes them, fills them and gives them back. None there:
//! the reader waits, and with it the peer, until the stall deadline. Full: further pages are refused.

use std::collections::VecDeque;

use xous_api_websocket::{Code, ReceiveWord, Status};

use super::outcome::Outcome;
use crate::service::limits::PARKED_RECEIVES;
use crate::service::message::Lent;
use crate::sync::{Condvar, Mutex};

/// The pages.
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    pages: VecDeque<Lent>,
    phase: Phase,
}

enum Phase {
    /// Chunks go to the owner.
    Open,
    /// The owner has closed or stalled: what still comes is dropped.
    Discarding,
    /// The connection has ended like this.
    Over(Outcome),
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let state = State { pages: VecDeque::new(), phase: Phase::Open };
        Inbox { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Keeps a page for the next chunk, or answers it at once if the connection has ended.
    pub(crate) fn park(&self, page: Lent) {
        let mut state = self.state.lock();
        if let Phase::Over(outcome) = &state.phase {
            let outcome = outcome.clone();
            drop(state);
            return outcome.tell(page);
        }
        if state.pages.len() >= PARKED_RECEIVES {
            drop(state);
            return refuse(page, Code::BusyReceives);
        }
        state.pages.push_back(page);
        drop(state);
        self.changed.notify_one();
    }

    /// Keeps a page that was taken and not needed, whatever has been parked meanwhile.
    pub(crate) fn put_back(&self, page: Lent) {
        let mut state = self.state.lock();
        if let Phase::Over(outcome) = &state.phase {
            let outcome = outcome.clone();
            drop(state);
            return outcome.tell(page);
        }
        state.pages.push_front(page);
    }

    /// A page if there is one and chunks still go to the owner.
    pub(crate) fn try_take(&self) -> Option<Lent> {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Open) { state.pages.pop_front() } else { None }
    }

    /// The next page; waits for it. `None` when nothing is delivered any more.
    pub(crate) fn take(&self) -> Option<Lent> {
        let mut state = self.state.lock();
        loop {
            if !matches!(state.phase, Phase::Open) {
                return None;
            }
            if let Some(page) = state.pages.pop_front() {
                return Some(page);
            }
            state = self.changed.wait(state);
        }
    }

    /// From now on nothing is delivered; the pages stay until it is known how the connection ended.
    pub(crate) fn discard(&self) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Discarding;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Chunks still go to the owner.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Open)
    }

    /// Tells everybody who waits how the connection ended.
    pub(crate) fn end(&self, outcome: &Outcome) {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Over(_)) {
            state.phase = Phase::Over(outcome.clone());
        }
        let pages = std::mem::take(&mut state.pages);
        drop(state);
        self.changed.notify_one();
        pages.into_iter().for_each(|page| outcome.tell(page));
    }

    /// The former owner's pages are answered as if the connection had never been its own.
    pub(crate) fn evict(&self) {
        let pages = std::mem::take(&mut self.state.lock().pages);
        drop(pages);
    }
}

/// Answers a `Receive` with a code.
pub(crate) fn refuse(page: Lent, code: Code) {
    page.answer(ReceiveWord { status: Status::Refused(code as u8), send_failed: false }.to_word(), 0);
}
