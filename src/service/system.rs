//! What the service does for every process besides connections that are open: opening them, ports, routes, channels.

use std::sync::Arc;

use xous::PID;
use xous_api_websocket::state::{Phase, PortState};
use xous_api_websocket::wire::{Handle, Opcode, Reply};
use xous_api_websocket::{Code, Request};

use super::connection::{
    Connection, Delivery, EndGuard, Found, Lasting, Opening, Told, Watcher, client, is_sendable, left, seed,
};
use super::dispatcher::{Caller, Serve, close_code};
use super::limits::{CARRIED, REQUEST_BYTES};
use super::listen::{Listener, Listeners, Shared};
use super::message::{Lent, Quota, Scalar};
use super::thread::{Note, note};
use crate::platform::MAX_PROCESSES;
use crate::proto::Role;

/// In the `offset` of an `Open`: answer with the handle, before the connection is there.
const AT_ONCE: usize = 1;

/// The service's own part.
pub(crate) struct System {
    pub(crate) shared: Arc<Shared>,
    pub(crate) listeners: Listeners,
    pub(crate) quota: Arc<Quota>,
}

impl Serve for System {
    fn memory(&self, opcode: Opcode, caller: Caller, lent: Lent) {
        match opcode {
            Opcode::Open => self.open(caller, lent),
            Opcode::WaitOpen => self.wait_open(caller, lent),
            Opcode::Ready => self.ready(caller, lent),
            Opcode::ReconnectWith => self.reconnect_with(caller, lent),
            Opcode::GrantWith => self.grant_with(caller, lent),
            Opcode::Listen => match caller.pid {
                Some(pid) => self.listeners.listen(pid, lent),
                None => lent.answer(Code::NotPermitted as usize, 0),
            },
            Opcode::AddRoute => self.on_listener(caller, lent, |listener, page| listener.add_route(page)),
            Opcode::Accept => self.on_listener(caller, lent, |listener, page| listener.accept(page)),
            Opcode::FileEvent => self.on_listener(caller, lent, |listener, page| listener.file_event(page)),
            Opcode::PortStatistics => self.on_listener(caller, lent, |listener, page| listener.report(page)),
            Opcode::Clients => self.on_listener(caller, lent, |listener, page| listener.list_clients(page)),
            Opcode::Files => self.on_listener(caller, lent, |listener, page| listener.files(page)),
            Opcode::Renew => match self.listener(caller) {
                Some(listener) => self.listeners.renew(listener, lent),
                None => lent.answer(Code::Closed as usize, 0),
            },
            Opcode::Pair => match self.listener(caller) {
                Some(listener) => self.listeners.pair(listener, lent),
                None => lent.answer(Code::Closed as usize, 0),
            },
            Opcode::Decide => match self.shared.table.find(caller.handle, caller.pid) {
                Found::Live(conn) => self.shared.decisions.bring(conn.handle, lent),
                Found::Ended(_) | Found::Unknown => lent.answer(Code::Closed as usize, 0),
            },
            Opcode::Join => self.member(caller, lent, true),
            Opcode::Leave => self.member(caller, lent, false),
            Opcode::Broadcast => self.on_listener(caller, lent, |listener, page| listener.broadcast(page)),
            _ => lent.answer(Code::Malformed as usize, 0),
        }
    }

    fn certificate_expires(&self) -> u32 {
        self.listeners.certificate_expires()
    }

    fn threads(&self) -> usize {
        self.shared.threads()
    }

    fn scalar(&self, opcode: Opcode, caller: Caller, scalar: Scalar) {
        match opcode {
            Opcode::Grant => self.grant(caller, scalar),
            Opcode::Ready => self.watch(caller, scalar),
            Opcode::ReconnectNow => {
                self.reconnect(caller, scalar, |conn| conn.reopens().is_some_and(|lasting| lasting.go_on()))
            }
            Opcode::ReconnectStop => self.reconnect(caller, scalar, Connection::stop_reopening),
            Opcode::Unlisten => self.unlisten(caller, scalar),
            Opcode::RemoveRoute => self.remove_route(caller, scalar),
            Opcode::DecideFile => self.decide_file(caller, scalar),
            Opcode::CloseClient => self.close_client(caller, scalar),
            Opcode::ListenerState => {
                let listener = self.listener(caller);
                let (state, clients) = listener.map_or((PortState::Closed, 0), |listener| listener.state());
                scalar.answer2(state as usize, clients);
            }
            Opcode::Quit => scalar.refuse(Code::NotPermitted),
            _ => scalar.refuse(Code::Malformed),
        }
    }

    fn short_of_messages(&self, caller: Caller) {
        self.shared.look_for_the_gone(caller.pid);
    }
}

impl System {
    fn open(&self, caller: Caller, mut lent: Lent) {
        let Some(pid) = caller.pid else { return lent.answer(Code::NotPermitted as usize, 0) };
        let data = lent.data().filter(|data| data.len() <= REQUEST_BYTES && lent.is_writable());
        let (Some(request), 0 | AT_ONCE) = (data.and_then(Request::parse), lent.offset()) else {
            return lent.answer(Code::Malformed as usize, 0);
        };
        let at_once = lent.offset() == AT_ONCE;
        let Some((reading, writing)) = self.shared.pool.reserve_pair() else {
            self.shared.look_for_the_gone(Some(pid));
            return lent.answer(self.quota.refuse(Code::NoWorker) as usize, 0);
        };
        let (options, lease) = (request.options, request.lease);
        let lasting = request.reconnect.map(|policy| Arc::new(Lasting::new(policy, options)));
        let bytes = data.unwrap_or_default().into();
        let timer = self.shared.timer.clone();
        lent.answer_on_drop(Code::NoWorker as usize);
        let mut opener = Some(lent);
        let entered = self.shared.table.enter(pid, self.shared.pool.pairs(), |handle| {
            // What asks for the handle is answered below.
            let waits = opener.take_if(|_| !at_once);
            Connection::new_lasting(Role::Client, handle, options.deadlines, lease, timer, waits, lasting)
        });
        let Some(conn) = entered else {
            self.quota.refuse(Code::NoWorker);
            self.shared.look_for_the_gone(Some(pid));
            return; // None for this process: `opener` is dropped, which answers it.
        };
        let pddb = self.shared.pddb.clone();
        let opening = Opening {
            request: bytes,
            delivery: Delivery::Pull,
            pddb,
            seed: Box::new(seed),
            pool: self.shared.pool.clone(),
        };
        conn.opening();
        if at_once {
            conn.tells_later();
        }
        let handle = conn.handle;
        let guard = EndGuard::new(conn, self.shared.table.clone());
        let started = reading.run(move |permit| {
            client::run(guard, opening, writing);
            drop(permit);
        });
        if started.is_err() {
            note(Note::NoThread);
        } else if let Some(mut page) = opener {
            let len = Reply::new(handle, 0).write(page.pages_mut()).unwrap_or(0);
            page.answer(0, len);
        }
    }

    fn wait_open(&self, caller: Caller, page: Lent) {
        if !page.is_writable() {
            return page.answer(Code::Malformed as usize, 0);
        }
        match self.shared.table.find(caller.handle, caller.pid) {
            Found::Live(conn) => conn.wait_open(page),
            Found::Ended(_) => match self.shared.table.take_opening(caller.handle, caller.pid) {
                Some(result) => result.tell(caller.handle, page),
                None => page.answer(Code::Closed as usize, 0),
            },
            Found::Unknown => page.answer(Code::Closed as usize, 0),
        }
    }

    /// The process waits for any of the connections that it watches.
    fn ready(&self, caller: Caller, page: Lent) {
        if !page.is_writable() {
            return page.answer(Code::Malformed as usize, 0);
        }
        match caller.pid.and_then(|pid| self.shared.watches.find(pid)) {
            Some(watch) => watch.park(page),
            None => page.answer(Code::Closed as usize, 0),
        }
    }

    /// The process watches a connection, or does not any more.
    fn watch(&self, caller: Caller, scalar: Scalar) {
        let (Found::Live(conn), Some(pid)) = (self.shared.table.find(caller.handle, caller.pid), caller.pid)
        else {
            return scalar.refuse(Code::Closed);
        };
        let watcher = match scalar.arguments[0] {
            0 => None,
            1 => Some(Watcher { watch: self.shared.watches.of(pid), handle: conn.handle }),
            _ => return scalar.refuse(Code::Malformed),
        };
        conn.inbox.watch_by(watcher);
        scalar.answer2(0, 0);
    }

    fn reconnect_with(&self, caller: Caller, lent: Lent) {
        let data = lent.data().filter(|data| data.len() <= REQUEST_BYTES).unwrap_or_default();
        let code = match (self.lasting(caller), Request::parse(data)) {
            (None, _) => Code::Closed as usize,
            (Some(_), None) => Code::Malformed as usize,
            // The last attempt that could be made would else have been the last of all.
            (Some(_), Some(request)) if !is_sendable(&request) => Code::BadRequest as usize,
            (Some(lasting), Some(_)) if lasting.go_on_with(data) => 0,
            (Some(_), Some(_)) => Code::Reconnecting as usize,
        };
        lent.answer(code, 0);
    }

    fn reconnect(&self, caller: Caller, scalar: Scalar, change: impl FnOnce(&Arc<Connection>) -> bool) {
        match self.shared.table.find(caller.handle, caller.pid) {
            Found::Live(conn) if change(&conn) => scalar.answer2(0, 0),
            _ => scalar.refuse(Code::Closed),
        }
    }

    /// Of a connection that is opened again.
    fn lasting(&self, caller: Caller) -> Option<Arc<Lasting>> {
        match self.shared.table.find(caller.handle, caller.pid) {
            Found::Live(conn) => conn.reopens(),
            Found::Ended(_) | Found::Unknown => None,
        }
    }

    fn grant(&self, caller: Caller, scalar: Scalar) {
        match self.hand_over(caller, scalar.arguments[0], Vec::new()) {
            Ok(()) => scalar.answer2(0, 0),
            Err(code) => scalar.refuse(code),
        }
    }

    /// And messages that the owner has got and not looked at.
    fn grant_with(&self, caller: Caller, lent: Lent) {
        let messages = lent.data().filter(|packed| packed.len() <= CARRIED);
        let result = match messages.and_then(|packed| left(lent.offset() >> 8, packed)) {
            Some(left) => self.hand_over(caller, lent.offset() & 0xff, left),
            None => Err(Code::Malformed),
        };
        lent.answer(result.err().map_or(0, |code| code as usize), 0);
    }

    fn hand_over(&self, caller: Caller, heir: usize, left: Vec<Told>) -> Result<(), Code> {
        let heir = u8::try_from(heir).ok().and_then(PID::new).filter(|&pid| can_own(pid));
        let heir = heir.ok_or(Code::Malformed)?;
        // One that is being closed stays with whom it ends for, and one that is opened again until it is open.
        if let Found::Live(conn) = self.shared.table.find(caller.handle, caller.pid)
            && conn.state().0 != Phase::Open
        {
            return Err(if conn.reopens().is_some() { Code::Reconnecting } else { Code::Closed });
        }
        let conn = self.shared.table.grant(caller.handle, caller.pid, heir, self.shared.pool.pairs())?;
        conn.hand_over(heir, left);
        Ok(())
    }

    fn on_listener(&self, caller: Caller, page: Lent, handle: impl FnOnce(&Listener, Lent)) {
        match self.listener(caller) {
            Some(listener) => handle(&listener, page),
            None => page.answer(Code::Closed as usize, 0),
        }
    }

    fn member(&self, caller: Caller, page: Lent, join: bool) {
        let handle = u32::try_from(page.offset()).ok().and_then(Handle::from_raw);
        let conn = handle.and_then(|handle| match self.shared.table.find(handle, caller.pid) {
            Found::Live(conn) => Some(conn),
            Found::Ended(_) | Found::Unknown => None,
        });
        self.on_listener(caller, page, |listener, page| listener.member(page, conn, join));
    }

    fn unlisten(&self, caller: Caller, scalar: Scalar) {
        match self.listener(caller) {
            Some(listener) => {
                self.listeners.unlisten(&listener);
                scalar.answer2(0, 0);
            }
            None => scalar.refuse(Code::Closed),
        }
    }

    fn remove_route(&self, caller: Caller, scalar: Scalar) {
        let removed = match self.listener(caller) {
            Some(listener) => listener.remove_route(scalar.arguments[0]),
            None => Err(Code::Closed),
        };
        match removed {
            Ok(()) => scalar.answer2(0, 0),
            Err(code) => scalar.refuse(code),
        }
    }

    fn decide_file(&self, caller: Caller, scalar: Scalar) {
        let [number, takes, ..] = scalar.arguments;
        let listener = self.listener(caller);
        match listener.map_or(Err(Code::Closed), |listener| listener.decide_file(number, takes != 0)) {
            Ok(()) => scalar.answer2(0, 0),
            Err(code) => scalar.refuse(code),
        }
    }

    fn close_client(&self, caller: Caller, scalar: Scalar) {
        let [client, code, ..] = scalar.arguments;
        let closed = match (self.listener(caller), close_code(code)) {
            (None, _) => Err(Code::Closed),
            (Some(_), None) => Err(Code::Malformed),
            (Some(listener), Some(code)) => listener.close_client(client, code),
        };
        match closed {
            Ok(()) => scalar.answer2(0, 0),
            Err(code) => scalar.refuse(code),
        }
    }

    fn listener(&self, caller: Caller) -> Option<Arc<Listener>> {
        self.listeners.find(caller.handle, caller.pid)
    }
}

/// A process with this number may exist and ask for its connections: not the kernel, which is the first, nor this one.
fn can_own(pid: PID) -> bool {
    (2..=MAX_PROCESSES).contains(&pid.get()) && xous::current_pid() != Ok(pid)
}
