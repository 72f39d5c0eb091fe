//! A connected socket.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use xous::{CID, Message};
use xous_api_websocket::wire::{PAGE_SIZE, Pages};

use super::message::{self, CLOSE, CONNECT, OVERWRITTEN, RECEIVE, SEND, SET_NODELAY, SHUT_DOWN};
use super::{net, no_net};

/// A connection. One thread may read while another writes. The last one that drops it sends the FIN: `net` has no
/// message for one direction alone.
pub(crate) struct TcpStream {
    net: CID,
    socket: u16,
}

impl TcpStream {
    /// Connects within `limit`, which is counted in milliseconds and must not be less than one. `net` keeps it: from then
    /// on it is also the longest that the peer may take to acknowledge something (xous-core, `std_tcp_connect`).
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut) when the limit is over, [`ConnectionRefused`](io::ErrorKind::ConnectionRefused)
    /// when the connection has come to nothing before, which `net` tells with the same number.
    pub(crate) fn connect_timeout(address: &SocketAddr, limit: Duration) -> io::Result<Self> {
        let net = net()?;
        let mut pages = Pages::new(PAGE_SIZE);
        message::write_connect(
            pages.bytes_mut(),
            address,
            u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        );
        let start = Instant::now();
        pages.lend_mut(net, CONNECT, 0, PAGE_SIZE, PAGE_SIZE).map_err(no_net)?;
        match message::connected(pages.bytes()) {
            Ok(socket) => Ok(TcpStream { net, socket }),
            Err(error) if error.kind() == io::ErrorKind::TimedOut && start.elapsed() < limit => {
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Err(error) => Err(error),
        }
    }

    /// One that `net` knows by this number.
    pub(super) fn of(net: CID, socket: u16) -> Self {
        TcpStream { net, socket }
    }

    /// Whether small segments go out at once.
    pub(crate) fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.tell(SET_NODELAY, usize::from(nodelay))
    }

    /// Ends calls that wait, and nothing else: later calls wait again, and the peer learns nothing.
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.tell(SHUT_DOWN, message::ended_by(how))
    }

    /// Waits until `net` has answered a page that needs neither limit nor length.
    pub(super) fn ask(&self, pages: &mut Pages, message: usize) -> io::Result<()> {
        pages.lend_mut(self.net, message::id(message, self.socket), 0, 0, PAGE_SIZE).map_err(no_net)?;
        Ok(())
    }

    /// Waits for bytes, at most `room` and a page; 0 at the end of the stream.
    pub(super) fn receive(&self, pages: &mut Pages, room: usize) -> io::Result<usize> {
        if let Some(front) = pages.bytes_mut().get_mut(..OVERWRITTEN) {
            front.fill(0);
        }
        let room = room.min(PAGE_SIZE);
        let id = message::id(RECEIVE, self.socket);
        let returned = pages.lend_mut(self.net, id, 0, room, PAGE_SIZE).map_err(no_net)?;
        Ok(message::received(pages.bytes(), returned.offset, returned.valid)?.min(room))
    }

    /// Waits until the socket takes something of the first `len` bytes, at most a page. Returns how much, and has
    /// overwritten the first [`OVERWRITTEN`] bytes.
    pub(super) fn send(&self, pages: &mut Pages, len: usize) -> io::Result<usize> {
        let len = len.min(PAGE_SIZE);
        // `net` takes no length for a whole page.
        if len == 0 {
            return Ok(0);
        }
        let id = message::id(SEND, self.socket);
        pages.lend_mut(self.net, id, 0, len, PAGE_SIZE).map_err(no_net)?;
        Ok(message::sent(pages.bytes())?.min(len))
    }

    fn tell(&self, message: usize, word: usize) -> io::Result<()> {
        let message = Message::new_blocking_scalar(message::id(message, self.socket), word, 0, 0, 0);
        xous::send_message(self.net, message).map(|_| ()).map_err(no_net)
    }
}

/// For what is read or written now and then. Takes a page for the time of the call.
impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut pages = Pages::new(PAGE_SIZE);
        let len = self.receive(&mut pages, buffer.len())?;
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), pages.bytes().get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }
}

/// As [`Read`].
impl Write for &TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pages = Pages::new(PAGE_SIZE);
        let len = pages.fill(bytes);
        self.send(&mut pages, len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends the FIN behind all that was written, which may wait for the peer.
impl Drop for TcpStream {
    fn drop(&mut self) {
        self.tell(CLOSE, 0).ok();
    }
}
