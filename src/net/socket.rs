//! A connected socket that two threads use at a time.

use std::io::{self, Write};
use std::net::Shutdown;

use xous_api_websocket::certificate::Shown;

use super::receive::receive;
use super::system::discard_unread;
use super::tls::Transport;
use super::{ReadBuffer, TcpStream, TlsError, WriteBuffer};

/// A connection's socket. One thread reads, another writes, and a third may shut it down. None needs it exclusively.
pub(crate) struct Socket {
    stream: TcpStream,
    /// `None` for a plain socket, which this does not make larger.
    tls: Option<Box<Transport>>,
}

impl Socket {
    /// A plain socket.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self::with(stream, None)
    }

    /// A socket that speaks TLS, from [`Socket::handshake`] on.
    pub(crate) fn secure(stream: TcpStream, tls: Transport) -> Self {
        Self::with(stream, Some(Box::new(tls)))
    }

    fn with(stream: TcpStream, tls: Option<Box<Transport>>) -> Self {
        // Small messages go out at once; frames that wait together are written together anyway.
        stream.set_nodelay(true).ok();
        Socket { stream, tls }
    }

    /// Agrees on keys with the peer and checks who it is. Nothing of the caller is sent before. Does nothing on a
    /// plain socket.
    ///
    /// # Errors
    /// See [`TlsError`]. The connection cannot be used any more.
    pub(crate) fn handshake(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.handshake(&self.stream))
    }

    /// As [`Socket::read`], below TLS: what a proxy says before the handshake.
    ///
    /// # Errors
    /// The socket's.
    pub(crate) fn read_plain(&self, buffer: &mut [u8]) -> io::Result<usize> {
        receive(&self.stream, buffer)
    }

    /// As [`Socket::write_all`], below TLS.
    ///
    /// # Errors
    /// The socket's.
    pub(crate) fn write_plain(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.stream).write_all(bytes)
    }

    /// Whom the peer's certificate is for, if it has shown one: the content of a DER `Name`.
    pub(crate) fn peer_subject(&self) -> Option<Vec<u8>> {
        self.tls.as_ref()?.peer_subject()
    }

    /// Takes what the server showed, if the handshake has failed as its certificate was refused.
    pub(crate) fn take_shown(&self) -> Option<Box<Shown>> {
        self.tls.as_ref()?.take_shown()
    }

    /// Waits for bytes; 0 at the end of the stream.
    ///
    /// # Errors
    /// The socket's, or a [`TlsError`].
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_and(buffer, || ())
    }

    /// As [`Socket::read_and`], to the front of a buffer that the socket reads into itself.
    pub(crate) fn fill(&self, buffer: &mut ReadBuffer, owed: impl Fn()) -> io::Result<usize> {
        match &self.tls {
            None => buffer.fill(&self.stream),
            Some(tls) => tls.fill(&self.stream, buffer, owed),
        }
    }

    /// As [`Socket::read`], but calls `owed` when TLS has to answer what came. The answer goes out with the next
    /// [`Socket::write_all`], even one of no bytes. So a reader never waits for the peer to read.
    pub(crate) fn read_and(&self, buffer: &mut [u8], owed: impl Fn()) -> io::Result<usize> {
        match &self.tls {
            None => receive(&self.stream, buffer),
            Some(tls) => tls.read(&self.stream, buffer, owed),
        }
    }

    /// Waits until the socket has taken all of it. A write that takes nothing is the end of the stream. On the device
    /// a write ends like that after a local shutdown.
    ///
    /// # Errors
    /// The socket's, or a [`TlsError`].
    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match &self.tls {
            None => (&self.stream).write_all(bytes),
            Some(tls) => tls.write_all(&self.stream, bytes),
        }
    }

    /// As [`Socket::write_all`], of the first `len` bytes of a buffer, whose content is lost.
    pub(crate) fn send(&self, buffer: &mut WriteBuffer, len: usize) -> io::Result<()> {
        match &self.tls {
            None => buffer.send(&self.stream, len),
            Some(tls) => tls.send(&self.stream, buffer, len),
        }
    }

    /// `Read` and `Both` end calls that wait. On a PC they also end later calls, on the device only those that wait
    /// already. `Write` tells the peer that nothing more comes, with TLS by a close_notify. What is being written
    /// goes first, and the caller may have to wait until that is taken.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        if let Some(tls) = &self.tls {
            match how {
                Shutdown::Write => return tls.close(&self.stream),
                Shutdown::Read | Shutdown::Both => tls.ended_here(),
            }
        }
        self.stream.shutdown(how).ok();
    }

    /// Reads what has come, up to a bound, and drops it, so that closing does not reset the connection and lose what was
    /// sent last (RFC 9112 section 9.6). Does not wait. The socket is of no use but to be closed. On the device
    /// closing resets nothing, and nothing is read.
    pub(crate) fn discard_unread(&self) {
        discard_unread(&self.stream);
    }
}
