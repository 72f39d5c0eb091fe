//! A client that asks for a WebSocket: who gets it, and what it is told.

use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, PoisonError};

use xous_api_websocket::Accepted;

use super::connection::Connection;
use super::envelope::Lent;
use super::life::Life;
use super::pool::Permit;
use super::port::{Port, Target, TargetKind, Visitor};
use super::server::Server;
use super::session::Session;
use super::sink::{Route, Sink};
use super::visit::{Requests, Visit};
use crate::http::{Answer, has_dot_segment, is_allowed, status, upgrade_required};
use crate::proto::Role;
use crate::proto::handshake::{Request, Upgrade, check_request};

/// A client whose head asks for an upgrade.
pub(crate) struct Client<'a> {
    pub(crate) port: &'a Arc<Port>,
    pub(crate) server: &'a Arc<Server>,
    pub(crate) visit: Visit,
    pub(crate) peer: SocketAddr,
    /// Counted until the connection has ended.
    pub(crate) visitor: Visitor,
}

/// A client that a program takes.
struct Taken {
    /// The program's page, and which route it was parked for.
    page: (usize, Lent),
    route: u16,
    target: Target,
    writer: Permit,
    protocol: Option<String>,
}

/// A client that has been told that it is a WebSocket.
struct Admitted {
    life: Arc<Life>,
    session: Session,
    writer: Permit,
    /// The program's page, filled, and how far.
    page: Lent,
    len: usize,
}

/// Hands the client to the program that its path leads to and serves it to its end, or refuses it. The last head of
/// `requests` asks for the upgrade.
pub(crate) fn run(client: Client<'_>, requests: Requests) {
    let admitted = match check_request(requests.head()) {
        Ok(Request::Upgrade(request)) => match take(&client, &request) {
            Ok(taken) => admit(&client, &requests, &request, taken),
            Err(answer) => return client.visit.send_last(client.port.settings.deadlines.write, &answer),
        },
        _ => None,
    };
    let Some(Admitted { life, session, writer, page, len }) = admitted else { return };
    let Client { visit, visitor, .. } = client;
    // What the requests took is not kept while the connection lasts.
    drop((visit, requests));
    let mut sink = Sink::new(life.conn.clone(), Route::Inbox);
    session.run(&life, &mut sink, writer, |_| page.answer(0, len));
    drop((sink, life, visitor));
}

/// Finds a program for the client; else the answer that refuses it. What costs nothing is checked first.
fn take(client: &Client<'_>, request: &Upgrade<'_>) -> Result<Taken, Answer> {
    let refuse = |code| Err(status(code, &[], false));
    let settings = &client.port.settings;
    if has_dot_segment(request.path()) {
        return refuse(400);
    }
    let found = {
        let router = client.port.router.lock().unwrap_or_else(PoisonError::into_inner);
        router.find(request.path()).map(|(number, target)| (number, target.clone()))
    };
    let Some((route, target)) = found else { return refuse(404) };
    let TargetKind::Receiver(door, protocols) = &target.kind else {
        return Err(upgrade_required(false));
    };
    if !is_allowed(&settings.origins, &request.headers, client.port.is_secure()) {
        return refuse(403);
    }
    let Some(writer) = client.server.pool.reserve() else { return refuse(503) };
    let protocol = protocols.iter().find(|known| request.protocols().any(|offered| *offered == ***known));
    let protocol = protocol.map(|protocol| protocol.to_string());
    let Some(page) = door.take(route, settings.limits.accept_time) else { return refuse(503) };
    Ok(Taken { page, route, target, writer, protocol })
}

/// Enters the connection and answers the client with 101. If the client has gone, the program's page waits for the
/// next one.
fn admit(client: &Client<'_>, requests: &Requests, request: &Upgrade<'_>, taken: Taken) -> Option<Admitted> {
    let Taken { page: (wanted, mut page), route, target, writer, protocol } = taken;
    let settings = &client.port.settings;
    let timer = client.server.timer.clone();
    let conn = client
        .server
        .table
        .enter(target.owner, |handle| Connection::new(Role::Server, handle, settings.deadlines, timer, None));
    let Some(conn) = conn else {
        put_back(&target, wanted, page);
        client.visit.refuse(503);
        return None;
    };
    let life = Life::new(conn.clone(), client.server.table.clone());
    let peer = client.peer.to_string();
    let accepted = Accepted {
        handle: conn.handle,
        route,
        peer: &peer,
        path: request.path(),
        query: request.query(),
        sub_protocol: protocol.as_deref(),
        origin: request.origin(),
        head: requests.head(),
    };
    let Some(len) = accepted.write(page.pages_mut()) else {
        // Path, query and sub-protocol fill more than the program has lent, which is no fault of the program's.
        conn.forget();
        put_back(&target, wanted, page);
        client.visit.refuse(431);
        return None;
    };
    if !conn.dialled(client.visit.socket.clone()) || !accept(client, request, protocol.as_deref()) {
        conn.forget();
        put_back(&target, wanted, page);
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
    Some(Admitted { life, session, writer, page, len })
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

fn put_back(target: &Target, wanted: usize, page: Lent) {
    if let TargetKind::Receiver(door, _) = &target.kind {
        door.put_back(wanted, page);
    }
}
