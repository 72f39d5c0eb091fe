//! The one worker that carries what comes on upload connections into the database.
//!
//! Who competes: lanes, in the order in which something came on them. The database serves one request at a time anyway, so
//! one that asks its user holds up this worker, and no reader. Without a worker, the thread that has something to be carried
//! does it. Every call ends when the database has been silent for as long as the lane says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::pddb::Patience;
use crate::service::limits::UPLOAD_TOLD;
use crate::service::thread::Pool;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What has come on a connection.
pub(crate) trait Load: Send + Sync {
    /// Works on what there is. Returns whether there is more, which waits until others had their turn.
    fn carry(self: Arc<Self>) -> bool;

    /// For how long the database may be silent meanwhile.
    fn patience(&self) -> Duration;

    /// The database is silent: those who wait are told.
    fn tell(&self);
}

/// Has one worker carry all loads.
pub(crate) struct Carrier {
    pool: Arc<Pool>,
    state: Mutex<Ready>,
    /// The database does not answer.
    silent: AtomicBool,
}

#[derive(Default)]
struct Ready {
    /// Those with something to do that nobody does yet.
    loads: VecDeque<Arc<dyn Load>>,
    /// The one that is being carried.
    carried: Option<Arc<dyn Load>>,
    /// Somebody carries.
    runs: bool,
}

impl Carrier {
    pub(crate) fn new(pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Carrier { pool, state: Mutex::default(), silent: AtomicBool::new(false) })
    }

    /// Carries a load when it is its turn. It is not among them yet.
    pub(crate) fn enter(self: &Arc<Self>, load: Arc<dyn Load>) {
        let mut state = self.state.lock();
        state.loads.push_back(load);
        if std::mem::replace(&mut state.runs, true) {
            return;
        }
        drop(state);
        let own = self.clone();
        if !self.pool.try_spawn(move || own.run()) {
            self.run();
        }
    }

    /// As [`Carrier::enter`], by no means on this thread. Returns `false` if there is no worker; then it was not entered.
    pub(crate) fn enter_elsewhere(self: Arc<Self>, load: Arc<dyn Load>) -> bool {
        let mut state = self.state.lock();
        state.loads.push_back(load.clone());
        if std::mem::replace(&mut state.runs, true) {
            return true;
        }
        drop(state);
        let own = self.clone();
        if self.pool.try_spawn(move || own.run()) {
            return true;
        }
        let mut state = self.state.lock();
        state.runs = false;
        state.loads.retain(|other| !Arc::ptr_eq(other, &load));
        false
    }

    /// A load has nothing to be carried any more.
    pub(crate) fn leave(&self, load: &Arc<dyn Load>) {
        self.state.lock().loads.retain(|other| !Arc::ptr_eq(other, load));
    }

    /// The database has been silent for a while.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Relaxed)
    }

    /// The database has answered, if it was silent.
    pub(crate) fn goes_on(&self) {
        if self.silent.swap(false, Relaxed) {
            Patience::renew();
        }
    }

    fn run(self: &Arc<Self>) {
        loop {
            let mut state = self.state.lock();
            state.carried = state.loads.pop_front();
            let Some(load) = state.carried.clone() else {
                state.runs = false;
                return;
            };
            drop(state);
            let own = self.clone();
            let patience = Patience::new(load.patience(), UPLOAD_TOLD, move || own.tell());
            let again = patience.during(|| load.clone().carry());
            let mut state = self.state.lock();
            state.carried = None;
            if again {
                state.loads.push_back(load);
            }
        }
    }

    /// Tells everybody who waits that the database is silent.
    fn tell(&self) {
        self.silent.store(true, Relaxed);
        let state = self.state.lock();
        let loads: Vec<_> = state.carried.iter().chain(&state.loads).cloned().collect();
        drop(state);
        loads.iter().for_each(|load| load.tell());
    }
}
