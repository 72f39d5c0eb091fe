//! The connections, by handle.
//!
//! A handle names a slot and its generation. It is good only for the process that owns the connection. A connection
//! that has ended keeps its slot until the slot is needed, so that a thread of its owner that asks late learns how it
//! ended.

use std::sync::Arc;

use xous::PID;
use xous_api_websocket::Code;
use xous_api_websocket::state::Phase;
use xous_api_websocket::wire::Handle;

use super::connection::Connection;
use super::opener::OpeningResult;
use super::outcome::Outcome;
use crate::service::limits::{KEPT_CONNECTIONS, SLOTS};
use crate::sync::Mutex;

/// The table.
pub(crate) struct Table {
    state: Mutex<State>,
}

struct State {
    slots: Vec<Slot>,
    /// Connections ended so far, to know which ended first.
    endings: u64,
    opened: u32,
}

#[derive(Default)]
struct Slot {
    generation: u16,
    occupant: Use,
}

#[derive(Default)]
enum Use {
    #[default]
    Free,
    Live(Live),
    Ended(Owner, Ended),
}

struct Live {
    owner: Owner,
    /// Whose share it is in: the former owner's until the next one has taken it up, so that nobody fills another's.
    share: Owner,
    conn: Arc<Connection>,
}

struct Ended {
    outcome: Outcome,
    /// The owner knows.
    known: bool,
    /// What came of its opening, if nobody has asked yet.
    opening: Option<Box<OpeningResult>>,
    /// How many ended before.
    order: u64,
}

/// Whose connection it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This process's.
    Process(PID),
    /// The service's, which no process may ask for.
    Service,
    /// Anybody's who has the server's SID: that of an in-process server is known to its process only.
    Anybody,
}

/// What a handle stands for, for the process that asks.
pub(crate) enum Found {
    /// A connection.
    Live(Arc<Connection>),
    /// One that has ended like this.
    Ended(Outcome),
    /// Nothing.
    Unknown,
}

impl Table {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Table { state: Mutex::new(State { slots: Vec::new(), endings: 0, opened: 0 }) })
    }

    /// Enters a connection for `owner`, which `make` makes with its handle; `None` if all slots are in use, or what is
    /// left of the service's `places` is for processes without a connection. Generations begin with 1, so that no message id without a handle means a connection.
    pub(crate) fn enter(
        &self,
        owner: PID,
        places: usize,
        make: impl FnOnce(Handle) -> Arc<Connection>,
    ) -> Option<Arc<Connection>> {
        self.enter_for(owner, Owner::Process(owner), places, make)
    }

    /// As [`Table::enter`], in the share of `process`.
    pub(crate) fn enter_for(
        &self,
        process: PID,
        owner: Owner,
        places: usize,
        make: impl FnOnce(Handle) -> Arc<Connection>,
    ) -> Option<Arc<Connection>> {
        let mut state = self.state.lock();
        let share = Owner::Process(process);
        if state.is_short(places) && state.holds(share) {
            return None;
        }
        let at = state.free_slot()?;
        let slot = state.slots.get_mut(at)?;
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        let conn = make(Handle::new(u8::try_from(at).ok()?, slot.generation));
        conn.belongs_to(process);
        slot.occupant = Use::Live(Live { owner, share, conn: conn.clone() });
        state.opened = state.opened.wrapping_add(1);
        Some(conn)
    }

    /// Enters the only connection of an in-process server, under [`Handle::SOLE`].
    pub(crate) fn enter_sole(&self, conn: Arc<Connection>) {
        let live = Live { owner: Owner::Anybody, share: Owner::Anybody, conn };
        self.state.lock().slots = vec![Slot { generation: 0, occupant: Use::Live(live) }];
    }

    /// What `handle` means to `asker`.
    pub(crate) fn find(&self, handle: Handle, asker: Option<PID>) -> Found {
        match self.state.lock().slot(handle, asker).map(|slot| &mut slot.occupant) {
            Some(Use::Live(live)) => {
                live.share = live.owner;
                live.conn.touch();
                Found::Live(live.conn.clone())
            }
            Some(Use::Ended(_, ended)) => Found::Ended(ended.outcome.clone()),
            _ => Found::Unknown,
        }
    }

    /// The owner closes a connection that has ended: `false` if it knew.
    pub(crate) fn acknowledge(&self, handle: Handle, asker: Option<PID>) -> bool {
        match self.state.lock().slot(handle, asker).map(|slot| &mut slot.occupant) {
            Some(Use::Ended(_, ended)) => !std::mem::replace(&mut ended.known, true),
            _ => false,
        }
    }

    /// Makes `heir` the owner; the connection, if it was `asker`'s.
    ///
    /// # Errors
    /// `Closed` if it was not; `NoWorker` if few are left and the heir has one already.
    pub(crate) fn grant(
        &self,
        handle: Handle,
        asker: Option<PID>,
        heir: PID,
        places: usize,
    ) -> Result<Arc<Connection>, Code> {
        let mut state = self.state.lock();
        let heir = Owner::Process(heir);
        let full = state.is_short(places) && state.holds(heir);
        match state.slot(handle, asker).map(|slot| &mut slot.occupant) {
            Some(Use::Live(_)) if full => Err(Code::NoWorker),
            Some(Use::Live(live)) => {
                live.owner = heir;
                Ok(live.conn.clone())
            }
            _ => Err(Code::Closed),
        }
    }

    /// Puts the one that follows a connection in its place. `false` if that is not there.
    pub(crate) fn replace(&self, next: &Arc<Connection>) -> bool {
        let handle = next.handle;
        let mut state = self.state.lock();
        match state.slots.get_mut(handle.slot()) {
            Some(Slot { generation, occupant: Use::Live(live) }) if *generation == handle.generation() => {
                live.conn = next.clone();
                true
            }
            _ => false,
        }
    }

    /// What came of the opening of a connection that has ended. It is told once.
    pub(crate) fn take_opening(&self, handle: Handle, asker: Option<PID>) -> Option<Box<OpeningResult>> {
        match self.state.lock().slot(handle, asker).map(|slot| &mut slot.occupant) {
            Some(Use::Ended(_, ended)) => {
                ended.known |= matches!(ended.opening.as_deref(), Some(OpeningResult::Failed(_)));
                ended.opening.take()
            }
            _ => None,
        }
    }

    /// A connection's threads have ended; `known` if its owner knows. It may not know what came of its `opening`.
    pub(crate) fn ended(
        &self,
        handle: Handle,
        outcome: Outcome,
        known: bool,
        opening: Option<Box<OpeningResult>>,
    ) {
        let mut state = self.state.lock();
        state.endings += 1;
        let order = state.endings;
        let Some(slot) = state.slots.get_mut(handle.slot()) else { return };
        if slot.generation != handle.generation() {
            return;
        }
        // Dropped outside of the lock: it may hold pages to answer.
        let before = std::mem::take(&mut slot.occupant);
        if let Use::Live(live) = &before {
            // Or it has been told since; one that is told from now on acknowledges it.
            let known = known || live.conn.is_closed_by_owner();
            slot.occupant = Use::Ended(live.owner, Ended { outcome, known, opening, order });
        }
        drop(state);
        drop(before);
    }

    /// The processes that have a connection, as often as they have one.
    pub(crate) fn owners(&self) -> Vec<PID> {
        let state = self.state.lock();
        let owners = state.live().filter_map(|live| match live.owner {
            Owner::Process(owner) => Some(owner),
            Owner::Service | Owner::Anybody => None,
        });
        owners.collect()
    }

    /// The process has a connection, also one that it has handed over and that was not taken up.
    pub(crate) fn has_any(&self, process: PID) -> bool {
        self.state.lock().holds(Owner::Process(process))
    }

    /// The connections of a process that are open, or are opened again.
    pub(crate) fn of(&self, owner: PID) -> Vec<Arc<Connection>> {
        let state = self.state.lock();
        let own = state.live().filter(|live| live.owner == Owner::Process(owner));
        let lasts = |conn: &Arc<Connection>| match conn.state().0 {
            Phase::Open => true,
            Phase::Opening => conn.is_one_of_several(),
            _ => false,
        };
        own.map(|live| live.conn.clone()).filter(lasts).collect()
    }

    /// Those of all processes that are like this, in the order of their slots.
    pub(crate) fn all(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
        let state = self.state.lock();
        state.live().filter(|live| wanted(&live.conn)).map(|live| live.conn.clone()).collect()
    }

    /// Connections that have not ended, and how many there have been in all.
    pub(crate) fn counts(&self) -> (u32, u32) {
        let state = self.state.lock();
        (u32::try_from(state.live().count()).unwrap_or(u32::MAX), state.opened)
    }
}

impl State {
    fn live(&self) -> impl Iterator<Item = &Live> {
        self.slots.iter().filter_map(|slot| match &slot.occupant {
            Use::Live(live) => Some(live),
            _ => None,
        })
    }

    /// What is left of the service's connections is for processes without one.
    fn is_short(&self, places: usize) -> bool {
        self.live().count() + KEPT_CONNECTIONS >= places
    }

    /// The process has a connection, or has handed one over that was not taken up. One that it was handed unasked does
    /// not count.
    fn holds(&self, owner: Owner) -> bool {
        self.live().any(|live| live.share == owner)
    }

    /// The slot of `handle` if it is `asker`'s and of that generation.
    fn slot(&mut self, handle: Handle, asker: Option<PID>) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(handle.slot())?;
        let owner = match &slot.occupant {
            Use::Free => return None,
            Use::Live(live) => live.owner,
            Use::Ended(owner, _) => *owner,
        };
        let allowed = match owner {
            Owner::Process(pid) => asker == Some(pid),
            Owner::Service => false,
            Owner::Anybody => true,
        };
        (allowed && slot.generation == handle.generation()).then_some(slot)
    }

    /// A free slot, a new one, or that of the connection that ended first: one whose owner knows, if there is any.
    fn free_slot(&mut self) -> Option<usize> {
        if let Some(at) = self.slots.iter().position(|slot| matches!(slot.occupant, Use::Free)) {
            return Some(at);
        }
        if self.slots.len() < SLOTS {
            self.slots.push(Slot::default());
            return Some(self.slots.len() - 1);
        }
        let ended = self.slots.iter().enumerate().filter_map(|(at, slot)| match &slot.occupant {
            Use::Ended(_, ended) => Some((!ended.known, ended.order, at)),
            _ => None,
        });
        ended.min().map(|(_, _, at)| at)
    }
}
