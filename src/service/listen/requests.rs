//! The heads of a client's requests, read one at a time.

use crate::net::Socket;
use crate::proto::handshake::{Caps, HeadBuffer, HeadError};

/// Bytes that are read at a time: what most heads come to, as every client that has said nothing yet has this.
const READ: usize = 512;

/// The heads that a client sends, one after the other.
pub(crate) struct Requests {
    head: HeadBuffer,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// Why there is no head.
pub(crate) enum Stop {
    /// Between two requests the client has gone, or has sent nothing in time.
    Silent,
    /// Within a head the client has gone, or its time is over.
    Gone,
    /// The bytes are not a valid HTTP head.
    Head(HeadError),
}

impl Requests {
    /// The requests of one client, whose heads are at most this long.
    pub(crate) fn new(caps: Caps) -> Self {
        Requests { head: HeadBuffer::new(caps).skips_empty_lines(), buffer: vec![0; READ], start: 0, end: 0 }
    }

    /// The last head that was read.
    pub(crate) fn head(&self) -> &[u8] {
        self.head.head()
    }

    /// Makes room for the next one.
    pub(crate) fn clear(&mut self) {
        self.head.clear();
    }

    /// What came behind it.
    pub(crate) fn behind(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads the next head.
    pub(crate) fn next(&mut self, socket: &Socket) -> Result<(), Stop> {
        loop {
            if self.start < self.end {
                let progress = self.head.push(&self.buffer[self.start..self.end]).map_err(Stop::Head)?;
                self.start += progress.consumed;
                if progress.complete {
                    return Ok(());
                }
            }
            self.start = 0;
            self.end = match socket.read(&mut self.buffer) {
                Ok(len @ 1..) => len,
                _ if self.head.head().is_empty() => return Err(Stop::Silent),
                _ => return Err(Stop::Gone),
            };
        }
    }
}
