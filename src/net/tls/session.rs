//! The state of a TLS connection, without any waiting: records go in and out as bytes.

use std::io::{self, Read, Write};

use rustls::Connection;
use xous_api_websocket::certificate::Shown;

use super::TlsError;
use super::fault::describe;
use super::verifier::take_shown;

/// rustls' buffered interface and what it leaves over.
///
/// rustls' unbuffered interface would save a copy of what comes in. But it needs the reader's buffer for writing,
/// too, and panics if that is empty in the middle of a handshake message.
pub(super) struct Session {
    connection: Connection,
    /// What came in while the most plaintext that is kept was waiting. At most what is read at a time.
    unfed: Vec<u8>,
    /// The session has failed: nothing more is read or written.
    failure: Option<rustls::Error>,
    /// What the server showed, if its certificate is the reason.
    shown: Option<Box<Shown>>,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Session { connection, unfed: Vec::new(), failure: None, shown: None }
    }

    /// Both sides may send.
    pub(super) fn is_ready(&self) -> bool {
        !self.connection.is_handshaking()
    }

    /// Whom the peer's certificate is for: the content of a DER `Name`. Its chain has been checked.
    pub(super) fn peer_subject(&self) -> Option<Vec<u8>> {
        let certificate = self.connection.peer_certificates()?.first()?;
        Some(webpki::EndEntityCert::try_from(certificate).ok()?.subject().to_vec())
    }

    pub(super) fn is_client(&self) -> bool {
        matches!(self.connection, Connection::Client(_))
    }

    /// There are records for the peer.
    pub(super) fn owes(&self) -> bool {
        self.connection.wants_write()
    }

    pub(super) fn failure(&self) -> Option<TlsError> {
        let agreed = self.connection.protocol_version().is_some();
        self.failure.as_ref().map(|failure| describe(failure, agreed))
    }

    /// Takes in what came from the peer.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.failure.is_none() {
            match self.connection.read_tls(&mut bytes) {
                // What follows a close_notify is ignored (RFC 8446 section 6.1).
                Ok(0) => return,
                Ok(_) => self.process(),
                Err(error) if error.kind() == io::ErrorKind::Other => {
                    return self.unfed.extend_from_slice(bytes);
                }
                // A handshake message that does not end.
                Err(error) => self.failure = Some(rustls::Error::General(error.to_string())),
            }
        }
    }

    fn process(&mut self) {
        self.failure = self.connection.process_new_packets().err();
        if self.failure.is_some() {
            self.shown = take_shown();
        }
    }

    /// Takes what the server showed whose certificate was refused.
    pub(super) fn take_shown(&mut self) -> Option<Box<Shown>> {
        self.shown.take()
    }

    /// Gives plaintext that is here, as much as fits. 0 after a close_notify, and `None` if more has to come first.
    /// What came before a fault is given before the fault.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> Option<Result<usize, TlsError>> {
        loop {
            // Without plaintext this is `WouldBlock`.
            if let Ok(len) = self.connection.reader().read(buffer) {
                return Some(Ok(len));
            }
            if let Some(failure) = self.failure() {
                return Some(Err(failure));
            }
            if self.unfed.is_empty() {
                self.shrink();
                return None;
            }
            let bytes = std::mem::take(&mut self.unfed);
            self.feed(&bytes);
        }
    }

    /// Gives back the memory of a long record, as the wait may be long. An attempt to read makes rustls do so, unless
    /// a record is there in part.
    fn shrink(&mut self) {
        self.connection.read_tls(&mut io::empty()).ok();
    }

    /// Appends what the session has to say, and `bytes` as records, to `out`.
    ///
    /// # Errors
    /// The connection has failed; `out` may have an alert for the peer nevertheless.
    pub(super) fn seal(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        let mut rest = bytes;
        loop {
            self.drain(out);
            let taken = self.accept(rest)?;
            if rest.is_empty() {
                return Ok(());
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Takes `bytes` as records that are to be drained, and returns how many: all of them, unless too much waits already.
    ///
    /// # Errors
    /// The connection has failed; there may be an alert for the peer nevertheless.
    pub(super) fn accept(&mut self, bytes: &[u8]) -> Result<usize, TlsError> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        let taken = self.connection.writer().write(bytes).map_err(TlsError::Io)?;
        if taken == 0 && !self.owes() {
            return Err(TlsError::Io(io::ErrorKind::WriteZero.into()));
        }
        Ok(taken)
    }

    /// Appends what the session has to say, and a close_notify if there was none, to `out`.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        self.connection.send_close_notify();
        self.drain(out);
    }

    /// Appends what the session has to say to `out`.
    pub(super) fn drain(&mut self, out: &mut Vec<u8>) {
        while matches!(self.drain_into(out), Ok(1..)) {}
    }

    /// Gives something of what the session has to say to `out`, and returns how much: 0 if there is nothing, or `out` takes
    /// no more.
    pub(super) fn drain_into(&mut self, out: &mut dyn Write) -> io::Result<usize> {
        if self.owes() { self.connection.write_tls(out) } else { Ok(0) }
    }
}
