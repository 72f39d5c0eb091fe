//! Which connections of a process have something for it: for a program whose one thread receives from all of them.
//!
//! Who competes: readers that want a page, threads that end or hand over a connection, the dispatcher, which parks the
//! process's page, and the timer, which gives it back to see whether the process is there. Full: never, as each slot of
//! the table is in the list once at most.

use std::collections::VecDeque;
use std::sync::Arc;

use xous::PID;
use xous_api_websocket::Code;
use xous_api_websocket::wire::Handle;

use crate::service::message::{Asked, Lent};
use crate::sync::Mutex;

/// Those of all processes.
#[derive(Default)]
pub(crate) struct Watches {
    all: Mutex<Vec<(PID, Arc<Watch>)>>,
}

/// That of a process.
#[derive(Default)]
pub(crate) struct Watch {
    state: Mutex<State>,
}

/// What a connection has of it.
#[derive(Clone)]
pub(crate) struct Watcher {
    pub(crate) watch: Arc<Watch>,
    pub(crate) handle: Handle,
}

#[derive(Default)]
struct State {
    /// Waits for a connection that has something.
    page: Option<Lent>,
    /// Those that have something, and were not named yet.
    ready: VecDeque<Handle>,
    /// How many are watched.
    connections: usize,
}

impl Watches {
    /// That of a process, which is made if it has none.
    pub(crate) fn of(&self, owner: PID) -> Arc<Watch> {
        let mut all = self.all.lock();
        all.retain(|(_, watch)| !watch.is_idle());
        if let Some((_, watch)) = all.iter().find(|(other, _)| *other == owner) {
            return watch.clone();
        }
        let watch = Arc::<Watch>::default();
        all.push((owner, watch.clone()));
        watch
    }

    /// That of a process, if it watches anything.
    pub(crate) fn find(&self, owner: PID) -> Option<Arc<Watch>> {
        self.all.lock().iter().find(|(other, _)| *other == owner).map(|(_, watch)| watch.clone())
    }
}

impl Watch {
    /// The process waits with this page, one at a time.
    pub(crate) fn park(&self, page: Lent) {
        let mut state = self.state.lock();
        if let Some(handle) = state.ready.pop_front() {
            drop(state);
            return name(page, handle);
        }
        let refused = match (&state.page, state.connections) {
            (_, 0) => Code::Closed,
            (Some(_), _) => Code::BusyReceives,
            (None, _) => {
                state.page = Some(page);
                return;
            }
        };
        drop(state);
        page.answer(refused as usize, 0);
    }

    /// Gives the page back, if there is one, so that the process shows that it is there.
    pub(crate) fn ask(&self) -> Asked {
        let page = self.state.lock().page.take();
        page.map_or(Asked::Nothing, |page| page.ask(Code::Again as usize))
    }

    /// Its page is here.
    pub(crate) fn waits(&self) -> bool {
        self.state.lock().page.is_some()
    }

    fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.connections == 0 && state.ready.is_empty() && state.page.is_none()
    }
}

impl Watcher {
    /// From now on the connection is watched.
    pub(crate) fn begin(&self) {
        self.watch.state.lock().connections += 1;
    }

    /// The connection has something, or has ended.
    pub(crate) fn tell(&self) {
        let mut state = self.watch.state.lock();
        match state.page.take() {
            Some(page) => {
                drop(state);
                name(page, self.handle);
            }
            None => {
                state.ready.retain(|other| other.slot() != self.handle.slot());
                state.ready.push_back(self.handle);
            }
        }
    }

    /// The connection is not watched any more. Without any other, nobody needs to wait.
    pub(crate) fn end(&self) {
        let mut state = self.watch.state.lock();
        state.connections = state.connections.saturating_sub(1);
        let page = if state.connections == 0 { state.page.take() } else { None };
        drop(state);
        if let Some(page) = page {
            page.answer(Code::Closed as usize, 0);
        }
    }
}

/// Answers with the name of a connection.
fn name(mut page: Lent, handle: Handle) {
    let bytes = handle.to_raw().to_le_bytes();
    match page.pages_mut().first_chunk_mut() {
        Some(place) => {
            *place = bytes;
            page.answer(0, bytes.len());
        }
        None => page.answer(Code::Malformed as usize, 0),
    }
}
