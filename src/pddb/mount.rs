//! Waiting until the user has opened the PDDB.

use std::time::{Duration, Instant};

use xous::Message;
use xous_api_names::XousNames;

use super::client::Pddb;
use super::courier::NAME;
use super::error::PddbError;
use super::opcode;
use crate::sync::{Condvar, Mutex};

const STACK: usize = 32 * 1024;

/// The wait for `IsMounted`. One thread waits for the whole process, since the answer may never come.
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
    /// Whether the last call was refused by the kernel instead.
    refused: bool,
}

impl Pddb {
    /// Waits until the PDDB is there and a basis is open, for at most `limit`. Asks nobody to open one.
    ///
    /// # Errors
    /// `NoServer` or `NotMounted` when the time is over; `NoAnswer`, `Malformed`.
    pub fn wait_mounted(&self, limit: Duration) -> Result<(), PddbError> {
        let deadline = Instant::now() + limit;
        loop {
            let missing = match self.is_mounted() {
                Ok(true) => return Ok(()),
                Ok(false) => PddbError::NotMounted,
                Err(PddbError::NoServer) => PddbError::NoServer,
                Err(error) => return Err(error),
            };
            if !WATCH.wait(deadline)? {
                return Err(missing);
            }
        }
    }
}

impl Watch {
    /// Waits until the PDDB says that it is mounted. Returns whether it did in time.
    fn wait(&'static self, deadline: Instant) -> Result<bool, PddbError> {
        let mut state = self.state.lock();
        if !state.asking {
            let thread = std::thread::Builder::new().name("pddb-mount".into()).stack_size(STACK);
            if let Err(error) = thread.spawn(move || self.ask()) {
                log::error!("no thread to wait for the PDDB: {error}");
                return Err(PddbError::NoServer);
            }
            state.asking = true;
        }
        let answers = state.answers;
        while state.answers == answers {
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(false);
            }
            state = self.answered.wait_timeout(state, rest);
        }
        if state.refused { Err(PddbError::Malformed) } else { Ok(true) }
    }

    /// The thread. A PDDB that is mounted already answers at once.
    fn ask(&self) {
        let answer = XousNames::new().and_then(|names| {
            let cid = names.request_connection_blocking(NAME)?;
            // The process keeps its connection to the name server, which std uses as well.
            std::mem::forget(names);
            xous::send_message(cid, Message::new_blocking_scalar(opcode::IS_MOUNTED, 0, 0, 0, 0))
        });
        let mut state = self.state.lock();
        state.asking = false;
        state.answers = state.answers.wrapping_add(1);
        state.refused = answer.is_err();
        self.answered.notify_all();
    }
}
