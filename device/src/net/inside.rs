//! Connections that never leave the machine: two queues of bytes each.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind},
    rc::Rc,
};

/// One direction of a connection. The bytes are first in the buffer of the side that reads, then in that of the side that
/// writes.
struct Pipe {
    /// Size of each buffer.
    buffer: usize,
    bytes: VecDeque<u8>,
    writer_gone: bool,
    reader_gone: bool,
}

impl Pipe {
    fn new(buffer: usize) -> Rc<RefCell<Pipe>> {
        Rc::new(RefCell::new(Pipe { buffer, bytes: VecDeque::new(), writer_gone: false, reader_gone: false }))
    }

    /// Bytes that the side that reads has no room for yet.
    fn unsent(&self) -> usize {
        self.bytes.len().saturating_sub(self.buffer)
    }
}

/// One end of a connection. Dropping it ends both directions.
pub(super) struct InsideStream {
    incoming: Rc<RefCell<Pipe>>,
    outgoing: Rc<RefCell<Pipe>>,
}

/// Both ends of a new connection, with buffers of so many bytes.
pub(super) fn pair(buffer: usize) -> (InsideStream, InsideStream) {
    let (one, other) = (Pipe::new(buffer), Pipe::new(buffer));
    let first = InsideStream { incoming: one.clone(), outgoing: other.clone() };
    (first, InsideStream { incoming: other, outgoing: one })
}

impl InsideStream {
    /// Like a non-blocking `recv`; `keep` for a peek.
    pub(super) fn read(&self, into: &mut [u8], keep: bool) -> io::Result<usize> {
        let mut pipe = self.incoming.borrow_mut();
        let count = into.len().min(pipe.bytes.len()).min(pipe.buffer);
        if count == 0 && !into.is_empty() && !pipe.writer_gone {
            return Err(ErrorKind::WouldBlock.into());
        }
        for (to, from) in into.iter_mut().zip(&pipe.bytes) {
            *to = *from;
        }
        if !keep {
            pipe.bytes.drain(..count);
        }
        Ok(count)
    }

    /// Like a non-blocking `send`.
    pub(super) fn write(&self, from: &[u8]) -> io::Result<usize> {
        let mut pipe = self.outgoing.borrow_mut();
        if pipe.reader_gone || pipe.writer_gone {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let count = from.len().min(pipe.buffer - pipe.unsent());
        if count == 0 && !from.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        pipe.bytes.extend(&from[..count]);
        Ok(count)
    }

    /// Whether this side has not ended, and the other one is still there.
    pub(super) fn may_write(&self) -> bool {
        let pipe = self.outgoing.borrow();
        !pipe.writer_gone && !pipe.reader_gone
    }

    /// Whether the other side has ended, and all that it wrote before has come.
    pub(super) fn peer_has_ended(&self) -> bool {
        let pipe = self.incoming.borrow();
        pipe.writer_gone && pipe.unsent() == 0 || self.outgoing.borrow().reader_gone
    }

    /// Whether bytes wait for room at the other side, which is still there.
    pub(super) fn has_unsent(&self) -> bool {
        let pipe = self.outgoing.borrow();
        pipe.unsent() != 0 && !pipe.reader_gone
    }

    /// Nothing more will be written, which the peer sees behind what is on its way.
    pub(super) fn end_writing(&self) {
        self.outgoing.borrow_mut().writer_gone = true;
    }

    /// Nothing more will be read here.
    pub(super) fn end_reading(&self) {
        let mut pipe = self.incoming.borrow_mut();
        pipe.bytes.clear();
        pipe.writer_gone = true;
    }
}

impl Drop for InsideStream {
    fn drop(&mut self) {
        self.end_writing();
        self.incoming.borrow_mut().reader_gone = true;
    }
}
