//! Sockets of the PC: std's, and buffers that are only memory.

use std::io::{self, Read, Write};
pub(crate) use std::net::{TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};

use super::receive::receive;

/// Reads of a kilobyte each before a socket is closed with bytes unread all the same.
const MAX_DISCARDS: usize = 64;

/// Reads what has come, up to a bound, and drops it. Does not wait.
pub(super) fn discard_unread(mut stream: &TcpStream) {
    if stream.set_nonblocking(true).is_err() {
        return;
    }
    let mut rest = [0; 1024];
    for _ in 0..MAX_DISCARDS {
        if !matches!(stream.read(&mut rest), Ok(1..)) {
            return;
        }
    }
}

/// What a connection's reader reads into.
pub(crate) struct ReadBuffer(Box<[u8]>);

impl ReadBuffer {
    /// So many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        ReadBuffer(vec![0; bytes].into_boxed_slice())
    }

    /// Where bytes lie makes no difference here.
    pub(crate) fn take_fewer(&mut self, _bytes: usize) {}

    /// Waits for bytes, which are at the front then; 0 at the end of the stream.
    pub(super) fn fill(&mut self, stream: &TcpStream) -> io::Result<usize> {
        receive(stream, &mut self.0)
    }
}

impl Deref for ReadBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for ReadBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Where a connection's writer collects what it writes.
pub(crate) struct WriteBuffer(Vec<u8>);

impl WriteBuffer {
    /// So many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        WriteBuffer(vec![0; bytes])
    }

    /// Grows to so many bytes.
    pub(crate) fn grow(&mut self, bytes: usize) {
        if self.0.len() < bytes {
            self.0.resize(bytes, 0);
        }
    }

    /// Gives memory back beyond so many bytes. The content is lost.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        if self.0.len() > bytes {
            *self = Self::new(bytes);
        }
    }

    /// Waits until the socket has taken the first `len` bytes.
    pub(super) fn send(&mut self, mut stream: &TcpStream, len: usize) -> io::Result<()> {
        stream.write_all(self.0.get(..len).unwrap_or_default())
    }

    /// Waits until the socket has taken all that `drain` writes until it writes nothing, hardly more than `most` bytes.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "for records of TLS"))]
    pub(super) fn send_from(
        &mut self,
        mut stream: &TcpStream,
        most: usize,
        mut drain: impl FnMut(&mut dyn Write) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut out = Vec::with_capacity(most);
        while drain(&mut out)? > 0 {}
        stream.write_all(&out)
    }
}

impl Deref for WriteBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for WriteBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
