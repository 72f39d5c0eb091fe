//! TLS between a socket and the two threads that use it.
//!
//! ```text
//! reader: socket -> caller's buffer -> session -> caller's buffer
//! writer: caller's bytes -> session -> records -> socket
//! ```
//!
//! The session is behind a mutex that nobody holds while it waits for the socket: a reader that waits for the peer
//! never stops a writer, and a writer whose peer takes nothing never stops the reader. Without that, two sides that
//! both write much and read only between writes would wait for each other for ever.
//!
//! What a read has to be answered with (an alert, a key update) stays in the session as finished records. The reader
//! does not write them, for the same reason: the peer may not read before it has written. It calls `owed`, which
//! wakes the connection's writer, and every write begins with what the session holds. A key update needs not even
//! that, as it is due before the next application data and not earlier (RFC 8446 section 4.6.3).
//!
//! Records must reach the peer in the order of their sequence numbers, so sealing and writing them happen together
//! under the lock `turn`. A thread that also has something to write (a close_notify, by the reader of a connection
//! whose writer has ended) only tries that lock. If it is held, its holder does the work when it is done. Only a
//! second writer would wait for the lock, and no connection has one.

use std::io::{self, Write};
use std::net::Shutdown;

use xous_api_websocket::certificate::Shown;

use super::session::Session;
use super::{READ_SIZE, TlsError};
use crate::net::receive::receive;
use crate::net::{ReadBuffer, TcpStream, WriteBuffer};
use crate::platform::TLS_WRITE;
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::sync::{Mutex, MutexGuard};

/// How much two records, with an alert or a key update, take beside their plaintext. Header, nonce and tag are at
/// most 30 bytes each.
const RECORDS: usize = 128;

/// The socket is never read into less room than this. Otherwise a record of 16 KiB could take a thousand calls, in
/// pieces of what is left of a page, such as 14 bytes.
const LEAST_READ: usize = 2048;

/// One side of a TLS connection, without its socket.
pub(crate) struct Transport {
    /// Never locked while a socket is waited for, or another lock taken.
    session: Mutex<Session>,
    /// Whose turn it is to write; locked before the session.
    turn: Mutex<()>,
    /// A close_notify is wanted.
    closing: AtomicBool,
    /// This side has shut the socket down, so its end says nothing about the peer.
    ended_here: AtomicBool,
}

impl Transport {
    pub(super) fn new(connection: rustls::Connection) -> Self {
        Self::with(Session::new(connection))
    }

    fn with(session: Session) -> Self {
        Transport {
            session: Mutex::new(session),
            turn: Mutex::new(()),
            closing: AtomicBool::new(false),
            ended_here: AtomicBool::new(false),
        }
    }

    /// Runs the handshake. A client's last message waits in the session, and goes out in one segment with the first
    /// bytes that it writes.
    pub(in crate::net) fn handshake(&self, mut stream: &TcpStream) -> Result<(), TlsError> {
        let mut buffer = vec![0; READ_SIZE];
        let mut out = Vec::new();
        loop {
            let done = {
                let mut session = self.session();
                let done = session.is_ready();
                if !(done && session.is_client()) || session.failure().is_some() {
                    session.drain(&mut out);
                }
                session.failure().map_or(Ok(done), Err)
            };
            // An alert that tells why is sent in any case.
            let sent = stream.write_all(&out);
            out.clear();
            if done? {
                return sent.map_err(TlsError::Io);
            }
            match sent.and_then(|()| receive(stream, &mut buffer)) {
                Ok(0) => return Err(TlsError::Closed),
                Ok(len) => self.session().feed(&buffer[..len]),
                Err(error) => return Err(TlsError::Io(error)),
            }
        }
    }

    /// Whom the peer's certificate is for, once the handshake is done and if it has shown one.
    pub(in crate::net) fn peer_subject(&self) -> Option<Vec<u8>> {
        self.session().peer_subject()
    }

    /// Takes what the server showed whose certificate was refused.
    pub(in crate::net) fn take_shown(&self) -> Option<Box<Shown>> {
        self.session().take_shown()
    }

    /// Waits for plaintext; 0 after a close_notify. `buffer` must not be empty. Unless it is short, it also takes the
    /// bytes of the socket, so that a connection needs no other buffer.
    pub(in crate::net) fn read(
        &self,
        stream: &TcpStream,
        buffer: &mut [u8],
        owed: impl Fn(),
    ) -> io::Result<usize> {
        self.read_by(|room| receive(stream, room), buffer, owed)
    }

    /// As [`Transport::read`], into a buffer that the socket reads into itself. It is never short.
    pub(in crate::net) fn fill(
        &self,
        stream: &TcpStream,
        buffer: &mut ReadBuffer,
        owed: impl Fn(),
    ) -> io::Result<usize> {
        loop {
            if let Some(taken) = self.session().take(buffer) {
                return taken.map_err(io::Error::other);
            }
            let len = buffer.fill(stream)?;
            self.session().feed(buffer.get(..len).unwrap_or_default());
            if let Some(end) = self.fed(len, &owed) {
                return end;
            }
        }
    }

    /// As [`Transport::read`], from `receive` instead of a socket.
    fn read_by(
        &self,
        mut receive: impl FnMut(&mut [u8]) -> io::Result<usize>,
        buffer: &mut [u8],
        owed: impl Fn(),
    ) -> io::Result<usize> {
        loop {
            if let Some(taken) = self.session().take(buffer) {
                return taken.map_err(io::Error::other);
            }
            let len = if buffer.len() < LEAST_READ {
                self.feed_aside(&mut receive)?
            } else {
                let len = receive(buffer)?;
                self.session().feed(buffer.get(..len).unwrap_or_default());
                len
            };
            if let Some(end) = self.fed(len, &owed) {
                return end;
            }
        }
    }

    /// What follows when so many bytes have come: the end if none have.
    fn fed(&self, len: usize, owed: impl Fn()) -> Option<io::Result<usize>> {
        if len == 0 {
            let is_ours = self.ended_here.load(SeqCst);
            return Some(if is_ours { Ok(0) } else { Err(io::Error::other(TlsError::Truncated)) });
        }
        if self.session().owes() {
            owed();
        }
        None
    }

    /// Reads from the socket what the caller's buffer has no room for. That buffer has the size of the plaintext that
    /// the caller wants, but a record has to be complete before any of it is plaintext. Not inlined, as its room is
    /// on the stack, and is needed only while a short rest is awaited.
    #[inline(never)]
    fn feed_aside(&self, receive: &mut impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        let mut room = [0; READ_SIZE];
        let len = receive(&mut room)?;
        self.session().feed(room.get(..len).unwrap_or_default());
        Ok(len)
    }

    /// Writes `bytes` as few records, after anything that the session has to send.
    pub(in crate::net) fn write_all(&self, stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        let turn = self.turn.lock();
        let result = self.seal_and_send(stream, bytes);
        drop(turn);
        self.close_if_wanted(stream);
        result
    }

    /// As [`Transport::write_all`], of the first bytes of a buffer. The records go through it as well.
    pub(in crate::net) fn send(
        &self,
        stream: &TcpStream,
        buffer: &mut WriteBuffer,
        len: usize,
    ) -> io::Result<()> {
        let turn = self.turn.lock();
        let bytes = buffer.get(..len).unwrap_or_default();
        let sealed = self.session().accept(bytes);
        // Nothing, unless much waits already.
        let rest =
            sealed.as_ref().map_or(Vec::new(), |&taken| bytes.get(taken..).unwrap_or_default().to_vec());
        let sent = buffer.send_from(stream, len + RECORDS, |room| self.session().drain_into(room));
        let sent = match rest.is_empty() {
            true => sent,
            false => sent.and_then(|()| self.seal_and_send(stream, &rest)),
        };
        drop(turn);
        self.close_if_wanted(stream);
        sent.and(sealed.map(|_| ()).map_err(io::Error::other))
    }

    /// Takes memory for the records only while they are written.
    fn seal_and_send(&self, mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        // A vector that grows for the second record would take three times as much for a moment.
        let mut out = Vec::with_capacity(bytes.len().min(TLS_WRITE) + RECORDS);
        let mut rest = bytes;
        loop {
            let (now, later) = rest.split_at(rest.len().min(TLS_WRITE));
            let sealed = self.session().seal(now, &mut out);
            stream.write_all(&out)?;
            sealed.map_err(io::Error::other)?;
            if later.is_empty() {
                return Ok(());
            }
            out.clear();
            rest = later;
        }
    }

    /// Sends a close_notify and ends the socket's outgoing direction, after what is being written.
    pub(in crate::net) fn close(&self, stream: &TcpStream) {
        self.closing.store(true, SeqCst);
        self.close_if_wanted(stream);
    }

    /// Sends a close_notify that another thread has asked for meanwhile. The holder of `turn` calls this when it is
    /// done, so that no request is lost.
    fn close_if_wanted(&self, mut stream: &TcpStream) {
        while self.closing.load(SeqCst) {
            let Some(_turn) = self.turn.try_lock() else { return };
            if self.closing.swap(false, SeqCst) {
                let mut out = Vec::new();
                self.session().close(&mut out);
                stream.write_all(&out).ok();
                stream.shutdown(Shutdown::Write).ok();
            }
        }
    }

    /// The socket is shut down on this side.
    pub(in crate::net) fn ended_here(&self) {
        self.ended_here.store(true, SeqCst);
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};

    use super::*;
    use crate::net::tls::provider::provider;

    /// Bytes of one frame.
    const FRAME: usize = 1 << 20;
    /// Of the pages that the reader fills.
    const PAGE: usize = 16 * 1024;

    /// A client and a server that have agreed on keys.
    fn agreed() -> (Session, Session) {
        let made = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let certificate = made.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(client), name).unwrap();
        let server = ServerConnection::new(Arc::new(server)).unwrap();
        let mut client = Session::new(Connection::Client(client));
        let mut server = Session::new(Connection::Server(server));
        // Both turns of TLS 1.3: hello and hello, finished and tickets.
        for _ in 0..2 {
            pass(&mut client, &mut server);
            pass(&mut server, &mut client);
        }
        assert!(client.is_ready() && server.is_ready());
        (client, server)
    }

    fn pass(from: &mut Session, to: &mut Session) {
        let mut records = Vec::new();
        from.drain(&mut records);
        to.feed(&records);
    }

    /// What a reader does with a long frame: its header comes into a buffer of its own, the rest into pages, which are
    /// filled to their ends.
    #[test]
    fn a_long_frame_takes_no_more_reads_than_one_for_two_kibibytes() {
        let (client, mut server) = agreed();
        let frame: Vec<u8> = (0..FRAME).map(|at| (at ^ (at >> 8)) as u8).collect();
        let mut records = Vec::new();
        for piece in frame.chunks(PAGE) {
            server.seal(piece, &mut records).unwrap();
        }
        let transport = Transport::with(client);
        let (mut rest, mut reads) = (&records[..], 0_usize);
        let mut received = Vec::new();
        let mut room = vec![0; PAGE];
        // Pages end where the payload's multiples of them do, records where those of the frame with its header do.
        let (header, buffer) = (10, 4096);
        let mut page = buffer;
        while received.len() < FRAME {
            let mut at = 0;
            while at < page && received.len() < FRAME {
                let take = |room: &mut [u8]| {
                    reads += 1;
                    io::Read::read(&mut rest, room)
                };
                let len = transport.read_by(take, &mut room[at..page], || ()).unwrap();
                received.extend_from_slice(&room[at..at + len]);
                at += len;
            }
            page = if page == buffer { header + PAGE - buffer } else { PAGE };
        }
        assert!(received == frame);
        assert!(reads <= records.len() / LEAST_READ, "{reads} reads of {} bytes", records.len());
    }
}
