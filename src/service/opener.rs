//! Opens a client connection on a worker, and becomes its reader.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use xous_api_websocket::{Code, CredentialsForm, Refusal, Reply, Request};

use super::connection::Connection;
use super::entropy::{EntropyError, Seed};
use super::life::Life;
use super::limits::{HEAD_BYTES, HEAD_LINES, READ_BUFFER};
use super::outcome::{ABNORMAL, Outcome};
use super::pool::Permit;
use super::reader::Reader;
use super::sink::{Route, Sink};
use super::writer::Writer;
use crate::net::{DialError, Socket, dial};
use crate::proto::handshake::{Authorization, Caps, ClientRequest, HeadBuffer, Key, ReplyError, check_reply};
use crate::proto::{Decoder, Encoder, Limits, Role};

/// What a worker needs to open a connection.
pub(crate) struct Opening {
    /// The request as it came, checked to be one.
    pub(crate) request: Box<[u8]>,
    /// Where chunks go.
    pub(crate) route: Route,
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
    socket: Arc<Socket>,
    /// Bytes behind the server's answer.
    already: Vec<u8>,
    sub_protocol: Option<String>,
    head: Vec<u8>,
    masks: ChaCha8Rng,
    limits: Limits,
    fragment_size: u32,
}

/// Opens the connection of `life`, then reads it until its end. `writer` is the worker for its writer.
pub(crate) fn run(life: Arc<Life>, opening: Opening, writer: Permit) {
    let conn = &life.conn;
    let mut sink = Sink::new(conn.clone(), opening.route);
    let outcome = match open(conn, &opening.request, opening.seed) {
        Ok(opened) => serve(&life, &mut sink, opened, writer),
        Err(failure) => {
            log::info!("{}", failure.text);
            refuse(conn, &failure);
            Outcome::new(ABNORMAL, &failure.text)
        }
    };
    sink.tell(&outcome);
}

/// The open deadline is over: the caller is told now, the worker comes to its end when its call returns.
pub(crate) fn too_late(conn: &Arc<Connection>) {
    refuse(conn, &Failure::new(Code::Timeout, "the connection was not open within its deadline".into()));
    conn.break_off();
}

fn refuse(conn: &Connection, failure: &Failure) {
    if let Some(mut page) = conn.give_up_opening() {
        let refusal = Refusal { status: failure.status, text: &failure.text };
        let len = refusal.write(page.pages_mut());
        page.answer(failure.code as usize, len);
    }
}

/// Reads until the end of the connection; how it ended.
fn serve(life: &Arc<Life>, sink: &mut Sink, opened: Opened, writer: Permit) -> Outcome {
    let conn = &life.conn;
    let Opened { socket, already, sub_protocol, head, masks, limits, fragment_size } = opened;
    let Some(opener) = conn.opened() else { return Outcome::new(ABNORMAL, "given up") };
    let encoder = Encoder::new(Role::Client);
    let writing = Writer::new(conn.clone(), socket.clone(), encoder, masks, fragment_size);
    let life_of_writer = life.clone();
    let started = writer.run(move |permit| {
        writing.run();
        drop(life_of_writer);
        drop(permit);
    });
    if let Err(error) = started {
        log::error!("no thread for a connection: {error}");
        conn.break_off();
        return conn.outcome();
    }
    if let Some(mut page) = opener {
        let sub_protocol = sub_protocol.as_deref();
        let reply = Reply { handle: conn.handle, status: 101, sub_protocol, head: &head };
        match reply.write(page.pages_mut()) {
            Some(len) => page.answer(0, len),
            None => page.answer(Code::Malformed as usize, 0),
        }
    }
    Reader::new(conn.clone(), socket, Decoder::new(Role::Client, limits), sink, &already).run();
    conn.reader_ended();
    conn.outcome()
}

fn open(
    conn: &Arc<Connection>,
    request: &[u8],
    seed: Box<dyn FnOnce() -> Result<Seed, EntropyError> + Send>,
) -> Result<Opened, Failure> {
    let request = &Request::parse(request)
        .ok_or_else(|| Failure::new(Code::Malformed, "the page does not hold a request".into()))?;
    if request.tls {
        return Err(Failure::new(
            Code::NoTls,
            "TLS is not built in: ask for ws:// or build the service with TLS".into(),
        ));
    }
    let place = format!("{}:{}", request.host, request.port);
    let seed =
        seed().map_err(|error| Failure::new(Code::Entropy, format!("no random numbers: {error:?}")))?;
    let key = Key::new(seed.key);
    let head = compose(request, &key)?;
    let socket = dial(request.host, request.port, request.deadlines.open).map_err(|error| match error {
        DialError::Resolve(error) => {
            Failure::new(Code::Resolve, format!("resolve {}: {error}", request.host))
        }
        DialError::Connect(error) => Failure::new(Code::Connect, format!("connect to {place}: {error}")),
    })?;
    let socket = Arc::new(socket);
    if !conn.dialled(socket.clone()) {
        return Err(Failure::new(Code::Timeout, format!("connect to {place}: given up")));
    }
    socket.write_all(&head).map_err(|error| {
        Failure::new(Code::Connect, format!("send the opening handshake to {place}: {error}"))
    })?;
    let (head, already) = read_head(&socket, &place)?;
    let reply = check_reply(&head, &key, &request.sub_protocols).map_err(|error| match error {
        ReplyError::Status(status) => {
            Failure { code: Code::Refused, status, text: format!("{place} answered {status} instead of 101") }
        }
        error => Failure::new(Code::BadReply, format!("{place} does not speak WebSocket: {error}")),
    })?;
    let sub_protocol = reply.protocol.map(str::to_owned);
    Ok(Opened {
        socket,
        already,
        sub_protocol,
        head,
        masks: ChaCha8Rng::from_seed(seed.masks),
        limits: decoder_limits(request),
        fragment_size: request.fragment_size,
    })
}

fn compose(request: &Request<'_>, key: &Key) -> Result<Vec<u8>, Failure> {
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
        secure: request.tls,
        path: request.path,
        origin: request.origin,
        authorization,
        sub_protocols: &request.sub_protocols,
        headers: &request.headers,
    };
    let mut head = Vec::new();
    handshake
        .compose(key, &mut head)
        .map_err(|error| Failure::new(Code::BadRequest, format!("the request cannot be sent: {error}")))?;
    Ok(head)
}

/// The server's answer, and what came behind it.
fn read_head(socket: &Socket, place: &str) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let mut head = HeadBuffer::new(Caps { bytes: HEAD_BYTES, lines: HEAD_LINES });
    let mut buffer = vec![0; READ_BUFFER];
    loop {
        let len = match socket.read(&mut buffer) {
            Ok(0) => {
                return Err(Failure::new(
                    Code::BadReply,
                    format!("{place} closed during the opening handshake"),
                ));
            }
            Ok(len) => len,
            Err(error) => {
                let text = format!("read the opening handshake from {place}: {error}");
                return Err(Failure::new(Code::BadReply, text));
            }
        };
        let progress = head.push(&buffer[..len]).map_err(|error| {
            Failure::new(Code::BadReply, format!("{place} does not speak WebSocket: {error}"))
        })?;
        if progress.complete {
            return Ok((head.head().to_vec(), buffer[progress.consumed..len].to_vec()));
        }
    }
}

fn decoder_limits(request: &Request<'_>) -> Limits {
    let limits = request.limits;
    Limits { max_frame: limits.frame, max_message: limits.message, max_fragments: limits.fragments }
}

impl Failure {
    fn new(code: Code, text: String) -> Self {
        Failure { code, status: 0, text }
    }
}
