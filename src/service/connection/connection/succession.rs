//! A connection that has ended leaves its handle to the next one.

use std::sync::Arc;

use xous_api_websocket::Code;
use xous_api_websocket::wire::RestWord;

use super::super::deadline::Deadline;
use super::super::lasting::Lasting;
use super::super::opener::OpeningResult;
use super::super::outcome::Outcome;
use super::{Connection, Parts, Phase, State};
use crate::service::message::Lent;
use crate::sync::atomic::Ordering::SeqCst;

impl Connection {
    /// What a connection has that is opened again.
    pub(crate) fn lasting(&self) -> Option<&Arc<Lasting>> {
        self.lasting.as_ref()
    }

    /// As long as it may be opened again.
    pub(crate) fn reopens(&self) -> Option<Arc<Lasting>> {
        let state = self.state.lock();
        let is_over = state.outcome.as_ref().is_some_and(|outcome| !self.continues(&state, outcome));
        let wanted = !(is_over || state.closed_by_owner || state.is_last);
        self.lasting.clone().filter(|lasting| wanted && !lasting.is_stopped())
    }

    /// The owner wants it opened again no more. If it is not open, it ends as the one before it. `false` if it is not opened
    /// again in any case.
    pub(crate) fn stop_reopening(self: &Arc<Self>) -> bool {
        let Some(lasting) = self.reopens() else { return false };
        // Before the lock under which one is passed on: it has been by then, or is not any more.
        lasting.stop();
        self.end_attempt();
        true
    }

    /// Gives up the attempt that is on, if there is one.
    fn end_attempt(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if let Some(next) = state.next.clone() {
            drop(state);
            return next.end_attempt();
        }
        if !self.keeps_what_waits(&state) {
            drop(state);
            return self.refuse_late();
        }
        (state.phase, state.is_last) = (Phase::Closed, true);
        let outcome = state.broken_off();
        drop(state);
        self.abandon(&outcome);
    }

    /// The device has slept: is the peer still there, or back?
    pub(crate) fn resume(self: &Arc<Self>) {
        if self.state().0 == Phase::Open {
            self.check();
        } else if let Some(lasting) = self.reopens() {
            lasting.resume();
        }
    }

    /// There will be another one in its place: nobody is told of this end.
    pub(super) fn continues(&self, state: &State, outcome: &Outcome) -> bool {
        let wanted = state.was_open && !state.closed_by_owner && !state.is_last;
        state.next.is_some()
            || wanted && self.lasting.as_ref().is_some_and(|lasting| lasting.continues(outcome))
    }

    /// It is one of several attempts and has not been open: what waits, waits for the next.
    pub(super) fn keeps_what_waits(&self, state: &State) -> bool {
        let is_over = state.was_open || state.closed_by_owner || state.is_last;
        self.lasting.is_some() && state.last.is_some() && !is_over
    }

    /// The first opening has failed like this, and others follow if its policy says so: its owner has the connection all the
    /// same, and learns the rest as it learns of any other end. `false` if it says no, or the owner has closed.
    pub(crate) fn lasts_before_open(&self, outcome: &Outcome) -> bool {
        let mut state = self.state.lock();
        let lasts = self.lasting.as_ref().is_some_and(|lasting| lasting.before_open());
        if !lasts || state.closed_by_owner {
            return false;
        }
        state.last.get_or_insert_with(|| outcome.clone());
        drop(state);
        self.tell_opening(OpeningResult::Later);
        true
    }

    /// There was another one before it, or its first opening has failed and others follow.
    pub(crate) fn is_one_of_several(&self) -> bool {
        self.state.lock().last.is_some()
    }

    /// It ended like this, if nothing else is known, and there is no other one.
    pub(crate) fn is_the_last(&self, outcome: Outcome) {
        let mut state = self.state.lock();
        state.is_last = true;
        state.outcome.get_or_insert(outcome);
    }

    /// Takes a message of the owner, for this one or the next, or gives it back with the reason.
    pub(crate) fn send(&self, message: Lent) -> Result<(), (Lent, Code)> {
        match self.outbox.send(message) {
            Err((message, Code::Closed)) => self.send_late(message),
            sent => sent,
        }
    }

    /// This one takes nothing any more. What another one follows is not told as the end: its peer may have closed, and end
    /// the transport late.
    #[cold]
    fn send_late(&self, message: Lent) -> Result<(), (Lent, Code)> {
        let mut state = self.state.lock();
        if let Some(next) = state.next.clone() {
            drop(state);
            return next.send(message);
        }
        match self.lasting.as_ref().filter(|_| self.is_followed(&state)) {
            None => Err((message, Code::Closed)),
            Some(lasting) if !lasting.queues() || message.is_rest() => Err((message, Code::Reconnecting)),
            // As many as the next one's queue has places for.
            Some(_) if state.late.len() > self.outbox.room() => Err((message, Code::BusyQueue)),
            Some(_) => {
                state.late.push(message);
                Ok(())
            }
        }
    }

    /// Another one follows when this one is over. How it ends may not be known yet: then as one that breaks.
    fn is_followed(&self, state: &State) -> bool {
        let continues = |outcome: &Outcome| self.continues(state, outcome);
        self.keeps_what_waits(state)
            || state.outcome.as_ref().map_or_else(|| continues(&state.broken_off()), continues)
    }

    /// What waits for the next one is not sent if none follows.
    pub(super) fn refuse_late(&self) {
        let mut state = self.state.lock();
        let late = if self.is_followed(&state) { Vec::new() } else { std::mem::take(&mut state.late) };
        drop(state);
        self.refuse(late);
    }

    /// Messages of the owner that wait, and their bytes.
    pub(crate) fn queued(&self) -> (usize, usize) {
        let queued = self.outbox.queued();
        if self.lasting.is_none() {
            return queued;
        }
        let state = self.state.lock();
        let late = state.late.iter().map(Lent::counts);
        late.fold(queued, |(count, bytes), (messages, len)| (count + messages, bytes + len))
    }

    /// Sends that still have a place, but for one.
    pub(crate) fn room(&self) -> usize {
        let late = if self.lasting.is_some() { self.state.lock().late.len() } else { 0 };
        self.outbox.room().saturating_sub(late)
    }

    /// It has ended for its owner, or may not be opened again.
    fn is_given_up(&self, state: &State) -> bool {
        state.outcome.as_ref().is_some_and(|outcome| !self.continues(state, outcome))
            || self.lasting.as_ref().is_some_and(|lasting| lasting.is_stopped())
            || state.closed_by_owner
    }

    /// The next one, which takes over what the owner has lent and queued; `None` if the owner has closed or stopped it.
    /// `outcome` is how this one ended.
    pub(crate) fn successor(self: &Arc<Self>, outcome: Outcome) -> Option<Arc<Self>> {
        let next = Self::make(Parts {
            role: self.role,
            handle: self.handle,
            deadlines: self.deadlines,
            lease: self.lease(),
            timer: self.timer.clone(),
            opener: None,
            shared: self.shared.clone(),
            session: self.session % RestWord::MAX_SESSION + 1,
            lasting: self.lasting.clone(),
            last: Some(outcome),
        });
        // The rest of a message that another session has the beginning of cannot wait for this one.
        let queues = self.lasting.as_ref().is_some_and(|lasting| lasting.queues());
        next.outbox.refuse_until_open(if queues { Lent::is_rest } else { |_| true });
        if self.is_given_up(&self.state.lock()) {
            return None;
        }
        // What its writer has not got rid of goes to the next one, or is not sent. What comes from now on is late.
        let waiting = self.outbox.end();
        let mut state = self.state.lock();
        if self.is_given_up(&state) {
            drop(state);
            self.refuse(waiting);
            return None;
        }
        let late = std::mem::take(&mut state.late);
        // Before anybody can send there: in the order in which they came.
        let sent = waiting.into_iter().chain(late).map(|message| next.outbox.send(message));
        let refused: Vec<_> = sent.filter_map(Result::err).collect();
        // The owner may not have asked yet what came of the first opening.
        next.state.lock().opener = state.opener.hand_on();
        // Who has found this one before, and closes it from now on, closes that one.
        state.next = Some(next.clone());
        self.is_succeeded.store(true, SeqCst);
        drop(state);
        self.shared.past.lock().passed.add(self.account.passed());
        for (message, code) in refused {
            self.count_failed(&message);
            message.not_sent(code);
        }
        self.shared.inbox.reopen();
        next.watch_pages();
        // Nobody has taken it up: what is left of the time for that.
        self.timer.pass_on(&self.weak(), &next.weak(), Deadline::TakeUp as usize);
        Some(next)
    }

    /// The one that has taken its place.
    pub(crate) fn next(&self) -> Option<Arc<Self>> {
        self.state.lock().next.clone()
    }

    /// Both threads of one that was passed on have ended.
    pub(crate) fn wind_up(self: &Arc<Self>) {
        self.finished.store(true, SeqCst);
        self.disarm(None);
        self.refuse(self.outbox.end());
        let socket = self.state.lock().socket.take();
        drop(socket);
    }

    /// What the owner is told in order with what it receives.
    pub(crate) fn tell(&self, word: usize, bytes: Vec<u8>) {
        self.shared.inbox.tell(word, bytes);
    }

    /// Messages have passed.
    pub(crate) fn was_open(&self) -> bool {
        self.state.lock().was_open
    }

    /// The threads of the last one have ended, and the owner has heard nothing yet.
    pub(super) fn ends_for_good(&self) {
        self.state.lock().is_last = true;
    }
}
