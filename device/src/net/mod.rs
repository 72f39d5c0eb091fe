//! The host's side of the network: a page of registers to which the system's `net` server passes on std's messages.
//!
//! The server writes a message's fields and the virtual address of the lent page, then GO. An operation that must wait
//! is parked: the server keeps its message, and is told by the interrupt line when DONE has something. Nothing here
//! waits while the processor has work.
//!
//! On demand, sockets are as strict as those of xous-core's `net` (services/net): see [`Network`].

mod dns;
mod host;
mod inside;
mod operation;
mod peer;
mod sockets;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

pub use self::peer::Peer;
pub(crate) use self::{dns::Dns, peer::MakePeer};
use operation::{Kind, Operation, Progress, Request};
use sockets::{SocketId, Sockets};

use crate::machine::{Ram, View};

/// What sockets of the emulated system reach.
///
/// 198.51.100.0/24 (RFC 5737) never answers. If nothing else is said, sockets are as easy as a PC's, and std finds out why a
/// read has failed. A strict network does as xous-core's `net` does (services/net at 73c0946, `main.rs`, `std_glue.rs`,
/// `std_tcpstream.rs`, `std_tcplistener.rs`):
/// - A socket has 1530 bytes of buffer for each direction. With the PC's sockets, a call moves no more than that.
/// - A listener is one socket without a backlog: until it has been accepted and listens anew, others are refused.
/// - It listens on all addresses of the machine, whichever it was told, and refuses an address of others.
/// - A shutdown ends the calls that wait and does nothing else: no FIN goes out before the last clone is dropped.
/// - That drop waits until the peer has room for what was written, and then until the peer has ended its side too, or 17
///   events have passed. That of a listener, or of a stream whose side has ended before, waits for the next event.
/// - A write to a connection that is gone waits for the next event as well.
/// - The error of a read stands where std does not look for it: to std all of them are `ErrorKind::Other`.
/// - When the peer of an accepted connection ends its side, so does this one.
/// - Those who wait are looked at only when something has happened on the network: on a quiet one no read times out,
///   and a read that begins after its peer has ended waits for the next event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Each other: nothing leaves the machine, and runs repeat to the instruction.
    #[default]
    Inside,
    /// The PC's loopback interface, both ways. Other addresses are refused.
    Loopback,
}

/// What waits after a shutdown, and is answered with an error.
const ABORTED: (u32, u32) = (0, u32::MAX);

/// Parked operations at one time; std's calls block, so that it is one for each thread.
const MAX_PARKED: usize = 1024;

/// The registers, and the operations that wait.
pub(crate) struct Net {
    request: Request,
    /// The sender of the request, by which the server knows the message that waits.
    sender: u32,
    /// Whether the last operation was answered at once, and its answer.
    status: u32,
    answer: (u32, u32),
    done: VecDeque<(u32, (u32, u32))>,
    done_answer: (u32, u32),
    line: bool,
    parked: Vec<(u32, Operation)>,
    sockets: Sockets,
}

impl Net {
    pub(crate) fn new(network: Network, strict: bool) -> Self {
        Net {
            request: Request::default(),
            sender: 0,
            status: 0,
            answer: (0, 0),
            done: VecDeque::new(),
            done_answer: (0, 0),
            line: false,
            parked: Vec::new(),
            sockets: Sockets::new(network, strict),
        }
    }

    /// Lets a call move no more bytes than this.
    pub(crate) fn limit_calls(&mut self, bytes: usize) {
        self.sockets.limit_calls(bytes);
    }

    /// Lets connections to a port reach a peer.
    pub(crate) fn add_peer(&mut self, port: u16, make: MakePeer) {
        self.sockets.add_peer(port, make);
    }

    /// Has a peer connect to a port when it is opened.
    pub(crate) fn add_caller(&mut self, port: u16, make: MakePeer) {
        self.sockets.add_caller(port, make);
    }

    pub(crate) fn line_is_up(&self) -> bool {
        self.line
    }

    /// Whether something waits that the world outside may end at any time.
    pub(crate) fn waits_outside(&self) -> bool {
        self.sockets.outside() && !self.parked.is_empty()
    }

    /// Machine time at which the first parked operation times out, or is answered by a peer.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let parked = || self.parked.iter().map(|(_, operation)| operation);
        let late = parked().filter(|operation| self.keeps_time(operation)).filter_map(|waits| waits.deadline);
        let reads = parked().filter(|operation| operation.is(Kind::Receive) || operation.is(Kind::Peek));
        late.chain(reads.filter_map(|operation| self.sockets.ready(operation.socket()))).min()
    }

    pub(crate) fn read(&mut self, register: u32) -> u32 {
        match register {
            0x18 => self.status,
            0x1c => self.answer.0,
            0x20 => self.answer.1,
            0x24 => {
                let Some((sender, answer)) = self.done.pop_front() else { return 0 };
                self.done_answer = answer;
                sender
            }
            0x28 => self.done_answer.0,
            0x2c => self.done_answer.1,
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, register: u32, value: u32, now: u64, mut view: View<'_>) {
        match register {
            0x00 => self.request.id = value,
            // Its physical page, which stays the same while the message waits.
            0x04 => self.request.page = view.writable_page(value).filter(|_| value != 0),
            0x08 => self.request.first = value,
            0x0c => self.request.second = value,
            // The kernel has the process in the highest byte.
            0x10 => (self.sender, self.request.pid) = (value, (value >> 24) as u8),
            0x14 => self.go(now, view.ram()),
            0x30 => self.line = false,
            _ => (),
        }
    }

    /// Whether an operation ends at its deadline, with or without an event.
    fn keeps_time(&self, operation: &Operation) -> bool {
        operation.is_connect() || !self.sockets.strict()
    }

    fn go(&mut self, now: u64, ram: &mut Ram) {
        self.sockets.set_time(now);
        let mut operation = Operation::new(&self.request, now, self.sockets.strict());
        if self.sockets.strict() {
            operation.aborts().iter().for_each(|kind| self.abort(*kind, operation.socket(), ram));
            self.disown(&mut operation);
        }
        let progress = match operation.start(&mut self.sockets, now, ram) {
            Progress::Waits if self.parked.len() >= MAX_PARKED => operation.refuse(&mut self.sockets, ram),
            progress => progress,
        };
        match progress {
            Progress::Done(answer) => (self.status, self.answer) = (1, answer),
            Progress::Waits => {
                self.status = 0;
                self.parked.push((self.sender, operation));
            }
        }
        if self.sockets.strict() || !self.sockets.outside() {
            // What was just done may be what another operation waits for.
            self.poll(now, ram);
        }
    }

    /// Ends the first call of a kind that waits for a socket.
    fn abort(&mut self, kind: Kind, socket: SocketId, ram: &mut Ram) {
        let Some(at) = self.parked.iter().position(|(_, waits)| waits.is(kind) && waits.socket() == socket)
        else {
            return;
        };
        let (sender, operation) = self.parked.remove(at);
        operation.write_aborted(ram);
        self.done.push_back((sender, ABORTED));
        self.line = true;
    }

    /// The number of a socket that is closed is free at once, while the socket stays for those who wait.
    fn disown(&mut self, operation: &mut Operation) {
        let socket = operation.socket();
        if !operation.is_close() {
            return;
        }
        if let Some(orphan) = self.sockets.disown(socket) {
            let waiting =
                self.parked.iter_mut().map(|(_, waits)| waits).filter(|waits| waits.socket() == socket);
            waiting.for_each(|waits| waits.follow(orphan));
            operation.follow(orphan);
        }
    }

    /// Tries everything that waits, in the order in which it came; in a strict network, after an event only.
    pub(crate) fn poll(&mut self, now: u64, ram: &mut Ram) {
        self.sockets.set_time(now);
        if !self.sockets.strict() {
            self.attempt_all(now, ram, |_| true);
            return;
        }
        let waiting = self.parked.iter().filter(|(_, operation)| operation.needs_to_write());
        let writing: Vec<SocketId> = waiting.map(|(_, operation)| operation.socket()).collect();
        self.sockets.look_outside(&writing);
        self.attempt_all(now, ram, Operation::is_connect);
        // One who is served may make room for another: that is an event as well.
        while self.sockets.take_event() {
            self.attempt_all(now, ram, |_| true);
        }
    }

    fn attempt_all(&mut self, now: u64, ram: &mut Ram, wanted: impl Fn(&Operation) -> bool) {
        let Net { parked, sockets, done, line, .. } = self;
        parked.retain_mut(|(sender, operation)| {
            if !wanted(operation) {
                return true;
            }
            match operation.attempt(sockets, now, ram) {
                Progress::Waits => true,
                Progress::Done(answer) => {
                    done.push_back((*sender, answer));
                    *line = true;
                    false
                }
            }
        });
    }

    /// Waits until one of the PC's sockets is ready that something waits for, at most this long.
    pub(crate) fn sleep(&self, at_most: Duration) {
        self.sockets.sleep(self.parked.iter().map(|(_, operation)| operation), at_most);
    }
}
