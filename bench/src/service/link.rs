//! The program's end of a connection: through the service, through the floor, or without Xous.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use tungstenite::{Message, WebSocket};
use xous::CID;
use xous_api_names::XousNames;
use xous_api_websocket::wire::{PAGE_SIZE, Pages};
use xous_api_websocket::{Request, Tls, Websocket};

use super::floor;
use super::job::{Job, Task};
use super::wire;
use crate::Failure;

/// How bytes reach the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Service,
    /// The service, over TLS.
    Secure,
    Floor,
    /// A socket of the program's own.
    Tcp,
    /// tungstenite on it.
    Tungstenite,
}

impl Way {
    pub(crate) const ALL: [Way; 5] = [Way::Service, Way::Secure, Way::Floor, Way::Tcp, Way::Tungstenite];

    /// Its name in tables and orders.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::Service => "service",
            Way::Secure => "service, TLS",
            Way::Floor => "floor",
            Way::Tcp => "plain TCP",
            Way::Tungstenite => "tungstenite, plain process",
        }
    }

    /// By its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    /// The peer speaks WebSocket.
    pub(crate) fn is_framed(self) -> bool {
        matches!(self, Way::Service | Way::Secure | Way::Tungstenite)
    }
}

/// A connection.
trait Link {
    /// Receives one message of `size` bytes to the end of `to`, which is cleared first. `false` at the end.
    fn receive(&mut self, size: usize, to: &mut Vec<u8>) -> bool;
    /// Receives one message and drops it.
    fn skip(&mut self, size: usize) -> bool;
    fn send(&mut self, message: &[u8]) -> bool;
}

/// Connects to the peer at `port` and does what it asks, until it closes.
///
/// # Errors
/// The peer cannot be reached.
pub(crate) fn work(way: Way, port: u16) -> Result<(), Failure> {
    let tcp = || -> Result<TcpStream, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    match way {
        Way::Service => obey(&mut Websocket::open(&Request::new(wire::HOST, port))?),
        Way::Secure => {
            let root = wire::certificate()?;
            obey(&mut Websocket::open(&Request::new(wire::HOST, port).tls(Tls::only(&root)))?);
        }
        Way::Floor => obey(&mut Floor::open(port)?),
        Way::Tcp => obey(&mut tcp()?),
        Way::Tungstenite => obey(&mut tungstenite::client(format!("ws://127.0.0.1:{port}/"), tcp()?)?.0),
    }
    Ok(())
}

fn obey(link: &mut impl Link) {
    let mut bytes = Vec::new();
    while link.receive(Job::LEN, &mut bytes) {
        let Some(job) = bytes.first_chunk().and_then(|order| Job::from_bytes(*order)) else { return };
        if !job.run(link, &mut bytes) {
            return;
        }
    }
}

impl Job {
    fn run(self, link: &mut impl Link, bytes: &mut Vec<u8>) -> bool {
        let size = self.size as usize;
        match self.task {
            Task::Echo => (0..self.messages).all(|_| link.receive(size, bytes) && link.send(bytes)),
            Task::Sink => (0..self.messages).all(|_| link.skip(size)) && link.send(&[1]),
            Task::Source => {
                bytes.clear();
                bytes.resize(size, b'x');
                (0..self.messages).all(|_| link.send(bytes))
            }
        }
    }
}

impl Link for Websocket {
    fn receive(&mut self, _: usize, to: &mut Vec<u8>) -> bool {
        to.clear();
        Websocket::receive(self).is_ok_and(|mut message| message.read_to_end(to).is_ok())
    }

    fn skip(&mut self, _: usize) -> bool {
        Websocket::receive(self).is_ok_and(|message| message.discard().is_ok())
    }

    fn send(&mut self, message: &[u8]) -> bool {
        self.send_binary(message).is_ok()
    }
}

/// The most that is lent at a time, as the service's client crate does.
const MAX_PAGES: usize = 4 * PAGE_SIZE;

/// A connection through the floor.
struct Floor {
    cid: CID,
    number: usize,
    incoming: Pages,
    outgoing: Pages,
    /// Not read yet of what came.
    at: usize,
    end: usize,
}

impl Floor {
    fn open(port: u16) -> Result<Self, Failure> {
        let cid = names()?.request_connection_blocking(floor::NAME).map_err(kernel)?;
        let message = xous::Message::new_blocking_scalar(floor::OPEN, port.into(), 0, 0, 0);
        match xous::send_message(cid, message).map_err(kernel)? {
            xous::Result::Scalar1(number) => {
                let (incoming, outgoing) = (Pages::new(MAX_PAGES), Pages::new(MAX_PAGES));
                Ok(Self { cid, number, incoming, outgoing, at: 0, end: 0 })
            }
            other => Err(Failure(format!("the floor answered {other:?}"))),
        }
    }

    /// The next bytes of a message of which `left` are to come; none at the end. As many pages are lent as these fill.
    fn next(&mut self, left: usize) -> &[u8] {
        if self.at == self.end {
            let id = floor::id(floor::RECEIVE, self.number);
            let returned = self.incoming.lend_mut(self.cid, id, 0, 0, left.clamp(1, MAX_PAGES));
            (self.at, self.end) = (0, returned.map_or(0, |returned| returned.valid));
        }
        let len = left.min(self.end - self.at);
        self.at += len;
        &self.incoming.bytes()[self.at - len..self.at]
    }

    fn each(&mut self, size: usize, mut take: impl FnMut(&[u8])) -> bool {
        let mut left = size;
        while left > 0 {
            let bytes = self.next(left);
            if bytes.is_empty() {
                return false;
            }
            left -= bytes.len();
            take(bytes);
        }
        true
    }
}

impl Link for Floor {
    fn receive(&mut self, size: usize, to: &mut Vec<u8>) -> bool {
        to.clear();
        self.each(size, |bytes| to.extend_from_slice(bytes))
    }

    fn skip(&mut self, size: usize) -> bool {
        self.each(size, |_| ())
    }

    fn send(&mut self, message: &[u8]) -> bool {
        let id = floor::id(floor::SEND, self.number);
        message.chunks(MAX_PAGES).all(|part| {
            self.outgoing.fill(part);
            self.outgoing.lend(self.cid, id, 0, part.len()).is_ok()
        })
    }
}

impl Link for TcpStream {
    fn receive(&mut self, size: usize, to: &mut Vec<u8>) -> bool {
        to.resize(size, 0);
        self.read_exact(to).is_ok()
    }

    fn skip(&mut self, size: usize) -> bool {
        let mut buffer = [0; MAX_PAGES];
        let mut left = size;
        while left > 0 {
            let most = left.min(MAX_PAGES);
            match self.read(&mut buffer[..most]) {
                Ok(0) | Err(_) => return false,
                Ok(len) => left -= len,
            }
        }
        true
    }

    fn send(&mut self, message: &[u8]) -> bool {
        self.write_all(message).is_ok()
    }
}

impl Link for WebSocket<TcpStream> {
    fn receive(&mut self, _: usize, to: &mut Vec<u8>) -> bool {
        let Ok(message) = self.read() else { return false };
        to.clear();
        to.extend_from_slice(&message.into_data());
        true
    }

    fn skip(&mut self, _: usize) -> bool {
        self.read().is_ok()
    }

    fn send(&mut self, message: &[u8]) -> bool {
        WebSocket::send(self, Message::binary(message.to_vec())).is_ok()
    }
}

/// Kept for the process's life: the last drop would end std's connection to the name server too.
fn names() -> Result<&'static XousNames, Failure> {
    static NAMES: std::sync::OnceLock<XousNames> = std::sync::OnceLock::new();
    if NAMES.get().is_none() {
        NAMES.set(XousNames::new().map_err(kernel)?).ok();
    }
    NAMES.get().ok_or(Failure("no name server".into()))
}

fn kernel(error: xous::Error) -> Failure {
    Failure(format!("the kernel refused: {error:?}"))
}
