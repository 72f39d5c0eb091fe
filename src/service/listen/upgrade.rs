//! A client that asks for a WebSocket: who gets it, and what it is told.

use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use xous::PID;
use xous_api_websocket::{Accepted, Deadlines};

use super::accept_queue::Door;
use super::http_client::{Requests, Visit};
use super::port::{Port, Visitor};
use super::shared::Server;
use super::target::TargetKind;
use super::upload_route::{Receiving, UploadRoute};
use crate::http::{Answer, has_dot_segment, is_allowed, status, upgrade_required};
use crate::proto::Role;
use crate::proto::handshake::{Request, Upgrade, check_request};
use crate::service::connection::{Connection, Life, Route, Session, Sink};
use crate::service::limits::UPLOAD_KEEPALIVE;
use crate::service::message::Lent;
use crate::service::thread::Permit;

/// A client whose head asks for an upgrade.
pub(crate) struct Client<'a> {
    pub(crate) port: &'a Arc<Port>,
    pub(crate) server: &'a Arc<Server>,
    pub(crate) visit: Visit,
    pub(crate) peer: SocketAddr,
    /// Counted until the connection has ended.
    pub(crate) visitor: Visitor,
}

/// A client that is taken.
struct Taken {
    taker: Taker,
    owner: PID,
    writer: Permit,
    protocol: Option<String>,
}

/// Who takes a client.
enum Taker {
    /// A program.
    Program(Invitation),
    /// The database.
    Upload(Arc<UploadRoute>),
}

/// The page that a program has lent for its next client.
struct Invitation {
    door: Arc<Door>,
    page: Lent,
    /// The route that the page was parked for, and the one that the client is on.
    wanted: usize,
    route: u16,
    /// What the page holds.
    len: usize,
}

/// A client that has been told that it is a WebSocket.
struct Admitted {
    life: Arc<Life>,
    session: Session,
    writer: Permit,
    taker: Taker,
}

/// Hands the client to whom its path leads to and serves it to its end, or refuses it. The last head of `requests`
/// asks for the upgrade.
pub(crate) fn run(client: Client<'_>, requests: Requests) {
    let admitted = match check_request(requests.head()) {
        Ok(Request::Upgrade(request)) => match take(&client, &request) {
            Ok(taken) => admit(&client, &requests, &request, taken),
            Err(answer) => return client.visit.send_last(client.port.settings.deadlines.write, &answer),
        },
        _ => None,
    };
    let Some(Admitted { life, session, writer, taker }) = admitted else { return };
    let Client { visit, visitor, .. } = client;
    // What the requests took is not kept while the connection lasts.
    drop((visit, requests));
    let (route, invitation) = match taker {
        Taker::Program(invitation) => (Route::Inbox, Some(invitation)),
        Taker::Upload(route) => (Route::Service(Box::new(Receiving::new(route))), None),
    };
    let mut sink = Sink::new(life.conn.clone(), route);
    session.run(&life, &mut sink, writer, |_| {
        if let Some(Invitation { page, len, .. }) = invitation {
            page.answer(0, len);
        }
    });
    drop((sink, life, visitor));
}

/// Finds who takes the client; else the answer that refuses it. What costs nothing is checked first.
fn take(client: &Client<'_>, request: &Upgrade<'_>) -> Result<Taken, Answer> {
    let refuse = |code| Err(status(code, &[], false));
    let settings = &client.port.settings;
    if has_dot_segment(request.path()) {
        return refuse(400);
    }
    let found = {
        let router = client.port.router.lock();
        router.find(request.path()).map(|(number, target)| (number, target.clone()))
    };
    let Some((route, target)) = found else { return refuse(404) };
    if let TargetKind::Page(_) | TargetKind::Files(_) = &target.kind {
        return Err(upgrade_required(false));
    }
    if !is_allowed(&settings.origins, &request.headers, client.port.is_secure()) {
        return refuse(403);
    }
    let Some(writer) = client.server.pool.reserve() else { return refuse(503) };
    let taken = |taker, protocol| Ok(Taken { taker, owner: target.owner, writer, protocol });
    match target.kind {
        TargetKind::Receiver(door, known) => {
            let protocol = known.iter().find(|known| request.protocols().any(|name| *name == ***known));
            let protocol = protocol.map(|name| name.to_string());
            match door.take(route, settings.limits.accept_time) {
                Some((wanted, page)) => {
                    taken(Taker::Program(Invitation { door, page, wanted, route, len: 0 }), protocol)
                }
                None => refuse(503),
            }
        }
        TargetKind::Upload(route) => taken(Taker::Upload(route), None),
        TargetKind::Page(_) | TargetKind::Files(_) => Err(upgrade_required(false)),
    }
}

/// Enters the connection and answers the client with 101. If the client has gone, the program's page waits for the
/// next one.
fn admit(client: &Client<'_>, requests: &Requests, request: &Upgrade<'_>, taken: Taken) -> Option<Admitted> {
    let Taken { mut taker, owner, writer, protocol } = taken;
    let settings = &client.port.settings;
    let deadlines = taker.deadlines(settings.deadlines);
    let timer = client.server.timer.clone();
    let conn = client
        .server
        .table
        .enter(owner, |handle| Connection::new(Role::Server, handle, deadlines, timer, None));
    let Some(conn) = conn else {
        taker.put_back();
        client.visit.refuse(503);
        return None;
    };
    let life = Life::new(conn.clone(), client.server.table.clone());
    if !taker.introduce(&conn, client, requests, request, protocol.as_deref()) {
        // Path, query and sub-protocol fill more than the program has lent, which is no fault of the program's.
        conn.forget();
        taker.put_back();
        client.visit.refuse(431);
        return None;
    }
    if !conn.dialled(client.visit.socket.clone()) || !accept(client, request, protocol.as_deref()) {
        conn.forget();
        taker.put_back();
        return None;
    }
    let session = Session {
        role: Role::Server,
        socket: client.visit.socket.clone(),
        already: requests.behind().to_vec(),
        masks: None,
        limits: settings.messages,
        fragment_size: settings.fragment_size,
    };
    Some(Admitted { life, session, writer, taker })
}

/// Sends the 101; whether it went out.
fn accept(client: &Client<'_>, request: &Upgrade<'_>, protocol: Option<&str>) -> bool {
    let mut answer = Vec::new();
    if request.compose_accept(protocol, &[], &mut answer).is_err() {
        return false;
    }
    let visit = &client.visit;
    visit.by(client.port.settings.deadlines.write, Shutdown::Both, || visit.socket.write_all(&answer)).is_ok()
}

/// With questions to a peer that says nothing.
fn watched(deadlines: Deadlines) -> Deadlines {
    Deadlines { keepalive: deadlines.keepalive.or(Some(UPLOAD_KEEPALIVE)), ..deadlines }
}

impl Taker {
    /// How long the connection waits. A program ends one whose peer has vanished; of an upload nobody else knows, so
    /// its peer is asked.
    fn deadlines(&self, deadlines: Deadlines) -> Deadlines {
        match self {
            Taker::Program(_) => deadlines,
            Taker::Upload(_) => watched(deadlines),
        }
    }

    /// Tells a program who its client is; `false` if its page is too short for that.
    fn introduce(
        &mut self,
        conn: &Connection,
        client: &Client<'_>,
        requests: &Requests,
        request: &Upgrade<'_>,
        sub_protocol: Option<&str>,
    ) -> bool {
        let invitation = match self {
            Taker::Program(invitation) => invitation,
            Taker::Upload(_) => {
                conn.forget();
                return true;
            }
        };
        let accepted = Accepted {
            handle: conn.handle,
            route: invitation.route,
            peer: &client.peer.to_string(),
            path: request.path(),
            query: request.query(),
            sub_protocol,
            origin: request.origin(),
            head: requests.head(),
        };
        let written = accepted.write(invitation.page.pages_mut());
        invitation.len = written.unwrap_or_default();
        written.is_some()
    }

    /// The client is not handed over: the program's page is for the next one.
    fn put_back(self) {
        if let Taker::Program(Invitation { door, page, wanted, .. }) = self {
            door.put_back(wanted, page);
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
        assert_eq!(watched(own), own);
    }
}
