//! Waiting until the user has opened the PDDB.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use xous::{CID, Message};

use super::client::Pddb;
use super::error::PddbError;
use super::opcode;

const STACK: usize = 16 * 1024;

/// Who waits for `IsMounted`: one thread for the whole process, since its answer may never come.
static WATCH: Watch = Watch {
    state: Mutex::new(State { asking: false, answers: 0, refused: false }),
    answered: Condvar::new(),
};

struct Watch {
    state: Mutex<State>,
    answered: Condvar,
}

struct State {
    /// The thread is there and waits.
    asking: bool,
    /// How often it was answered.
    answers: u32,
    /// The last time it was not, but refused by the kernel.
    refused: bool,
}

impl Pddb {
    /// Waits until a basis is open, at most for `limit`. Asks nobody to open one.
    ///
    /// # Errors
    /// `NotMounted` when the time is over; `NoServer`, `NoAnswer`, `Malformed`.
    pub fn wait_mounted(&self, limit: Duration) -> Result<(), PddbError> {
        let deadline = Instant::now() + limit;
        let cid = self.connection()?;
        while !self.is_mounted()? {
            WATCH.wait(cid, deadline)?;
        }
        Ok(())
    }
}

impl Watch {
    /// Waits until the PDDB says that it is mounted.
    fn wait(&'static self, cid: CID, deadline: Instant) -> Result<(), PddbError> {
        let mut state = self.lock();
        if !state.asking {
            let thread = std::thread::Builder::new().name("pddb-mount".into()).stack_size(STACK);
            if let Err(error) = thread.spawn(move || self.ask(cid)) {
                log::error!("no thread to wait for the PDDB: {error}");
                return Err(PddbError::NotMounted);
            }
            state.asking = true;
        }
        let answers = state.answers;
        while state.answers == answers {
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Err(PddbError::NotMounted);
            }
            state = self.answered.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.refused { Err(PddbError::Malformed) } else { Ok(()) }
    }

    /// The thread. A PDDB that is mounted already answers at once.
    fn ask(&self, cid: CID) {
        let answer = xous::send_message(cid, Message::new_blocking_scalar(opcode::IS_MOUNTED, 0, 0, 0, 0));
        let mut state = self.lock();
        state.asking = false;
        state.answers = state.answers.wrapping_add(1);
        state.refused = answer.is_err();
        self.answered.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
