//! The server thread: receives every message, checks who asks, hands the envelope on. It never waits for a
//! socket, a client or another service.

use std::ops::ControlFlow;
use std::sync::Arc;

use xous::{PID, SID};
use xous_api_websocket::{Code, Handle, Opcode, Phase, PortState, Request, Stats, split_message_id};

use super::connection::{Closer, Connection};
use super::entropy::seed;
use super::envelope::{Incoming, Lent, Scalar};
use super::inbox;
use super::life::Life;
use super::limits::REQUEST_BYTES;
use super::listeners::{Listener, Listeners};
use super::opener::{self, Opening};
use super::outcome::{ABNORMAL, Outcome};
use super::pool::Pool;
use super::sink::Route;
use super::table::{Found, Table};
use super::tickets::Tickets;
use super::timer::Timer;
use crate::pddb::Pddb;
use crate::proto::{CloseCode, CloseReason, Role};

/// Everything that the server thread hands work to.
pub(crate) struct Dispatcher {
    pub(crate) sid: SID,
    pub(crate) table: Arc<Table>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) timer: Arc<Timer>,
    pub(crate) tickets: Arc<Tickets>,
    /// `None` in-process, where there is one connection and `Quit` ends the server.
    pub(crate) system: Option<System>,
}

/// What the service has and an in-process server has not.
pub(crate) struct System {
    pub(crate) listeners: Listeners,
    pub(crate) pddb: Pddb,
}

/// Whom a message comes from and which connection it means.
#[derive(Clone, Copy)]
struct From {
    pid: Option<PID>,
    handle: Handle,
}

impl Dispatcher {
    /// Serves until the kernel refuses or, in-process, `Quit` or the owner's `Close` has come.
    ///
    /// # Errors
    /// Those of the kernel: the server does not exist any more.
    pub(crate) fn run(&self) -> Result<(), xous::Error> {
        loop {
            let envelope = xous::receive_message(self.sid)?;
            let pid = envelope.sender.pid();
            let (opcode, handle) = split_message_id(envelope.body.id());
            let opcode = num_traits::FromPrimitive::from_u8(opcode);
            let from = From { pid, handle };
            let flow = match Incoming::new(envelope) {
                Incoming::Lent(lent) => self.memory(opcode, from, lent),
                Incoming::Scalar(scalar) => self.scalar(opcode, from, scalar),
            };
            if flow.is_break() {
                return Ok(());
            }
        }
    }

    fn memory(&self, opcode: Option<Opcode>, from: From, mut lent: Lent) -> ControlFlow<()> {
        if opcode == Some(Opcode::Receive) || opcode == Some(Opcode::Close) {
            lent.otherwise(Outcome::new(ABNORMAL, "").word());
        }
        match self.tickets.take(from.pid.map_or(0, PID::get)) {
            Ok(ticket) => lent.hold(ticket),
            Err(code) => {
                if opcode == Some(Opcode::Send)
                    && lent.is_moved()
                    && let Found::Live(conn) = self.find(from)
                {
                    conn.count_failed(1);
                }
                refuse(opcode, lent, code);
                return ControlFlow::Continue(());
            }
        }
        match opcode {
            Some(Opcode::Send) => self.send(from, lent),
            Some(Opcode::Receive) => self.receive(from, lent),
            Some(Opcode::Close) => return self.close_page(from, lent),
            Some(Opcode::Open) => self.open(from, lent),
            Some(Opcode::Stats) => self.stats(lent),
            Some(Opcode::Listen) => self.listen(from, lent),
            Some(Opcode::AddRoute) => self.on_listener(from, lent, |listener, page| listener.add_route(page)),
            Some(Opcode::Accept) => self.on_listener(from, lent, |listener, page| listener.accept(page)),
            Some(Opcode::Renew) => self.renew(from, lent),
            Some(Opcode::Join) => self.member(from, lent, true),
            Some(Opcode::Leave) => self.member(from, lent, false),
            Some(Opcode::Broadcast) => {
                self.on_listener(from, lent, |listener, page| listener.broadcast(page))
            }
            Some(_) => lent.answer(Code::Malformed as usize, 0),
            None => {
                log::warn!("a message with an unknown opcode");
                lent.answer(Code::UnknownOpcode as usize, 0);
            }
        }
        ControlFlow::Continue(())
    }

    fn scalar(&self, opcode: Option<Opcode>, from: From, scalar: Scalar) -> ControlFlow<()> {
        match opcode {
            Some(Opcode::Close) => return self.close_scalar(from, scalar),
            Some(Opcode::State) => self.state(from, scalar),
            Some(Opcode::Grant) => self.grant(from, scalar),
            Some(Opcode::Unlisten) => self.unlisten(from, scalar),
            Some(Opcode::RemoveRoute) => self.remove_route(from, scalar),
            Some(Opcode::ListenerState) => {
                let listener = self.listener(from);
                let (state, clients) = listener.map_or((PortState::Closed, 0), |listener| listener.state());
                scalar.answer2(state as usize, clients);
            }
            Some(Opcode::Quit) if self.system.is_none() => {
                if let Found::Live(conn) = self.table.find(Handle::SOLE, None) {
                    conn.close(CloseReason::new(CloseCode::GOING_AWAY, ""), None);
                }
                scalar.answer1(0);
                return ControlFlow::Break(());
            }
            Some(Opcode::Quit) => scalar.refuse(Code::NotPermitted),
            Some(_) => scalar.refuse(Code::Malformed),
            None => {
                log::warn!("a scalar with an unknown opcode");
                scalar.refuse(Code::UnknownOpcode);
            }
        }
        ControlFlow::Continue(())
    }

    fn send(&self, from: From, lent: Lent) {
        match self.find(from) {
            Found::Live(conn) => {
                if let Err((lent, code)) = conn.outbox.send(lent) {
                    if code != Code::Closed {
                        self.tickets.refuse(code);
                    }
                    if lent.is_moved() {
                        conn.count_failed(1);
                    }
                    lent.answer(code as usize, 0);
                }
            }
            Found::Ended(_) | Found::Unknown => lent.answer(Code::Closed as usize, 0),
        }
    }

    fn receive(&self, from: From, mut page: Lent) {
        if page.pages_mut().is_empty() {
            return inbox::refuse(page, Code::Malformed);
        }
        match self.find(from) {
            Found::Live(conn) => conn.inbox.park(page),
            Found::Ended(outcome) => outcome.tell(page),
            Found::Unknown => Outcome::new(ABNORMAL, "").tell(page),
        }
    }

    fn close_page(&self, from: From, page: Lent) -> ControlFlow<()> {
        let text = page.data().and_then(|text| std::str::from_utf8(text).ok()).map(str::to_owned);
        let (Some(code), Some(text)) = (close_code(page.offset()), text) else {
            inbox::refuse(page, Code::Malformed);
            return ControlFlow::Continue(());
        };
        match CloseReason::new(code, &text) {
            reason @ Some(_) => self.close(from, reason, Closer::Page(page)),
            None => {
                inbox::refuse(page, Code::TooLong);
                ControlFlow::Continue(())
            }
        }
    }

    fn close_scalar(&self, from: From, mut scalar: Scalar) -> ControlFlow<()> {
        let Some(code) = close_code(scalar.arguments[0]) else {
            scalar.refuse(Code::Malformed);
            return ControlFlow::Continue(());
        };
        if scalar.is_blocking() {
            match self.tickets.take(from.pid.map_or(0, PID::get)) {
                Ok(ticket) => scalar.hold(ticket),
                Err(code) => {
                    scalar.refuse(code);
                    return ControlFlow::Continue(());
                }
            }
        }
        self.close(from, CloseReason::new(code, ""), Closer::Scalar(scalar))
    }

    fn close(&self, from: From, reason: Option<CloseReason<'_>>, closer: Closer) -> ControlFlow<()> {
        match self.find(from) {
            Found::Live(conn) => conn.close(reason, Some(closer)),
            Found::Ended(outcome) => {
                match self.table.acknowledge(from.handle, from.pid) {
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

    fn state(&self, from: From, scalar: Scalar) {
        let (phase, failed) = match self.find(from) {
            Found::Live(conn) => conn.state(),
            Found::Ended(_) | Found::Unknown => (Phase::Closed, 0),
        };
        scalar.answer2(phase as usize, failed);
    }

    fn grant(&self, from: From, scalar: Scalar) {
        let Some(heir) = u8::try_from(scalar.arguments[0]).ok().and_then(PID::new) else {
            return scalar.refuse(Code::Malformed);
        };
        if let Found::Live(conn) = self.find(from)
            && conn.state().0 == Phase::Closed
        {
            return scalar.refuse(Code::Closed);
        }
        match self.table.grant(from.handle, from.pid, heir) {
            Some(conn) => {
                conn.inbox.evict();
                scalar.answer2(0, 0);
            }
            None => scalar.refuse(Code::Closed),
        }
    }

    fn stats(&self, mut page: Lent) {
        let (connections, opened) = self.table.counts();
        let (busy_workers, workers) = self.pool.counts();
        let figures = Stats {
            connections,
            workers_busy: u32::try_from(busy_workers).unwrap_or(u32::MAX),
            workers: u32::try_from(workers).unwrap_or(u32::MAX),
            open_messages: self.tickets.open(),
            timers: u32::try_from(self.timer.len()).unwrap_or(u32::MAX),
            opened,
            busy: self.tickets.refused(),
        };
        match figures.write(page.pages_mut()) {
            Some(len) => page.answer(0, len),
            None => page.answer(Code::Malformed as usize, 0),
        }
    }

    fn open(&self, from: From, mut lent: Lent) {
        let (Some(system), Some(pid)) = (&self.system, from.pid) else {
            return lent.answer(Code::NotPermitted as usize, 0);
        };
        let data = lent.data().filter(|data| data.len() <= REQUEST_BYTES && lent.is_writable());
        let Some(request) = data.and_then(Request::parse) else {
            return lent.answer(Code::Malformed as usize, 0);
        };
        let Some((reading, writing)) = self.pool.reserve_pair() else {
            return lent.answer(self.tickets.refuse(Code::NoWorker) as usize, 0);
        };
        let deadlines = request.deadlines;
        let bytes = data.unwrap_or_default().into();
        let timer = self.timer.clone();
        lent.otherwise(Code::NoWorker as usize);
        let mut opener = Some(lent);
        let entered = self
            .table
            .enter(pid, |handle| Connection::new(Role::Client, handle, deadlines, timer, opener.take()));
        let Some(conn) = entered else {
            return; // No slot: `opener` is dropped, which answers it.
        };
        let pddb = system.pddb.clone();
        let opening = Opening { request: bytes, route: Route::Inbox, pddb, seed: Box::new(seed) };
        conn.opening();
        let life = Life::new(conn, self.table.clone());
        let started = reading.run(move |permit| {
            opener::run(life, opening, writing);
            drop(permit);
        });
        if let Err(error) = started {
            log::error!("no thread for a connection: {error}");
        }
    }

    fn listen(&self, from: From, page: Lent) {
        match (&self.system, from.pid) {
            (Some(system), Some(pid)) => system.listeners.listen(pid, page),
            _ => page.answer(Code::NotPermitted as usize, 0),
        }
    }

    fn on_listener(&self, from: From, page: Lent, handle: impl FnOnce(&Listener, Lent)) {
        match self.listener(from) {
            Some(listener) => handle(&listener, page),
            None => page.answer(Code::Closed as usize, 0),
        }
    }

    fn renew(&self, from: From, page: Lent) {
        match (&self.system, self.listener(from)) {
            (Some(system), Some(listener)) => system.listeners.renew(listener, page),
            _ => page.answer(Code::Closed as usize, 0),
        }
    }

    fn member(&self, from: From, page: Lent, join: bool) {
        let handle = u32::try_from(page.offset()).ok().and_then(Handle::from_raw);
        let conn = handle.and_then(|handle| match self.table.find(handle, from.pid) {
            Found::Live(conn) => Some(conn),
            Found::Ended(_) | Found::Unknown => None,
        });
        self.on_listener(from, page, |listener, page| listener.member(page, conn, join));
    }

    fn unlisten(&self, from: From, scalar: Scalar) {
        match (&self.system, self.listener(from)) {
            (Some(system), Some(listener)) => {
                system.listeners.unlisten(&listener);
                scalar.answer2(0, 0);
            }
            _ => scalar.refuse(Code::Closed),
        }
    }

    fn remove_route(&self, from: From, scalar: Scalar) {
        let removed = match self.listener(from) {
            Some(listener) => listener.remove_route(scalar.arguments[0]),
            None => Err(Code::Closed),
        };
        match removed {
            Ok(()) => scalar.answer2(0, 0),
            Err(code) => scalar.refuse(code),
        }
    }

    fn listener(&self, from: From) -> Option<Arc<Listener>> {
        self.system.as_ref()?.listeners.find(from.handle, from.pid)
    }

    fn find(&self, from: From) -> Found {
        self.table.find(from.handle, from.pid)
    }
}

/// Answers a memory message with a code, in the form that its opcode wants.
fn refuse(opcode: Option<Opcode>, lent: Lent, code: Code) {
    match opcode {
        Some(Opcode::Receive | Opcode::Close) => inbox::refuse(lent, code),
        _ => lent.answer(code as usize, 0),
    }
}

/// The close code that a caller asks for: 0 is the usual one; `None` for one that may not be sent.
fn close_code(code: usize) -> Option<CloseCode> {
    match u16::try_from(code).ok()? {
        0 => Some(CloseCode::NORMAL),
        code => CloseCode::new(code),
    }
}
