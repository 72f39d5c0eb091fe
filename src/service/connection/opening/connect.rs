//! Opens a client connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use xous_api_websocket::{Code, Request};

use super::super::beat::{Beat, Heartbeat};
use super::super::connection::Connection;
use super::super::established::Established;
use super::super::failure::Failure;
use super::super::recorder::Recorder;
use super::super::seed::Seed;
use super::super::tls_code;
use super::answer::Answer;
use super::compose::{Heads, bad, compose};
use super::destination::{self, Destination};
use crate::entropy::EntropyError;
use crate::net::{DialError, Socket, TlsError, dial, tls_client, without_zone};
use crate::pddb::Pddb;
use crate::proto::Role;
use crate::proto::handshake::{Key, ReplyError, check_reply, parse_reply};

/// Draws the random numbers of a connection; may block.
pub(crate) type Draw = Box<dyn Fn() -> Result<Seed, EntropyError> + Send>;

/// A connection whose opening handshake is complete.
pub(super) struct Opened {
    pub(super) established: Established,
    pub(super) sub_protocol: Option<String>,
    pub(super) head: Vec<u8>,
}

/// One opening handshake, up to its end.
pub(super) fn open(
    conn: &Arc<Connection>,
    request: &[u8],
    pddb: &Pddb,
    seed: &Draw,
) -> Result<Opened, Failure> {
    attempt(conn, request, pddb, seed).map_err(|failure| conn.failed_by(failure))
}

fn attempt(conn: &Arc<Connection>, request: &[u8], pddb: &Pddb, seed: &Draw) -> Result<Opened, Failure> {
    let request = &Request::parse(request)
        .ok_or_else(|| Failure::new(Code::Malformed, format_args!("the page does not hold a request")))?;
    if let (Some(record), None, false) = (&request.record, conn.recorder.get(), conn.is_granted()) {
        conn.record(Recorder::begin(record)?);
    }
    let to = Destination::new(request);
    conn.waits_for(to.place());
    let seed =
        seed().map_err(|error| Failure::new(Code::Entropy, format_args!("no random numbers: {error}")))?;
    let mut key = seed.key;
    let mut masks = ChaCha8Rng::from_seed(seed.masks);
    let mut attempt = Attempt { conn, request, pddb, to, start: Instant::now() };
    let mut left = request.redirects;
    let mut heads = attempt.compose(&Key::new(key))?;
    loop {
        let (answer, status, socket) = match attempt.open(&Key::new(key), &heads, &masks)? {
            Answered::Opened(opened) => return Ok(*opened),
            Answered::Refused(answer, status, socket) => (answer, status, socket),
        };
        let next = if request.redirects == 0 { Ok(None) } else { attempt.to.redirected(&answer.head) };
        let why = match next {
            Ok(Some(next)) if left > 0 => {
                left -= 1;
                // RFC 6455 section 4.1: each connection has a key of its own.
                masks.fill_bytes(&mut key);
                match attempt.lead_to(next, &Key::new(key)) {
                    Ok(composed) => heads = composed,
                    Err(why) => return Err(attempt.refused(answer, status, &socket, Some(why))),
                }
                continue;
            }
            Ok(Some(_)) => Some(format!("yet another place, after {} redirections", request.redirects)),
            Ok(None) => None,
            Err(why) => Some(why),
        };
        return Err(attempt.refused(answer, status, &socket, why));
    }
}

/// An attempt to open a connection to one server.
struct Attempt<'a> {
    conn: &'a Arc<Connection>,
    request: &'a Request<'a>,
    pddb: &'a Pddb,
    to: Destination<'a>,
    /// Of the whole opening.
    start: Instant,
}

/// What a server has answered.
enum Answered {
    Opened(Box<Opened>),
    /// Another status than 101.
    Refused(Answer, u16, Arc<Socket>),
}

impl<'a> Attempt<'a> {
    /// From now on to that place. The heads for it; if there cannot be any, why, and nothing has changed.
    fn lead_to(&mut self, next: Destination<'a>, key: &Key) -> Result<Heads, String> {
        let before = std::mem::replace(&mut self.to, next);
        self.compose(key).map_err(|failure| {
            self.to = before;
            format!("a place that cannot be asked: {}", failure.text)
        })
    }

    fn open(&self, key: &Key, heads: &Heads, masks: &ChaCha8Rng) -> Result<Answered, Failure> {
        let (socket, head) = (self.connect(&heads.tunnel)?, &heads.server);
        let place = self.to.place();
        let recorder = self.conn.recorder.get();
        recorder.inspect(|recorder| recorder.asked(head));
        socket.write_all(head).map_err(|error| {
            Failure::io(Code::Lost, format_args!("cannot send the opening handshake to {place}"), &error)
        })?;
        let answer = Answer::read(&|buffer| socket.read(buffer), &place)?;
        recorder.inspect(|recorder| {
            recorder.answered(&answer.head);
            recorder.came(&answer.already);
        });
        let sub_protocol = match check_reply(&answer.head, key, &self.request.sub_protocols) {
            Ok(reply) => reply.protocol.map(str::to_owned),
            Err(ReplyError::Status(status)) => return Ok(Answered::Refused(answer, status, socket)),
            Err(error) => {
                let text = format_args!("{place} does not speak WebSocket: {error}");
                return Err(Failure::new(Code::BadReply, text));
            }
        };
        let options = self.conn.lasting().map_or(&self.request.options, |lasting| lasting.options());
        let established = Established {
            role: Role::Client,
            socket,
            already: answer.already,
            masks: Some(masks.clone()),
            limits: options.limits,
            fragment_size: options.fragment_size,
            heartbeat: self.request.heartbeat.map(|beat| Heartbeat {
                kind: beat.kind,
                message: Beat::Fixed(beat.message.into()),
                every: beat.every,
            }),
        };
        self.conn.account.is_with(place, &self.to.path);
        Ok(Answered::Opened(Box::new(Opened { established, sub_protocol, head: answer.head })))
    }

    /// A socket on which the server can be asked.
    fn connect(&self, tunnel: &[u8]) -> Result<Arc<Socket>, Failure> {
        let (conn, host, place) = (self.conn, &*self.to.host, self.to.place());
        conn.waits_for(self.reached());
        let not_secure = |error: TlsError| {
            Failure::new(tls_code::code(&error), format_args!("no secure connection to {place}: {error}"))
        };
        let secured = || tls_client(&self.to.tls(self.request), without_zone(host), self.pddb, self.left());
        let tls = self.to.secure.then(secured).transpose().map_err(not_secure)?;
        let left = || if conn.is_wanted() { self.left() } else { Duration::ZERO };
        let (to, port) = self.to.dialled(self.request);
        let stream = dial(to, port, left).map_err(|error| match error {
            DialError::Resolve(error) => {
                Failure::new(Code::Resolve, format_args!("cannot resolve {to}: {error}"))
            }
            DialError::Connect(error) => {
                Failure::new(Code::Connect, format_args!("cannot connect to {}: {error}", self.reached()))
            }
        })?;
        let socket = Arc::new(match tls {
            None => Socket::new(stream),
            Some(tls) => Socket::secure(stream, tls),
        });
        if !conn.dialled(socket.clone()) {
            return Err(Failure::new(
                Code::Timeout,
                format_args!("cannot connect to {}: given up", self.reached()),
            ));
        }
        if !tunnel.is_empty() {
            self.tunnel(&socket, tunnel)?;
            conn.waits_for(self.to.place());
        }
        socket.handshake().map_err(|error| Failure { shown: socket.take_shown(), ..not_secure(error) })?;
        Ok(socket)
    }

    /// Who is dialled, in words.
    fn reached(&self) -> String {
        let (host, port) = self.to.dialled(self.request);
        let what = if self.request.proxy.is_some() { "the proxy " } else { "" };
        format!("{what}{}", destination::place(host, port))
    }

    /// Has the proxy connect to the server.
    fn tunnel(&self, socket: &Socket, head: &[u8]) -> Result<(), Failure> {
        let place = self.reached();
        socket
            .write_plain(head)
            .map_err(|error| Failure::io(Code::Lost, format_args!("cannot ask {place}"), &error))?;
        let read = |buffer: &mut [u8]| socket.read_plain(buffer);
        let answer = Answer::read(&read, &place)?;
        match parse_reply(&answer.head).map(|reply| reply.status) {
            Ok(200..=299) if answer.already.is_empty() => Ok(()),
            Ok(status @ 300..) => {
                self.conn.answered();
                let text = format_args!("{place} answered {status} instead of opening a tunnel");
                let body = answer.body(&read);
                Err(Failure { status, head: answer.head, body, ..Failure::new(Code::Refused, text) })
            }
            _ => Err(Failure::new(Code::BadReply, format_args!("{place} did not open a proper tunnel"))),
        }
    }

    /// Of the open deadline.
    fn left(&self) -> Duration {
        self.conn.deadlines.open.saturating_sub(self.start.elapsed())
    }

    /// Waits for the beginning of the body.
    fn refused(&self, answer: Answer, status: u16, socket: &Socket, why: Option<String>) -> Failure {
        self.conn.answered();
        let body = answer.body(&|buffer| socket.read(buffer));
        Failure { head: answer.head, body, ..self.to.refused(status, why) }
    }

    /// The policy of what makes a connection last is that of the first request.
    fn compose(&self, key: &Key) -> Result<Heads, Failure> {
        let policy = self.request.reconnect.as_ref().and_then(|policy| policy.fault());
        match self.conn.lasting().map_or(policy, |lasting| lasting.fault()) {
            Some(fault) => Err(bad(&fault)),
            None => compose(self.request, &self.to, key),
        }
    }
}
