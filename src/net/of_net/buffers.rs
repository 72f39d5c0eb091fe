//! What a connection's reader and writer lend to `net`: one page each, as more are not taken at a time.

use std::io::{self, Write};
use std::ops::{Deref, DerefMut};

use xous_api_websocket::wire::{PAGE_SIZE, Pages};

use super::message::OVERWRITTEN;
use super::stream::TcpStream;
use crate::proto::copy;

/// What a connection's reader reads into.
pub(crate) struct ReadBuffer {
    pages: Pages,
    /// The next read takes so many bytes fewer.
    fewer: usize,
}

impl ReadBuffer {
    /// A page, whatever is wanted.
    pub(crate) fn new(_bytes: usize) -> Self {
        ReadBuffer { pages: Pages::new(PAGE_SIZE), fewer: 0 }
    }

    /// The next read takes so many bytes fewer, at most a word's: `net` writes at the front of the page, and what comes
    /// behind that read then lies as it will lie where it is copied to. Bytes that do not are copied for twice as much.
    pub(crate) fn take_fewer(&mut self, bytes: usize) {
        self.fewer = bytes % size_of::<u32>();
    }

    /// Waits for bytes, which are at the front then; 0 at the end of the stream.
    pub(in crate::net) fn fill(&mut self, stream: &TcpStream) -> io::Result<usize> {
        stream.receive(&mut self.pages, PAGE_SIZE - std::mem::take(&mut self.fewer))
    }
}

impl Deref for ReadBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.pages.bytes()
    }
}

impl DerefMut for ReadBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.pages.bytes_mut()
    }
}

/// Where a connection's writer collects what it writes: as much as `net` has turned out to take at a time. What it does
/// not take has to be brought to the front of the page, as `net` reads from there.
pub(crate) struct WriteBuffer {
    pages: Pages,
    length: Length,
}

/// A buffer that is filled from its beginning. It takes nothing when it is full.
struct Room<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Write for Room<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let len = bytes.len().min(room.len());
        if let (Some(place), Some(bytes)) = (room.get_mut(..len), bytes.get(..len)) {
            copy(bytes, place);
        }
        self.len += len;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How much is offered to `net` at a time. Its own buffer is 1530 bytes (xous-core, `services/net/src/api/tcp.rs`), less
/// what the peer has not acknowledged, and may be another tomorrow.
struct Length {
    /// What the buffer has room for: a page, until `net` has taken less.
    room: usize,
    /// The most that it has taken of more.
    most: usize,
    /// How often it has taken all that there was room for since then.
    full: u8,
}

/// There is always room for a control frame, and for small messages together.
const LEAST: usize = 512;

/// So often all that there is room for is taken, until a whole page is offered again. That costs the copy of what is
/// not taken.
const PROBE: u8 = 32;

impl WriteBuffer {
    /// A page, whatever is wanted.
    pub(crate) fn new(_bytes: usize) -> Self {
        WriteBuffer { pages: Pages::new(PAGE_SIZE), length: Length { room: PAGE_SIZE, most: 0, full: 0 } }
    }

    /// Stays as it is.
    pub(crate) fn grow(&mut self, _bytes: usize) {}

    /// Stays as it is.
    pub(crate) fn shrink(&mut self, _bytes: usize) {}

    /// Waits until the socket has taken the first `len` bytes. The content is lost.
    pub(in crate::net) fn send(&mut self, stream: &TcpStream, len: usize) -> io::Result<()> {
        let mut rest = len.min(PAGE_SIZE);
        while rest > 0 {
            let front = self.pages.bytes().first_chunk::<OVERWRITTEN>().copied();
            let taken = stream.send(&mut self.pages, rest)?;
            if taken == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.length.learn(rest, taken);
            if taken < rest {
                self.move_up(front, taken, rest);
            }
            rest -= taken;
        }
        Ok(())
    }

    /// Waits until the socket has taken all that `drain` writes until it writes nothing. It writes into this buffer, a
    /// bufferful at a time, whose content is lost.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "for records of TLS"))]
    pub(in crate::net) fn send_from(
        &mut self,
        stream: &TcpStream,
        _most: usize,
        mut drain: impl FnMut(&mut dyn Write) -> io::Result<usize>,
    ) -> io::Result<()> {
        loop {
            let mut room = Room { bytes: self, len: 0 };
            while drain(&mut room)? > 0 {}
            match room.len {
                0 => return Ok(()),
                len => self.send(stream, len)?,
            }
        }
    }

    /// Brings what was not taken to the front.
    fn move_up(&mut self, front: Option<[u8; OVERWRITTEN]>, taken: usize, end: usize) {
        let bytes = self.pages.bytes_mut();
        if let (Some(room), Some(front)) = (bytes.first_chunk_mut(), front) {
            *room = front;
        }
        if taken <= end && end <= bytes.len() {
            bytes.copy_within(taken..end, 0);
        }
    }
}

impl Length {
    /// So much was taken of what was offered.
    fn learn(&mut self, offered: usize, taken: usize) {
        if taken < offered {
            self.most = self.most.max(taken);
            // Words stay words in the next piece of a message.
            self.room = (self.most & !7).clamp(LEAST, PAGE_SIZE);
            self.full = 0;
        } else if offered >= self.room {
            self.full += 1;
            if self.full >= PROBE {
                self.room = PAGE_SIZE;
                self.full = 0;
            }
        }
    }
}

impl Deref for WriteBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.pages.bytes()[..self.length.room]
    }
}

impl DerefMut for WriteBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let room = self.length.room;
        &mut self.pages.bytes_mut()[..room]
    }
}
