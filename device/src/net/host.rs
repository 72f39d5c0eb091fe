//! Sockets of the PC, as the machine needs them: none ever waits.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::AsFd,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{AddressFamily, SocketFlags, SocketType, connect, socket_with},
};

/// What has been seen of a stream.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Bytes that can be read.
    pub(super) bytes: usize,
    /// Nothing can be read, nor ever will be.
    pub(super) ended: bool,
    /// The peer has ended its side, maybe behind bytes that have not been read.
    pub(super) peer_ended: bool,
}

impl Seen {
    /// Whether something has come since then.
    pub(super) fn is_more_than(self, before: Seen) -> bool {
        self.bytes > before.bytes || self.ended && !before.ended || self.peer_ended && !before.peer_ended
    }
}

/// Begins to connect to a port of the PC.
pub(super) fn start_to_connect(port: u16) -> io::Result<TcpStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    match connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(socket.into()),
        Err(error) => Err(error.into()),
    }
}

/// Takes a connection that has come in, and the address of its other side.
pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((stream, peer))
}

/// Looks at a stream without changing it, and at so many of its bytes at most. The peek takes a reset off the socket, which
/// then has ended like others.
pub(super) fn seen(stream: &TcpStream, at_most: usize) -> Seen {
    let (bytes, ended) = match stream.peek(&mut vec![0; at_most]) {
        Ok(bytes) => (bytes, bytes == 0),
        Err(error) => (0, error.kind() != ErrorKind::WouldBlock),
    };
    Seen { bytes, ended, peer_ended: has_ended(stream) }
}

/// Whether the peer has ended its side, maybe behind bytes that have not been read.
pub(super) fn has_ended(stream: &TcpStream) -> bool {
    state(stream, PollFlags::RDHUP).intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
}

/// Whether this side has not ended, nor has the connection.
pub(super) fn may_send(stream: &TcpStream) -> bool {
    !state(stream, PollFlags::empty()).intersects(PollFlags::HUP | PollFlags::ERR)
}

/// Whether there is room for bytes.
pub(super) fn has_room(stream: &TcpStream) -> bool {
    let state = state(stream, PollFlags::OUT);
    state.contains(PollFlags::OUT) && !state.intersects(PollFlags::HUP | PollFlags::ERR)
}

fn state(stream: &TcpStream, events: PollFlags) -> PollFlags {
    let mut socket = [PollFd::from_borrowed_fd(stream.as_fd(), events)];
    match poll(&mut socket, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => socket[0].revents(),
        Err(_) => PollFlags::empty(),
    }
}

/// The local port of a connection that stands; `WouldBlock` while it is on its way.
pub(super) fn connected(stream: &TcpStream) -> io::Result<u16> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(stream.local_addr()?.port()),
        Err(error) if error.kind() == ErrorKind::NotConnected => Err(ErrorKind::WouldBlock.into()),
        Err(error) => Err(error),
    }
}
