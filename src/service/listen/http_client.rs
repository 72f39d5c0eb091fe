//! A client of a port, from its connection to the end of its plain requests or to its upgrade.
//!
//! One worker serves it, one request at a time; nothing is read ahead.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use super::file_route;
use super::port::{ClientCount, NoTarget, Port};
use super::requests::{Requests, Stop};
use super::shared::Shared;
use super::target::TargetKind;
use super::timed_socket::TimedSocket;
use super::upgrade::Client;
use crate::http::{
    Answer, NormalPath, READS, UPGRADES, is_own_host, options, page, status, upgrade_required,
};
use crate::proto::handshake::{Caps, Plain, Refusal, Request, check_request};
use crate::service::limits::MAX_REQUEST_BYTES;

/// Serves a client until it is done or has become a WebSocket that has ended. `counted` is dropped last.
pub(crate) fn run(
    port: &Arc<Port>,
    shared: &Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    counted: ClientCount,
) {
    let limits = port.settings.limits;
    let socket = match port.socket(stream) {
        Ok(socket) => TimedSocket::new(socket, shared.timer.clone()),
        Err(error) => return log::warn!("port {}: {error}", port.number()),
    };
    if let Err(error) = socket.by(limits.head_time, Shutdown::Both, || socket.socket.handshake()) {
        return log::debug!("{peer}: {error}");
    }
    let mut requests = Requests::new(Caps {
        bytes: usize::try_from(limits.head_bytes).unwrap_or(usize::MAX).min(MAX_REQUEST_BYTES),
        lines: usize::from(limits.head_lines),
    });
    let admitted = loop {
        match socket.by(limits.head_time, Shutdown::Read, || requests.next(&socket.socket)) {
            Ok(()) => (),
            Err(Stop::Gone) if socket.is_late() => return socket.refuse(408),
            Err(Stop::Silent | Stop::Gone) => return socket.end(),
            Err(Stop::Head(error)) => return socket.refuse(Refusal::from(error).status()),
        }
        match check_request(requests.head()) {
            Ok(Request::Plain(request)) => {
                if !answer(&socket, port, &request) {
                    return;
                }
            }
            Ok(Request::Upgrade(request)) => {
                let client = Client { port, shared, socket: &socket, peer };
                break client.upgrade(&requests, &request);
            }
            Err(refusal) => {
                let mut answer = Vec::new();
                refusal.compose(&mut answer);
                return socket.send_last(port.settings.deadlines.write, &answer.into());
            }
        }
        requests.clear();
    };
    let Some(admitted) = admitted else { return };
    // What the requests took is not kept while the connection lasts.
    drop((socket, requests));
    admitted.serve();
    drop(counted);
}

/// What a client gets that cannot be told by a status, as it speaks TLS and there is no handshake: the fatal alert
/// `internal_error`, whose reason "is unrelated to the peer or the correctness of the protocol" (RFC 8446 section 6.2).
const NO_ROOM: &[u8] = &[21, 3, 3, 0, 2, 2, 80];

/// Tells a client that there is no worker for it. Does not wait: nothing was written to its socket before.
pub(crate) fn refuse(shared: &Shared, mut stream: TcpStream, secure: bool, code: u16) {
    // One that nothing was written to closes at once.
    if !shared.lingering.has_room() {
        return;
    }
    let answer = if secure { NO_ROOM.to_vec() } else { status(code, &[], false).parts().concat() };
    if stream.write_all(&answer).is_ok() {
        stream.shutdown(Shutdown::Write).ok();
        shared.lingering.linger(stream);
    }
}

/// Answers a plain request; whether another may follow.
fn answer(socket: &TimedSocket, port: &Port, request: &Plain<'_>) -> bool {
    // A body is not read, so nothing can follow it.
    let keep = request.keep_alive && !request.has_body;
    let limit = port.settings.deadlines.write;
    let path = NormalPath::of(request.path());
    let target = match port.resolve(&path) {
        Ok((_, target)) => Some(target.kind),
        Err(NoTarget::Unknown) => None,
        Err(NoTarget::DotSegment) => {
            socket.send_last(limit, &status(400, &[], false));
            return false;
        }
    };
    let answer = match target {
        Some(TargetKind::Files(_)) if !is_for_us(port, request) => status(403, &[], keep),
        Some(TargetKind::Files(files)) if is_read(request) => {
            let sent = files.answer(&file_route::Client { socket, limit, request, path: &path, keep });
            return socket.follow(limit, sent);
        }
        target => compose(target, request, keep),
    };
    if !keep {
        socket.send_last(limit, &answer);
        return false;
    }
    socket.send(limit, &answer).is_ok()
}

/// No page of a stranger asks for a file: its name would be in the request.
fn is_for_us(port: &Port, request: &Plain<'_>) -> bool {
    let own = is_own_host(&port.settings.origins, request.host, port.is_secure());
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
fn compose(target: Option<TargetKind>, request: &Plain<'_>, keep: bool) -> Answer {
    use TargetKind::{Files, Page, Receiver, Upload};
    match (target, request.method) {
        (_, "OPTIONS") if request.target == "*" => options(READS, keep),
        (None, _) => status(404, &[], keep),
        (Some(Page(_) | Files(_)), "GET" | "HEAD") if request.has_body => status(413, &[], keep),
        (Some(Page(found)), "GET") => page(found, false, keep),
        (Some(Page(found)), "HEAD") => page(found, true, keep),
        (Some(Receiver(..) | Upload(_)), "GET") => upgrade_required(keep),
        (Some(Page(_) | Files(_)), "OPTIONS") => options(READS, keep),
        (Some(Receiver(..) | Upload(_)), "OPTIONS") => options(UPGRADES, keep),
        (Some(Page(_) | Files(_)), _) => status(405, &[("Allow", READS)], keep),
        (Some(Receiver(..) | Upload(_)), _) => status(405, &[("Allow", UPGRADES)], keep),
    }
}
