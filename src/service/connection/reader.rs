//! The thread that reads a connection's socket and hands chunks to its owner.
//!
//! A frame costs one read and one answered page, and no copy where it is long and comes fast: what is left of a frame
//! that does not fit the read buffer goes from the socket straight into the owner's pages and is checked there, as long
//! as the socket has more than is asked for. The next read comes when everything that was read is delivered, so the
//! owner sets the peer's pace.
//!
//! A read that may last goes into the read buffer, while a page that is begun lies where the dispatcher can give it
//! back: another process may get the connection meanwhile.

use std::sync::Arc;

use super::connection::Connection;
use super::sink::Sink;
use crate::net::{ReadBuffer, Socket};
use crate::platform::{READS_INTO_ANY_PAGE, SHUTDOWN_SENDS_FIN};
use crate::proto::{Decoder, Event, Violation};
use crate::service::limits::{LAST_TURN, READ_BUFFER};

/// The most that is read into an owner's page at once, as many bytes as the client crate lends.
const DIRECT: usize = 16 * 1024;

/// A connection's reader.
pub(crate) struct Reader<'a> {
    conn: Arc<Connection>,
    socket: Arc<Socket>,
    decoder: Decoder,
    sink: &'a mut Sink,
    buffer: ReadBuffer,
    /// What of the buffer is read and not decoded.
    start: usize,
    end: usize,
    /// The last read got all that it asked for: the next one will hardly have to wait.
    flows: bool,
}

/// Why nothing more is decoded.
enum Stop {
    /// A Close frame came, or the connection was failed: what still comes is dropped.
    Closed,
    /// The socket has ended.
    Gone,
}

impl<'a> Reader<'a> {
    /// A reader that begins with `already`, what was read behind the opening handshake (at most the read buffer).
    pub(crate) fn new(
        conn: Arc<Connection>,
        socket: Arc<Socket>,
        decoder: Decoder,
        sink: &'a mut Sink,
        already: Vec<u8>,
    ) -> Self {
        let mut buffer = ReadBuffer::new(READ_BUFFER);
        let end = already.len().min(buffer.len());
        buffer[..end].copy_from_slice(&already[..end]);
        Reader { conn, socket, decoder, sink, buffer, start: 0, end, flows: false }
    }

    /// Runs until the peer has closed or the socket has ended.
    pub(crate) fn run(mut self) {
        let stop = self.receive();
        // Where only the last drop of the socket sends the FIN, reading on would hold it back: the peer of a server
        // waits for it (RFC 6455 section 7.1.1). Nothing is reset there by bytes that are left unread.
        let must_let_go = !SHUTDOWN_SENDS_FIN && self.conn.outbox.ends_transport();
        if matches!(stop, Stop::Closed) && !must_let_go {
            self.drain();
        }
    }

    fn receive(&mut self) -> Stop {
        loop {
            if let Err(stop) = self.decode() {
                return stop;
            }
            if let Err(stop) = self.fill() {
                return stop;
            }
        }
    }

    /// Decodes and delivers what is in the buffer.
    fn decode(&mut self) -> Result<(), Stop> {
        while self.start < self.end {
            let step = self.decoder.decode(&mut self.buffer[self.start..self.end]);
            let step = match step {
                Ok(step) => step,
                Err(violation) => return Err(fail(&self.conn, self.sink, violation)),
            };
            self.start += step.consumed;
            match step.event {
                Some(Event::Data(chunk)) => self.sink.push(&chunk),
                Some(event) => control(&self.conn, self.sink, event)?,
                None => (),
            }
        }
        // The rest of a frame is on its way: it goes into the same page, but keeps no whole message waiting.
        match self.decoder.frame_remaining() {
            0 => self.sink.flush(),
            _ => self.sink.flush_whole(),
        }
        Ok(())
    }

    /// Reads more: into the owner's page if the rest of a long frame comes fast. Until that is in, nothing else can
    /// come, so that nothing is missed while a page is waited for.
    fn fill(&mut self) -> Result<(), Stop> {
        let rest = usize::try_from(self.decoder.frame_remaining()).unwrap_or(usize::MAX);
        if READS_INTO_ANY_PAGE && rest > READ_BUFFER && self.flows && self.fill_page(rest)? {
            return Ok(());
        }
        self.start = 0;
        self.buffer.take_fewer(self.misaligned(rest));
        self.sink.lay_down();
        let result = self.read();
        self.sink.pick_up();
        match result {
            Ok(len) => {
                self.end = len;
                self.flows = len == self.buffer.len();
                Ok(())
            }
            Err(stop) => {
                self.sink.put_back();
                Err(stop)
            }
        }
    }

    /// How many bytes the next read leaves for the one behind it, so that a long message lies there as it will lie in the
    /// owner's page. Headers of long messages are taken for whole words, as those of four bytes are.
    fn misaligned(&self, rest: usize) -> usize {
        match rest {
            0..READ_BUFFER => rest.wrapping_neg(),
            READ_BUFFER.. => self.sink.filled(),
        }
    }

    /// Reads into the owner's page. `false` if no page takes it: then it comes through the read buffer, where it is
    /// checked all the same.
    fn fill_page(&mut self, rest: usize) -> Result<bool, Stop> {
        let Some(space) = self.sink.reserve(rest.min(DIRECT)) else { return Ok(false) };
        let result = self.socket.read_and(space, || self.conn.outbox.flush());
        let len = match came(&self.conn, result, space) {
            Ok(len) => len,
            Err(stop) => {
                self.sink.put_back();
                return Err(stop);
            }
        };
        self.flows = len == space.len();
        if let Some(mut bytes) = self.sink.take_back(len) {
            return self.decode_rest(&mut bytes).map(|()| true);
        }
        // All of it is payload of one frame, so it is one chunk, in place.
        let step = match self.decoder.decode(self.sink.reserved(len)) {
            Ok(step) => step,
            Err(violation) => {
                self.sink.put_back();
                return Err(fail(&self.conn, self.sink, violation));
            }
        };
        let consumed = step.consumed;
        if let Some(Event::Data(chunk)) = step.event {
            let (kind, first, last) = (chunk.kind, chunk.first, chunk.last);
            self.conn.account.received.count(consumed, last);
            self.sink.begin(kind, first);
            self.sink.commit(consumed, last);
        }
        if consumed == len {
            return Ok(true);
        }
        // Text that goes wrong there: the decoder has failed and says how when it is asked again.
        self.decode_rest(&mut []).map(|()| true)
    }

    /// Decodes and delivers payload of one frame.
    fn decode_rest(&mut self, bytes: &mut [u8]) -> Result<(), Stop> {
        let mut start = 0;
        loop {
            let step = match self.decoder.decode(&mut bytes[start..]) {
                Ok(step) => step,
                Err(violation) => {
                    self.sink.put_back();
                    return Err(fail(&self.conn, self.sink, violation));
                }
            };
            start += step.consumed;
            if let Some(Event::Data(chunk)) = step.event {
                self.sink.push(&chunk);
            }
            if start == bytes.len() {
                return Ok(());
            }
        }
    }

    /// Drops what still comes, so that the peer gets our Close frame and not a reset. The close deadline ends this at
    /// the latest.
    fn drain(&mut self) {
        while self.read().is_ok() {}
    }

    fn read(&mut self) -> Result<usize, Stop> {
        let result = self.socket.fill(&mut self.buffer, || self.conn.outbox.flush());
        came(&self.conn, result, &self.buffer)
    }
}

/// What a read has brought into the buffer.
fn came(conn: &Arc<Connection>, result: std::io::Result<usize>, buffer: &[u8]) -> Result<usize, Stop> {
    match result {
        Ok(0) => {
            conn.breaks(|| "the peer ended the connection without a Close frame");
            Err(Stop::Gone)
        }
        Err(error) => {
            if conn.broken(&error) {
                log::info!("the connection is broken: {error}");
            }
            Err(Stop::Gone)
        }
        Ok(len) => {
            conn.heard();
            if let (Some(recorder), Some(bytes)) = (conn.recorder.get(), buffer.get(..len)) {
                recorder.came(bytes);
            }
            Ok(len)
        }
    }
}

/// The peer broke the protocol.
fn fail(conn: &Arc<Connection>, sink: &mut Sink, violation: Violation) -> Stop {
    // What came before the fault was in order: the owner gets it, and its answer goes out if it comes soon.
    sink.flush();
    sink.await_owner(LAST_TURN);
    log::info!("the connection is failed: {violation}");
    conn.fail(violation);
    Stop::Closed
}

fn control(conn: &Arc<Connection>, sink: &mut Sink, event: Event<'_>) -> Result<(), Stop> {
    match event {
        Event::Ping(payload) => {
            conn.outbox.pong(payload);
            Ok(())
        }
        Event::Close(reason) => {
            // What came before it was sent before it, and is answered before it.
            sink.flush();
            conn.peer_closes();
            sink.await_owner(conn.deadlines.close);
            conn.peer_closed(reason);
            Err(Stop::Closed)
        }
        Event::Pong(payload) => {
            conn.ponged(payload);
            Ok(())
        }
        Event::Data(_) => Ok(()),
    }
}
