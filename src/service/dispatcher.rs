//! The server thread. It receives every message, checks who asks, and hands the envelope on. It never waits for a
//! socket, a client or another service, not even for the log server: it notes what a worker then prints.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use xous::{CID, PID, SID};
use xous_api_websocket::Code;
use xous_api_websocket::state::{Phase, Statistics, Stats};
use xous_api_websocket::wire::{Handle, Opcode, split_message_id};

use super::connection::{ABNORMAL, Closer, Found, Outcome, Table, refuse_page, suspends};
use super::limits::{MESSAGE_BYTES, QUEUED_SENDS};
use super::message::{Incoming, Lent, Quota, Scalar};
use super::thread::{Note, Pool, Timer, note};
use crate::platform::heap;
use crate::proto::{CloseCode, CloseReason};

/// Everything that the server thread hands work to.
pub(crate) struct Dispatcher {
    pub(crate) sid: SID,
    pub(crate) table: Arc<Table>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) timer: Arc<Timer>,
    pub(crate) quota: Arc<Quota>,
    /// `None` in-process, where there is one connection and `Quit` ends the server.
    pub(crate) system: Option<Box<dyn Serve>>,
    /// In-process until the first `Quit`: the server's own connection to itself.
    pub(crate) own: Cell<Option<CID>>,
}

/// What the service does for every process, and an in-process server does not. It is a trait, so that a program with
/// an in-process server does not contain its code.
pub(crate) trait Serve {
    /// Deals with a memory message; its opcode is not one for an open connection.
    fn memory(&self, opcode: Opcode, caller: Caller, lent: Lent);

    /// Deals with a scalar; its opcode is not one for an open connection.
    fn scalar(&self, opcode: Opcode, caller: Caller, scalar: Scalar);

    /// When the first certificate of a port expires, in seconds since 1970; 0 if there is none.
    fn certificate_expires(&self) -> u32;

    /// Threads of the service.
    fn threads(&self) -> usize;

    /// A message was refused, as there are too many.
    fn short_of_messages(&self, caller: Caller);
}

/// The sender of a message, and the connection or listener that it means.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) pid: Option<PID>,
    pub(crate) handle: Handle,
}

impl Dispatcher {
    /// Serves until the kernel refuses or, in-process, the connection has ended and `Quit` or the owner's `Close` has
    /// come. What others have sent until then is answered.
    ///
    /// # Errors
    /// Those of the kernel, when the server does not exist any more.
    pub(crate) fn run(&self) -> Result<(), xous::Error> {
        while self.take(xous::receive_message(self.sid)?).is_continue() {}
        while let Ok(Some(envelope)) = xous::try_receive_message(self.sid) {
            let _ = self.take(envelope);
        }
        Ok(())
    }

    fn take(&self, envelope: xous::MessageEnvelope) -> ControlFlow<()> {
        let pid = envelope.sender.pid();
        if let Some(pid) = pid {
            self.quota.hear(pid);
        }
        let (opcode, handle) = split_message_id(envelope.body.id());
        let opcode = num_traits::FromPrimitive::from_u8(opcode);
        let caller = Caller { pid, handle };
        match Incoming::new(envelope) {
            Incoming::Lent(lent) => self.memory(opcode, caller, lent),
            Incoming::Scalar(scalar) => self.scalar(opcode, caller, scalar),
        }
    }

    fn memory(&self, opcode: Option<Opcode>, caller: Caller, mut lent: Lent) -> ControlFlow<()> {
        prepare(opcode, &mut lent);
        match self.admit(opcode, caller, &mut lent) {
            Ok(()) => (),
            Err(code) => {
                if matches!(opcode, Some(Opcode::Send | Opcode::SendSeveral))
                    && let Found::Live(conn) = self.find(caller)
                {
                    conn.count_failed(&lent);
                }
                if code == Code::BusyService
                    && let Some(system) = &self.system
                {
                    system.short_of_messages(caller);
                }
                refuse(opcode, lent, code);
                return ControlFlow::Continue(());
            }
        }
        match opcode {
            Some(Opcode::Send | Opcode::SendSeveral) => self.send(caller, lent),
            Some(Opcode::Exchange) => match lent.pages_mut().is_empty() {
                true => lent.not_sent(Code::Malformed),
                false => self.send(caller, lent),
            },
            Some(Opcode::Receive | Opcode::ReceiveSeveral) => self.receive(caller, lent),
            Some(Opcode::Close) => return self.close_page(caller, lent),
            Some(Opcode::Stats) => self.stats(lent),
            Some(Opcode::Statistics) => self.statistics(caller, lent),
            Some(opcode) => match &self.system {
                Some(system) => system.memory(opcode, caller, lent),
                None => lent.answer(Code::NotPermitted as usize, 0),
            },
            None => lent.answer(Code::UnknownOpcode as usize, 0),
        }
        ControlFlow::Continue(())
    }

    /// Counts a message as open, or says why it is refused. A message that is answered at once need not be counted. A
    /// Close always gets through; if there is no place for it to wait, its sender does not wait.
    fn admit(&self, opcode: Option<Opcode>, caller: Caller, lent: &mut Lent) -> Result<(), Code> {
        let pid = caller.pid.map_or(0, PID::get);
        if lent.size() > MESSAGE_BYTES {
            return Err(Code::Malformed);
        }
        match opcode {
            None => {
                note(Note::UnknownOpcode);
                return Err(Code::UnknownOpcode);
            }
            Some(Opcode::Stats | Opcode::Statistics) => (),
            Some(Opcode::Close) => {
                if let Some(ticket) = self.quota.take_close(pid, lent.size()) {
                    lent.hold(ticket);
                }
            }
            Some(_) => lent.hold(self.quota.take(pid, lent.size())?),
        }
        Ok(())
    }

    fn scalar(&self, opcode: Option<Opcode>, caller: Caller, scalar: Scalar) -> ControlFlow<()> {
        match opcode {
            Some(Opcode::Close) => return self.close_scalar(caller, scalar),
            Some(Opcode::State) => self.state(caller, scalar),
            Some(Opcode::Liveness) => self.liveness(caller, scalar),
            Some(Opcode::Keepalive) => self.keepalive(caller, scalar),
            Some(Opcode::Queued) => {
                let (messages, bytes) = match self.find(caller) {
                    Found::Live(conn) => conn.queued(),
                    Found::Ended(_) | Found::Unknown => (0, 0),
                };
                scalar.answer2(messages, bytes);
            }
            Some(Opcode::Room) => self.room(caller, scalar),
            Some(Opcode::Quit) if self.system.is_none() => {
                scalar.answer1(0);
                return self.quit();
            }
            Some(opcode) => match &self.system {
                Some(system) => system.scalar(opcode, caller, scalar),
                None => scalar.refuse(Code::NotPermitted),
            },
            None if suspends::told(scalar.arguments) => (),
            None => {
                note(Note::UnknownOpcode);
                scalar.refuse(Code::UnknownOpcode);
            }
        }
        ControlFlow::Continue(())
    }

    /// Tells the peer of an in-process server. The end, or the close deadline, brings another `Quit`.
    fn quit(&self) -> ControlFlow<()> {
        let Found::Live(conn) = self.table.find(Handle::SOLE, None) else { return ControlFlow::Break(()) };
        if let Some(own) = self.own.take() {
            conn.close(CloseReason::new(CloseCode::GOING_AWAY, ""), Some(Closer::Server(own)));
        }
        // One that was being opened is given up at once.
        if conn.state().0 == Phase::Closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn send(&self, caller: Caller, mut lent: Lent) {
        match self.find(caller) {
            Found::Live(conn) => {
                lent.is_of(conn.inbox.owner());
                if let Err((lent, code)) = conn.send(lent) {
                    if code != Code::Closed {
                        self.quota.refuse(code);
                    }
                    conn.count_failed(&lent);
                    lent.not_sent(code);
                }
            }
            Found::Ended(_) | Found::Unknown => lent.not_sent(Code::Closed),
        }
    }

    /// Nothing waits of a connection that is not the caller's.
    fn room(&self, caller: Caller, scalar: Scalar) {
        let sends = match self.find(caller) {
            Found::Live(conn) => conn.room(),
            Found::Ended(_) | Found::Unknown => QUEUED_SENDS,
        };
        let (messages, bytes) = self.quota.room(caller.pid.map_or(0, PID::get));
        scalar.answer5([sends, messages, bytes, 0, 0]);
    }

    fn receive(&self, caller: Caller, mut page: Lent) {
        if page.pages_mut().is_empty() {
            return refuse_page(page, Code::Malformed);
        }
        match self.find(caller) {
            Found::Live(conn) => {
                if let wait @ 1.. = page.offset() {
                    page.wanted_after(Duration::from_millis(wait as u64));
                }
                conn.receive(page);
            }
            Found::Ended(outcome) => outcome.tell(page),
            Found::Unknown => Outcome::new(ABNORMAL, "").tell(page),
        }
    }

    fn close_page(&self, caller: Caller, page: Lent) -> ControlFlow<()> {
        let text = page.data().and_then(|text| std::str::from_utf8(text).ok()).map(str::to_owned);
        let (Some(code), Some(text)) = (close_code(page.offset()), text) else {
            refuse_page(page, Code::Malformed);
            return ControlFlow::Continue(());
        };
        match CloseReason::new(code, &text) {
            reason @ Some(_) => self.close(caller, reason, Closer::Page(page)),
            None => {
                refuse_page(page, Code::TooLong);
                ControlFlow::Continue(())
            }
        }
    }

    fn close_scalar(&self, caller: Caller, mut scalar: Scalar) -> ControlFlow<()> {
        let Some(code) = close_code(scalar.arguments[0]) else {
            scalar.refuse(Code::Malformed);
            return ControlFlow::Continue(());
        };
        if let session @ 1.. = scalar.arguments[1] {
            let reason = CloseReason::new(code, "");
            match self.find(caller) {
                Found::Live(conn) if conn.close_session(session, reason) => scalar.answer2(0, 0),
                _ => scalar.refuse(Code::Closed),
            }
            return ControlFlow::Continue(());
        }
        if scalar.is_blocking()
            && let Some(ticket) = self.quota.take_close(caller.pid.map_or(0, PID::get), 0)
        {
            scalar.hold(ticket);
        }
        self.close(caller, CloseReason::new(code, ""), Closer::Scalar(scalar))
    }

    fn close(&self, caller: Caller, reason: Option<CloseReason<'_>>, closer: Closer) -> ControlFlow<()> {
        match self.find(caller) {
            Found::Live(conn) if closer.may_wait() => {
                conn.close(reason, Some(closer));
                // It may have ended meanwhile: then its owner knows.
                self.table.acknowledge(caller.handle, caller.pid);
            }
            Found::Live(conn) => {
                conn.close(reason, None);
                closer.tell(&Outcome::new(ABNORMAL, ""));
            }
            Found::Ended(outcome) => {
                match self.table.acknowledge(caller.handle, caller.pid) {
                    true => closer.tell(&outcome),
                    false => closer.refuse(),
                }
                if self.system.is_none() {
                    return ControlFlow::Break(());
                }
            }
            Found::Unknown => closer.refuse(),
        }
        ControlFlow::Continue(())
    }

    fn state(&self, caller: Caller, scalar: Scalar) {
        let (phase, failed) = match self.find(caller) {
            Found::Live(conn) => conn.state(),
            Found::Ended(_) | Found::Unknown => (Phase::Closed, 0),
        };
        scalar.answer2(phase as usize, failed);
    }

    fn liveness(&self, caller: Caller, scalar: Scalar) {
        let (phase, failed, why, times) = match self.find(caller) {
            Found::Live(conn) => {
                let (phase, failed) = conn.state();
                (phase, failed, conn.why(), conn.round_trip())
            }
            Found::Ended(outcome) => (Phase::Closed, 0, outcome.why, [0; 3]),
            Found::Unknown => (Phase::Closed, 0, None, [0; 3]),
        };
        let [last, least, mean] = times.map(|time| time as usize);
        let why = why.map_or(0, |why| (why as usize) << 8);
        scalar.answer5([phase as usize | why, failed, last, least, mean]);
    }

    fn keepalive(&self, caller: Caller, scalar: Scalar) {
        let [silence, pong] =
            [scalar.arguments[0], scalar.arguments[1]].map(|ms| Duration::from_millis(ms as u64));
        match self.find(caller) {
            Found::Live(conn) if conn.set_keepalive((!silence.is_zero()).then_some(silence), pong) => {
                scalar.answer2(0, 0);
            }
            _ => scalar.refuse(Code::Closed),
        }
    }

    fn statistics(&self, caller: Caller, mut page: Lent) {
        let statistics = match self.find(caller) {
            Found::Live(conn) => conn.statistics(),
            Found::Ended(outcome) => {
                let mut ended = Statistics::new(caller.handle);
                ended.why = outcome.why;
                ended.last_end = Some(outcome.told());
                ended
            }
            Found::Unknown => Statistics::new(caller.handle),
        };
        match statistics.write(page.pages_mut()) {
            Some(len) => page.answer(0, len),
            None => page.answer(Code::Malformed as usize, 0),
        }
    }

    fn stats(&self, mut page: Lent) {
        let (connections, opened) = self.table.counts();
        let (busy_workers, workers) = self.pool.counts();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut figures = Stats::default();
        figures.connections = connections;
        figures.workers_busy = number(busy_workers);
        figures.workers = number(workers);
        // And the one that asks.
        figures.open_messages = self.quota.open() + 1;
        figures.timers = number(self.timer.len());
        figures.opened = opened;
        figures.busy = self.quota.refused();
        [figures.busy_messages, figures.busy_service, figures.busy_queue, figures.no_worker] =
            self.quota.refused_for();
        // In-process this one, the timer's and workers.
        let threads = self.system.as_ref().map_or(2 + workers, |system| system.threads());
        figures.threads = number(threads);
        figures.heap = number(heap());
        figures.certificate_expires = self.system.as_ref().map_or(0, |system| system.certificate_expires());
        match figures.write(page.pages_mut()) {
            Some(len) => page.answer(0, len),
            None => page.answer(Code::Malformed as usize, 0),
        }
    }

    fn find(&self, caller: Caller) -> Found {
        self.table.find(caller.handle, caller.pid)
    }
}

/// Has a memory message answered as its opcode asks for, and say what it is for.
fn prepare(opcode: Option<Opcode>, lent: &mut Lent) {
    if matches!(opcode, Some(Opcode::Receive | Opcode::ReceiveSeveral | Opcode::Close)) {
        lent.answer_on_drop(Outcome::new(ABNORMAL, "").word());
    }
    match opcode {
        Some(Opcode::ReceiveSeveral) => lent.take_several(),
        Some(Opcode::SendSeveral) => lent.holds_several(),
        Some(Opcode::Exchange) => lent.exchange(),
        _ => (),
    }
}

/// Answers a memory message with a code, in the form that its opcode asks for.
fn refuse(opcode: Option<Opcode>, lent: Lent, code: Code) {
    match opcode {
        Some(Opcode::Receive | Opcode::ReceiveSeveral | Opcode::Close) => refuse_page(lent, code),
        _ => lent.not_sent(code),
    }
}

/// The close code that a caller asks for. 0 stands for 1000. `None` if the code may not be sent.
pub(super) fn close_code(code: usize) -> Option<CloseCode> {
    match u16::try_from(code).ok()? {
        0 => Some(CloseCode::NORMAL),
        code => CloseCode::new(code),
    }
}

#[cfg(test)]
mod tests {
    /// What the server thread runs, and the one that waits for deadlines. A line in the log is a message to the log server,
    /// and its sender waits.
    const SOURCES: [(&str, &str); 49] = [
        ("dispatcher", include_str!("dispatcher.rs")),
        ("system", include_str!("system.rs")),
        ("message/envelope", include_str!("message/envelope.rs")),
        ("message/quota", include_str!("message/quota.rs")),
        ("connection/table", include_str!("connection/table.rs")),
        ("connection/watch", include_str!("connection/watch.rs")),
        ("connection/inbox", include_str!("connection/inbox.rs")),
        ("connection/told", include_str!("connection/told.rs")),
        ("connection/outbox", include_str!("connection/outbox.rs")),
        ("connection/lasting", include_str!("connection/lasting.rs")),
        ("connection/liveness", include_str!("connection/liveness.rs")),
        ("connection/outcome", include_str!("connection/outcome.rs")),
        ("connection/account", include_str!("connection/account.rs")),
        ("connection/tally", include_str!("connection/tally.rs")),
        ("connection/connection", include_str!("connection/connection.rs")),
        ("connection/connection/ending", include_str!("connection/connection/ending.rs")),
        ("connection/connection/figures", include_str!("connection/connection/figures.rs")),
        ("connection/connection/opening", include_str!("connection/connection/opening.rs")),
        ("connection/connection/owner", include_str!("connection/connection/owner.rs")),
        ("connection/connection/pings", include_str!("connection/connection/pings.rs")),
        ("connection/connection/succession", include_str!("connection/connection/succession.rs")),
        ("connection/beat", include_str!("connection/beat.rs")),
        ("connection/opener", include_str!("connection/opener.rs")),
        ("connection/failure", include_str!("connection/failure.rs")),
        ("listen/listeners", include_str!("listen/listeners.rs")),
        ("listen/channels", include_str!("listen/channels.rs")),
        ("listen/admission/accept_queue", include_str!("listen/admission/accept_queue.rs")),
        ("listen/decisions", include_str!("listen/decisions.rs")),
        ("listen/jobs", include_str!("listen/jobs.rs")),
        ("listen/files/clearer", include_str!("listen/files/clearer.rs")),
        ("listen/files/file_events", include_str!("listen/files/file_events.rs")),
        ("listen/target", include_str!("listen/target.rs")),
        ("listen/port", include_str!("listen/port.rs")),
        ("listen/admission/places", include_str!("listen/admission/places.rs")),
        ("listen/reception", include_str!("listen/reception.rs")),
        ("listen/admission/admission", include_str!("listen/admission/admission.rs")),
        ("listen/admission/late", include_str!("listen/admission/late.rs")),
        ("listen/owners", include_str!("listen/owners.rs")),
        ("listen/uploads/lane", include_str!("listen/uploads/lane.rs")),
        ("listen/uploads/progress", include_str!("listen/uploads/progress.rs")),
        ("listen/view", include_str!("listen/view.rs")),
        ("listen/statistics", include_str!("listen/statistics.rs")),
        ("listen/refusals", include_str!("listen/refusals.rs")),
        ("listen/admission/stage", include_str!("listen/admission/stage.rs")),
        ("thread/pool", include_str!("thread/pool.rs")),
        ("thread/timer", include_str!("thread/timer.rs")),
        ("thread/lingering", include_str!("thread/lingering.rs")),
        ("http/router", include_str!("../http/router.rs")),
        ("http/origin", include_str!("../http/origin.rs")),
    ];

    /// Of these, those by which clients of a port are refused or asked to go. Others do so for them.
    const REFUSES: [&str; 5] = [
        "listen/listeners",
        "listen/admission/admission",
        "listen/admission/stage",
        "listen/admission/places",
        "listen/reception",
    ];

    #[test]
    fn the_server_thread_and_the_timer_print_nothing_and_sleep_never() {
        for (name, source) in SOURCES {
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            for waits in ["log::", "log_refusal(", "thread::sleep", ".join()", "send_message("] {
                assert!(!code.contains(waits), "{name} calls {waits}");
            }
        }
    }

    #[test]
    fn who_refuses_a_client_asks_nothing_of_its_socket() {
        for (name, source) in SOURCES.into_iter().filter(|(name, _)| REFUSES.contains(name)) {
            for asks in ["Socket::new(", ".set_nodelay(", ".shutdown(", ".write_all(", ".read("] {
                assert!(!source.contains(asks), "{name} calls {asks}");
            }
        }
    }
}
