//! A client of a port, from its connection to the end of its plain requests or to its upgrade.
//!
//! One worker serves it, one request at a time; nothing is read ahead. Each wait has a deadline: when it is over the
//! timer shuts the socket down, so that the worker's call returns.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::file_route;
use super::port::{Port, Visitor};
use super::shared::Server;
use super::target::TargetKind;
use super::upgrade::{self, Client};
use crate::http::{Answer, has_dot_segment, is_own_host, page, status, upgrade_required};
use crate::net::Socket;
use crate::proto::handshake::{Caps, HeadBuffer, HeadError, Plain, Refusal, Request, check_request};
use crate::service::limits::{LINGER, MOST_REQUEST_BYTES, READ_BUFFER};
use crate::service::thread::{Timer, Wake};
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Serves a client until it is done or has become a WebSocket that has ended.
pub(crate) fn run(
    port: &Arc<Port>,
    server: &Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    visitor: Visitor,
) {
    let limits = port.settings.limits;
    let visit = match port.socket(stream) {
        Ok(socket) => Visit::new(socket, server.timer.clone()),
        Err(error) => return log::warn!("port {}: {error}", port.number()),
    };
    if let Err(error) = visit.by(limits.head_time, Shutdown::Both, || visit.socket.handshake()) {
        return log::debug!("{peer}: {error}");
    }
    let caps = Caps {
        bytes: usize::try_from(limits.head_bytes).unwrap_or(usize::MAX).min(MOST_REQUEST_BYTES),
        lines: usize::from(limits.head_lines),
    };
    let mut requests =
        Requests { head: HeadBuffer::new(caps), buffer: vec![0; READ_BUFFER], start: 0, end: 0 };
    loop {
        match visit.by(limits.head_time, Shutdown::Read, || requests.next(&visit.socket)) {
            Ok(()) => (),
            Err(Stop::Gone) if visit.is_late() => return visit.refuse(408),
            Err(Stop::Silent | Stop::Gone) => return visit.end(),
            Err(Stop::Head(error)) => return visit.refuse(Refusal::from(error).status()),
        }
        let keep = match check_request(requests.head()) {
            Ok(Request::Plain(request)) => visit.answer(port, &request),
            Ok(Request::Upgrade(_)) => {
                return upgrade::run(Client { port, server, visit, peer, visitor }, requests);
            }
            Err(refusal) => {
                let mut answer = Vec::new();
                refusal.compose(&mut answer);
                visit.send_last(port.settings.deadlines.write, &answer.into());
                return;
            }
        };
        if !keep {
            return;
        }
        requests.head.clear();
    }
}

/// What a client gets that cannot be told by a status, as it speaks TLS and there is no handshake: the fatal alert
/// `internal_error`, whose reason "is unrelated to the peer or the correctness of the protocol" (RFC 8446 section 6.2).
const NO_ROOM: &[u8] = &[21, 3, 3, 0, 2, 2, 80];

/// Tells a client that there is no worker for it. Does not wait: nothing was written to its socket before.
pub(crate) fn refuse(server: &Server, mut stream: TcpStream, secure: bool, code: u16) {
    // One that nothing was written to closes at once.
    if !server.aside.has_room() {
        return;
    }
    let answer = if secure { NO_ROOM.to_vec() } else { status(code, &[], false).parts().concat() };
    if stream.write_all(&answer).is_ok() {
        stream.shutdown(Shutdown::Write).ok();
        server.aside.linger(stream);
    }
}

/// The socket of a client, with deadlines.
pub(crate) struct Visit {
    pub(crate) socket: Arc<Socket>,
    late: Arc<Late>,
    timer: Arc<Timer>,
}

/// What the timer shuts down.
struct Late {
    socket: Arc<Socket>,
    happened: AtomicBool,
}

/// Kinds of deadlines for the timer: which direction ends.
const READ: usize = 0;
const BOTH: usize = 1;
/// A shutdown is repeated after this, as on the device it only ends a call that is waiting already.
const AGAIN: Duration = Duration::from_millis(250);

impl Wake for Late {
    fn wake(self: Arc<Self>, kind: usize, timer: &Timer) {
        self.happened.store(true, Relaxed);
        self.socket.shutdown(if kind == READ { Shutdown::Read } else { Shutdown::Both });
        let weak: Weak<Late> = Arc::downgrade(&self);
        timer.arm(weak, kind, AGAIN);
    }
}

impl Visit {
    fn new(socket: Socket, timer: Arc<Timer>) -> Self {
        let socket = Arc::new(socket);
        let late = Arc::new(Late { socket: socket.clone(), happened: AtomicBool::new(false) });
        Visit { socket, late, timer }
    }

    /// Runs a call on the socket that ends when `limit` is over.
    pub(crate) fn by<T>(&self, limit: Duration, how: Shutdown, call: impl FnOnce() -> T) -> T {
        let weak: Weak<Late> = Arc::downgrade(&self.late);
        let weak: Weak<dyn Wake> = weak;
        self.timer.arm(weak.clone(), if how == Shutdown::Read { READ } else { BOTH }, limit);
        let result = call();
        self.timer.disarm(&weak, None);
        result
    }

    fn is_late(&self) -> bool {
        self.late.happened.load(Relaxed)
    }

    /// Ends without a word more, over TLS by a close_notify: that nothing was cut off.
    fn end(&self) {
        self.by(LINGER, Shutdown::Both, || self.socket.shutdown(Shutdown::Write));
    }

    /// Answers and ends.
    pub(crate) fn refuse(&self, code: u16) {
        self.send_last(LINGER, &status(code, &[], false));
    }

    /// Sends the last answer, and lets the client read it: a socket that is closed with bytes unread is reset, and
    /// the answer lost.
    pub(crate) fn send_last(&self, limit: Duration, answer: &Answer) {
        let [head, body] = answer.parts();
        let sent = self.by(limit, Shutdown::Both, || {
            self.socket.write_all(head)?;
            self.socket.write_all(body)?;
            // Over TLS this writes as well.
            self.socket.shutdown(Shutdown::Write);
            Ok::<_, std::io::Error>(())
        });
        if sent.is_err() {
            return;
        }
        self.by(LINGER, Shutdown::Both, || {
            let mut rest = [0; 512];
            while matches!(self.socket.read(&mut rest), Ok(1..)) {}
        });
    }

    /// Answers a plain request; whether another may follow.
    fn answer(&self, port: &Port, request: &Plain<'_>) -> bool {
        // A body is not read, so nothing can follow it.
        let keep = request.keep_alive && !request.has_body;
        let limit = port.settings.deadlines.write;
        if has_dot_segment(request.path()) {
            self.send_last(limit, &status(400, &[], false));
            return false;
        }
        let answer = match target(port, request.path()) {
            Some(TargetKind::Files(_)) if !is_for_us(port, request) => status(403, &[], keep),
            Some(TargetKind::Files(files)) if is_read(request) => {
                return files.answer(&file_route::Client { visit: self, limit, request, keep });
            }
            target => answer(target, request, keep),
        };
        if !keep {
            self.send_last(limit, &answer);
            return false;
        }
        self.send(limit, &answer).is_ok()
    }

    fn send(&self, limit: Duration, answer: &Answer) -> std::io::Result<()> {
        let [head, body] = answer.parts();
        self.by(limit, Shutdown::Both, || {
            self.socket.write_all(head)?;
            self.socket.write_all(body)
        })
    }
}

/// Where a path leads.
fn target(port: &Port, path: &str) -> Option<TargetKind> {
    let router = port.router.lock();
    router.find(path).map(|(_, target)| target.kind.clone())
}

/// No page of a stranger asks for a file: its name would be in the request.
fn is_for_us(port: &Port, request: &Plain<'_>) -> bool {
    let own = is_own_host(&port.settings.origins, request.headers.only("Host"), port.is_secure());
    if !own {
        log::warn!("files are not shown under a host's name that no origin of the port has");
    }
    own
}

/// It asks for something that is there, and brings nothing.
fn is_read(request: &Plain<'_>) -> bool {
    matches!(request.method, "GET" | "HEAD") && !request.has_body
}

/// The answer to a plain request, in one piece.
fn answer(target: Option<TargetKind>, request: &Plain<'_>, keep: bool) -> Answer {
    use TargetKind::{Files, Page, Receiver, Upload};
    match (target, request.method) {
        (None, _) => status(404, &[], keep),
        (Some(Page(_) | Files(_)), "GET" | "HEAD") if request.has_body => status(413, &[], keep),
        (Some(Page(found)), "GET") => page(found, false, keep),
        (Some(Page(found)), "HEAD") => page(found, true, keep),
        (Some(Receiver(..) | Upload(_)), "GET") => upgrade_required(keep),
        (Some(Page(_) | Files(_)), _) => status(405, &[("Allow", "GET, HEAD")], keep),
        (Some(Receiver(..) | Upload(_)), _) => status(405, &[("Allow", "GET")], keep),
    }
}

/// The heads that a client sends, one after the other.
pub(crate) struct Requests {
    head: HeadBuffer,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// There is no head.
enum Stop {
    /// The client has gone, or said nothing in time, between two requests.
    Silent,
    /// It has gone, or its time is over, within a head.
    Gone,
    /// The head is none.
    Head(HeadError),
}

impl Requests {
    /// The last head that was read.
    pub(crate) fn head(&self) -> &[u8] {
        self.head.head()
    }

    /// What came behind it.
    pub(crate) fn behind(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn next(&mut self, socket: &Socket) -> Result<(), Stop> {
        loop {
            if self.start < self.end {
                let progress = self.head.push(&self.buffer[self.start..self.end]).map_err(Stop::Head)?;
                self.start += progress.consumed;
                if progress.complete {
                    return Ok(());
                }
            }
            self.start = 0;
            self.end = match socket.read(&mut self.buffer) {
                Ok(len @ 1..) => len,
                _ if self.head.head().is_empty() => return Err(Stop::Silent),
                _ => return Err(Stop::Gone),
            };
        }
    }
}
