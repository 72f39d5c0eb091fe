//! What the service does for every process besides connections that are open: opening them, ports, routes, channels.

use std::sync::Arc;

use xous::PID;
use xous_api_websocket::{Code, Handle, Opcode, Phase, PortState, Request};

use super::connection::{Connection, Found, Life, Opening, Route, connect, seed};
use super::dispatcher::{From, Serve};
use super::limits::REQUEST_BYTES;
use super::listen::{Listener, Listeners, Server};
use super::message::{Lent, Scalar, Tickets};
use crate::proto::Role;

/// The service's own part.
pub(crate) struct System {
    pub(crate) server: Arc<Server>,
    pub(crate) listeners: Listeners,
    pub(crate) tickets: Arc<Tickets>,
}

impl Serve for System {
    fn memory(&self, opcode: Opcode, from: From, lent: Lent) {
        match opcode {
            Opcode::Open => self.open(from, lent),
            Opcode::Listen => match from.pid {
                Some(pid) => self.listeners.listen(pid, lent),
                None => lent.answer(Code::NotPermitted as usize, 0),
            },
            Opcode::AddRoute => self.on_listener(from, lent, |listener, page| listener.add_route(page)),
            Opcode::Accept => self.on_listener(from, lent, |listener, page| listener.accept(page)),
            Opcode::Renew => match self.listener(from) {
                Some(listener) => self.listeners.renew(listener, lent),
                None => lent.answer(Code::Closed as usize, 0),
            },
            Opcode::Join => self.member(from, lent, true),
            Opcode::Leave => self.member(from, lent, false),
            Opcode::Broadcast => self.on_listener(from, lent, |listener, page| listener.broadcast(page)),
            _ => lent.answer(Code::Malformed as usize, 0),
        }
    }

    fn scalar(&self, opcode: Opcode, from: From, scalar: Scalar) {
        match opcode {
            Opcode::Grant => self.grant(from, scalar),
            Opcode::Unlisten => self.unlisten(from, scalar),
            Opcode::RemoveRoute => self.remove_route(from, scalar),
            Opcode::ListenerState => {
                let listener = self.listener(from);
                let (state, clients) = listener.map_or((PortState::Closed, 0), |listener| listener.state());
                scalar.answer2(state as usize, clients);
            }
            Opcode::Quit => scalar.refuse(Code::NotPermitted),
            _ => scalar.refuse(Code::Malformed),
        }
    }
}

impl System {
    fn open(&self, from: From, mut lent: Lent) {
        let Some(pid) = from.pid else { return lent.answer(Code::NotPermitted as usize, 0) };
        let data = lent.data().filter(|data| data.len() <= REQUEST_BYTES && lent.is_writable());
        let Some(request) = data.and_then(Request::parse) else {
            return lent.answer(Code::Malformed as usize, 0);
        };
        let Some((reading, writing)) = self.server.pool.reserve_pair() else {
            return lent.answer(self.tickets.refuse(Code::NoWorker) as usize, 0);
        };
        let deadlines = request.deadlines;
        let bytes = data.unwrap_or_default().into();
        let timer = self.server.timer.clone();
        lent.otherwise(Code::NoWorker as usize);
        let mut opener = Some(lent);
        let entered = self
            .server
            .table
            .enter(pid, |handle| Connection::new(Role::Client, handle, deadlines, timer, opener.take()));
        let Some(conn) = entered else {
            return; // No slot: `opener` is dropped, which answers it.
        };
        let pddb = self.server.pddb.clone();
        let opening = Opening { request: bytes, route: Route::Inbox, pddb, seed: Box::new(seed) };
        conn.opening();
        let life = Life::new(conn, self.server.table.clone());
        let started = reading.run(move |permit| {
            connect::run(life, opening, writing);
            drop(permit);
        });
        if let Err(error) = started {
            log::error!("no thread for a connection: {error}");
        }
    }

    fn grant(&self, from: From, scalar: Scalar) {
        let Some(heir) = u8::try_from(scalar.arguments[0]).ok().and_then(PID::new) else {
            return scalar.refuse(Code::Malformed);
        };
        if let Found::Live(conn) = self.server.table.find(from.handle, from.pid)
            && conn.state().0 == Phase::Closed
        {
            return scalar.refuse(Code::Closed);
        }
        match self.server.table.grant(from.handle, from.pid, heir) {
            Some(conn) => {
                conn.inbox.evict();
                scalar.answer2(0, 0);
            }
            None => scalar.refuse(Code::Closed),
        }
    }

    fn on_listener(&self, from: From, page: Lent, handle: impl FnOnce(&Listener, Lent)) {
        match self.listener(from) {
            Some(listener) => handle(&listener, page),
            None => page.answer(Code::Closed as usize, 0),
        }
    }

    fn member(&self, from: From, page: Lent, join: bool) {
        let handle = u32::try_from(page.offset()).ok().and_then(Handle::from_raw);
        let conn = handle.and_then(|handle| match self.server.table.find(handle, from.pid) {
            Found::Live(conn) => Some(conn),
            Found::Ended(_) | Found::Unknown => None,
        });
        self.on_listener(from, page, |listener, page| listener.member(page, conn, join));
    }

    fn unlisten(&self, from: From, scalar: Scalar) {
        match self.listener(from) {
            Some(listener) => {
                self.listeners.unlisten(&listener);
                scalar.answer2(0, 0);
            }
            None => scalar.refuse(Code::Closed),
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
        self.listeners.find(from.handle, from.pid)
    }
}
