//! std's messages to the network server (std 1.96, `sys/net/connection/xous`): what they ask and how they are answered.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Shutdown, SocketAddr},
};

use super::sockets::{SocketId, Sockets};
use crate::machine::{PER_MILLISECOND, Ram};

const CONNECT: u16 = 30;
const SEND: u16 = 31;
const PEEK: u16 = 32;
const RECEIVE: u16 = 33;
const CLOSE: u16 = 34;
const ADDRESS: u16 = 35;
const TIME_TO_LIVE: u16 = 36;
const SET_TIME_TO_LIVE: u16 = 37;
const NODELAY: u16 = 38;
const SET_NODELAY: u16 = 39;
const LISTEN: u16 = 44;
const ACCEPT: u16 = 45;
const SHUT_DOWN: u16 = 46;

/// std's `NetError`.
const UNADDRESSABLE: u8 = 1;
const IN_USE: u8 = 2;
const INVALID: u8 = 4;
const LIBRARY_ERROR: u8 = 6;
const TIMED_OUT: u8 = 8;
const WOULD_BLOCK: u8 = 9;

/// The machine's own address, its kind in front of it; in a strict network the only one beside 0.0.0.0 that can be
/// listened on, as xous-core's `net` compares it whole.
const LOCALHOST: [u8; 5] = [4, 127, 0, 0, 1];

/// After so many events a close no longer waits for the peer (`FORCE_CLOSE_COUNT`).
const FORCE_CLOSE_COUNT: u32 = 16;

/// "Valid" of an answer that fills its page.
const WHOLE_PAGE: (u32, u32) = (0, 4096);

/// What a shutdown can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Receive,
    Peek,
    Send,
}

/// One message.
pub(super) struct Operation {
    opcode: u16,
    socket: SocketId,
    /// Offset in RAM of the lent page.
    page: Option<u32>,
    first: u32,
    length: usize,
    nonblocking: bool,
    /// Errors of reads stand where std looks for them.
    easy: bool,
    /// It connects to an address that never answers.
    silent: bool,
    /// It closes, and the FIN is out, or there is none: the events since then.
    ended: Option<u32>,
    /// Machine time at which it gives up.
    pub(super) deadline: Option<u64>,
}

/// A message's fields, and the process that has sent it.
#[derive(Default)]
pub(super) struct Request {
    pub(super) id: u32,
    pub(super) pid: u8,
    /// Offset in RAM of the lent page.
    pub(super) page: Option<u32>,
    pub(super) first: u32,
    pub(super) second: u32,
}

/// How far it has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Offset and valid of the lent page's answer, or the scalar.
    Done((u32, u32)),
    Waits,
}

impl Operation {
    pub(super) fn new(request: &Request, now: u64, strict: bool) -> Self {
        let &Request { id, pid, page, first, second } = request;
        let opcode = (id & 0x7fff) as u16;
        let timed = matches!(opcode, SEND | PEEK | RECEIVE) && first != 0;
        Operation {
            opcode,
            socket: SocketId { pid, number: (id >> 16) as u16 },
            page,
            first,
            length: second.min(4096) as usize,
            nonblocking: id & 0x8000 != 0,
            easy: !strict,
            silent: false,
            ended: None,
            deadline: timed.then(|| now + u64::from(first) * PER_MILLISECOND),
        }
    }

    /// The socket that it is about.
    pub(super) fn socket(&self) -> SocketId {
        self.socket
    }

    /// The socket has got another number.
    pub(super) fn follow(&mut self, socket: SocketId) {
        self.socket = socket;
    }

    pub(super) fn is_close(&self) -> bool {
        self.opcode == CLOSE
    }

    pub(super) fn is_connect(&self) -> bool {
        self.opcode == CONNECT
    }

    pub(super) fn is(&self, kind: Kind) -> bool {
        match kind {
            Kind::Receive => self.opcode == RECEIVE,
            Kind::Peek => self.opcode == PEEK,
            Kind::Send => self.opcode == SEND,
        }
    }

    /// The calls that it ends, if it is a shutdown: one of each kind.
    pub(super) fn aborts(&self) -> &'static [Kind] {
        match (self.opcode, self.first & 3) {
            (SHUT_DOWN, 1) => &[Kind::Receive, Kind::Peek],
            (SHUT_DOWN, 2) => &[Kind::Send],
            (SHUT_DOWN, 3) => &[Kind::Receive, Kind::Peek, Kind::Send],
            _ => &[],
        }
    }

    /// What stands in the page of a call that a shutdown has ended: a write has written nothing.
    pub(super) fn write_aborted(&self, ram: &mut Ram) {
        if let (SEND, Some(page)) = (self.opcode, self.page) {
            ram.page(page)[..8].fill(0);
        }
    }

    /// Whether it waits until its socket can be written to, rather than read from.
    pub(super) fn needs_to_write(&self) -> bool {
        matches!(self.opcode, SEND | CONNECT)
    }

    /// Begins it, and does it if it need not wait.
    pub(super) fn start(&mut self, sockets: &mut Sockets, now: u64, ram: &mut Ram) -> Progress {
        match self.opcode {
            CONNECT | LISTEN | ADDRESS | SEND | PEEK | RECEIVE | ACCEPT => {
                let Some(page) = self.page else { return Progress::Done((0, 0)) };
                self.start_with_page(sockets, now, ram, page)
            }
            SHUT_DOWN if sockets.strict() => Progress::Done((1, 0)),
            CLOSE | SHUT_DOWN | TIME_TO_LIVE | SET_TIME_TO_LIVE | NODELAY | SET_NODELAY
                if !sockets.has(self.socket) =>
            {
                Progress::Done((INVALID.into(), 0))
            }
            CLOSE if sockets.strict() => self.begin_close(sockets),
            CLOSE => {
                sockets.close(self.socket);
                Progress::Done((0, 0))
            }
            SHUT_DOWN => {
                let how = match self.first {
                    1 => Shutdown::Read,
                    2 => Shutdown::Write,
                    _ => Shutdown::Both,
                };
                sockets.shut_down(self.socket, how);
                Progress::Done((0, 0))
            }
            TIME_TO_LIVE => Progress::Done((sockets.options(self.socket).time_to_live.into(), 0)),
            SET_TIME_TO_LIVE => {
                sockets.set_time_to_live(self.socket, self.first);
                Progress::Done((0, 0))
            }
            NODELAY => Progress::Done((sockets.options(self.socket).nodelay.into(), 0)),
            SET_NODELAY => {
                sockets.set_nodelay(self.socket, self.first != 0);
                Progress::Done((0, 0))
            }
            // UDP, which the project does not use.
            _ => Progress::Done((0, 0)),
        }
    }

    fn start_with_page(&mut self, sockets: &mut Sockets, now: u64, ram: &mut Ram, page: u32) -> Progress {
        let bytes = ram.page(page);
        match self.opcode {
            CONNECT => {
                let milliseconds = u64::from_le_bytes(bytes[2..10].try_into().unwrap_or_default());
                self.deadline = (milliseconds != 0)
                    .then(|| now.saturating_add(milliseconds.saturating_mul(PER_MILLISECOND)));
                let port = u16::from_le_bytes([bytes[0], bytes[1]]);
                if is_silent(&bytes[10..15]) {
                    self.silent = true;
                    return self.attempt(sockets, now, ram);
                }
                if !is_here(&bytes[10..15]) {
                    return self.fail(bytes, UNADDRESSABLE);
                }
                match sockets.connect(self.socket.pid, port) {
                    Ok(socket) => self.socket = socket,
                    // So does xous-core's `net` tell a refusal.
                    Err(_) => return self.fail(bytes, TIMED_OUT),
                }
                self.attempt(sockets, now, ram)
            }
            LISTEN if sockets.strict() && bytes[2..7] != [4, 0, 0, 0, 0] && bytes[2..7] != LOCALHOST => {
                self.fail(bytes, INVALID)
            }
            LISTEN => {
                let port = u16::from_le_bytes([bytes[0], bytes[1]]);
                match sockets.listen(self.socket.pid, port) {
                    Ok((socket, port)) => {
                        bytes[..2].copy_from_slice(&[0, socket.number as u8]);
                        bytes[2..4].copy_from_slice(&port.to_le_bytes());
                        Progress::Done(WHOLE_PAGE)
                    }
                    Err(error) if error.kind() == ErrorKind::AddrInUse => self.fail(bytes, IN_USE),
                    Err(_) => self.fail(bytes, LIBRARY_ERROR),
                }
            }
            _ if !sockets.has(self.socket) => self.fail(bytes, INVALID),
            ADDRESS => {
                bytes[..5].copy_from_slice(&LOCALHOST);
                Progress::Done((0, 5))
            }
            _ => {
                // Read once: the answer is written over it.
                self.nonblocking |= self.opcode == ACCEPT && bytes[0] == 0;
                if sockets.strict() && self.is_put_aside(sockets) {
                    return self.wait(bytes);
                }
                self.attempt(sockets, now, ram)
            }
        }
    }

    /// Whether a strict network has it wait although the connection has ended: that is seen by those who wait already.
    fn is_put_aside(&self, sockets: &Sockets) -> bool {
        match self.opcode {
            PEEK | RECEIVE => sockets.is_quiet(self.socket),
            SEND => !sockets.may_send(self.socket),
            _ => false,
        }
    }

    fn wait(&self, bytes: &mut [u8]) -> Progress {
        if self.nonblocking { self.fail(bytes, WOULD_BLOCK) } else { Progress::Waits }
    }

    /// Only a stream that can send, and has nothing left to send, begins to end at once.
    fn begin_close(&mut self, sockets: &mut Sockets) -> Progress {
        if sockets.may_send(self.socket) && !sockets.has_unsent(self.socket) {
            sockets.send_end(self.socket);
            self.ended = Some(0);
        }
        Progress::Waits
    }

    /// Goes on with a close, after an event.
    fn go_on_closing(&mut self, sockets: &mut Sockets) -> Progress {
        let events = match self.ended {
            Some(events) => events,
            None if sockets.may_send(self.socket) && sockets.has_unsent(self.socket) => {
                return Progress::Waits;
            }
            None => {
                sockets.send_end(self.socket);
                0
            }
        };
        if events > FORCE_CLOSE_COUNT || !sockets.is_open(self.socket) {
            sockets.close(self.socket);
            return Progress::Done((0, 0));
        }
        self.ended = Some(events + 1);
        Progress::Waits
    }

    /// Tries it again.
    pub(super) fn attempt(&mut self, sockets: &mut Sockets, now: u64, ram: &mut Ram) -> Progress {
        if self.opcode == CLOSE {
            return self.go_on_closing(sockets);
        }
        let Some(page) = self.page else { return Progress::Done((0, 0)) };
        let bytes = ram.page(page);
        let result = match self.opcode {
            CONNECT if self.silent => Err(ErrorKind::WouldBlock.into()),
            CONNECT => sockets.connected(self.socket).map(|local| self.answer_connect(bytes, local)),
            SEND => sockets.write(self.socket, &bytes[..self.length]).map(|count| {
                bytes[0] = 0;
                bytes[4..8].copy_from_slice(&(count as u32).to_le_bytes());
                (0, 8)
            }),
            ACCEPT => sockets.accept(self.socket).map(|peer| self.answer_accept(bytes, peer)),
            opcode => {
                let into = &mut bytes[..self.length];
                let has_time = self.deadline.is_some_and(|deadline| now < deadline);
                if sockets.strict() && has_time && sockets.is_quiet(self.socket) {
                    // One with a deadline does not see the end before that.
                    return Progress::Waits;
                }
                sockets.read(self.socket, into, opcode == PEEK).map(|count| (1, count as u32))
            }
        };
        match result {
            Ok(answer) => Progress::Done(answer),
            Err(error) => self.failed(sockets, now, bytes, &error),
        }
    }

    fn failed(&self, sockets: &mut Sockets, now: u64, bytes: &mut [u8], error: &io::Error) -> Progress {
        let late = self.deadline.is_some_and(|deadline| now >= deadline);
        match error.kind() {
            ErrorKind::WouldBlock if self.nonblocking => self.fail(bytes, WOULD_BLOCK),
            ErrorKind::WouldBlock if late => {
                if self.opcode == CONNECT && !self.silent {
                    sockets.close(self.socket);
                }
                self.fail(bytes, TIMED_OUT)
            }
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Progress::Waits,
            // A connection that is gone is late for one that sends.
            _ if matches!(self.opcode, CONNECT | SEND) => self.fail(bytes, TIMED_OUT),
            _ => self.fail(bytes, LIBRARY_ERROR),
        }
    }

    /// Answers that there is no room for it. What it closes is closed at once.
    pub(super) fn refuse(&self, sockets: &mut Sockets, ram: &mut Ram) -> Progress {
        match self.page {
            Some(page) => self.fail(ram.page(page), LIBRARY_ERROR),
            None => {
                sockets.close(self.socket);
                Progress::Done((0, 0))
            }
        }
    }

    /// Answers with an error, where xous-core's `net` writes it: see [`Network`](super::Network) for reads.
    fn fail(&self, bytes: &mut [u8], code: u8) -> Progress {
        match self.opcode {
            LISTEN | ACCEPT => std_failure(bytes, code),
            _ => respond_with_error(bytes, code),
        }
        if self.easy && matches!(self.opcode, RECEIVE | PEEK) {
            bytes[1] = code;
        }
        Progress::Done((0, 0))
    }

    fn answer_connect(&self, bytes: &mut [u8], local: u16) -> (u32, u32) {
        let remote = [bytes[0], bytes[1]];
        bytes[0] = 0;
        bytes[2..4].copy_from_slice(&self.socket.number.to_le_bytes());
        bytes[4..6].copy_from_slice(&local.to_le_bytes());
        bytes[6..8].copy_from_slice(&remote);
        WHOLE_PAGE
    }

    fn answer_accept(&self, bytes: &mut [u8], peer: SocketAddr) -> (u32, u32) {
        bytes[0] = 0;
        bytes[1..3].copy_from_slice(&self.socket.number.to_le_bytes());
        if let IpAddr::V4(address) = peer.ip() {
            bytes[3] = 4;
            bytes[4..8].copy_from_slice(&address.octets());
        }
        bytes[20..22].copy_from_slice(&peer.port().to_le_bytes());
        (0, 22)
    }
}

/// The two layouts of an error have the names of xous-core's functions.
fn std_failure(bytes: &mut [u8], code: u8) {
    bytes[..2].copy_from_slice(&[1, code]);
}

fn respond_with_error(bytes: &mut [u8], code: u8) {
    bytes[..8].copy_from_slice(&[1, 1, 1, 1, code, 0, 0, 0]);
}

/// Whether an address, its kind in front of it, is one of those that never answer: 198.51.100.0/24, which is for
/// documentation (RFC 5737).
fn is_silent(address: &[u8]) -> bool {
    address.starts_with(&[4, 198, 51, 100])
}

/// Whether an address, its kind in front of it, is one of the loopback interface.
fn is_here(address: &[u8]) -> bool {
    address.starts_with(&[4, 127])
}
