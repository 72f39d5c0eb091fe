//! How a connection comes to its end: by its owner, its peer, this side, or the network.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use xous_api_websocket::state::Phase;

use super::super::closer::Closer;
use super::super::deadline::{Deadline, SHUTDOWN_AGAIN};
use super::super::inbox::Inbox;
use super::super::opener::Opener;
use super::super::outcome::{ABNORMAL, NO_CODE, Outcome, cut};
use super::{Connection, State};
use crate::net::TlsError;
use crate::proto::{CloseCode, CloseReason, CloseStep, Violation};
use crate::service::message::Lent;
use crate::sync::MutexGuard;

impl Connection {
    /// The owner closes it; `closer` is told how it ended, now or later.
    pub(crate) fn close(self: &Arc<Self>, reason: Option<CloseReason<'_>>, closer: Option<Closer>) {
        let state = self.state.lock();
        if let Some(next) = state.next.clone() {
            drop(state);
            return next.close(reason, closer);
        }
        self.close_this(state, reason, closer);
    }

    /// As [`Connection::close`], and nobody waits, if it is the session of this number and is not about to end. `false` if
    /// it is not: what its peer has is gone with it, and the one that follows has nothing to do with that.
    pub(crate) fn close_session(self: &Arc<Self>, session: usize, reason: Option<CloseReason<'_>>) -> bool {
        let state = self.state.lock();
        let goes_on = state.phase == Phase::Open && state.outcome.is_none() && state.next.is_none();
        let closes = goes_on && self.session == session && !self.outbox.is_closing_now();
        if closes {
            self.close_this(state, reason, None);
        }
        closes
    }

    fn close_this(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        reason: Option<CloseReason<'_>>,
        closer: Option<Closer>,
    ) {
        let again = std::mem::replace(&mut state.closed_by_owner, true);
        if let Some(outcome) = state.outcome.clone() {
            if !(again || self.tells_of_its_end()) {
                state.closers.extend(closer);
                drop(state);
                return self.refuse_late();
            }
            drop(state);
            match closer {
                Some(closer) if again => closer.refuse(),
                Some(closer) => closer.tell(&outcome),
                None => (),
            }
            return self.refuse_late();
        }
        state.closers.extend(closer);
        let opening = state.phase == Phase::Opening;
        state.phase = if opening { Phase::Closed } else { Phase::Closing };
        drop(state);
        self.answer_opener(Opener::cancel);
        self.inbox.closes();
        // Before the reader learns of it, which may wait to answer the peer's Close frame: this one goes first.
        let closes = !opening && self.outbox.close_after_sends(reason);
        self.inbox.leave();
        if opening {
            self.abandon(&Outcome::new(ABNORMAL, "the opening was given up"));
        } else if closes {
            self.arm(Deadline::Close, self.deadlines.close);
        }
        self.refuse_late();
    }

    /// An opening is given up. Nobody waits for the worker, which may be in a look-up that cannot be cut short.
    pub(super) fn abandon(self: &Arc<Self>, outcome: &Outcome) {
        self.end(outcome);
        self.refuse(self.outbox.end());
        // By the timer: to shut a socket down is a message to another server, which is waited for.
        self.arm(Deadline::Shutdown, Duration::ZERO);
    }

    /// The peer broke the protocol (RFC 6455 section 7.1.7): a Close frame at once, nothing delivered any more.
    pub(crate) fn fail(self: &Arc<Self>, violation: Violation) {
        let outcome = Outcome::new(violation.close_code().value(), violation.text());
        self.closing(&outcome, || self.outbox.fail(violation));
    }

    /// This side gives the connection up; as [`Connection::fail`].
    pub(crate) fn give_up(self: &Arc<Self>, code: CloseCode, text: &str) {
        let outcome = Outcome::new(code.value(), text);
        self.closing(&outcome, || self.outbox.close_now(CloseReason::new(code, text)));
    }

    /// The peer's Close frame has come. The owner may still answer what came before it.
    pub(crate) fn peer_closes(&self) {
        self.state.lock().phase = Phase::Closing;
    }

    /// The peer's Close frame is answered, behind what the owner has sent, unless ours has gone before it.
    pub(crate) fn peer_closed(self: &Arc<Self>, reason: Option<CloseReason<'_>>) {
        let (code, text) = reason.map_or((NO_CODE, ""), |reason| (reason.code().value(), reason.text()));
        self.closing(&Outcome { by_peer: true, ..Outcome::new(code, text) }, || {
            self.outbox.peer_closed(reason);
            Vec::new()
        });
        self.half_close();
    }

    /// When both Close frames have passed there is nothing left to send. On a PC this also
    /// ends peers that wait for the other side to end the transport first; see `platform::SHUTDOWN_SENDS_FIN` for the device.
    pub(crate) fn half_close(&self) {
        if matches!(self.outbox.close_step(), CloseStep::AwaitEnd | CloseStep::ShutDown) {
            let socket = self.state.lock().socket.clone();
            if let Some(socket) = socket {
                socket.shutdown(Shutdown::Write);
            }
        }
    }

    fn closing(self: &Arc<Self>, outcome: &Outcome, close: impl FnOnce() -> Vec<Lent>) {
        let mut state = self.state.lock();
        state.phase = Phase::Closing;
        // Before the peer can know: what it does then is not how this ended.
        state.outcome.get_or_insert_with(|| outcome.clone());
        // Nothing is delivered to an owner who hears of the end from the peer. A reader that waits for a page goes on behind
        // the Close frame: nothing that it answers then goes ahead of that.
        self.own_inbox(&state).inspect(|inbox| inbox.stop());
        drop(state);
        let refused = close();
        self.own_inbox(&self.state.lock()).inspect(|inbox| inbox.discard());
        self.refuse(refused);
        self.end(outcome);
        self.arm(Deadline::Close, self.deadlines.close);
    }

    /// The inbox, as long as it is not the next one's. Who passes the connection on does so under the lock: so does who ends
    /// what the inbox delivers.
    fn own_inbox(&self, state: &State) -> Option<&Inbox> {
        state.next.is_none().then_some(&self.inbox)
    }

    /// A read has failed. What TLS says about it is how the connection ended, and the peer is told with an alert. An
    /// error of the socket is the cause only if there is none yet: on the device, a local shutdown is one. Returns whether
    /// it is one of TLS.
    pub(crate) fn broken(self: &Arc<Self>, error: &std::io::Error) -> bool {
        self.breaks(|| format!("the connection was lost: {error}"));
        let is_of_tls = error.get_ref().is_some_and(|error| error.is::<TlsError>());
        if is_of_tls {
            self.end(&Outcome::new(ABNORMAL, &error.to_string()));
            if self.outbox.transport_failed() {
                self.arm(Deadline::Close, self.deadlines.close);
            }
        }
        is_of_tls
    }

    /// Nothing comes any more. If the peer has vanished, nothing goes either; else the writer sends its Close frame,
    /// or a last alert.
    pub(crate) fn reader_ended(self: &Arc<Self>) {
        if matches!(self.outbox.close_step(), CloseStep::Send) || self.outbox.is_failing() {
            return;
        }
        self.break_off();
    }

    /// Remembers why the connection breaks off, which is told together with 1006. The first cause counts.
    pub(crate) fn breaks<T: Into<Box<str>>>(&self, cause: impl FnOnce() -> T) {
        let mut state = self.state.lock();
        if state.cause.is_empty() {
            state.cause = cut(cause().into());
        }
    }

    /// A deadline is over: as [`Connection::break_off`].
    pub(super) fn is_late(self: &Arc<Self>, cause: impl FnOnce() -> String) {
        self.breaks(cause);
        self.break_off();
    }

    /// Nothing can be sent or received any more: both threads come to their end.
    pub(crate) fn break_off(self: &Arc<Self>) {
        let state = self.state.lock();
        let keeps = self.keeps_what_waits(&state);
        let socket = state.socket.clone();
        if !keeps {
            self.own_inbox(&state).inspect(|inbox| inbox.discard());
        }
        drop(state);
        if !keeps {
            self.refuse(self.outbox.end());
        }
        if let Some(socket) = socket {
            socket.shutdown(Shutdown::Both);
            self.arm(Deadline::Shutdown, SHUTDOWN_AGAIN);
        }
    }
}
