//! Connections that never leave the machine: two queues of bytes each.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind},
    rc::Rc,
};

/// Bytes that are on their way at most, in one direction.
const CAPACITY: usize = 64 << 10;

#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    writer_gone: bool,
    reader_gone: bool,
}

/// One end of a connection. Dropping it ends both directions.
pub(super) struct InsideStream {
    incoming: Rc<RefCell<Pipe>>,
    outgoing: Rc<RefCell<Pipe>>,
}

/// Both ends of a new connection.
pub(super) fn pair() -> (InsideStream, InsideStream) {
    let (one, other) = (Rc::<RefCell<Pipe>>::default(), Rc::<RefCell<Pipe>>::default());
    let first = InsideStream { incoming: one.clone(), outgoing: other.clone() };
    (first, InsideStream { incoming: other, outgoing: one })
}

impl InsideStream {
    /// Like a non-blocking `recv`; `keep` for a peek.
    pub(super) fn read(&self, into: &mut [u8], keep: bool) -> io::Result<usize> {
        let mut pipe = self.incoming.borrow_mut();
        let count = into.len().min(pipe.bytes.len());
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
        let count = from.len().min(CAPACITY - pipe.bytes.len());
        if count == 0 && !from.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        pipe.bytes.extend(&from[..count]);
        Ok(count)
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
