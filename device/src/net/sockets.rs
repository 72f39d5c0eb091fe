//! Sockets by the numbers that programs know them by: of the PC, or inside the machine.
//!
//! In a strict network every listening number is a socket of its own, which is connected or free; else they share the
//! port's queue.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt::set_socket_linger},
};

use super::{
    Network,
    inside::{InsideStream, pair},
    operation::Operation,
    peer::{MakePeer, PeerStream, Peers},
};

/// Numbers fit into a byte, as the answer to `Listen` has it, and start behind the standard files'.
const NUMBERS: std::ops::RangeInclusive<u16> = 3..=250;
/// Bytes of the buffer that each side of a connection inside has for a direction,
const BUFFER: usize = 32 << 10;
/// and those of xous-core's `net` (`services/net/src/api/tcp.rs`).
const STRICT_BUFFER: usize = 1530;
/// Inside the machine, ports are given out from here on.
const FIRST_FREE_PORT: u16 = 49152;

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
    streams: BTreeMap<u16, Stream>,
    /// Local ports of connections that were opened here and are not the PC's.
    local_ports: BTreeMap<u16, u16>,
    /// Several numbers may listen on one port.
    listening: BTreeMap<u16, Listening>,
    ports: BTreeMap<u16, Listener>,
    next_port: u16,
    /// Strict: whether anything has happened since it was asked for last,
    event: bool,
    /// what could be read from the PC's sockets when they were looked at last,
    seen: BTreeMap<u16, Seen>,
    /// and the accepted ones whose peer has not ended its side yet.
    accepted: BTreeSet<u16>,
}

/// What a peek has shown.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    bytes: usize,
    ended: bool,
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
    pub(super) fn ready(&self, number: u16) -> Option<u64> {
        match self.streams.get(&number) {
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

    /// Starts to connect. The number is good for [`Sockets::connected`] until it gives an error.
    pub(super) fn connect(&mut self, port: u16) -> io::Result<u16> {
        let number = self.free_number()?;
        if let Some(stream) = self.peers.connect(port) {
            let local = self.free_port();
            self.local_ports.insert(number, local);
            self.streams.insert(number, Stream::Peer(stream));
            return Ok(number);
        }
        let stream = match self.network {
            Network::Loopback => Stream::Host(start_to_connect(port)?),
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
                self.local_ports.insert(number, local);
                Stream::Inside(here)
            }
        };
        self.streams.insert(number, stream);
        self.event = true;
        Ok(number)
    }

    /// The local port of a connection that stands; `WouldBlock` while it is on its way.
    pub(super) fn connected(&mut self, number: u16) -> io::Result<u16> {
        let result = match self.stream(number)? {
            Stream::Host(stream) => host_connected(stream),
            Stream::Inside(_) | Stream::Peer(_) => {
                return self.local_ports.get(&number).copied().ok_or_else(|| ErrorKind::NotConnected.into());
            }
        };
        if !result.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            self.event = true;
        }
        if result.as_ref().is_err_and(|error| error.kind() != ErrorKind::WouldBlock) {
            self.streams.remove(&number);
        }
        result
    }

    /// Listens on a port of the loopback interface, 0 for any: number and port.
    pub(super) fn listen(&mut self, port: u16) -> io::Result<(u16, u16)> {
        let number = self.free_number()?;
        let port = if self.ports.contains_key(&port) { port } else { self.open_port(port)? };
        self.listening.insert(number, Listening { port, arrived: None });
        Ok((number, port))
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
    pub(super) fn accept(&mut self, number: u16) -> io::Result<SocketAddr> {
        let listening = self.listening.get_mut(&number).ok_or(ErrorKind::NotConnected)?;
        let (stream, peer) = if self.strict {
            listening.arrived.take().ok_or(ErrorKind::WouldBlock)?
        } else {
            match self.ports.get_mut(&listening.port).ok_or(ErrorKind::NotConnected)? {
                Listener::Host(listener) => host_accept(listener)?,
                Listener::Inside(waiting) => waiting.pop_front().ok_or(ErrorKind::WouldBlock)?,
            }
        };
        // The port stays open for the next number that listens on it.
        self.listening.remove(&number);
        self.streams.insert(number, stream);
        self.accepted.insert(number);
        Ok(peer)
    }

    pub(super) fn read(&mut self, number: u16, into: &mut [u8], keep: bool) -> io::Result<usize> {
        let limit = into.len().min(self.per_call);
        let into = &mut into[..limit];
        let count = match self.stream(number)? {
            Stream::Host(stream) if keep => stream.peek(into),
            Stream::Host(stream) => (&*stream).read(into),
            Stream::Inside(stream) => stream.read(into, keep),
            Stream::Peer(stream) => stream.read(into, keep, self.now),
        }?;
        if !keep && count != 0 {
            // The other side is told of the room.
            self.event = true;
            if let Some(seen) = self.seen.get_mut(&number) {
                seen.bytes = seen.bytes.saturating_sub(count);
            }
        }
        Ok(count)
    }

    pub(super) fn write(&mut self, number: u16, from: &[u8]) -> io::Result<usize> {
        let limit = from.len().min(self.per_call);
        let count = match self.stream(number)? {
            Stream::Host(stream) => (&*stream).write(&from[..limit]),
            Stream::Inside(stream) => stream.write(&from[..limit]),
            Stream::Peer(stream) => Ok(stream.write(&from[..limit], self.now)),
        }?;
        self.event |= count != 0;
        Ok(count)
    }

    /// Whether nothing can be read from a stream at this moment; it may have ended.
    pub(super) fn is_quiet(&self, number: u16) -> bool {
        match self.streams.get(&number) {
            Some(Stream::Host(stream)) => host_seen(stream).bytes == 0,
            Some(Stream::Inside(stream)) => {
                stream.read(&mut [0], true).map_or_else(is_would_block, |count| count == 0)
            }
            // Peers are for networks that are not strict.
            Some(Stream::Peer(_)) | None => false,
        }
    }

    /// Whether a stream holds bytes that its peer has no room for.
    pub(super) fn has_unsent(&self, number: u16) -> bool {
        matches!(self.streams.get(&number), Some(Stream::Inside(stream)) if stream.has_unsent())
    }

    pub(super) fn shut_down(&self, number: u16, how: Shutdown) {
        match self.streams.get(&number) {
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

    /// Closes a stream or a listener; a port closes with its last listener.
    pub(super) fn close(&mut self, number: u16) {
        self.event |= self.streams.remove(&number).is_some();
        self.local_ports.remove(&number);
        self.seen.remove(&number);
        self.accepted.remove(&number);
        if let Some(closed) = self.listening.remove(&number)
            && !self.listening.values().any(|other| other.port == closed.port)
        {
            self.ports.remove(&closed.port);
        }
    }

    /// Sees what has happened to the PC's sockets, of which these wait to be written to.
    pub(super) fn look_outside(&mut self, writing: &[u16]) {
        for (number, stream) in &self.streams {
            let Stream::Host(stream) = stream else { continue };
            let now = host_seen(stream);
            let before = self.seen.insert(*number, now).unwrap_or_default();
            let writable = writing.contains(number) && is_ready(stream, PollFlags::OUT);
            self.event |= now.bytes > before.bytes || now.ended && !before.ended || writable;
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

    /// Ends this side of accepted connections whose other side has ended. Inside, where only a close ends a side, nobody
    /// is left to see it.
    fn answer_ends(&mut self) {
        let streams = &self.streams;
        self.accepted.retain(|number| match streams.get(number) {
            Some(Stream::Host(stream)) if is_ready(stream, PollFlags::RDHUP) => {
                drop(stream.shutdown(Shutdown::Write));
                false
            }
            stream => stream.is_some(),
        });
    }

    /// Waits for one of the PC's sockets that these operations need.
    pub(super) fn sleep<'a>(&self, waiting: impl Iterator<Item = &'a Operation>, at_most: Duration) {
        let mut sockets: Vec<PollFd<'_>> = waiting
            .filter(|operation| !self.seen.get(&operation.number()).is_some_and(|seen| seen.ended))
            .filter_map(|operation| {
                let events = if operation.needs_to_write() { PollFlags::OUT } else { PollFlags::IN };
                Some(PollFd::from_borrowed_fd(self.host_socket(operation.number())?, events))
            })
            .collect();
        let limit = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: i64::from(at_most.subsec_nanos()) };
        // Interrupted or failed: the caller looks at everything again anyway.
        let _ = poll(&mut sockets, Some(&limit));
    }

    fn host_socket(&self, number: u16) -> Option<BorrowedFd<'_>> {
        if let Some(Stream::Host(stream)) = self.streams.get(&number) {
            return Some(stream.as_fd());
        }
        match self.ports.get(&self.listening.get(&number)?.port)? {
            Listener::Host(listener) => Some(listener.as_fd()),
            Listener::Inside(_) => None,
        }
    }

    fn stream(&self, number: u16) -> io::Result<&Stream> {
        self.streams.get(&number).ok_or_else(|| ErrorKind::NotConnected.into())
    }

    fn free_number(&self) -> io::Result<u16> {
        let taken = |number: &u16| self.streams.contains_key(number) || self.listening.contains_key(number);
        NUMBERS.into_iter().find(|number| !taken(number)).ok_or_else(|| ErrorKind::QuotaExceeded.into())
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

fn start_to_connect(port: u16) -> io::Result<TcpStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    match connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(socket.into()),
        Err(error) => Err(error.into()),
    }
}

fn host_accept(listener: &TcpListener) -> io::Result<Arrived> {
    let (stream, peer) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((Stream::Host(stream), peer))
}

/// The peek takes a reset off the socket, which then has ended like others.
fn host_seen(stream: &TcpStream) -> Seen {
    match stream.peek(&mut [0; STRICT_BUFFER]) {
        Ok(0) => Seen { bytes: 0, ended: true },
        Ok(bytes) => Seen { bytes, ended: false },
        Err(error) => Seen { bytes: 0, ended: !is_would_block(error) },
    }
}

fn is_ready(stream: &TcpStream, events: PollFlags) -> bool {
    let mut socket = [PollFd::from_borrowed_fd(stream.as_fd(), events)];
    poll(&mut socket, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready != 0)
}

fn is_would_block(error: io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

fn host_connected(stream: &TcpStream) -> io::Result<u16> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(stream.local_addr()?.port()),
        Err(error) if error.kind() == ErrorKind::NotConnected => Err(ErrorKind::WouldBlock.into()),
        Err(error) => Err(error),
    }
}
