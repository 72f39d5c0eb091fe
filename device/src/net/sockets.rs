//! Sockets by the numbers that programs know them by: of the PC, or inside the machine.
//!
//! In a strict network every listening number is a socket of its own, which is connected or free; else they share the
//! port's queue.

mod closing;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt::set_socket_linger,
};

use super::{
    Network,
    host::{self, Seen},
    inside::{InsideStream, pair},
    operation::Operation,
    peer::{MakePeer, PeerStream, Peers},
};

/// A process's numbers fit into a byte, as the answer to `Listen` has it.
const NUMBERS: std::ops::RangeInclusive<u16> = 0..=255;
/// No process: sockets that are closed, but not at their end yet, are its own.
const NOBODY: u8 = 0;
/// What smoltcp sends if nothing was set.
const TIME_TO_LIVE: u8 = 64;
/// Bytes of the buffer that each side of a connection inside has for a direction,
const BUFFER: usize = 32 << 10;
/// and those of xous-core's `net` (`services/net/src/api/tcp.rs`).
const STRICT_BUFFER: usize = 1530;
/// Inside the machine, ports are given out from here on.
const FIRST_FREE_PORT: u16 = 49152;

/// A socket as a message names it: each process counts its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SocketId {
    pub(super) pid: u8,
    pub(super) number: u16,
}

/// What can be set of a socket.
#[derive(Clone, Copy)]
pub(super) struct SocketOptions {
    pub(super) nodelay: bool,
    pub(super) time_to_live: u8,
}

impl Default for SocketOptions {
    fn default() -> Self {
        SocketOptions { nodelay: false, time_to_live: TIME_TO_LIVE }
    }
}

pub(super) enum Stream {
    Host(TcpStream),
    Inside(InsideStream),
    Peer(PeerStream),
}

/// A connection that nobody has accepted yet, and the address of its other side.
type Arrived = (Stream, SocketAddr);

/// A number that listens.
struct Listening {
    port: u16,
    /// In a strict network, what has come in.
    arrived: Option<Arrived>,
}

enum Listener {
    Host(TcpListener),
    /// What has come in, if the network is not strict.
    Inside(VecDeque<Arrived>),
}

/// All sockets of the machine.
pub(super) struct Sockets {
    network: Network,
    strict: bool,
    /// Bytes that a call moves at most; a page, unless it was said.
    per_call: usize,
    /// Machine time at the last look.
    now: u64,
    peers: Peers,
    /// Those who connect to a port as soon as it is open.
    callers: Peers,
    streams: BTreeMap<SocketId, Stream>,
    /// Local ports of connections that were opened here and are not the PC's.
    local_ports: BTreeMap<SocketId, u16>,
    /// Those that have been set.
    options: BTreeMap<SocketId, SocketOptions>,
    /// Several numbers may listen on one port.
    listening: BTreeMap<SocketId, Listening>,
    ports: BTreeMap<u16, Listener>,
    next_port: u16,
    /// Strict: whether anything has happened since it was asked for last,
    event: bool,
    /// what could be read from the PC's sockets when they were looked at last,
    seen: BTreeMap<SocketId, Seen>,
    /// and the accepted ones whose peer has not ended its side yet.
    accepted: BTreeSet<SocketId>,
}

impl Sockets {
    pub(super) fn new(network: Network, strict: bool) -> Self {
        Sockets {
            network,
            strict,
            per_call: if strict { STRICT_BUFFER } else { usize::MAX },
            now: 0,
            peers: Peers::default(),
            callers: Peers::default(),
            streams: BTreeMap::new(),
            local_ports: BTreeMap::new(),
            options: BTreeMap::new(),
            listening: BTreeMap::new(),
            ports: BTreeMap::new(),
            next_port: FIRST_FREE_PORT,
            event: false,
            seen: BTreeMap::new(),
            accepted: BTreeSet::new(),
        }
    }

    pub(super) fn strict(&self) -> bool {
        self.strict
    }

    /// Lets a call move no more bytes than this.
    pub(super) fn limit_calls(&mut self, bytes: usize) {
        self.per_call = self.per_call.min(bytes);
    }

    /// Lets connections to a port reach a peer.
    pub(super) fn add_peer(&mut self, port: u16, make: MakePeer) {
        self.peers.add(port, make);
    }

    /// Has somebody connect to a port when it is opened.
    pub(super) fn add_caller(&mut self, port: u16, make: MakePeer) {
        self.callers.add(port, make);
    }

    /// It is now this machine time.
    pub(super) fn set_time(&mut self, now: u64) {
        self.now = now;
    }

    /// The time at which a read of a peer's bytes can be answered.
    pub(super) fn ready(&self, socket: SocketId) -> Option<u64> {
        match self.streams.get(&socket) {
            Some(Stream::Peer(stream)) => stream.ready(),
            _ => None,
        }
    }

    /// Whether anything has happened since the last call. Accepted connections whose peer has ended end with that.
    pub(super) fn take_event(&mut self) -> bool {
        if self.event {
            self.answer_ends();
        }
        std::mem::take(&mut self.event)
    }

    pub(super) fn outside(&self) -> bool {
        self.network == Network::Loopback
    }

    /// Starts to connect for a process. The number is good for [`Sockets::connected`] until it gives an error.
    pub(super) fn connect(&mut self, pid: u8, port: u16) -> io::Result<SocketId> {
        let socket = self.free_number(pid)?;
        // Also a refusal.
        self.event = true;
        if let Some(stream) = self.peers.connect(port) {
            let local = self.free_port();
            self.local_ports.insert(socket, local);
            self.streams.insert(socket, Stream::Peer(stream));
            return Ok(socket);
        }
        let stream = match self.network {
            Network::Loopback => Stream::Host(host::start_to_connect(port)?),
            Network::Inside => {
                let local = self.free_port();
                let (here, there) = pair(if self.strict { STRICT_BUFFER } else { BUFFER });
                let arrived = (Stream::Inside(there), (Ipv4Addr::LOCALHOST, local).into());
                if self.strict {
                    self.arrive(port, arrived).map_err(|_| ErrorKind::ConnectionRefused)?;
                } else if let Some(Listener::Inside(waiting)) = self.ports.get_mut(&port) {
                    waiting.push_back(arrived);
                } else {
                    return Err(ErrorKind::ConnectionRefused.into());
                }
                self.local_ports.insert(socket, local);
                Stream::Inside(here)
            }
        };
        self.streams.insert(socket, stream);
        Ok(socket)
    }

    /// The local port of a connection that stands; `WouldBlock` while it is on its way.
    pub(super) fn connected(&mut self, socket: SocketId) -> io::Result<u16> {
        let result = match self.stream(socket)? {
            Stream::Host(stream) => host::connected(stream),
            Stream::Inside(_) | Stream::Peer(_) => {
                return self.local_ports.get(&socket).copied().ok_or_else(|| ErrorKind::NotConnected.into());
            }
        };
        if !result.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            self.event = true;
        }
        if result.as_ref().is_err_and(|error| error.kind() != ErrorKind::WouldBlock) {
            self.streams.remove(&socket);
        }
        result
    }

    /// Listens for a process on a port of the loopback interface, 0 for any: number and port.
    pub(super) fn listen(&mut self, pid: u8, port: u16) -> io::Result<(SocketId, u16)> {
        let socket = self.free_number(pid)?;
        let port = if self.ports.contains_key(&port) { port } else { self.open_port(port)? };
        self.listening.insert(socket, Listening { port, arrived: None });
        Ok((socket, port))
    }

    fn open_port(&mut self, port: u16) -> io::Result<u16> {
        let (listener, port) = match self.network {
            Network::Inside if port == 0 => (Listener::Inside(VecDeque::new()), self.free_port()),
            Network::Inside => {
                let caller = self.callers.connect(port);
                let arrived = caller.map(|stream| {
                    (Stream::Peer(stream), SocketAddr::from((Ipv4Addr::LOCALHOST, self.free_port())))
                });
                (Listener::Inside(arrived.into_iter().collect()), port)
            }
            Network::Loopback => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
                listener.set_nonblocking(true)?;
                let port = listener.local_addr()?.port();
                (Listener::Host(listener), port)
            }
        };
        self.ports.insert(port, listener);
        Ok(port)
    }

    /// Takes a connection that has come in: the listener's number becomes the stream's, as in xous-core's `net`, and
    /// std listens anew. Gives the address of the other side.
    pub(super) fn accept(&mut self, socket: SocketId) -> io::Result<SocketAddr> {
        let listening = self.listening.get_mut(&socket).ok_or(ErrorKind::NotConnected)?;
        let (stream, peer) = if self.strict {
            listening.arrived.take().ok_or(ErrorKind::WouldBlock)?
        } else {
            match self.ports.get_mut(&listening.port).ok_or(ErrorKind::NotConnected)? {
                Listener::Host(listener) => host_accept(listener)?,
                Listener::Inside(waiting) => waiting.pop_front().ok_or(ErrorKind::WouldBlock)?,
            }
        };
        // The port stays open for the next number that listens on it.
        self.listening.remove(&socket);
        if let Stream::Host(stream) = &stream {
            stream.set_nodelay(self.options(socket).nodelay).ok();
        }
        self.streams.insert(socket, stream);
        self.accepted.insert(socket);
        Ok(peer)
    }

    pub(super) fn read(&mut self, socket: SocketId, into: &mut [u8], keep: bool) -> io::Result<usize> {
        let limit = into.len().min(self.per_call);
        let into = &mut into[..limit];
        let count = match self.stream(socket)? {
            Stream::Host(stream) if keep => stream.peek(into),
            Stream::Host(stream) => (&*stream).read(into),
            Stream::Inside(stream) => stream.read(into, keep),
            Stream::Peer(stream) => stream.read(into, keep, self.now),
        }?;
        if !keep && count != 0 {
            // The other side is told of the room.
            self.event = true;
            if let Some(seen) = self.seen.get_mut(&socket) {
                seen.bytes = seen.bytes.saturating_sub(count);
            }
        }
        Ok(count)
    }

    pub(super) fn write(&mut self, socket: SocketId, from: &[u8]) -> io::Result<usize> {
        let limit = from.len().min(self.per_call);
        let count = match self.stream(socket)? {
            Stream::Host(stream) => (&*stream).write(&from[..limit]),
            Stream::Inside(stream) => stream.write(&from[..limit]),
            Stream::Peer(stream) => Ok(stream.write(&from[..limit], self.now)),
        }?;
        self.event |= count != 0;
        Ok(count)
    }

    /// Whether nothing can be read from a stream at this moment; it may have ended.
    pub(super) fn is_quiet(&self, socket: SocketId) -> bool {
        match self.streams.get(&socket) {
            Some(Stream::Host(stream)) => host::seen(stream, 1).bytes == 0,
            Some(Stream::Inside(stream)) => stream.read(&mut [0], true).map_or(true, |count| count == 0),
            // Peers are for networks that are not strict.
            Some(Stream::Peer(_)) | None => false,
        }
    }

    pub(super) fn shut_down(&self, socket: SocketId, how: Shutdown) {
        match self.streams.get(&socket) {
            // The other side may have gone first.
            Some(Stream::Host(stream)) => drop(stream.shutdown(how)),
            Some(Stream::Inside(stream)) => {
                if how != Shutdown::Write {
                    stream.end_reading();
                }
                if how != Shutdown::Read {
                    stream.end_writing();
                }
            }
            // A peer does not look at it.
            Some(Stream::Peer(_)) | None => (),
        }
    }

    /// Whether a process has a socket of this number.
    pub(super) fn has(&self, socket: SocketId) -> bool {
        self.streams.contains_key(&socket) || self.listening.contains_key(&socket)
    }

    pub(super) fn options(&self, socket: SocketId) -> SocketOptions {
        self.options.get(&socket).copied().unwrap_or_default()
    }

    pub(super) fn set_nodelay(&mut self, socket: SocketId, nodelay: bool) {
        self.options.entry(socket).or_default().nodelay = nodelay;
        if let Some(Stream::Host(stream)) = self.streams.get(&socket) {
            stream.set_nodelay(nodelay).ok();
        }
    }

    /// Whether the PC's socket sends small segments at once.
    #[cfg(test)]
    pub(super) fn host_nodelay(&self, socket: SocketId) -> bool {
        matches!(self.streams.get(&socket), Some(Stream::Host(stream)) if stream.nodelay().unwrap_or(false))
    }

    /// What cannot be takes back what was set, as in xous-core's `net`.
    pub(super) fn set_time_to_live(&mut self, socket: SocketId, hops: u32) {
        let hops = u8::try_from(hops).ok().filter(|hops| *hops != 0);
        self.options.entry(socket).or_default().time_to_live = hops.unwrap_or(TIME_TO_LIVE);
    }

    /// Sees what has happened to the PC's sockets, of which these wait to be written to.
    pub(super) fn look_outside(&mut self, writing: &[SocketId]) {
        for (socket, stream) in &self.streams {
            let Stream::Host(stream) = stream else { continue };
            let now = host::seen(stream, STRICT_BUFFER);
            let before = self.seen.insert(*socket, now).unwrap_or_default();
            let writable = writing.contains(socket) && host::has_room(stream);
            self.event |= now.is_more_than(before) || writable;
        }
        let mut come = Vec::new();
        for (port, listener) in &self.ports {
            while let Listener::Host(listener) = listener
                && let Ok(arrived) = host_accept(listener)
            {
                come.push((*port, arrived));
            }
        }
        for (port, arrived) in come {
            // Without a socket that listens, the peer is reset.
            if let Err((Stream::Host(stream), _)) = self.arrive(port, arrived) {
                set_socket_linger(&stream, Some(Duration::ZERO)).ok();
            }
        }
    }

    /// Gives a connection to a number that listens on its port and has none yet, or back.
    fn arrive(&mut self, port: u16, arrived: Arrived) -> Result<(), Arrived> {
        let free = |listening: &&mut Listening| listening.port == port && listening.arrived.is_none();
        match self.listening.values_mut().find(free) {
            Some(listening) => {
                listening.arrived = Some(arrived);
                self.event = true;
                Ok(())
            }
            None => Err(arrived),
        }
    }

    /// Waits for one of the PC's sockets that these operations need.
    pub(super) fn sleep<'a>(&self, waiting: impl Iterator<Item = &'a Operation>, at_most: Duration) {
        let mut sockets: Vec<PollFd<'_>> = waiting
            .filter(|operation| !self.is_over(operation))
            .filter_map(|operation| {
                let events = match operation {
                    operation if operation.is_close() => PollFlags::RDHUP,
                    operation if operation.needs_to_write() => PollFlags::OUT,
                    _ => PollFlags::IN,
                };
                Some(PollFd::from_borrowed_fd(self.host_socket(operation.socket())?, events))
            })
            .collect();
        let limit = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: i64::from(at_most.subsec_nanos()) };
        // Interrupted or failed: the caller looks at everything again anyway.
        let _ = poll(&mut sockets, Some(&limit));
    }

    /// Whether nothing more comes from the PC for one who waits.
    fn is_over(&self, operation: &Operation) -> bool {
        let seen = self.seen.get(&operation.socket()).copied().unwrap_or_default();
        if operation.is_close() { seen.peer_ended } else { seen.ended }
    }

    fn host_socket(&self, socket: SocketId) -> Option<BorrowedFd<'_>> {
        if let Some(Stream::Host(stream)) = self.streams.get(&socket) {
            return Some(stream.as_fd());
        }
        match self.ports.get(&self.listening.get(&socket)?.port)? {
            Listener::Host(listener) => Some(listener.as_fd()),
            Listener::Inside(_) => None,
        }
    }

    fn stream(&self, socket: SocketId) -> io::Result<&Stream> {
        self.streams.get(&socket).ok_or_else(|| ErrorKind::NotConnected.into())
    }

    fn free_number(&self, pid: u8) -> io::Result<SocketId> {
        let mut all = NUMBERS.map(|number| SocketId { pid, number });
        all.find(|socket| !self.has(*socket)).ok_or_else(|| ErrorKind::QuotaExceeded.into())
    }

    /// The next port that nobody has: there are more of them than sockets.
    fn free_port(&mut self) -> u16 {
        loop {
            let port = self.next_port;
            self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_FREE_PORT);
            let is_taken = self.ports.contains_key(&port)
                || self.local_ports.values().any(|local| *local == port)
                || self.peers.has(port)
                || self.callers.has(port);
            if !is_taken {
                return port;
            }
        }
    }
}

fn host_accept(listener: &TcpListener) -> io::Result<Arrived> {
    host::accept(listener).map(|(stream, peer)| (Stream::Host(stream), peer))
}
