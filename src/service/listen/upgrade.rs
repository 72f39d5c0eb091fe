//! A client that asks for a WebSocket: which program gets it, and what the client is answered.

use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use xous::PID;
use xous_api_websocket::certificate::Subject;
use xous_api_websocket::wire::Accepted;
use xous_api_websocket::{Code, Deadlines, Kind, Lease, serve::Decision};

use super::admission::accept_queue::AcceptQueue;
use super::admission::admission::ClientSlot;
use super::admission::stage::Stage;
use super::port::{NoTarget, Port};
use super::requests::Requests;
use super::shared::Shared;
use super::shown_head::shown_head;
use super::status_route::{EVERY, Watching, json};
use super::target::{Receiver, Target, TargetKind};
use super::timed_socket::TimedSocket;
use super::uploads::receiver::UploadReceiver;
use super::uploads::route::UploadRoute;
use crate::http::{Answer, NormalPath, Reason, Shown, decided, is_allowed};
use crate::pddb::Pddb;
use crate::proto::Role;
use crate::proto::handshake::Upgrade;
use crate::service::connection::{
    Beat, Connection, Delivery, EndGuard, Established, Heartbeat, Owner, Recorder, Recording, Sink, Tally,
    session_is_recorded,
};
use crate::service::limits::{UPLOAD_CLOSE, UPLOAD_KEEPALIVE};
use crate::service::message::Lent;
use crate::service::thread::Permit;

/// A client whose head asks for an upgrade.
pub(crate) struct Client<'a> {
    pub(crate) port: &'a Arc<Port>,
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) socket: &'a TimedSocket,
    pub(crate) peer: SocketAddr,
    pub(crate) slot: &'a Arc<ClientSlot>,
}

/// A client that is taken.
struct Taken {
    destination: Destination,
    owner: PID,
    lease: Lease,
    tally: Arc<Tally>,
    /// `None` as long as the program has not decided: who only waits has one worker.
    writer: Option<Permit>,
    protocol: Option<String>,
    /// It has shown a login that is not for the program, if any.
    has_login: bool,
    /// Its program has asked for it.
    recording: Option<Arc<Recording>>,
}

/// Why a client is not admitted.
enum Refused {
    /// It is told.
    For(Reason),
    /// The program has decided on this status and answer.
    ByProgram(u16, Answer),
    /// It has gone.
    Gone,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Refused::For(reason)
    }
}

/// A client that its program has let in.
struct Verdict {
    /// The program's message, unanswered.
    page: Lent,
    writer: Permit,
    /// The 101.
    answer: Vec<u8>,
}

/// Who takes a client.
enum Destination {
    /// A program.
    Program(AcceptPage),
    /// A program that has let the client in, by a message that is answered when the connection is open.
    Decided(Lent),
    /// The database.
    Upload(Arc<UploadRoute>),
    /// Nobody: it watches what passes.
    Status,
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
    /// The program sees the client before that is answered.
    decides: bool,
}

/// A client that has been told that it is a WebSocket.
pub(crate) struct Admitted {
    guard: Arc<EndGuard>,
    established: Established,
    writer: Permit,
    destination: Destination,
    /// Its address.
    who: SocketAddr,
}

impl Client<'_> {
    /// Finds out where the path leads, and makes the client a connection there or refuses it. `request` is the last
    /// head of `requests`.
    pub(crate) fn upgrade(&self, requests: &Requests, request: &Upgrade<'_>) -> Option<Admitted> {
        let refused = match self.take(request) {
            Ok(taken) => match self.admit(requests, request, taken) {
                Ok(admitted) => return Some(admitted),
                Err(refused) => refused,
            },
            Err(reason) => reason.into(),
        };
        let limit = self.port.settings.deadlines.write;
        match refused {
            Refused::For(reason) => self.socket.refuse(limit, reason, Shown::path(request.path())),
            Refused::ByProgram(status, answer) => {
                let (peer, asked) = (self.peer, Shown::path(request.path()));
                self.port.refusals.count_decided(status);
                log::info!("{peer}: {asked} is answered with {status} by the program");
                self.socket.send_last(limit, &answer);
            }
            Refused::Gone => (),
        }
        None
    }

    /// Finds who takes the client, or why nobody does. What costs nothing is checked first.
    fn take(&self, request: &Upgrade<'_>) -> Result<Taken, Reason> {
        let settings = &self.port.settings;
        let is_paired = self.port.is_paired(&request.headers);
        // So that it is known to who gives the listener up, however long it takes until there is a connection.
        let found = |target: &Target| {
            if target.is_services() {
                self.slot.comes_by(target.listener);
            }
        };
        let (route, target) = match self.port.resolve(&NormalPath::of(request.path()), &found) {
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
        let (owner, lease, tally) = (target.owner, target.lease, target.tally);
        // Browsers send a login to all that a port has. Who has joined the port may not be who it is for.
        let has_login = target.logins.is_some() || self.port.opener() != Some(owner);
        let (destination, writer, protocol, recording) = match target.kind {
            TargetKind::Receiver(receiver) => {
                let (page, protocol) = self.page(&receiver, route, request)?;
                let writer = if page.decides { None } else { Some(self.writer(owner)?) };
                (Destination::Program(page), writer, protocol, receiver.recording.clone())
            }
            TargetKind::Upload(route) => {
                let writer = self.shared.admission.second_worker(self.slot);
                if writer.is_none() {
                    self.shared.look_for_the_gone(Some(owner));
                    return Err(Reason::Full);
                }
                (Destination::Upload(route), writer, None, None)
            }
            TargetKind::Status(_) => {
                let writer = self.shared.admission.second_worker(self.slot).ok_or(Reason::Full)?;
                (Destination::Status, Some(writer), None, None)
            }
            TargetKind::Page(_) | TargetKind::Files(_) => return Err(Reason::NoWebSocket),
        };
        Ok(Taken { destination, owner, lease, tally, writer, protocol, has_login, recording })
    }

    /// Waits for a page of the program that takes the clients of a route.
    fn page(
        &self,
        receiver: &Receiver,
        route: u16,
        request: &Upgrade<'_>,
    ) -> Result<(AcceptPage, Option<String>), Reason> {
        let Receiver { queue, protocols, decides, .. } = receiver;
        let protocol = protocols.iter().find(|known| request.protocols().any(|name| *name == ***known));
        self.slot.is(Stage::Queued(queue.clone()));
        let taken = queue.take(route, self.port.settings.limits.accept_time, || self.slot.stays());
        let page = taken.map(|(wanted, page)| AcceptPage {
            queue: queue.clone(),
            page: Some(page),
            wanted,
            route,
            len: 0,
            decides: *decides,
        });
        // Others may count on its place, and have it: the page is for the next one.
        if !self.slot.is(Stage::Answered) {
            return Err(Reason::Full);
        }
        Ok((page.ok_or(Reason::NotTaken)?, protocol.map(|name| name.to_string())))
    }

    /// The second worker of a client that its program has taken.
    fn writer(&self, owner: PID) -> Result<Permit, Reason> {
        if !self.slot.may_be_taken(self.port.settings.limits.per_peer) {
            return Err(Reason::PeerFull);
        }
        self.shared.pool.reserve().ok_or_else(|| {
            self.shared.look_for_the_gone(Some(owner));
            Reason::Full
        })
    }

    /// Enters the connection and answers the client with 101. If the client has gone, the program's page waits for
    /// the next one, before the client gets another answer, which takes time.
    fn admit(&self, requests: &Requests, request: &Upgrade<'_>, taken: Taken) -> Result<Admitted, Refused> {
        let (owner, lease) = (taken.owner, taken.lease);
        let deadlines = taken.destination.deadlines(self.port.settings.deadlines);
        let timer = self.shared.timer.clone();
        let whose = if taken.destination.is_services() { Owner::Service } else { Owner::Process(owner) };
        let conn = self.shared.table.enter_for(owner, whose, self.shared.pool.pairs(), |handle| {
            Connection::new(Role::Server, handle, deadlines, lease, timer, None)
        });
        let Some(conn) = conn else {
            self.shared.look_for_the_gone(Some(owner));
            return Err(Reason::Full.into());
        };
        conn.account.is_with(self.peer.to_string(), request.path());
        conn.account.counts_for(taken.tally.clone());
        let guard = EndGuard::new(conn, self.shared.table.clone());
        let admitted = self.open(&guard, requests, request, taken);
        if admitted.is_err() {
            guard.conn.end_silently();
        }
        admitted
    }

    /// Tells the program, which may decide, and the client.
    fn open(
        &self,
        guard: &Arc<EndGuard>,
        requests: &Requests,
        request: &Upgrade<'_>,
        taken: Taken,
    ) -> Result<Admitted, Refused> {
        let Taken { mut destination, owner, tally, writer, protocol, has_login, recording, .. } = taken;
        let (conn, protocol) = (&guard.conn, protocol.as_deref());
        let head = || shown_head(requests.head(), has_login);
        if !destination.introduce(conn, self, head, request, protocol) {
            // Path, query and sub-protocol fill more than the program has lent, which is no fault of the program's.
            return Err(Reason::TooLargeForProgram.into());
        }
        let (destination, writer, answer) = match (destination, writer) {
            (Destination::Program(page), None) => {
                let Verdict { page, writer, answer } = self.decide(conn, page, owner, request, protocol)?;
                (Destination::Decided(page), writer, answer)
            }
            (_, None) => return Err(Reason::Full.into()),
            (destination, Some(writer)) => {
                let mut answer = Vec::new();
                request.compose_accept(protocol, &[], &mut answer).map_err(|_| Refused::Gone)?;
                (destination, writer, answer)
            }
        };
        let settings = &self.port.settings;
        let socket = &self.socket.socket;
        if !conn.dialled(socket.clone()) {
            // A program that was to decide has closed it.
            return Err(Reason::NotTaken.into());
        }
        let sent = self.socket.by(settings.deadlines.write, Shutdown::Both, || socket.write_all(&answer));
        sent.map_err(|_| Refused::Gone)?;
        if let Some(recorder) = recording.as_ref().and_then(Recorder::serves) {
            recorder.asked(&head());
            recorder.answered(&answer);
            recorder.came(requests.behind());
            conn.record(recorder);
        }
        let established = Established {
            role: Role::Server,
            socket: socket.clone(),
            already: requests.behind().to_vec(),
            masks: None,
            limits: settings.messages,
            fragment_size: settings.fragment_size,
            heartbeat: destination.heartbeat(self, &tally),
        };
        Ok(Admitted { guard: guard.clone(), established, writer, destination, who: self.peer })
    }

    /// Gives the program its page, and waits for what it decides.
    fn decide(
        &self,
        conn: &Connection,
        page: AcceptPage,
        owner: PID,
        request: &Upgrade<'_>,
        protocol: Option<&str>,
    ) -> Result<Verdict, Refused> {
        let wait = self.shared.decisions.wait(conn.handle);
        if let Some((page, len)) = page.hand_over() {
            page.answer(0, len);
        }
        let page = wait.take(self.port.settings.limits.accept_time).ok_or(Reason::NotTaken)?;
        match self.carry_out(&page, owner, request, protocol) {
            Ok((writer, answer)) => Ok(Verdict { page, writer, answer }),
            Err((code, refused)) => {
                page.answer(code, 0);
                Err(refused)
            }
        }
    }

    /// A worker and the 101 for a client that is let in; or else the code that the program gets, and what the client does.
    fn carry_out(
        &self,
        page: &Lent,
        owner: PID,
        request: &Upgrade<'_>,
        protocol: Option<&str>,
    ) -> Result<(Permit, Vec<u8>), (usize, Refused)> {
        let bad = || (Code::BadRequest as usize, Reason::BadDecision.into());
        let decision = page.data().and_then(Decision::parse).ok_or_else(bad)?;
        let headers: Vec<(&str, &str)> =
            decision.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        if !decision.is_accept() {
            let answer = decided(decision.status, &headers, &decision.body).map_err(|_| bad())?;
            return Err((0, Refused::ByProgram(decision.status, answer)));
        }
        let mut answer = Vec::new();
        let protocol = decision.sub_protocol.as_deref().or(protocol);
        request.compose_accept(protocol, &headers, &mut answer).map_err(|_| bad())?;
        let writer = self.writer(owner).map_err(|full| (Code::NoWorker as usize, full.into()))?;
        Ok((writer, answer))
    }
}

impl Admitted {
    /// Serves the connection to its end. From here on its page is the client's, whatever happens.
    pub(crate) fn serve(self, slot: &Arc<ClientSlot>, permit: &mut Permit, pddb: &Pddb) {
        let Admitted { guard, established, writer, destination, who } = self;
        let is_services = destination.is_services();
        let (delivery, page) = match destination {
            Destination::Program(page) => {
                slot.is(Stage::Taken);
                permit.belongs_to_program();
                (Delivery::Pull, page.hand_over())
            }
            Destination::Decided(page) => {
                slot.is(Stage::Taken);
                permit.belongs_to_program();
                (Delivery::Pull, Some((page, 0)))
            }
            Destination::Upload(route) => {
                let receiving = UploadReceiver::new(route, slot.clone(), &guard.conn, &who.to_string());
                (Delivery::Internal(Box::new(receiving)), None)
            }
            Destination::Status => (Delivery::Internal(Box::new(Watching::new(slot))), None),
        };
        let mut sink = Sink::new(guard.conn.clone(), delivery);
        let outcome = established.run(&guard, &mut sink, writer, |_| {
            // It may be asked to go, once there is a connection that can say so.
            if is_services {
                slot.is_idle_upload(&guard.conn);
            }
            if let Some((page, len)) = page {
                page.answer(0, len);
            }
        });
        session_is_recorded(guard.conn.recorder.get(), &outcome, pddb);
        drop((sink, guard));
    }
}

impl Destination {
    /// No program gets what comes.
    fn is_services(&self) -> bool {
        matches!(self, Destination::Upload(_) | Destination::Status)
    }

    /// How long the connection waits. A program ends one whose peer has vanished; of an upload nobody else knows, so
    /// its peer is asked.
    fn deadlines(&self, deadlines: Deadlines) -> Deadlines {
        match self {
            Destination::Program(_) | Destination::Decided(_) => deadlines,
            Destination::Upload(_) | Destination::Status => watched(deadlines),
        }
    }

    /// What the client is sent by the service every so often.
    fn heartbeat(&self, client: &Client<'_>, tally: &Arc<Tally>) -> Option<Heartbeat> {
        let Destination::Status = self else { return None };
        let (shared, port, tally) = (client.shared.clone(), client.port.clone(), tally.clone());
        let message = Beat::Made(Box::new(move || json(&shared, &port, &tally).into_bytes()));
        Some(Heartbeat { kind: Kind::Text, message, every: EVERY })
    }

    /// Tells a program about its client. Returns `false` if the page is too short for that.
    fn introduce(
        &mut self,
        conn: &Connection,
        client: &Client<'_>,
        head: impl FnOnce() -> Vec<u8>,
        request: &Upgrade<'_>,
        sub_protocol: Option<&str>,
    ) -> bool {
        let own = match self {
            Destination::Program(page) => page,
            Destination::Decided(_) => return true,
            Destination::Upload(_) | Destination::Status => {
                conn.end_silently();
                return true;
            }
        };
        let subject = client.socket.socket.peer_subject();
        let (peer, head) = (client.peer.to_string(), head());
        let mut accepted = Accepted::new(conn.handle, own.route, &peer, request.path());
        accepted.query = request.query();
        accepted.sub_protocol = sub_protocol;
        accepted.origin = request.origin();
        accepted.head = &head;
        accepted.undecided = own.decides;
        accepted.subject = subject.as_deref().map(Subject);
        let written = own.page.as_mut().and_then(|page| accepted.write(page.pages_mut()));
        own.len = written.unwrap_or_default();
        written.is_some()
    }
}

/// With questions to a peer that says nothing, and an end that does not wait for one that does not answer.
fn watched(deadlines: Deadlines) -> Deadlines {
    let keepalive = deadlines.keepalive.or(Some(UPLOAD_KEEPALIVE));
    deadlines.keepalive(keepalive).close(deadlines.close.min(UPLOAD_CLOSE))
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
        let none = Deadlines::new().keepalive(None);
        assert_eq!(watched(none).keepalive, Some(UPLOAD_KEEPALIVE));
        let own = none.keepalive(Duration::from_secs(5));
        assert_eq!(watched(own), own.close(UPLOAD_CLOSE));
    }
}
