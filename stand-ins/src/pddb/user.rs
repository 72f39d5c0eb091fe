//! The user of the database, who is asked in a dialog: while it is shown the database serves nobody, and there is no limit
//! to that. A program that answers for the user sends messages to a server of its own, [`PDDB_USER`].
//!
//! The real server asks when it has too few free pages at hand (`pddb_generate_used_map` in `backend/hw.rs`). It asks
//! up to four times for one request; this one does once, as nobody can tell the difference but the user.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use xous::{Message, MessageSender};

use crate::settings::{PDDB_ANSWER, PDDB_ASKED, PDDB_USER};

/// Who waits for a dialog keeps a place in the queue of 64.
const WAITERS_MAX: usize = 32;

/// What the database and its user share.
#[derive(Clone, Default)]
pub(super) struct User {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    /// Dialogs so far.
    asked: usize,
    /// Answers that no dialog has had yet.
    answers: VecDeque<bool>,
    /// Those who wait for so many dialogs.
    waiters: Vec<(usize, MessageSender)>,
}

impl User {
    /// Starts the thread that is told the answers.
    pub(super) fn start(names: &xous_api_names::XousNames) -> Result<User, xous::Error> {
        let server = names.register_name(PDDB_USER, None)?;
        let user = User::default();
        let own = user.clone();
        std::thread::spawn(move || {
            while let Ok(envelope) = xous::receive_message(server) {
                let sender = envelope.sender;
                match &envelope.body {
                    Message::BlockingScalar(scalar) if scalar.id == PDDB_ANSWER => {
                        own.answer(scalar.arg1 != 0);
                        xous::return_scalar(sender, 1).ok();
                    }
                    Message::BlockingScalar(scalar) if scalar.id == PDDB_ASKED => {
                        own.await_dialogs(scalar.arg1, sender);
                    }
                    Message::BlockingScalar(_) => drop(xous::return_scalar(sender, 0)),
                    _ => (),
                }
            }
        });
        Ok(user)
    }

    /// Shows a dialog until it is answered.
    pub(super) fn ask(&self) -> bool {
        let (state, changed) = &*self.shared;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked += 1;
        let asked = state.asked;
        for (_, waiter) in state.waiters.extract_if(.., |(wanted, _)| *wanted <= asked) {
            xous::return_scalar(waiter, asked).ok();
        }
        loop {
            if let Some(answer) = state.answers.pop_front() {
                return answer;
            }
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn answer(&self, answer: bool) {
        let (state, changed) = &*self.shared;
        state.lock().unwrap_or_else(PoisonError::into_inner).answers.push_back(answer);
        changed.notify_all();
    }

    /// Answers with the number of dialogs when there have been so many.
    fn await_dialogs(&self, wanted: usize, waiter: MessageSender) {
        let mut state = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.asked < wanted && state.waiters.len() < WAITERS_MAX {
            state.waiters.push((wanted, waiter));
        } else {
            xous::return_scalar(waiter, state.asked).ok();
        }
    }
}
