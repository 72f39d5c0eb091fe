//! A client of a port, from its connection to the end of its plain requests or to its upgrade.
//!
//! One worker serves it, one request at a time. Nothing is read ahead.

use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use super::admission::admission::ClientSlot;
use super::admission::stage::Stage;
use super::certificates::warn_of_expiry;
use super::file_route;
use super::pairing::{self, NotPaired, Pairing};
use super::port::{NoTarget, Port};
use super::requests::{Requests, Stop};
use super::shared::Shared;
use super::status_route;
use super::target::TargetKind;
use super::timed_socket::{TimedSocket, log_refusal};
use super::upgrade::{Admitted, Client};
use crate::entropy::fill;
use crate::http::{
    Answer, NormalPath, READS, Reason, Shown, UPGRADES, is_allowed, is_own_host, options, page,
    pairing as pairing_page, refusal, status,
};
use crate::net::{TcpStream, one_peer};
use crate::proto::handshake::{Caps, Plain, Refusal, Request, check_request};
use crate::service::limits::{LINGER, MAX_REQUEST_BYTES};
use crate::service::thread::Permit;

/// Serves a client until it is done or has become a WebSocket that has ended. `permit` becomes a program's when one
/// takes it.
pub(super) fn run(
    port: &Arc<Port>,
    shared: &Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    slot: Arc<ClientSlot>,
    permit: &mut Permit,
) {
    let limits = port.settings.limits;
    warn_of_expiry(port);
    let socket = match port.socket(stream) {
        Ok(socket) => TimedSocket::new(socket, shared, peer, slot.clone(), port.refusals.clone()),
        Err(error) => return log::warn!("port {}: {error}", port.number()),
    };
    if let Err(error) = socket.by(limits.head_time, Shutdown::Both, || socket.socket.handshake()) {
        port.refusals.count_no_tls();
        return log::debug!("{peer}: {error}");
    }
    let mut requests = Requests::new(Caps {
        bytes: usize::try_from(limits.head_bytes).unwrap_or(usize::MAX).min(MAX_REQUEST_BYTES),
        lines: usize::from(limits.head_lines),
    });
    let client = Client { port, shared, socket: &socket, peer, slot: &slot };
    let Some(admitted) = serve(&client, &mut requests) else { return };
    // What the requests took is not kept while the connection lasts.
    drop((socket, requests));
    admitted.serve(&slot, permit, &shared.pddb);
}

/// Answers plain requests, up to one that becomes a WebSocket; `None` if the client is done.
fn serve(client: &Client<'_>, requests: &mut Requests) -> Option<Admitted> {
    let Client { port, shared, socket, slot, .. } = *client;
    let mut stays = slot.is(Stage::Silent);
    loop {
        if !stays {
            socket.end();
            return None;
        }
        if !has_next(client, requests) {
            return None;
        }
        match check_request(requests.head()) {
            Ok(Request::Plain(request)) if answer(socket, port, shared, &request) => (),
            Ok(Request::Plain(_)) => return None,
            Ok(Request::Upgrade(request)) => return client.upgrade(requests, &request),
            Err(refusal) => {
                let limit = port.settings.deadlines.write;
                socket.refuse(limit, refusal.into(), Shown::head(requests.head()));
                return None;
            }
        }
        requests.clear();
        stays = slot.is(Stage::Idle);
    }
}

/// Waits for the next head. Returns whether there is one; else the connection has ended.
fn has_next(client: &Client<'_>, requests: &mut Requests) -> bool {
    let Client { port, socket, slot, .. } = *client;
    let limit = port.settings.limits.head_time;
    let reason = match socket.by(limit, Shutdown::Read, || requests.next(&socket.socket)) {
        Ok(()) if slot.is(Stage::Answered) => return true,
        Ok(()) => Reason::Full,
        Err(Stop::Gone) if !slot.stays() => Reason::Full,
        Err(Stop::Gone) if socket.is_late() => Reason::Late,
        Err(Stop::Silent | Stop::Gone) => {
            socket.end();
            return false;
        }
        Err(Stop::Head(error)) => Refusal::from(error).into(),
    };
    socket.refuse(LINGER, reason, Shown::head(requests.head()));
    false
}

/// What a client gets that cannot be told by a status, as it speaks TLS and there is no handshake: the fatal alert
/// `internal_error`, whose reason "is unrelated to the peer or the correctness of the protocol" (RFC 8446 section 6.2).
const NO_ROOM: &[u8] = &[21, 3, 3, 0, 2, 2, 80];

/// What a client is told for whom there is no place, and who has sent `request`. It is put into the log, so that the
/// caller may have to wait.
pub(super) fn no_room(secure: bool, peer: SocketAddr, reason: Reason, request: &[u8]) -> Vec<u8> {
    if secure {
        log_refusal(peer, reason, &Shown::path("TLS"));
        return NO_ROOM.to_vec();
    }
    let asked = Shown::head(request);
    log_refusal(peer, reason, &asked);
    refusal(reason, asked.is_head(), false).parts().concat()
}

/// Answers a plain request. Returns whether another may follow.
fn answer(socket: &TimedSocket, port: &Port, shared: &Shared, request: &Plain<'_>) -> bool {
    // A body is not read, so nothing can follow it.
    let keep = request.keep_alive && !request.has_body;
    let limit = port.settings.deadlines.write;
    let path = NormalPath::of(request.path());
    if request.method == "POST"
        && request.path() == pairing::PATH
        && let Some(pairing) = &port.pairing
    {
        let answer = pair(socket, port, pairing, request, keep);
        return socket.answer(limit, &answer, keep);
    }
    let answer = match target_of(port, request, &path) {
        Err(Reason::DotSegment) => {
            socket.refuse(limit, Reason::DotSegment, Shown::plain(request));
            return false;
        }
        Err(reason) => Err(reason),
        Ok(Some(TargetKind::Files(files))) if files.answers(request.method) && !request.has_body => {
            let sent = files.answer(&file_route::Client {
                socket,
                limit,
                request,
                path: &path,
                keep,
                pace: file_route::Pace::default(),
            });
            return socket.follow(limit, sent);
        }
        Ok(Some(TargetKind::Status(tally))) => {
            let page = status_route::page(shared, port, &tally, request);
            compose(Some(TargetKind::Page(page)), request, keep)
        }
        Ok(target) => compose(target, request, keep),
    };
    let answer = answer.unwrap_or_else(|reason| refused(socket, request, reason, keep));
    socket.answer(limit, &answer, keep)
}

/// What is at the path of a request that may have it; `None` if nothing is.
fn target_of(port: &Port, request: &Plain<'_>, path: &NormalPath<'_>) -> Result<Option<TargetKind>, Reason> {
    let is_paired = port.is_paired(&request.headers);
    let kind = match port.resolve(path, &|_| ()) {
        Ok((_, target)) => {
            target.admit(&request.headers, is_paired)?;
            target.kind
        }
        Err(NoTarget::Unknown) if !is_paired => return Err(Reason::NotPaired),
        Err(NoTarget::Unknown) => return Ok(None),
        Err(NoTarget::DotSegment) => return Err(Reason::DotSegment),
    };
    match &kind {
        TargetKind::Files(_) | TargetKind::Status(_) if !is_for_us(port, request) => Err(Reason::ForeignHost),
        // A page that may not connect may not delete either.
        TargetKind::Files(_) if request.method == "DELETE" && !is_of_us(port, request) => {
            Err(Reason::ForeignOrigin)
        }
        _ => Ok(Some(kind)),
    }
}

/// The answer that says why a request has no other.
fn refused(socket: &TimedSocket, request: &Plain<'_>, reason: Reason, keep: bool) -> Answer {
    socket.note(reason, Shown::path(request.path()));
    let head_only = request.method == "HEAD";
    match (reason, request.method) {
        (Reason::NotPaired, "GET" | "HEAD") => pairing_page(pairing::PAGE, head_only, keep),
        _ => refusal(reason, head_only, keep),
    }
}

/// Gives a cookie to a client that brings the port's code.
fn pair(socket: &TimedSocket, port: &Port, pairing: &Pairing, request: &Plain<'_>, keep: bool) -> Answer {
    let refuse = |reason| {
        socket.note(reason, Shown::path(request.path()));
        refusal(reason, false, keep)
    };
    if !may_pair(port, request) {
        return refuse(Reason::ForeignOrigin);
    }
    let mut random = [0; 16];
    if let Err(error) = fill(&mut random) {
        log::warn!("nobody can be paired: {error}");
        return refuse(Reason::StoreFailed);
    }
    let shown = request.headers.only(pairing::CODE_HEADER).unwrap_or_default();
    match pairing.exchange(shown, one_peer(socket.peer.ip()), random, Instant::now()) {
        Ok(token) => {
            let cookie = pairing::set_cookie(&token, port.number(), port.is_secure());
            status(200, &[("Set-Cookie", &cookie), ("Cache-Control", "no-store")], keep)
        }
        Err(NotPaired::Wrong) => refuse(Reason::WrongCode),
        Err(NotPaired::TooMany) => refuse(Reason::TooManyCodes),
    }
}

/// Whether it comes from no page, from one of this port's own, or from one that may open a WebSocket here.
fn may_pair(port: &Port, request: &Plain<'_>) -> bool {
    let is_welcome = |origins| is_allowed(origins, true, request.host, &request.headers, port.is_secure());
    is_welcome(&port.settings.origins) || is_welcome(&[])
}

/// No page of a stranger asks for a file: its name would be in the request.
fn is_for_us(port: &Port, request: &Plain<'_>) -> bool {
    is_own_host(&port.settings.origins, request.host, port.is_secure())
}

/// Whether it comes from a program, or from a page that may open a WebSocket here.
fn is_of_us(port: &Port, request: &Plain<'_>) -> bool {
    let settings = &port.settings;
    is_allowed(&settings.origins, settings.programs, request.host, &request.headers, port.is_secure())
}

/// The answer to a plain request, in one piece, or the reason of a refusal.
fn compose(target: Option<TargetKind>, request: &Plain<'_>, keep: bool) -> Result<Answer, Reason> {
    use TargetKind::{Files, Page, Receiver, Status, Upload};
    match (target, request.method) {
        (_, "OPTIONS") if request.target == "*" => Ok(options(READS, keep)),
        (None, _) => Err(Reason::NotFound),
        (Some(Page(_)), "GET" | "HEAD") if request.has_body => Err(Reason::Body),
        (Some(Files(files)), method) if files.answers(method) => Err(Reason::Body),
        (Some(Files(files)), "OPTIONS") => Ok(options(files.methods(), keep)),
        (Some(Files(files)), _) => Err(Reason::Method(files.methods())),
        (Some(Page(found)), "GET") => Ok(page(found, false, keep)),
        (Some(Page(found)), "HEAD") => Ok(page(found, true, keep)),
        (Some(Receiver(..) | Upload(_) | Status(_)), "GET") => Err(Reason::NoUpgrade),
        (Some(Page(_)), "OPTIONS") => Ok(options(READS, keep)),
        (Some(Receiver(..) | Upload(_) | Status(_)), "OPTIONS") => Ok(options(UPGRADES, keep)),
        (Some(Page(_)), _) => Err(Reason::Method(READS)),
        (Some(Receiver(..) | Upload(_) | Status(_)), _) => Err(Reason::Method(UPGRADES)),
    }
}
