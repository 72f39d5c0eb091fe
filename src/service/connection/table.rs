//! The connections, by handle.
//!
//! A handle names a slot and its generation; it is answered for the process that owns the connection and for no
//! other. A connection that has ended keeps its slot until the slot is needed, so that a thread of its owner that
//! asks late learns how it ended.

use std::sync::Arc;

use xous::PID;
use xous_api_websocket::Handle;

use super::connection::Connection;
use super::outcome::Outcome;
use crate::service::limits::SLOTS;
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
    Live(Owner, Arc<Connection>),
    Ended(Owner, Ended),
}

struct Ended {
    outcome: Outcome,
    /// The owner knows.
    known: bool,
    /// How many ended before.
    order: u64,
}

/// Whose connection it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This process's.
    Process(PID),
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

    /// Enters a connection for `owner`, which `make` makes with its handle; `None` if all slots are in use.
    /// Generations begin with 1, so that no message id without a handle means a connection.
    pub(crate) fn enter(
        &self,
        owner: PID,
        make: impl FnOnce(Handle) -> Arc<Connection>,
    ) -> Option<Arc<Connection>> {
        let mut state = self.state.lock();
        let at = state.free_slot()?;
        let slot = state.slots.get_mut(at)?;
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        let conn = make(Handle::new(u8::try_from(at).ok()?, slot.generation));
        conn.belongs_to(owner);
        slot.occupant = Use::Live(Owner::Process(owner), conn.clone());
        state.opened = state.opened.wrapping_add(1);
        Some(conn)
    }

    /// Enters the only connection of an in-process server, under [`Handle::SOLE`].
    pub(crate) fn enter_sole(&self, conn: Arc<Connection>) {
        self.state.lock().slots = vec![Slot { generation: 0, occupant: Use::Live(Owner::Anybody, conn) }];
    }

    /// What `handle` means to `asker`.
    pub(crate) fn find(&self, handle: Handle, asker: Option<PID>) -> Found {
        match self.state.lock().slot(handle, asker).map(|slot| &slot.occupant) {
            Some(Use::Live(_, conn)) => {
                conn.touch();
                Found::Live(conn.clone())
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
    pub(crate) fn grant(&self, handle: Handle, asker: Option<PID>, heir: PID) -> Option<Arc<Connection>> {
        let mut state = self.state.lock();
        match &mut state.slot(handle, asker)?.occupant {
            Use::Live(owner, conn) => {
                *owner = Owner::Process(heir);
                Some(conn.clone())
            }
            _ => None,
        }
    }

    /// A connection's threads have ended; `known` if its owner knows.
    pub(crate) fn ended(&self, handle: Handle, outcome: Outcome, known: bool) {
        let mut state = self.state.lock();
        state.endings += 1;
        let order = state.endings;
        let Some(slot) = state.slots.get_mut(handle.slot()) else { return };
        if slot.generation != handle.generation() {
            return;
        }
        // Dropped outside of the lock: it may hold pages to answer.
        let before = std::mem::take(&mut slot.occupant);
        if let Use::Live(owner, _) = &before {
            slot.occupant = Use::Ended(*owner, Ended { outcome, known, order });
        }
        drop(state);
        drop(before);
    }

    /// Connections that have not ended, and how many there have been in all.
    pub(crate) fn counts(&self) -> (u32, u32) {
        let state = self.state.lock();
        let live = state.slots.iter().filter(|slot| matches!(slot.occupant, Use::Live(..))).count();
        (u32::try_from(live).unwrap_or(u32::MAX), state.opened)
    }
}

impl State {
    /// The slot of `handle` if it is `asker`'s and of that generation.
    fn slot(&mut self, handle: Handle, asker: Option<PID>) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(handle.slot())?;
        let owner = match &slot.occupant {
            Use::Free => return None,
            Use::Live(owner, _) | Use::Ended(owner, _) => *owner,
        };
        let allowed = match owner {
            Owner::Process(pid) => asker == Some(pid),
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
