//! What a connection's reader and writer lend to `net`: one page each, as more are not taken at a time.

use std::io;
use std::ops::{Deref, DerefMut};

use xous_api_websocket::wire::{PAGE_SIZE, Pages};

use super::message::OVERWRITTEN;
use super::stream::TcpStream;

/// What a connection's reader reads into.
pub(crate) struct ReadBuffer(Pages);

impl ReadBuffer {
    /// A page, whatever is wanted.
    pub(crate) fn new(_bytes: usize) -> Self {
        ReadBuffer(Pages::new(PAGE_SIZE))
    }

    /// Waits for bytes, which are at the front then; 0 at the end of the stream.
    pub(in crate::net) fn fill(&mut self, stream: &TcpStream) -> io::Result<usize> {
        stream.receive(&mut self.0, PAGE_SIZE)
    }
}

impl Deref for ReadBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl DerefMut for ReadBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.bytes_mut()
    }
}

/// Where a connection's writer collects what it writes.
pub(crate) struct WriteBuffer(Pages);

impl WriteBuffer {
    /// A page, whatever is wanted.
    pub(crate) fn new(_bytes: usize) -> Self {
        WriteBuffer(Pages::new(PAGE_SIZE))
    }

    /// Stays as it is.
    pub(crate) fn grow(&mut self, _bytes: usize) {}

    /// Stays as it is.
    pub(crate) fn shrink(&mut self, _bytes: usize) {}

    /// Waits until the socket has taken the first `len` bytes. The content is lost.
    pub(in crate::net) fn send(&mut self, stream: &TcpStream, len: usize) -> io::Result<()> {
        let mut rest = len.min(PAGE_SIZE);
        while rest > 0 {
            let front = self.0.bytes().first_chunk::<OVERWRITTEN>().copied();
            let taken = stream.send(&mut self.0, rest)?;
            if taken == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            if taken < rest {
                self.move_up(front, taken, rest);
            }
            rest -= taken;
        }
        Ok(())
    }

    /// Brings what was not taken to the front, where `net` reads.
    fn move_up(&mut self, front: Option<[u8; OVERWRITTEN]>, taken: usize, end: usize) {
        let bytes = self.0.bytes_mut();
        if let (Some(room), Some(front)) = (bytes.first_chunk_mut(), front) {
            *room = front;
        }
        if taken <= end && end <= bytes.len() {
            bytes.copy_within(taken..end, 0);
        }
    }
}

impl Deref for WriteBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl DerefMut for WriteBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.bytes_mut()
    }
}
