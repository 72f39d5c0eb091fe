//! Opens a client connection on a worker, and becomes its reader.

use std::fmt::Display;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use xous_api_websocket::{Code, CredentialsForm, Refusal, Reply, Request};

use super::connection::Connection;
use super::entropy::Seed;
use super::envelope::Lent;
use super::life::Life;
use super::limits::{HEAD_BYTES, HEAD_LINES, READ_BUFFER};
use super::outcome::{ABNORMAL, Outcome};
use super::pool::Permit;
use super::security;
use super::session::Session;
use super::sink::{Route, Sink};
use crate::entropy::EntropyError;
use crate::net::{DialError, Socket, TlsError, dial, tls_client};
use crate::pddb::Pddb;
use crate::proto::Role;
use crate::proto::handshake::{
    Authorization, Caps, ClientRequest, HeadBuffer, Key, ReplyError, check_reply, parse_reply,
};

/// RFC 1035 section 2.3.4, as text. A resolver may take its time over a longer one.
const LONGEST_HOST: usize = 253;

/// What a worker needs to open a connection.
pub(crate) struct Opening {
    /// The request as it came, checked to be one.
    pub(crate) request: Box<[u8]>,
    /// Where chunks go.
    pub(crate) route: Route,
    /// Where roots and keys may be.
    pub(crate) pddb: Pddb,
    /// Draws the random numbers of the connection; may block.
    pub(crate) seed: Box<dyn FnOnce() -> Result<Seed, EntropyError> + Send>,
}

/// Why there is no connection.
struct Failure {
    code: Code,
    status: u16,
    text: String,
}

/// A connection whose opening handshake is complete.
struct Opened {
    session: Session,
    sub_protocol: Option<String>,
    head: Vec<u8>,
}

/// Opens the connection of `life`, then reads it until its end. `writer` is the worker for its writer.
pub(crate) fn run(life: Arc<Life>, opening: Opening, writer: Permit) {
    let conn = &life.conn.clone();
    let mut sink = Sink::new(conn.clone(), opening.route);
    let outcome = match open(conn, Wiped(opening.request), &opening.pddb, opening.seed) {
        // Moved, so that the head is not kept while the connection lasts.
        Ok(Opened { session, sub_protocol, head }) => session.run(&life, &mut sink, writer, move |opener| {
            if let Some(mut page) = opener {
                let sub_protocol = sub_protocol.as_deref();
                let reply = Reply { handle: conn.handle, status: 101, sub_protocol, head: &head };
                match reply.write(page.pages_mut()) {
                    Some(len) => page.answer(0, len),
                    None => page.answer(Code::Malformed as usize, 0),
                }
            }
        }),
        Err(failure) => {
            log::info!("{}", failure.text);
            refuse(conn, &failure);
            Outcome::new(ABNORMAL, &failure.text)
        }
    };
    // The end does not depend on whether somebody takes this last message.
    drop(life);
    sink.tell(&outcome);
}

/// The open deadline is over: the caller is told now, the worker comes to its end when its call returns.
pub(crate) fn too_late(conn: &Arc<Connection>) {
    if let Some(page) = conn.give_up_opening() {
        // The request is still in the page.
        let place = page
            .data()
            .and_then(Request::parse)
            .map(|request| format!("{}:{}: ", request.host, request.port));
        let text = format!("{}not open within {:?}", place.unwrap_or_default(), conn.deadlines.open);
        answer(page, &Failure::new(Code::Timeout, text));
    }
    conn.break_off();
}

fn refuse(conn: &Connection, failure: &Failure) {
    if let Some(page) = conn.give_up_opening() {
        answer(page, failure);
    }
}

fn answer(mut page: Lent, failure: &Failure) {
    let refusal = Refusal { status: failure.status, text: &failure.text };
    let len = refusal.write(page.pages_mut());
    page.answer(failure.code as usize, len);
}

/// Bytes that are zero when they are given back.
struct Wiped(Box<[u8]>);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.fill(0);
        // Else nobody would see that they are, and the compiler could leave it.
        std::hint::black_box(&self.0);
    }
}

/// The request is gone when this returns: it may have a private key.
fn open(
    conn: &Arc<Connection>,
    request: Wiped,
    pddb: &Pddb,
    seed: Box<dyn FnOnce() -> Result<Seed, EntropyError> + Send>,
) -> Result<Opened, Failure> {
    let request = &Request::parse(&request.0)
        .ok_or_else(|| Failure::new(Code::Malformed, "the page does not hold a request".into()))?;
    let place = format!("{}:{}", request.host, request.port);
    let not_secure = |error: TlsError| {
        Failure::new(security::code(&error), format!("no secure connection to {place}: {error}"))
    };
    let seed =
        seed().map_err(|error| Failure::new(Code::Entropy, format!("no random numbers: {error:?}")))?;
    let key = Key::new(seed.key);
    let head = compose(request, &key)?;
    let secured = |tls| tls_client(tls, request.host, pddb, request.deadlines.open);
    let tls = request.tls.as_ref().map(secured).transpose().map_err(not_secure)?;
    let stream = dial(request.host, request.port, request.deadlines.open).map_err(|error| match error {
        DialError::Resolve(error) => {
            Failure::new(Code::Resolve, format!("resolve {}: {error}", request.host))
        }
        DialError::Connect(error) => Failure::new(Code::Connect, format!("connect to {place}: {error}")),
    })?;
    let socket = Arc::new(match tls {
        None => Socket::new(stream),
        Some(tls) => Socket::secure(stream, tls),
    });
    if !conn.dialled(socket.clone()) {
        return Err(Failure::new(Code::Timeout, format!("connect to {place}: given up")));
    }
    socket.handshake().map_err(not_secure)?;
    socket
        .write_all(&head)
        .map_err(|error| Failure::io(Code::Lost, format!("send the opening handshake to {place}"), &error))?;
    let (head, already) = read_head(&socket, &place)?;
    let reply = check_reply(&head, &key, &request.sub_protocols).map_err(|error| match error {
        ReplyError::Status(status) => {
            Failure { code: Code::Refused, status, text: format!("{place} answered {status} instead of 101") }
        }
        error => Failure::new(Code::BadReply, format!("{place} does not speak WebSocket: {error}")),
    })?;
    let sub_protocol = reply.protocol.map(str::to_owned);
    let session = Session {
        role: Role::Client,
        socket,
        already,
        masks: Some(ChaCha8Rng::from_seed(seed.masks)),
        limits: request.limits,
        fragment_size: request.fragment_size,
    };
    Ok(Opened { session, sub_protocol, head })
}

fn compose(request: &Request<'_>, key: &Key) -> Result<Vec<u8>, Failure> {
    let bad =
        |text: &dyn Display| Failure::new(Code::BadRequest, format!("the request cannot be sent: {text}"));
    if request.port == 0 {
        return Err(bad(&"invalid port 0"));
    }
    if request.host.len() > LONGEST_HOST {
        return Err(bad(&format_args!("invalid host of more than {LONGEST_HOST} characters")));
    }
    let authorization = match request.credentials {
        None => Authorization::None,
        Some(c) => match c.form {
            CredentialsForm::Basic => Authorization::Basic { user: c.username, password: c.password },
            CredentialsForm::Query => Authorization::Query { user: c.username, password: c.password },
        },
    };
    let handshake = ClientRequest {
        host: request.host,
        port: request.port,
        secure: request.tls.is_some(),
        path: request.path,
        origin: request.origin,
        authorization,
        sub_protocols: &request.sub_protocols,
        headers: &request.headers,
    };
    let mut head = Vec::new();
    handshake.compose(key, &mut head).map_err(|error| bad(&error))?;
    Ok(head)
}

/// The server's answer, and what came behind it. Interim answers are passed over (RFC 9110 section 15.2), as many
/// as come within the open deadline.
fn read_head(socket: &Socket, place: &str) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let bad = |text: String| Failure::new(Code::BadReply, text);
    let mut head = HeadBuffer::new(Caps { bytes: HEAD_BYTES, lines: HEAD_LINES });
    let mut buffer = vec![0; READ_BUFFER];
    loop {
        let mut rest = match socket.read(&mut buffer) {
            Ok(0) => {
                let text = format!("{place} closed during the opening handshake");
                return Err(Failure::new(Code::Lost, text));
            }
            Ok(len) => &buffer[..len],
            Err(error) => {
                let task = format!("read the opening handshake from {place}");
                return Err(Failure::io(Code::Lost, task, &error));
            }
        };
        while !rest.is_empty() {
            let progress =
                head.push(rest).map_err(|error| bad(format!("{place} does not speak WebSocket: {error}")))?;
            rest = &rest[progress.consumed..];
            if progress.complete {
                if !is_interim(head.head()) {
                    return Ok((head.head().to_vec(), rest.to_vec()));
                }
                head.clear();
            }
        }
    }
}

fn is_interim(head: &[u8]) -> bool {
    parse_reply(head).is_ok_and(|reply| (100..=199).contains(&reply.status) && reply.status != 101)
}

impl Failure {
    fn new(code: Code, text: String) -> Self {
        Failure { code, status: 0, text }
    }

    /// With the code that TLS has for it, if it is TLS that failed.
    fn io(otherwise: Code, task: String, error: &std::io::Error) -> Self {
        Self::new(security::code_of_io(error).unwrap_or(otherwise), format!("{task}: {error}"))
    }
}
