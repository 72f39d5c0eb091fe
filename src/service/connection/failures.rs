//! Sends that have failed and that nobody waits for.
//!
//! Who competes: the writer and the dispatcher count what its owner has sent, the reader asks for word of it, and the
//! dispatcher hands the connection to another owner.

use xous::PID;

use crate::service::message::Lent;
use crate::sync::Mutex;

/// Those of a connection's owner.
#[derive(Default)]
pub(crate) struct Failures(Mutex<State>);

#[derive(Default)]
struct State {
    /// The owner's process number; 0 if nobody else can send.
    owner: u8,
    sends: u32,
    /// One has failed since this was last asked.
    is_new: bool,
}

impl Failures {
    /// The connection is this process's, none of whose sends has failed.
    pub(crate) fn belong_to(&self, owner: PID) {
        *self.0.lock() = State { owner: owner.get(), ..State::default() };
    }

    /// So many messages of a send have failed. They are counted if it was moved, and the sender is still the owner.
    pub(crate) fn count(&self, send: &Lent, messages: usize) {
        if !send.is_moved() {
            return;
        }
        // Who the owner is must not change in between.
        let mut state = self.0.lock();
        if state.owner == 0 || send.pid() == state.owner {
            state.sends = state.sends.saturating_add(u32::try_from(messages).unwrap_or(u32::MAX));
            state.is_new = true;
        }
    }

    /// How many there have been.
    pub(crate) fn sends(&self) -> usize {
        self.0.lock().sends as usize
    }

    /// One has failed since this was last asked.
    pub(crate) fn take_new(&self) -> bool {
        std::mem::take(&mut self.0.lock().is_new)
    }
}
