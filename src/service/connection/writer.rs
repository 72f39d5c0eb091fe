//! The thread that writes a connection's socket.
//!
//! A frame costs one copy, into the write buffer, masked on the way; the lent page is never written to. Frames
//! that wait together go out in one write. The sender is answered when its bytes are with the socket.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::RngCore;
use xous_api_websocket::{Code, Kind, Part, SendWord};

use super::connection::{Connection, Deadline};
use super::outbox::Work;
use crate::net::Socket;
use crate::proto::{self, ControlFrame, EncodeError, Encoder, FrameKind, HEADER_SPACE, Utf8};
use crate::service::limits::{BULK_WRITE_BUFFER, QUEUED_SENDS, WRITE_BUFFER};
use crate::service::message::Lent;

/// A connection's writer.
pub(crate) struct Writer {
    conn: Arc<Connection>,
    socket: Arc<Socket>,
    encoder: Encoder,
    /// Frames on their way to the socket: the first `len` bytes.
    buffer: Vec<u8>,
    len: usize,
    /// Senders of what is in the buffer.
    unanswered: Vec<Lent>,
    /// Where the text that is being sent stands; `None` for binary.
    text: Option<Utf8>,
    fragment_size: usize,
    /// Mask keys must not be predictable (RFC 6455 section 10.3): a generator of cryptographic quality, seeded
    /// from the system's.
    /// A server's frames are not masked.
    masks: Option<ChaCha8Rng>,
}

/// The socket takes nothing any more.
struct Gone;

impl Writer {
    pub(crate) fn new(
        conn: Arc<Connection>,
        socket: Arc<Socket>,
        encoder: Encoder,
        masks: Option<ChaCha8Rng>,
        fragment_size: u32,
    ) -> Self {
        let fragment_size = match usize::try_from(fragment_size) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(bytes) => bytes,
        };
        Writer {
            conn,
            socket,
            encoder,
            buffer: vec![0; WRITE_BUFFER],
            len: 0,
            unanswered: Vec::new(),
            text: None,
            fragment_size,
            masks,
        }
    }

    /// Until the Close frame is out or the connection has ended.
    pub(crate) fn run(mut self) {
        if self.send_all().is_err() {
            self.unanswered.drain(..).for_each(|send| refuse(&self.conn, send, Code::Closed));
            self.conn.break_off();
        }
    }

    fn send_all(&mut self) -> Result<(), Gone> {
        while let Some(work) = self.next()? {
            match work {
                Work::Send(send) => self.send(send)?,
                Work::Share(frame) => self.share(&frame)?,
                Work::Close(payload) => {
                    self.control(|encoder, mask| encoder.close(payload.reason(), mask))?.ok();
                    self.write()?;
                    self.conn.outbox.close_written();
                    self.conn.half_close();
                    return Ok(());
                }
                Work::Flush => self.transmit(0)?,
                Work::Ping => self.ping(&[])?.unwrap_or_default(),
                Work::Pong(payload) => self.pong(&payload)?,
            }
        }
        Ok(())
    }

    /// What waits, else writes what is collected and waits.
    fn next(&mut self) -> Result<Option<Work>, Gone> {
        let mid_message = self.encoder.is_mid_message();
        if let Some(work) = self.conn.outbox.try_next(mid_message) {
            return Ok(Some(work));
        }
        self.write()?;
        if self.buffer.len() > WRITE_BUFFER {
            self.buffer = vec![0; WRITE_BUFFER];
        }
        Ok(self.conn.outbox.next(mid_message))
    }

    fn send(&mut self, send: Lent) -> Result<(), Gone> {
        match self.message(&send) {
            Ok(Ok(())) => {
                self.unanswered.push(send);
                if self.unanswered.len() >= QUEUED_SENDS {
                    self.write()?;
                }
            }
            Ok(Err(code)) => refuse(&self.conn, send, code),
            Err(gone) => {
                refuse(&self.conn, send, Code::Closed);
                return Err(gone);
            }
        }
        Ok(())
    }

    /// A frame that is ready: collected with others if it fits, else written as it is.
    fn share(&mut self, frame: &[u8]) -> Result<(), Gone> {
        if self.buffer.len() - self.len < frame.len() {
            self.write()?;
        }
        match self.buffer.get_mut(self.len..self.len + frame.len()) {
            Some(space) => {
                space.copy_from_slice(frame);
                self.len += frame.len();
                Ok(())
            }
            None => self.conn.waiting(Deadline::Write, || self.socket.write_all(frame)).map_err(|_| Gone),
        }
    }

    fn message(&mut self, send: &Lent) -> Result<Result<(), Code>, Gone> {
        let Some(data) = send.data() else { return Ok(Err(Code::Malformed)) };
        match SendWord::from_word(send.offset()) {
            None => Ok(Err(Code::Malformed)),
            Some(SendWord::Ping) => self.ping(data),
            Some(SendWord::Data(kind, part)) => match self.check(kind, part, data) {
                Ok(()) => self.parts(kind, part, data),
                Err(code) => Ok(Err(code)),
            },
        }
    }

    /// The part is in order, and text is UTF-8 (RFC 6455 section 8.1): the peer would fail the connection.
    fn check(&mut self, kind: Kind, part: Part, data: &[u8]) -> Result<(), Code> {
        let begins = matches!(part, Part::Whole | Part::First);
        if begins == self.encoder.is_mid_message() {
            return Err(Code::MessageOpen);
        }
        let mut text = if begins { (kind == Kind::Text).then(Utf8::new) } else { self.text };
        if let Some(text) = &mut text {
            let ends = matches!(part, Part::Whole | Part::Last);
            if text.push(data).is_err() || (ends && !text.is_complete()) {
                return Err(Code::InvalidText);
            }
        }
        self.text = text;
        Ok(())
    }

    /// Sends `data` as `part`, in frames of at most the fragment size, with control frames in between.
    fn parts(&mut self, kind: Kind, part: Part, data: &[u8]) -> Result<Result<(), Code>, Gone> {
        let kind = match kind {
            Kind::Text => proto::Kind::Text,
            Kind::Binary => proto::Kind::Binary,
        };
        let mut begins = matches!(part, Part::Whole | Part::First);
        let ends = matches!(part, Part::Whole | Part::Last);
        let mut rest = data;
        loop {
            let (now, later) = rest.split_at(rest.len().min(self.fragment_size));
            let frame = match (begins, ends && later.is_empty()) {
                (true, true) => FrameKind::Whole(kind),
                (true, false) => FrameKind::First(kind),
                (false, false) => FrameKind::Middle,
                (false, true) => FrameKind::Last,
            };
            if let Err(code) = self.frame(frame, now)? {
                return Ok(Err(code));
            }
            if later.is_empty() {
                return Ok(Ok(()));
            }
            begins = false;
            rest = later;
            if self.conn.outbox.is_closing_now() {
                return Ok(Err(Code::Closed));
            }
            while let Some(work) = self.conn.outbox.try_control() {
                match work {
                    Work::Pong(payload) => self.pong(&payload)?,
                    _ => self.ping(&[])?.unwrap_or_default(),
                }
            }
        }
    }

    fn frame(&mut self, kind: FrameKind, mut payload: &[u8]) -> Result<Result<(), Code>, Gone> {
        let mask = self.mask();
        let code = |error| if error == EncodeError::Closed { Code::Closed } else { Code::MessageOpen };
        self.make_room(payload.len());
        match self.encoder.encode(kind, payload, mask, &mut self.buffer[self.len..]) {
            Ok(Some(len)) => {
                self.len += len;
                return Ok(Ok(()));
            }
            Ok(None) => (),
            Err(error) => return Ok(Err(code(error))),
        }
        let mut frame = match self.encoder.begin(kind, payload.len() as u64, mask) {
            Ok(frame) => frame,
            Err(error) => return Ok(Err(code(error))),
        };
        loop {
            let (taken, written) = frame.write(payload, &mut self.buffer[self.len..]);
            self.len += written;
            payload = &payload[taken..];
            if frame.is_done() {
                return Ok(Ok(()));
            }
            self.write()?;
        }
    }

    /// Makes room for one more frame, as far as the buffer may grow.
    fn make_room(&mut self, payload: usize) {
        let wanted = payload.saturating_add(self.len + HEADER_SPACE).min(BULK_WRITE_BUFFER);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
    }

    fn mask(&mut self) -> [u8; 4] {
        self.masks.as_mut().map_or(0, RngCore::next_u32).to_ne_bytes()
    }

    fn ping(&mut self, payload: &[u8]) -> Result<Result<(), Code>, Gone> {
        self.control(|encoder, mask| encoder.ping(payload, mask))
    }

    fn pong(&mut self, payload: &[u8]) -> Result<(), Gone> {
        // A payload of the peer's own ping is never too long.
        self.control(|encoder, mask| encoder.pong(payload, mask)).map(|_| ())
    }

    fn control(
        &mut self,
        compose: impl FnOnce(&mut Encoder, [u8; 4]) -> Result<ControlFrame, EncodeError>,
    ) -> Result<Result<(), Code>, Gone> {
        let mask = self.mask();
        let frame = match compose(&mut self.encoder, mask) {
            Ok(frame) => frame,
            Err(EncodeError::Closed) => return Ok(Err(Code::Closed)),
            Err(_) => return Ok(Err(Code::TooLong)),
        };
        let bytes = frame.as_ref();
        if self.buffer.len() - self.len < bytes.len() {
            self.write()?;
        }
        self.buffer[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(Ok(()))
    }

    /// Writes what is collected and answers the senders whose bytes are all with the socket now.
    fn write(&mut self) -> Result<(), Gone> {
        if self.len > 0 {
            self.transmit(self.len)?;
            self.len = 0;
        }
        self.unanswered.drain(..).for_each(|send| send.answer(0, 0));
        Ok(())
    }

    /// The first `len` bytes of the buffer, behind what the transport has to say.
    fn transmit(&self, len: usize) -> Result<(), Gone> {
        let bytes = &self.buffer[..len];
        self.conn.waiting(Deadline::Write, || self.socket.write_all(bytes)).map_err(|_| Gone)
    }
}

/// Answers a sender who waits, counts for one who does not.
fn refuse(conn: &Connection, send: Lent, code: Code) {
    if send.is_moved() {
        conn.count_failed(1);
    }
    send.answer(code as usize, 0);
}
