//! A client that asks for a WebSocket: which program gets it, and what the client is answered.

use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use xous::PID;
use xous_api_websocket::{Accepted, Deadlines, Handle, Lease};

use super::accept_queue::AcceptQueue;
use super::port::{NoTarget, Port};
use super::requests::Requests;
use super::shared::Shared;
use super::target::TargetKind;
use super::timed_socket::TimedSocket;
use super::upload_route::{UploadReceiver, UploadRoute};
use super::visitors::{Stage, Visitor};
use crate::http::{NormalPath, Reason, Shown, is_allowed};
use crate::proto::Role;
use crate::proto::handshake::Upgrade;
use crate::service::connection::{Connection, Delivery, EndGuard, Established, Sink};
use crate::service::limits::{LINGER, UPLOAD_CLOSE, UPLOAD_KEEPALIVE};
use crate::service::message::Lent;
use crate::service::thread::Permit;

/// A client whose head asks for an upgrade.
pub(crate) struct Client<'a> {
    pub(crate) port: &'a Arc<Port>,
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) socket: &'a TimedSocket,
    pub(crate) peer: SocketAddr,
    pub(crate) visitor: &'a Arc<Visitor>,
}

/// A client that is taken.
struct Taken {
    destination: Destination,
    owner: PID,
    lease: Lease,
    writer: Permit,
    protocol: Option<String>,
}

/// Who takes a client.
enum Destination {
    /// A program.
    Program(AcceptPage),
    /// The database, by a route of this listener.
    Upload(Arc<UploadRoute>, Handle),
}

/// The page that a program has lent for its next client. When it is dropped, it waits for the client after that.
struct AcceptPage {
    queue: Arc<AcceptQueue>,
    /// `None` when the client is handed over.
    page: Option<Lent>,
    /// The route that the page was parked for, and the one that the client is on.
    wanted: usize,
    route: u16,
    /// What the page holds.
    len: usize,
}

/// A client that has been told that it is a WebSocket.
pub(crate) struct Admitted {
    guard: Arc<EndGuard>,
    established: Established,
    writer: Permit,
    destination: Destination,
}

impl Client<'_> {
    /// Finds out where the path leads, and makes the client a connection there or refuses it. `request` is the last
    /// head of `requests`.
    pub(crate) fn upgrade(&self, requests: &Requests, request: &Upgrade<'_>) -> Option<Admitted> {
        match self.take(request) {
            Ok(taken) => self.admit(requests, request, taken),
            Err(reason) => {
                let limit = self.port.settings.deadlines.write;
                self.socket.refuse(limit, reason, Shown::path(request.path()));
                None
            }
        }
    }

    /// Finds who takes the client, or why nobody does. What costs nothing is checked first.
    fn take(&self, request: &Upgrade<'_>) -> Result<Taken, Reason> {
        let settings = &self.port.settings;
        let is_paired = self.port.is_paired(&request.headers);
        let (route, target) = match self.port.resolve(&NormalPath::of(request.path())) {
            Ok(found) => found,
            Err(NoTarget::DotSegment) => return Err(Reason::DotSegment),
            Err(NoTarget::Unknown) if !is_paired => return Err(Reason::NotPaired),
            Err(NoTarget::Unknown) => return Err(Reason::NotFound),
        };
        target.admit(&request.headers, is_paired)?;
        if let TargetKind::Page(_) | TargetKind::Files(_) = &target.kind {
            return Err(Reason::NoWebSocket);
        }
        if !is_allowed(
            &settings.origins,
            settings.programs,
            request.host,
            &request.headers,
            self.port.is_secure(),
        ) {
            return Err(Reason::ForeignOrigin);
        }
        let (owner, lease) = (target.owner, target.lease);
        match target.kind {
            TargetKind::Receiver(queue, known) => {
                let protocol = known.iter().find(|known| request.protocols().any(|name| *name == ***known));
                let protocol = protocol.map(|name| name.to_string());
                self.visitor.is(Stage::AtDoor(queue.clone()));
                let taken = queue.take(route, settings.limits.accept_time, || self.visitor.stays());
                self.visitor.is(Stage::Answered);
                let Some((wanted, page)) = taken else {
                    let was_asked_to_go = !self.visitor.stays();
                    return Err(if was_asked_to_go { Reason::Full } else { Reason::NotTaken });
                };
                let page = AcceptPage { queue, page: Some(page), wanted, route, len: 0 };
                // Not before: who only waits has one worker.
                let Some(writer) = self.shared.pool.reserve() else {
                    self.shared.look_for_the_gone(Some(owner));
                    return Err(Reason::Full);
                };
                Ok(Taken { destination: Destination::Program(page), owner, lease, writer, protocol })
            }
            TargetKind::Upload(route) => {
                let writer = self.shared.visitors.second_worker(self.visitor);
                let Some(writer) = writer else {
                    self.shared.look_for_the_gone(Some(owner));
                    return Err(Reason::Full);
                };
                let destination = Destination::Upload(route, target.listener);
                Ok(Taken { destination, owner, lease, writer, protocol: None })
            }
            TargetKind::Page(_) | TargetKind::Files(_) => Err(Reason::NoWebSocket),
        }
    }

    /// Enters the connection and answers the client with 101. If the client has gone, the program's page waits for
    /// the next one. It does so before the client gets an answer, which takes time.
    fn admit(&self, requests: &Requests, request: &Upgrade<'_>, taken: Taken) -> Option<Admitted> {
        let Taken { mut destination, owner, lease, writer, protocol } = taken;
        let settings = &self.port.settings;
        let deadlines = destination.deadlines(settings.deadlines);
        let timer = self.shared.timer.clone();
        let conn = self.shared.table.enter(owner, self.shared.pool.pairs(), |handle| {
            Connection::new(Role::Server, handle, deadlines, lease, timer, None)
        });
        let Some(conn) = conn else {
            self.shared.look_for_the_gone(Some(owner));
            drop(destination);
            self.socket.refuse(LINGER, Reason::Full, Shown::path(request.path()));
            return None;
        };
        let guard = EndGuard::new(conn.clone(), self.shared.table.clone());
        if !destination.introduce(&conn, self, requests, request, protocol.as_deref()) {
            // Path, query and sub-protocol fill more than the program has lent, which is no fault of the program's.
            conn.end_silently();
            drop(destination);
            self.socket.refuse(LINGER, Reason::TooLargeForProgram, Shown::path(request.path()));
            return None;
        }
        if !conn.dialled(self.socket.socket.clone()) || !self.accept(request, protocol.as_deref()) {
            conn.end_silently();
            drop(destination);
            return None;
        }
        let established = Established {
            role: Role::Server,
            socket: self.socket.socket.clone(),
            already: requests.behind().to_vec(),
            masks: None,
            limits: settings.messages,
            fragment_size: settings.fragment_size,
        };
        Some(Admitted { guard, established, writer, destination })
    }

    /// Sends the 101. Returns whether it went out.
    fn accept(&self, request: &Upgrade<'_>, protocol: Option<&str>) -> bool {
        let mut answer = Vec::new();
        if request.compose_accept(protocol, &[], &mut answer).is_err() {
            return false;
        }
        let limit = self.port.settings.deadlines.write;
        self.socket.by(limit, Shutdown::Both, || self.socket.socket.write_all(&answer)).is_ok()
    }
}

impl Admitted {
    /// Serves the connection to its end. From here on its page is the client's, whatever happens.
    pub(crate) fn serve(self, visitor: &Arc<Visitor>, permit: &mut Permit) {
        let Admitted { guard, established, writer, destination } = self;
        let (delivery, page) = match destination {
            Destination::Program(page) => {
                visitor.is(Stage::Taken);
                permit.belongs_to_program();
                (Delivery::Pull, page.hand_over())
            }
            Destination::Upload(route, listener) => {
                let receiving = UploadReceiver::new(route, listener, visitor.clone(), &guard.conn);
                (Delivery::Internal(Box::new(receiving)), None)
            }
        };
        let mut sink = Sink::new(guard.conn.clone(), delivery);
        established.run(&guard, &mut sink, writer, |_| {
            if let Some((page, len)) = page {
                page.answer(0, len);
            }
        });
        drop((sink, guard));
    }
}

impl Destination {
    /// How long the connection waits. A program ends one whose peer has vanished; of an upload nobody else knows, so
    /// its peer is asked.
    fn deadlines(&self, deadlines: Deadlines) -> Deadlines {
        match self {
            Destination::Program(_) => deadlines,
            Destination::Upload(..) => watched(deadlines),
        }
    }

    /// Tells a program about its client. Returns `false` if the page is too short for that.
    fn introduce(
        &mut self,
        conn: &Connection,
        client: &Client<'_>,
        requests: &Requests,
        request: &Upgrade<'_>,
        sub_protocol: Option<&str>,
    ) -> bool {
        let own = match self {
            Destination::Program(page) => page,
            Destination::Upload(..) => {
                conn.end_silently();
                return true;
            }
        };
        let accepted = Accepted {
            handle: conn.handle,
            route: own.route,
            peer: &client.peer.to_string(),
            path: request.path(),
            query: request.query(),
            sub_protocol,
            origin: request.origin(),
            head: requests.head(),
        };
        let written = own.page.as_mut().and_then(|page| accepted.write(page.pages_mut()));
        own.len = written.unwrap_or_default();
        written.is_some()
    }
}

/// With questions to a peer that says nothing, and an end that does not wait for one that does not answer.
fn watched(deadlines: Deadlines) -> Deadlines {
    let keepalive = deadlines.keepalive.or(Some(UPLOAD_KEEPALIVE));
    Deadlines { keepalive, close: deadlines.close.min(UPLOAD_CLOSE), ..deadlines }
}

impl AcceptPage {
    /// The page and what it holds: it is not put back any more.
    fn hand_over(mut self) -> Option<(Lent, usize)> {
        self.page.take().map(|page| (page, self.len))
    }
}

impl Drop for AcceptPage {
    fn drop(&mut self) {
        if let Some(page) = self.page.take() {
            self.queue.put_back(self.wanted, page);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_peer_of_an_upload_is_asked_unless_the_port_says_when() {
        let none = Deadlines { keepalive: None, ..Deadlines::default() };
        assert_eq!(watched(none).keepalive, Some(UPLOAD_KEEPALIVE));
        let own = Deadlines { keepalive: Some(Duration::from_secs(5)), ..none };
        assert_eq!(watched(own), Deadlines { close: UPLOAD_CLOSE, ..own });
    }
}
