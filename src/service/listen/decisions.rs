//! Clients whose program decides on them before they are answered.
//!
//! Who competes: a worker for each such client waits for its own decision, up to the accept deadline; the dispatcher
//! brings them. Full: never, as each has a connection in the table.

use std::sync::Arc;
use std::time::Duration;

use xous_api_websocket::wire::Handle;
use xous_api_websocket::{Code, serve::Decision};

use crate::service::message::Lent;
use crate::sync::{Condvar, Instant, Mutex};

/// Those that wait.
#[derive(Default)]
pub(crate) struct Decisions {
    waiting: Mutex<Vec<Waiting>>,
    changed: Condvar,
}

struct Waiting {
    handle: Handle,
    /// The program's message, unread; answered by the worker.
    decision: Option<Lent>,
}

/// A client's wait, until it is dropped.
pub(crate) struct Wait {
    decisions: Arc<Decisions>,
    handle: Handle,
}

impl Decisions {
    /// From here on a decision about the connection is kept for it.
    pub(crate) fn wait(self: &Arc<Self>, handle: Handle) -> Wait {
        self.waiting.lock().push(Waiting { handle, decision: None });
        Wait { decisions: self.clone(), handle }
    }

    /// Brings the decision about a connection, which is the sender's. It is answered when the client is.
    pub(crate) fn bring(&self, handle: Handle, mut page: Lent) {
        if page.data().and_then(Decision::parse).is_none() {
            return page.answer(Code::Malformed as usize, 0);
        }
        page.answer_on_drop(Code::Closed as usize);
        let mut waiting = self.waiting.lock();
        let found = waiting.iter_mut().find(|one| one.handle == handle && one.decision.is_none());
        let late = match found {
            Some(one) => {
                one.decision = Some(page);
                None
            }
            None => Some(page),
        };
        drop(waiting);
        self.changed.notify_all();
        // Answered outside the lock.
        drop(late);
    }
}

impl Wait {
    /// The decision, if it comes within `limit`.
    pub(crate) fn take(self, limit: Duration) -> Option<Lent> {
        let start = Instant::now();
        let mut waiting = self.decisions.waiting.lock();
        loop {
            let own = waiting.iter_mut().find(|one| one.handle == self.handle)?;
            if let Some(decision) = own.decision.take() {
                return Some(decision);
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return None;
            }
            waiting = self.decisions.changed.wait_timeout(waiting, left);
        }
    }
}

impl Drop for Wait {
    /// A decision that comes too late is answered so.
    fn drop(&mut self) {
        let mut waiting = self.decisions.waiting.lock();
        let at = waiting.iter().position(|one| one.handle == self.handle);
        let unread = at.map(|at| waiting.swap_remove(at));
        drop(waiting);
        drop(unread);
    }
}
