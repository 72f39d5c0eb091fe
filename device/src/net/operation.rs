//! std's messages to the network server (std 1.96, `sys/net/connection/xous`): what they ask and how they are answered.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Shutdown, SocketAddr},
};

use super::sockets::Sockets;
use crate::machine::{PER_MILLISECOND, Ram};

const CONNECT: u16 = 30;
const SEND: u16 = 31;
const PEEK: u16 = 32;
const RECEIVE: u16 = 33;
const CLOSE: u16 = 34;
const ADDRESS: u16 = 35;
const TIME_TO_LIVE: u16 = 36;
const NODELAY: u16 = 38;
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
    number: u16,
    /// Offset in RAM of the lent page.
    page: Option<u32>,
    first: u32,
    length: usize,
    nonblocking: bool,
    /// It connects to an address that never answers.
    silent: bool,
    /// Machine time at which it gives up.
    pub(super) deadline: Option<u64>,
}

/// How far it has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Offset and valid of the lent page's answer, or the scalar.
    Done((u32, u32)),
    Waits,
}

impl Operation {
    pub(super) fn new(id: u32, page: Option<u32>, first: u32, second: u32, now: u64) -> Self {
        let opcode = (id & 0x7fff) as u16;
        let timed = matches!(opcode, SEND | PEEK | RECEIVE) && first != 0;
        Operation {
            opcode,
            number: (id >> 16) as u16,
            page,
            first,
            length: second.min(4096) as usize,
            nonblocking: id & 0x8000 != 0,
            silent: false,
            deadline: timed.then(|| now + u64::from(first) * PER_MILLISECOND),
        }
    }

    /// The socket that it is about.
    pub(super) fn number(&self) -> u16 {
        self.number
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
        matches!(self.opcode, SEND | CONNECT | CLOSE)
    }

    /// Begins it, and does it if it need not wait.
    pub(super) fn start(&mut self, sockets: &mut Sockets, now: u64, ram: &mut Ram) -> Progress {
        match self.opcode {
            CONNECT | LISTEN | ADDRESS | SEND | PEEK | RECEIVE | ACCEPT => {
                let Some(page) = self.page else { return Progress::Done((0, 0)) };
                self.start_with_page(sockets, now, ram, page)
            }
            CLOSE => self.close(sockets),
            SHUT_DOWN if sockets.strict() => Progress::Done((1, 0)),
            SHUT_DOWN => {
                let how = match self.first {
                    1 => Shutdown::Read,
                    2 => Shutdown::Write,
                    _ => Shutdown::Both,
                };
                sockets.shut_down(self.number, how);
                Progress::Done((0, 0))
            }
            TIME_TO_LIVE => Progress::Done((64, 0)),
            NODELAY => Progress::Done((1, 0)),
            // What sets those two, and UDP, which the project does not use.
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
                match sockets.connect(port) {
                    Ok(number) => self.number = number,
                    // So does xous-core's `net` tell a refusal.
                    Err(_) => return self.fail(bytes, TIMED_OUT),
                }
                self.attempt(sockets, now, ram)
            }
            LISTEN if sockets.strict() && bytes[2..7] != [4, 0, 0, 0, 0] && bytes[2..7] != LOCALHOST => {
                bytes[..2].copy_from_slice(&[1, INVALID]);
                Progress::Done(WHOLE_PAGE)
            }
            LISTEN => {
                let port = u16::from_le_bytes([bytes[0], bytes[1]]);
                match sockets.listen(port) {
                    Ok((number, port)) => {
                        bytes[..2].copy_from_slice(&[0, number as u8]);
                        bytes[2..4].copy_from_slice(&port.to_le_bytes());
                    }
                    Err(error) if error.kind() == ErrorKind::AddrInUse => {
                        bytes[..2].copy_from_slice(&[1, IN_USE]);
                    }
                    Err(_) => bytes[..2].copy_from_slice(&[1, LIBRARY_ERROR]),
                }
                Progress::Done(WHOLE_PAGE)
            }
            ADDRESS => {
                bytes[..5].copy_from_slice(&LOCALHOST);
                Progress::Done((0, 5))
            }
            _ => {
                // Read once: the answer is written over it.
                self.nonblocking |= self.opcode == ACCEPT && bytes[0] == 0;
                if sockets.strict() && matches!(self.opcode, PEEK | RECEIVE) && sockets.is_quiet(self.number)
                {
                    // The end is seen by those who wait already.
                    return self.wait(bytes);
                }
                self.attempt(sockets, now, ram)
            }
        }
    }

    fn wait(&self, bytes: &mut [u8]) -> Progress {
        if self.nonblocking { self.fail(bytes, WOULD_BLOCK) } else { Progress::Waits }
    }

    fn close(&self, sockets: &mut Sockets) -> Progress {
        if sockets.strict() && sockets.has_unsent(self.number) {
            return Progress::Waits;
        }
        sockets.close(self.number);
        Progress::Done((0, 0))
    }

    /// Tries it again.
    pub(super) fn attempt(&self, sockets: &mut Sockets, now: u64, ram: &mut Ram) -> Progress {
        if self.opcode == CLOSE {
            return self.close(sockets);
        }
        let Some(page) = self.page else { return Progress::Done((0, 0)) };
        let bytes = ram.page(page);
        let result = match self.opcode {
            CONNECT if self.silent => Err(ErrorKind::WouldBlock.into()),
            CONNECT => sockets.connected(self.number).map(|local| self.answer_connect(bytes, local)),
            SEND => sockets.write(self.number, &bytes[..self.length]).map(|count| {
                bytes[0] = 0;
                bytes[4..8].copy_from_slice(&(count as u32).to_le_bytes());
                (0, 8)
            }),
            ACCEPT => sockets.accept(self.number).map(|peer| self.answer_accept(bytes, peer)),
            opcode => {
                let into = &mut bytes[..self.length];
                let has_time = self.deadline.is_some_and(|deadline| now < deadline);
                if sockets.strict() && has_time && sockets.is_quiet(self.number) {
                    // One with a deadline does not see the end before that.
                    return Progress::Waits;
                }
                sockets.read(self.number, into, opcode == PEEK).map(|count| (1, count as u32))
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
                    sockets.close(self.number);
                }
                self.fail(bytes, TIMED_OUT)
            }
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Progress::Waits,
            _ if self.opcode == CONNECT => self.fail(bytes, TIMED_OUT),
            _ => self.fail(bytes, LIBRARY_ERROR),
        }
    }

    /// Answers that there is no room for it.
    pub(super) fn refuse(&self, ram: &mut Ram) -> Progress {
        match self.page {
            Some(page) => self.fail(ram.page(page), LIBRARY_ERROR),
            None => Progress::Done((0, 0)),
        }
    }

    /// The code stands where each of std's readers looks for it, and where xous-core's `net` writes it.
    fn fail(&self, bytes: &mut [u8], code: u8) -> Progress {
        if self.opcode == CONNECT {
            bytes[..8].copy_from_slice(&[1, 1, 1, 1, code, 0, 0, 0]);
            return Progress::Done((0, 0));
        }
        bytes[..2].copy_from_slice(&[1, code]);
        bytes[4] = code;
        Progress::Done((0, 0))
    }

    fn answer_connect(&self, bytes: &mut [u8], local: u16) -> (u32, u32) {
        let remote = [bytes[0], bytes[1]];
        bytes[0] = 0;
        bytes[2..4].copy_from_slice(&self.number.to_le_bytes());
        bytes[4..6].copy_from_slice(&local.to_le_bytes());
        bytes[6..8].copy_from_slice(&remote);
        WHOLE_PAGE
    }

    fn answer_accept(&self, bytes: &mut [u8], peer: SocketAddr) -> (u32, u32) {
        bytes[0] = 0;
        bytes[1..3].copy_from_slice(&self.number.to_le_bytes());
        if let IpAddr::V4(address) = peer.ip() {
            bytes[3] = 4;
            bytes[4..8].copy_from_slice(&address.octets());
        }
        bytes[20..22].copy_from_slice(&peer.port().to_le_bytes());
        (0, 22)
    }
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
