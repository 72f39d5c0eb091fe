//! Sockets by the numbers that programs know them by: of the PC, or inside the machine.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{AddressFamily, SocketFlags, SocketType, connect, socket_with},
};

use super::{
    Network,
    inside::{InsideStream, pair},
    operation::Operation,
};

/// Numbers fit into a byte, as the answer to `Listen` has it, and start behind the standard files'.
const NUMBERS: std::ops::RangeInclusive<u16> = 3..=250;
/// Inside the machine, ports are given out from here on.
const FIRST_FREE_PORT: u16 = 49152;

pub(super) enum Stream {
    Host(TcpStream),
    Inside(InsideStream),
}

enum Listener {
    Host(TcpListener),
    /// Connections that nobody has accepted yet, with the port of the other side.
    Inside(VecDeque<(InsideStream, u16)>),
}

/// All sockets of the machine.
pub(super) struct Sockets {
    network: Network,
    streams: BTreeMap<u16, Stream>,
    /// Several numbers may listen on one port.
    listening: BTreeMap<u16, u16>,
    ports: BTreeMap<u16, Listener>,
    next_port: u16,
}

impl Sockets {
    pub(super) fn new(network: Network) -> Self {
        Sockets {
            network,
            streams: BTreeMap::new(),
            listening: BTreeMap::new(),
            ports: BTreeMap::new(),
            next_port: FIRST_FREE_PORT,
        }
    }

    pub(super) fn outside(&self) -> bool {
        self.network == Network::Loopback
    }

    /// Starts to connect. The number is good for [`Sockets::connected`] until it gives an error.
    pub(super) fn connect(&mut self, port: u16) -> io::Result<u16> {
        let number = self.free_number()?;
        let stream = match self.network {
            Network::Loopback => Stream::Host(start_to_connect(port)?),
            Network::Inside => {
                let local = self.free_port();
                let Some(Listener::Inside(waiting)) = self.ports.get_mut(&port) else {
                    return Err(ErrorKind::ConnectionRefused.into());
                };
                let (here, there) = pair();
                waiting.push_back((there, local));
                Stream::Inside(here)
            }
        };
        self.streams.insert(number, stream);
        Ok(number)
    }

    /// The local port of a connection that stands; `WouldBlock` while it is on its way.
    pub(super) fn connected(&mut self, number: u16) -> io::Result<u16> {
        let result = match self.stream(number)? {
            Stream::Inside(_) => return Ok(FIRST_FREE_PORT),
            Stream::Host(stream) => host_connected(stream),
        };
        if result.as_ref().is_err_and(|error| error.kind() != ErrorKind::WouldBlock) {
            self.streams.remove(&number);
        }
        result
    }

    /// Listens on a port of the loopback interface, 0 for any: number and port.
    pub(super) fn listen(&mut self, port: u16) -> io::Result<(u16, u16)> {
        let number = self.free_number()?;
        let port = if self.ports.contains_key(&port) { port } else { self.open_port(port)? };
        self.listening.insert(number, port);
        Ok((number, port))
    }

    fn open_port(&mut self, port: u16) -> io::Result<u16> {
        let (listener, port) = match self.network {
            Network::Inside if port == 0 => (Listener::Inside(VecDeque::new()), self.free_port()),
            Network::Inside => (Listener::Inside(VecDeque::new()), port),
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
        let port = self.listening.get(&number).ok_or(ErrorKind::NotConnected)?;
        let listener = self.ports.get_mut(port).ok_or(ErrorKind::NotConnected)?;
        let (stream, peer) = match listener {
            Listener::Host(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                (Stream::Host(stream), peer)
            }
            Listener::Inside(waiting) => {
                let (stream, port) = waiting.pop_front().ok_or(ErrorKind::WouldBlock)?;
                (Stream::Inside(stream), (Ipv4Addr::LOCALHOST, port).into())
            }
        };
        // The port stays open for the next number that listens on it.
        self.listening.remove(&number);
        self.streams.insert(number, stream);
        Ok(peer)
    }

    pub(super) fn read(&self, number: u16, into: &mut [u8], keep: bool) -> io::Result<usize> {
        match self.stream(number)? {
            Stream::Host(stream) if keep => stream.peek(into),
            Stream::Host(stream) => (&*stream).read(into),
            Stream::Inside(stream) => stream.read(into, keep),
        }
    }

    pub(super) fn write(&self, number: u16, from: &[u8]) -> io::Result<usize> {
        match self.stream(number)? {
            Stream::Host(stream) => (&*stream).write(from),
            Stream::Inside(stream) => stream.write(from),
        }
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
            None => (),
        }
    }

    /// Closes a stream or a listener; a port closes with its last listener.
    pub(super) fn close(&mut self, number: u16) {
        self.streams.remove(&number);
        if let Some(port) = self.listening.remove(&number)
            && !self.listening.values().any(|other| *other == port)
        {
            self.ports.remove(&port);
        }
    }

    /// Waits for one of the PC's sockets that these operations need.
    pub(super) fn sleep<'a>(&self, waiting: impl Iterator<Item = &'a Operation>, at_most: Duration) {
        let mut sockets: Vec<PollFd<'_>> = waiting
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
        match self.ports.get(self.listening.get(&number)?)? {
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

    fn free_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_FREE_PORT);
        port
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
