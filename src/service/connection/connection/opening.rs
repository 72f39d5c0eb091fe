//! The part of a connection's life before it is open.

use std::sync::Arc;

use xous_api_websocket::Code;
use xous_api_websocket::state::Phase;

use super::super::deadline::Deadline;
use super::super::failure::Failure;
use super::super::opener::{Opener, OpeningResult, Told};
use super::super::outcome::{ABNORMAL, Outcome};
use super::Connection;
use crate::net::Socket;
use crate::service::limits::REFUSAL_WAIT;
use crate::service::message::Lent;

impl Connection {
    /// The open deadline starts.
    pub(crate) fn opening(self: &Arc<Self>) {
        self.arm(Deadline::Open, self.deadlines.open);
    }

    /// There is a socket that can be shut down from now on. `false` if the opening was given up meanwhile.
    pub(crate) fn dialled(&self, socket: Arc<Socket>) -> bool {
        let mut state = self.state.lock();
        let wanted = state.phase == Phase::Opening;
        // That of a server that has sent us on is let go of outside of the lock, as its end is a call.
        let before = if wanted { state.socket.replace(socket) } else { None };
        drop(state);
        drop(before);
        wanted
    }

    /// The opening handshake is complete. The page of the `Open`, if there is one; `None` if the opening was given
    /// up meanwhile.
    pub(crate) fn opened(self: &Arc<Self>) -> Option<Option<Lent>> {
        let mut state = self.state.lock();
        if state.phase != Phase::Opening {
            return None;
        }
        (state.phase, state.was_open) = (Phase::Open, true);
        let opener = state.opener.take();
        if state.last.is_some() {
            self.shared.past.lock().reopened += 1;
        }
        drop(state);
        self.account.opens();
        self.disarm(Some(Deadline::Open));
        self.outbox.opens();
        self.begins_to_ping();
        Some(opener)
    }

    /// The server has refused, which is what the caller is told, even if the rest of the answer comes late.
    pub(crate) fn answered(self: &Arc<Self>) {
        self.state.lock().opener.answered();
        self.arm(Deadline::Open, REFUSAL_WAIT);
    }

    /// The owner has the handle and asks later what came of the opening.
    pub(crate) fn tells_later(&self) {
        self.state.lock().opener.asks_later();
    }

    /// The opening waits for whom this names.
    pub(crate) fn waits_for(&self, place: String) {
        self.state.lock().opener.waits_for(place);
    }

    /// Tells what came of the opening, unless somebody was told already.
    pub(crate) fn tell_opening(&self, result: OpeningResult) {
        self.answer_opener(|opener| opener.tell(result));
    }

    /// The owner asks what came of the opening, and is answered when that is known.
    pub(crate) fn wait_open(&self, page: Lent) {
        self.answer_opener(|opener| opener.wait(page));
    }

    /// The opening has failed, unless it was said so already.
    pub(crate) fn fail_opening(&self, failure: Failure) {
        self.state.lock().phase = Phase::Closed;
        self.tell_opening(OpeningResult::Failed(failure));
    }

    /// The owner still wants the connection that is being opened.
    pub(crate) fn is_wanted(&self) -> bool {
        self.state.lock().phase == Phase::Opening
    }

    /// Tells the caller now. The worker that opens the connection ends when its call returns.
    pub(super) fn opening_is_late(self: &Arc<Self>) {
        let mut state = self.state.lock();
        // It may be open by now: then that was in time.
        if state.phase != Phase::Opening {
            return;
        }
        // A refusal that has come is told by the worker.
        if !state.opener.is_answered() {
            state.phase = Phase::Closed;
            drop(state);
            let failure = self.late();
            let outcome = Outcome { why: Some(failure.code), ..Outcome::new(ABNORMAL, &failure.text) };
            if !self.lasts_before_open(&outcome) {
                self.fail_opening(failure);
            }
        } else {
            drop(state);
        }
        self.break_off();
    }

    /// Why an opening has failed that ended with this failure: if its deadline was over before, that is the reason, and what
    /// the socket said when it was shut down is not.
    pub(crate) fn failed_by(&self, failure: Failure) -> Failure {
        let is_late = !self.is_wanted() && !self.is_closed_by_owner();
        if is_late { self.late() } else { failure }
    }

    fn late(&self) -> Failure {
        let (place, open) = (self.state.lock().opener.place(), self.deadlines.open);
        Failure::new(Code::Timeout, format_args!("{place}: not open within {open:?}"))
    }

    pub(super) fn answer_opener(&self, change: impl FnOnce(&mut Opener) -> Told) {
        let told = change(&mut self.state.lock().opener);
        if let Some((page, result)) = told {
            result.tell(self.handle, page);
        }
    }
}
