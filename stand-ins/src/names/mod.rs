//! Name server stand-in: speaks `xous-api-names` 0.9.72.
//!
//! It differs from the real one (xous-core, services/xous-names) where that one stops or hangs: a name of more than 63
//! bytes and a malformed page are refused, an unknown opcode is answered, a server that is registered but not created
//! holds up only those that asked for it, a dead server's name is free again, and a connection that becomes free goes
//! to who waits for it. Registrations are reported to the launcher.

mod table;
mod watcher;

use std::convert::Infallible;

use num_traits::FromPrimitive;
use rkyv::rancor;
use xous::{Message, MessageEnvelope, PID, SID};
use xous_api_names::api::{Disconnect, Opcode, Registration, Return};

use self::table::{Found, Name, NameTable, Token};
use self::watcher::Watcher;
use crate::launcher;
use crate::raw::{self, Lent};
use crate::settings::NAMES_STAY;

/// The server's well-known address.
const ADDRESS: &[u8; 16] = b"xous-name-server";
/// Most requests that wait for a server. Each holds one of the 64 places in the message queue of this server.
const WAITERS_MAX: usize = 32;

/// Error codes of the raw replies.
const INVALID_MEMORY_BUFFER: u32 = 1;
const KERNEL_CONNECT_FAILURE: u32 = 2;
const INVALID_STRING: u32 = 3;
const SERVER_NOT_FOUND: u32 = 5;

/// Serves until the process is killed.
pub(crate) fn serve() -> Result<Infallible, xous::Error> {
    let sid = xous::create_server_with_address(ADDRESS)?;
    launcher::start();
    let mut server = NameServer {
        table: NameTable::new(std::env::var_os(NAMES_STAY).is_some()),
        waiters: Vec::new(),
        watcher: Watcher::start(xous::connect(sid)?),
        own_pid: xous::process::id() as u8,
    };
    loop {
        server.handle(xous::receive_message(sid)?);
    }
}

/// A request for a connection that cannot be answered yet. Its envelope keeps the sender waiting.
struct Waiter {
    name: Name,
    envelope: MessageEnvelope,
}

struct NameServer {
    table: NameTable,
    waiters: Vec<Waiter>,
    watcher: Watcher,
    own_pid: u8,
}

impl NameServer {
    fn handle(&mut self, envelope: MessageEnvelope) {
        match &envelope.body {
            Message::BlockingScalar(_) => self.answer_scalar(envelope),
            Message::MutableBorrow(_) => self.answer_page(envelope),
            Message::Scalar(_) => self.take_report(&envelope),
            // A moved page is freed and an immutable one goes back by itself: neither can carry an answer.
            Message::Move(_) | Message::Borrow(_) => {}
        }
    }

    fn answer_scalar(&mut self, envelope: MessageEnvelope) {
        let Message::BlockingScalar(request) = &envelope.body else { return };
        let value = match FromPrimitive::from_usize(request.id) {
            Some(Opcode::Unregister) => {
                let sid = sid_from([request.arg1, request.arg2, request.arg3, request.arg4]);
                self.table.unregister(sid).is_some()
            }
            Some(Opcode::TrustedInitDone) => self.table.limits_reached(),
            _ => false,
        };
        if let Err(error) = xous::return_scalar(envelope.sender, value.into()) {
            eprintln!("names: a reply was not delivered: {error:?}");
        }
    }

    fn answer_page(&mut self, mut envelope: MessageEnvelope) {
        match FromPrimitive::from_usize(envelope.body.id()) {
            Some(Opcode::Register) => self.register(envelope),
            Some(Opcode::Disconnect) => self.disconnect(envelope),
            Some(Opcode::Lookup) => {
                match raw::lent_mut(&mut envelope).and_then(|mut page| lookup_name(&mut page)) {
                    Some(name) => self.connect(Waiter { name, envelope }),
                    None => reply(&mut envelope, &Return::Failure),
                }
            }
            Some(Opcode::BlockingConnect | Opcode::TryConnect) => {
                match raw::lent_mut(&mut envelope)
                    .ok_or(INVALID_MEMORY_BUFFER)
                    .and_then(|mut page| raw_name(&mut page))
                {
                    Ok(name) => self.connect(Waiter { name, envelope }),
                    Err(code) => reply_raw(&mut envelope, &[1, code]),
                }
            }
            Some(Opcode::AuthenticatedLookup | Opcode::Unregister | Opcode::TrustedInitDone) | None => {
                reply_raw(&mut envelope, &[1, INVALID_MEMORY_BUFFER]);
            }
        }
    }

    fn register(&mut self, mut envelope: MessageEnvelope) {
        let request = raw::lent_mut(&mut envelope).and_then(|mut page| registration(&mut page));
        let registered = request.and_then(|(name, limit)| {
            self.table.refresh(&name, raw::server_exists);
            let (sid, token) = (xous::create_server_id().ok()?, new_token()?);
            self.table.register(name.clone(), sid, limit, token).then_some((name, sid))
        });
        let Some((name, sid)) = registered else {
            reply(&mut envelope, &Return::Failure);
            return;
        };
        reply(&mut envelope, &Return::SID(sid.to_array()));
        // The client creates its server as soon as it has its page back.
        drop(envelope);
        launcher::registered(name.as_str());
        if self.waiters.iter().any(|waiter| waiter.name == name) {
            self.watcher.watch(sid);
        }
    }

    fn disconnect(&mut self, mut envelope: MessageEnvelope) {
        let request = raw::lent_mut(&mut envelope).and_then(|mut page| parse::<Disconnect>(&mut page));
        let freed = request.and_then(|request| {
            let name = Name::new(&request.name)?;
            self.table.disconnect(&name, request.token, new_token()?).then_some(name)
        });
        reply(&mut envelope, &if freed.is_some() { Return::Success } else { Return::Failure });
        drop(envelope);
        if freed.is_some() {
            self.connect_waiters();
        }
    }

    /// Takes the watcher's word on a server; other processes have no say in it.
    fn take_report(&mut self, envelope: &MessageEnvelope) {
        let Message::Scalar(report) = &envelope.body else { return };
        if envelope.sender.pid().map(PID::get) != Some(self.own_pid) {
            return;
        }
        if report.id == watcher::ABANDONED {
            self.table.unregister(sid_from([report.arg1, report.arg2, report.arg3, report.arg4]));
        }
        self.connect_waiters();
    }

    /// Tries every waiter again.
    fn connect_waiters(&mut self) {
        for waiter in std::mem::take(&mut self.waiters) {
            self.connect(waiter);
        }
    }

    /// Connects the sender, or lets it wait, or says that there is nothing to connect to.
    fn connect(&mut self, mut waiter: Waiter) {
        self.table.refresh(&waiter.name, raw::server_exists);
        match self.table.connect(&waiter.name) {
            Found::Connected(sid, token) => self.broker(&mut waiter, sid, token),
            Found::Announced(sid) => {
                self.watcher.watch(sid);
                self.park(waiter);
            }
            Found::Unknown | Found::Full if is_blocking(&waiter) => self.park(waiter),
            Found::Unknown | Found::Full => refuse(&mut waiter, SERVER_NOT_FOUND),
        }
    }

    fn park(&mut self, mut waiter: Waiter) {
        if self.waiters.len() < WAITERS_MAX {
            self.waiters.push(waiter);
        } else {
            refuse(&mut waiter, SERVER_NOT_FOUND);
        }
    }

    fn broker(&mut self, waiter: &mut Waiter, sid: SID, token: Token) {
        // The server existed a moment ago, so the kernel does not retry here.
        let connected = match waiter.envelope.sender.pid().map(|pid| xous::connect_for_process(pid, sid)) {
            Some(Ok(xous::Result::ConnectionID(connection))) => connection,
            failed => {
                eprintln!("names: no connection to '{}': {failed:?}", waiter.name.as_str());
                self.table.not_connected(&waiter.name);
                refuse(waiter, KERNEL_CONNECT_FAILURE);
                return;
            }
        };
        if waiter.envelope.body.id() == Opcode::Lookup as usize {
            reply(&mut waiter.envelope, &Return::CID((connected, Some(token))));
        } else {
            let [a, b, c, d] = token;
            reply_raw(&mut waiter.envelope, &[0, connected, a, b, c, d]);
        }
    }
}

/// Whether the request waits for a server that is not there.
fn is_blocking(waiter: &Waiter) -> bool {
    waiter.envelope.body.id() == Opcode::BlockingConnect as usize
}

/// Answers a request for a connection with an error.
fn refuse(waiter: &mut Waiter, code: u32) {
    if waiter.envelope.body.id() == Opcode::Lookup as usize {
        reply(&mut waiter.envelope, &Return::Failure);
    } else {
        reply_raw(&mut waiter.envelope, &[1, code]);
    }
}

fn registration(page: &mut Lent<'_>) -> Option<(Name, Option<u32>)> {
    let request = parse::<Registration>(page)?;
    Some((Name::new(&request.name)?, request.conn_limit))
}

fn lookup_name(page: &mut Lent<'_>) -> Option<Name> {
    Name::new(&parse::<String>(page)?)
}

/// The name in a raw request: `valid` bytes from the start of the page.
fn raw_name(page: &mut Lent<'_>) -> Result<Name, u32> {
    let length = page.valid();
    let bytes = page.prefix(length).ok_or(INVALID_MEMORY_BUFFER)?;
    let text = std::str::from_utf8(bytes).map_err(|_| INVALID_STRING)?;
    Name::new(text).ok_or(INVALID_MEMORY_BUFFER)
}

/// A validated copy of the rkyv message that ends at `offset`.
fn parse<T>(page: &mut Lent<'_>) -> Option<T>
where
    T: rkyv::Archive,
    T::Archived: for<'a> rkyv::bytecheck::CheckBytes<rkyv::api::high::HighValidator<'a, rancor::Error>>
        + rkyv::Deserialize<T, rkyv::api::high::HighDeserializer<rancor::Error>>,
{
    let used = page.offset();
    rkyv::from_bytes::<T, rancor::Error>(page.prefix(used)?).ok()
}

/// Puts an rkyv reply into the page, its end into `offset`.
fn reply(envelope: &mut MessageEnvelope, answer: &Return) {
    let Some(mut page) = raw::lent_mut(envelope) else { return };
    match rkyv::to_bytes::<rancor::Error>(answer) {
        Ok(bytes) if write(&mut page, &bytes) => {
            let valid = page.valid();
            page.answer(bytes.len(), valid);
        }
        _ => eprintln!("names: a reply did not fit its page"),
    }
}

/// Puts the words of a raw reply into the page.
fn reply_raw(envelope: &mut MessageEnvelope, words: &[u32]) {
    let Some(mut page) = raw::lent_mut(envelope) else { return };
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    write(&mut page, &bytes);
    page.answer(0, 0);
}

fn write(page: &mut Lent<'_>, bytes: &[u8]) -> bool {
    page.prefix(bytes.len()).map(|start| start.copy_from_slice(bytes)).is_some()
}

fn new_token() -> Option<Token> {
    xous::create_server_id().ok().map(|random| random.to_array())
}

fn sid_from(words: [usize; 4]) -> SID {
    SID::from_array(words.map(|word| word as u32))
}
