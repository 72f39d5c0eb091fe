//! The thread that writes a connection's socket.
//!
//! A frame costs one copy into the write buffer, masked on the way. The lent page is never written to. Frames that
//! wait together go out in one write. The sender is answered when the socket has taken its bytes.

mod several;

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::RngCore;
use xous_api_websocket::wire::{RestWord, SendWord};
use xous_api_websocket::{Code, Kind, Part};

use super::beat::Beat;
use super::connection::Connection;
use super::deadline::Deadline;
use super::outbox::Work;
use crate::net::{Socket, WriteBuffer};
use crate::proto::{self, CloseCode, ControlFrame, EncodeError, Encoder, FrameKind, HEADER_SPACE};
use crate::service::limits::{BULK_WRITE_BUFFER, QUEUED_SENDS, WRITE_BUFFER};
use crate::service::message::Lent;
use crate::sync::Instant;

/// A connection's writer.
pub(crate) struct Writer {
    conn: Arc<Connection>,
    socket: Arc<Socket>,
    encoder: Encoder,
    /// Frames on their way to the socket: the first `len` bytes.
    buffer: WriteBuffer,
    len: usize,
    /// Senders of what is in the buffer.
    unanswered: Vec<Lent>,
    fragment_size: usize,
    /// Mask keys must not be predictable (RFC 6455 section 10.3): a generator of cryptographic quality, seeded
    /// from the system's.
    /// A server's frames are not masked.
    masks: Option<ChaCha8Rng>,
    heartbeat: Option<Arc<(Kind, Beat)>>,
}

/// The socket takes nothing any more.
struct Gone;

/// Why a message, a part of one or a control frame is not sent.
enum NotSent {
    /// It is at fault, and the connection goes on.
    Refused(Code),
    /// As [`Gone`].
    Gone,
}

impl Writer {
    pub(crate) fn new(
        conn: Arc<Connection>,
        socket: Arc<Socket>,
        encoder: Encoder,
        masks: Option<ChaCha8Rng>,
        fragment_size: u32,
        heartbeat: Option<(Kind, Beat)>,
    ) -> Self {
        let fragment_size = match usize::try_from(fragment_size) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(bytes) => bytes,
        };
        Writer {
            conn,
            socket,
            encoder,
            buffer: WriteBuffer::new(WRITE_BUFFER),
            len: 0,
            unanswered: Vec::new(),
            fragment_size,
            masks,
            heartbeat: heartbeat.map(Arc::new),
        }
    }

    /// Runs until the Close frame is out or the connection has ended.
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
                    unless_gone(self.control(|encoder, mask| encoder.close(payload.reason(), mask)))?;
                    self.write()?;
                    self.conn.outbox.close_written();
                    self.conn.half_close();
                    return Ok(());
                }
                Work::HandOver => self.end_message()?,
                Work::Flush => self.transmit()?,
                Work::Ping => self.ask()?,
                Work::Heartbeat => {
                    if let Some(beat) = self.heartbeat.clone() {
                        unless_gone(self.part(beat.0, Part::Whole, &beat.1.bytes()))?;
                    }
                }
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
        self.buffer.shrink(WRITE_BUFFER);
        Ok(self.conn.outbox.next(mid_message))
    }

    fn send(&mut self, send: Lent) -> Result<(), Gone> {
        if let Some(count) = send.several() {
            return self.send_several(send, count);
        }
        match self.message(&send) {
            Ok(()) => self.answer_later(send)?,
            Err(NotSent::Refused(code)) => refuse(&self.conn, send, code),
            Err(NotSent::Gone) => {
                refuse(&self.conn, send, Code::Closed);
                return Err(Gone);
            }
        }
        Ok(())
    }

    /// Its answer waits for its last byte.
    fn answer_later(&mut self, send: Lent) -> Result<(), Gone> {
        self.unanswered.push(send);
        if self.unanswered.len() >= QUEUED_SENDS { self.write() } else { Ok(()) }
    }

    /// A frame that is ready: collected with others if it fits, else written as it is.
    fn share(&mut self, frame: &[u8]) -> Result<(), Gone> {
        self.conn.account.sent.count(payload_len(frame), true);
        if self.buffer.len() - self.len < frame.len() {
            self.write()?;
        }
        match self.buffer.get_mut(self.len..self.len + frame.len()) {
            Some(space) => {
                space.copy_from_slice(frame);
                self.len += frame.len();
                Ok(())
            }
            None => self.write_all(frame),
        }
    }

    /// Ends a message that a former owner has begun: what it has sent of it is all.
    fn end_message(&mut self) -> Result<(), Gone> {
        if !self.encoder.is_mid_message() {
            return Ok(());
        }
        let end = FrameKind::Last;
        match self.encoder.check(end, &[]).map_err(NotSent::from).and_then(|()| self.frame(end, &[])) {
            // It stops within a character, which no frame can mend.
            Err(NotSent::Refused(_)) => {
                self.conn.give_up(CloseCode::GOING_AWAY, "a former owner's message has no end");
                Ok(())
            }
            sent => unless_gone(sent),
        }
    }

    fn message(&mut self, send: &Lent) -> Result<(), NotSent> {
        let data = send.data().ok_or(NotSent::Refused(Code::Malformed))?;
        match SendWord::from_word(send.offset()) {
            Some(SendWord::Ping) => self.ping(data).map(|_| ()),
            Some(SendWord::Data(kind, part)) => self.part(kind, part, data),
            _ => self.rest(RestWord::from_word(send.offset()), data),
        }
    }

    /// A part that goes behind the first one of its message, and nowhere else.
    fn rest(&mut self, word: Option<RestWord>, data: &[u8]) -> Result<(), NotSent> {
        match word {
            Some(word) if word.session == self.conn.session => self.part(Kind::Text, word.part, data),
            Some(_) => Err(NotSent::Refused(Code::Reconnecting)),
            None => Err(NotSent::Refused(Code::Malformed)),
        }
    }

    /// Sends `data` as `part`, in frames of at most the fragment size, with control frames in between. The whole part is
    /// checked before the first byte of it goes out.
    fn part(&mut self, kind: Kind, part: Part, data: &[u8]) -> Result<(), NotSent> {
        let kind = proto_kind(kind);
        let mut begins = matches!(part, Part::Whole | Part::First);
        let ends = matches!(part, Part::Whole | Part::Last);
        self.encoder.check(frame_kind(kind, begins, ends), data)?;
        let mut rest = data;
        loop {
            let (now, later) = rest.split_at(rest.len().min(self.fragment_size));
            let last = ends && later.is_empty();
            self.frame(frame_kind(kind, begins, last), now)?;
            self.conn.account.sent.count(now.len(), last);
            if later.is_empty() {
                return Ok(());
            }
            begins = false;
            rest = later;
            if !self.give_way()? {
                return Err(NotSent::Refused(Code::Closed));
            }
        }
    }

    /// Sends control frames that wait. `false` if a Close frame is to go out instead of anything else.
    fn give_way(&mut self) -> Result<bool, Gone> {
        if self.conn.outbox.is_closing_now() {
            return Ok(false);
        }
        while let Some(work) = self.conn.outbox.try_control() {
            match work {
                Work::Pong(payload) => self.pong(&payload)?,
                _ => self.ask()?,
            }
        }
        Ok(true)
    }

    fn frame(&mut self, kind: FrameKind, mut payload: &[u8]) -> Result<(), NotSent> {
        if let Some(recorder) = self.conn.recorder.get() {
            recorder.sent(self.encoder.first_byte(kind)?, payload);
        }
        let mask = self.mask();
        self.make_room(payload.len());
        if let Some(len) = self.encoder.encode(kind, payload, mask, &mut self.buffer[self.len..])? {
            self.len += len;
            return Ok(());
        }
        let mut frame = self.encoder.begin(kind, payload.len() as u64, mask)?;
        loop {
            let (taken, written) = frame.write(payload, &mut self.buffer[self.len..]);
            self.len += written;
            payload = &payload[taken..];
            if frame.is_done() {
                return Ok(());
            }
            self.write()?;
        }
    }

    /// Makes room for one more frame, as far as the buffer may grow.
    fn make_room(&mut self, payload: usize) {
        let wanted = payload.saturating_add(self.len + HEADER_SPACE).min(BULK_WRITE_BUFFER);
        self.buffer.grow(wanted);
    }

    #[inline]
    fn mask(&mut self) -> [u8; 4] {
        self.masks.as_mut().map_or(0, RngCore::next_u32).to_ne_bytes()
    }

    /// Asks the peer whether it is there.
    fn ask(&mut self) -> Result<(), Gone> {
        let sent = self.ping(&self.conn.ping_number());
        unless_gone(sent.map(|when| self.conn.outbox.ping_written(when)))
    }

    /// Sends a Ping at once, so that it is known since when it is with the socket.
    fn ping(&mut self, payload: &[u8]) -> Result<Instant, NotSent> {
        self.control(|encoder, mask| encoder.ping(payload, mask))?;
        self.conn.pings(payload);
        self.write()?;
        Ok(self.conn.pinged())
    }

    fn pong(&mut self, payload: &[u8]) -> Result<(), Gone> {
        // A payload of the peer's own ping is never too long.
        unless_gone(self.control(|encoder, mask| encoder.pong(payload, mask)))
    }

    fn control(
        &mut self,
        compose: impl FnOnce(&mut Encoder, [u8; 4]) -> Result<ControlFrame, EncodeError>,
    ) -> Result<(), NotSent> {
        let mask = self.mask();
        let frame = compose(&mut self.encoder, mask)?;
        let bytes = frame.as_ref();
        if let (Some(recorder), [first, len, ..]) = (self.conn.recorder.get(), bytes) {
            recorder.sent_control(*first, len & 0x7f);
        }
        if self.buffer.len() - self.len < bytes.len() {
            self.write()?;
        }
        self.buffer[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// Writes what is collected and answers the senders whose bytes are all with the socket now.
    fn write(&mut self) -> Result<(), Gone> {
        if self.len > 0 {
            self.transmit()?;
        }
        self.unanswered.drain(..).for_each(|send| self.conn.sent(send));
        Ok(())
    }

    /// Writes what is collected, behind what the transport has to send. All of it, whatever this is for: on the device the
    /// transport seals its records where it lies.
    fn transmit(&mut self) -> Result<(), Gone> {
        let len = std::mem::take(&mut self.len);
        let Writer { conn, socket, buffer, .. } = self;
        lost(conn, conn.waiting(Deadline::Write, || socket.send(buffer, len)))
    }

    fn write_all(&self, bytes: &[u8]) -> Result<(), Gone> {
        lost(&self.conn, self.conn.waiting(Deadline::Write, || self.socket.write_all(bytes)))
    }
}

fn lost(conn: &Connection, written: std::io::Result<()>) -> Result<(), Gone> {
    written.map_err(|error| {
        conn.breaks(|| format!("the connection was lost: {error}"));
        Gone
    })
}

impl From<Gone> for NotSent {
    fn from(Gone: Gone) -> Self {
        NotSent::Gone
    }
}

impl From<EncodeError> for NotSent {
    fn from(error: EncodeError) -> Self {
        NotSent::Refused(match error {
            EncodeError::MessageOpen | EncodeError::NoMessage => Code::MessageOpen,
            EncodeError::NotUtf8 => Code::InvalidText,
            EncodeError::TooLong => Code::TooLong,
            EncodeError::Closed => Code::Closed,
        })
    }
}

/// Ignores a refusal, for frames whose refusal nobody needs to know.
fn unless_gone(sent: Result<(), NotSent>) -> Result<(), Gone> {
    match sent {
        Ok(()) | Err(NotSent::Refused(_)) => Ok(()),
        Err(NotSent::Gone) => Err(Gone),
    }
}

fn proto_kind(kind: Kind) -> proto::Kind {
    match kind {
        Kind::Text => proto::Kind::Text,
        Kind::Binary => proto::Kind::Binary,
    }
}

fn frame_kind(kind: proto::Kind, begins: bool, ends: bool) -> FrameKind {
    match (begins, ends) {
        (true, true) => FrameKind::Whole(kind),
        (true, false) => FrameKind::First(kind),
        (false, false) => FrameKind::Middle,
        (false, true) => FrameKind::Last,
    }
}

/// Of a whole frame that is not masked (RFC 6455 section 5.2).
fn payload_len(frame: &[u8]) -> usize {
    let header = match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    frame.len().saturating_sub(header)
}

/// Answers a sender who waits, counts for one who does not.
fn refuse(conn: &Connection, send: Lent, code: Code) {
    conn.count_failed(&send);
    send.not_sent(code);
}
