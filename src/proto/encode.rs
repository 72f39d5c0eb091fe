//! From messages to frames (RFC 6455, sections 5 and 6.1).

use core::fmt;

use super::close::{ClosePayload, CloseReason};
use super::control::ControlFrame;
use super::frame::{CONTINUATION, FIN, HEADER_SPACE, Header, Kind, MAX_PAYLOAD, Role, portion};
use super::mask::Mask;
use super::utf8::Utf8;
use super::words;

/// The place of a data frame in its message (RFC 6455, section 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A message in one frame.
    Whole(Kind),
    /// The first frame of several.
    First(Kind),
    /// Neither first nor last.
    Middle,
    /// The last of several.
    Last,
}

/// Why a frame cannot be sent. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A first or whole frame inside a message: end that first.
    MessageOpen,
    /// A middle or last frame without a message: begin one.
    NoMessage,
    /// Text that is not UTF-8; only [`Encoder::check`] looks. Send it as binary.
    NotUtf8,
    /// Longer than 2^63 - 1 bytes, or a control payload of more than 125.
    TooLong,
    /// A Close frame has been sent: nothing may follow it (RFC 6455, section 5.5.1).
    Closed,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EncodeError::MessageOpen => "a message is open",
            EncodeError::NoMessage => "no message is open",
            EncodeError::NotUtf8 => "text is not UTF-8",
            EncodeError::TooLong => "frame too long",
            EncodeError::Closed => "closed",
        })
    }
}

impl core::error::Error for EncodeError {}

/// The sending half of a connection: it keeps frames in an order that the peer accepts.
///
/// Control frames may come between any two data frames, also inside a message. A frame that was begun
/// must be written to its end before anything else: the [`FrameWriter`] is not tied to the encoder, so
/// that a writer may keep both. A value of 12 bytes at most; allocates nothing.
#[derive(Clone, Debug)]
pub struct Encoder {
    role: Role,
    message: Option<Kind>,
    utf8: Utf8,
    closed: bool,
}

impl Encoder {
    /// An encoder for the frames behind the opening handshake. `role` is this program's own.
    pub const fn new(role: Role) -> Self {
        Self { role, message: None, utf8: Utf8::new(), closed: false }
    }

    /// Whether a message has begun and not ended.
    pub const fn is_mid_message(&self) -> bool {
        self.message.is_some()
    }

    /// Whether a Close frame has been composed.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Begins a data frame with `len` bytes of payload, in the shortest form of its length.
    ///
    /// `key` must be fresh and unpredictable for each frame of a client (RFC 6455, section 5.3); a server's
    /// frames are not masked and ignore it. Text is taken at its word.
    ///
    /// # Errors
    /// See [`EncodeError`].
    #[inline]
    pub fn begin(&mut self, frame: FrameKind, len: u64, key: [u8; 4]) -> Result<FrameWriter, EncodeError> {
        Ok(FrameWriter {
            header: self.compose(frame, len, key)?,
            header_sent: 0,
            masked: self.role == Role::Client,
            mask: Mask::new(key),
            remaining: len,
        })
    }

    /// Writes a whole data frame to the front of `out`, its payload masked while it is copied, and returns its length.
    /// `None`, and nothing has changed, if `out` is shorter than `payload` and [`HEADER_SPACE`]: [`Encoder::begin`] the
    /// frame then, which says the rest about the arguments. What `out` holds behind the frame has no meaning.
    ///
    /// ```
    /// use websocket::proto::{Encoder, FrameKind, Kind, Role};
    ///
    /// let mut out = [0; 64];
    /// let mut encoder = Encoder::new(Role::Server);
    /// let len = encoder.encode(FrameKind::Whole(Kind::Text), b"Hello", [0; 4], &mut out);
    /// assert_eq!(len, Ok(Some(7)));
    /// assert_eq!(&out[..7], b"\x81\x05Hello");
    /// ```
    ///
    /// # Errors
    /// See [`EncodeError`].
    #[inline]
    pub fn encode(
        &mut self,
        frame: FrameKind,
        payload: &[u8],
        key: [u8; 4],
        out: &mut [u8],
    ) -> Result<Option<usize>, EncodeError> {
        let Some((space, _)) = out.split_at_mut_checked(payload.len().saturating_add(HEADER_SPACE)) else {
            return Ok(None);
        };
        let header = self.compose(frame, payload.len() as u64, key)?;
        if let Some(space) = space.first_chunk_mut() {
            *space = *header.bytes();
        }
        let at = usize::from(header.len());
        let space = &mut space[at..at + payload.len()];
        if self.role == Role::Client {
            Mask::new(key).copy(payload, space);
        } else {
            words::copy(payload, space);
        }
        Ok(Some(at + payload.len()))
    }

    /// The header of the next frame.
    #[inline(always)]
    fn compose(&mut self, frame: FrameKind, len: u64, key: [u8; 4]) -> Result<Header, EncodeError> {
        let first = self.first_byte(frame)?;
        if len > MAX_PAYLOAD {
            return Err(EncodeError::TooLong);
        }
        self.message = match frame {
            FrameKind::First(kind) => Some(kind),
            FrameKind::Middle => self.message,
            FrameKind::Whole(_) | FrameKind::Last => None,
        };
        Ok(Header::new(first, len, (self.role == Role::Client).then_some(key)))
    }

    /// As [`Encoder::begin`] for a frame whose whole `payload` is at hand: [`Encoder::check`] comes first, so that
    /// nothing of an invalid piece is sent.
    ///
    /// # Errors
    /// See [`EncodeError`]. After [`EncodeError::NotUtf8`] another piece may be sent in its place.
    #[inline]
    pub fn begin_checked(
        &mut self,
        frame: FrameKind,
        payload: &[u8],
        key: [u8; 4],
    ) -> Result<FrameWriter, EncodeError> {
        self.check(frame, payload)?;
        self.begin(frame, payload.len() as u64, key)
    }

    /// Checks a piece of a message before its frames are composed: that `frame` has a place now and, across the pieces
    /// of a message, that text is UTF-8 (RFC 6455, section 8.1). What passes must be sent next, in one frame or in
    /// several: the check of the next piece goes on behind it.
    ///
    /// # Errors
    /// See [`EncodeError`]; nothing has changed then.
    pub fn check(&mut self, frame: FrameKind, payload: &[u8]) -> Result<(), EncodeError> {
        self.first_byte(frame)?;
        let (kind, mut utf8) = match frame {
            FrameKind::Whole(kind) | FrameKind::First(kind) => (Some(kind), Utf8::new()),
            FrameKind::Middle | FrameKind::Last => (self.message, self.utf8),
        };
        if kind == Some(Kind::Text) {
            utf8.push(payload).map_err(|_| EncodeError::NotUtf8)?;
            if matches!(frame, FrameKind::Whole(_) | FrameKind::Last) && !utf8.is_complete() {
                return Err(EncodeError::NotUtf8);
            }
            self.utf8 = utf8;
        }
        Ok(())
    }

    /// A ping with up to 125 bytes of payload.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] and [`EncodeError::Closed`].
    pub fn ping(&mut self, payload: &[u8], key: [u8; 4]) -> Result<ControlFrame, EncodeError> {
        self.check_open()?;
        ControlFrame::ping(self.role, payload, key).ok_or(EncodeError::TooLong)
    }

    /// A pong with the payload of the ping that it answers.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] and [`EncodeError::Closed`].
    pub fn pong(&mut self, payload: &[u8], key: [u8; 4]) -> Result<ControlFrame, EncodeError> {
        self.check_open()?;
        ControlFrame::pong(self.role, payload, key).ok_or(EncodeError::TooLong)
    }

    /// A close, behind which this encoder composes nothing more. It may cut off an open message.
    ///
    /// # Errors
    /// [`EncodeError::Closed`].
    pub fn close(
        &mut self,
        reason: Option<CloseReason<'_>>,
        key: [u8; 4],
    ) -> Result<ControlFrame, EncodeError> {
        self.check_open()?;
        self.closed = true;
        Ok(ControlFrame::close(self.role, &ClosePayload::new(reason), key))
    }

    /// The first byte of the header of such a frame: FIN and the opcode.
    /// # Errors
    /// `MessageOpen`, `NoMessage` or `Closed`, if it cannot be sent now.
    #[inline]
    pub fn first_byte(&self, frame: FrameKind) -> Result<u8, EncodeError> {
        self.check_open()?;
        match (frame, self.message) {
            (FrameKind::Whole(kind), None) => Ok(FIN | kind.opcode()),
            (FrameKind::First(kind), None) => Ok(kind.opcode()),
            (FrameKind::Middle, Some(_)) => Ok(CONTINUATION),
            (FrameKind::Last, Some(_)) => Ok(FIN | CONTINUATION),
            (FrameKind::Whole(_) | FrameKind::First(_), Some(_)) => Err(EncodeError::MessageOpen),
            (FrameKind::Middle | FrameKind::Last, None) => Err(EncodeError::NoMessage),
        }
    }

    #[inline]
    fn check_open(&self) -> Result<(), EncodeError> {
        if self.closed { Err(EncodeError::Closed) } else { Ok(()) }
    }
}

/// One frame on its way out; goes on at any byte.
///
/// ```
/// use websocket::proto::{Encoder, FrameKind, Kind, Role};
///
/// let mut encoder = Encoder::new(Role::Server);
/// let mut frame = encoder.begin(FrameKind::Whole(Kind::Text), 5, [0; 4]).expect("nothing is open");
/// let mut out = [0; 16];
/// let (taken, written) = frame.write(b"Hello", &mut out);
/// assert_eq!((taken, &out[..written]), (5, &b"\x81\x05Hello"[..]));
/// assert!(frame.is_done());
/// ```
#[derive(Clone, Debug)]
pub struct FrameWriter {
    header: Header,
    header_sent: u8,
    masked: bool,
    mask: Mask,
    remaining: u64,
}

impl FrameWriter {
    /// Writes the header, if that has not been done, and then payload, masked while it is copied, as far as
    /// `payload` and `out` go. Returns the bytes taken from `payload` and the bytes written to `out`.
    ///
    /// Payload beyond the length that the frame was begun with is left. What `out` holds behind the bytes written has
    /// no meaning.
    #[inline]
    pub fn write(&mut self, payload: &[u8], out: &mut [u8]) -> (usize, usize) {
        let at = self.write_header(out);
        let out = &mut out[at..];
        let payload = &payload[..portion(self.remaining, payload.len())];
        let len = if self.masked {
            self.mask.copy(payload, out)
        } else {
            let len = payload.len().min(out.len());
            words::copy(&payload[..len], &mut out[..len]);
            len
        };
        self.remaining -= len as u64;
        (len, at + len)
    }

    #[inline(always)]
    fn write_header(&mut self, out: &mut [u8]) -> usize {
        // As a rule all of it fits. A copy of fixed length is quicker than one of the right length, and what is
        // behind the header is written next, or not looked at.
        if self.header_sent == 0
            && let Some(space) = out.first_chunk_mut()
        {
            *space = *self.header.bytes();
            self.header_sent = self.header.len();
            return usize::from(self.header_sent);
        }
        let header = self.header();
        let at = header.len().min(out.len());
        out[..at].copy_from_slice(&header[..at]);
        self.header_sent += at as u8;
        at
    }

    /// What is still to be written of the header. A server may send it and then the payload as it is.
    #[inline]
    pub fn header(&self) -> &[u8] {
        &self.header.as_slice()[usize::from(self.header_sent)..]
    }

    /// Payload bytes still to be written.
    pub const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Whether all is written.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.remaining == 0 && self.header().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::frame::{LEN16, LEN64};
    use crate::proto::{CloseCode, MAX_HEADER};

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn whole(role: Role, frame: FrameKind, payload: &[u8]) -> Vec<u8> {
        let mut encoder = Encoder::new(role);
        let mut writer = encoder.begin(frame, payload.len() as u64, KEY).unwrap();
        let mut out = vec![0; payload.len() + MAX_HEADER];
        let (taken, written) = writer.write(payload, &mut out);
        assert_eq!((taken, writer.is_done(), writer.remaining()), (payload.len(), true, 0));
        out.truncate(written);
        out
    }

    /// RFC 6455, section 5.7.
    #[test]
    fn examples_of_the_rfc() {
        let text = FrameKind::Whole(Kind::Text);
        assert_eq!(whole(Role::Server, text, b"Hello"), b"\x81\x05Hello");
        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(whole(Role::Client, text, b"Hello"), masked);
        assert_eq!(whole(Role::Server, FrameKind::First(Kind::Text), b"Hel"), b"\x01\x03Hel");
        let binary = FrameKind::Whole(Kind::Binary);
        assert_eq!(whole(Role::Server, binary, &[0; 256])[..4], [0x82, 0x7e, 0x01, 0x00]);
        assert_eq!(whole(Role::Server, binary, &[0; 65536])[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
        let mut encoder = Encoder::new(Role::Server);
        assert_eq!(encoder.ping(b"Hello", KEY).unwrap().as_ref(), b"\x89\x05Hello");
        let pong = Encoder::new(Role::Client).pong(b"Hello", KEY).unwrap();
        assert_eq!(pong.as_ref(), b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    }

    #[test]
    fn each_length_has_its_shortest_form() {
        for (len, form) in
            [(0, 0), (125, 125), (126, LEN16), (65535, LEN16), (65536, LEN64), (MAX_PAYLOAD, LEN64)]
        {
            let mut encoder = Encoder::new(Role::Server);
            let writer = encoder.begin(FrameKind::Whole(Kind::Binary), len, KEY).unwrap();
            assert_eq!(writer.header()[1], form, "{len}");
        }
        let mut encoder = Encoder::new(Role::Server);
        let outcome = encoder.begin(FrameKind::Whole(Kind::Binary), MAX_PAYLOAD + 1, KEY);
        assert_eq!(outcome.err(), Some(EncodeError::TooLong));
    }

    #[test]
    fn a_writer_goes_on_at_any_byte() {
        let payload: Vec<u8> = (0..300u32).map(|i| i as u8).collect();
        for role in [Role::Client, Role::Server] {
            let expected = whole(role, FrameKind::Whole(Kind::Binary), &payload);
            for (input, output) in [(1, 1), (3, 1), (1, 3), (7, 5), (5, 64), (300, 2), (64, 300)] {
                let mut encoder = Encoder::new(role);
                let mut writer = encoder.begin(FrameKind::Whole(Kind::Binary), 300, KEY).unwrap();
                let (mut all, mut rest, mut out) = (Vec::new(), &payload[..], vec![0; output]);
                while !writer.is_done() {
                    let (taken, written) = writer.write(&rest[..rest.len().min(input)], &mut out);
                    assert!(written > 0);
                    rest = &rest[taken..];
                    all.extend_from_slice(&out[..written]);
                }
                assert_eq!(all, expected);
            }
        }
    }

    #[test]
    fn a_frame_at_once_is_the_frame_in_pieces() {
        let binary = FrameKind::Whole(Kind::Binary);
        for role in [Role::Client, Role::Server] {
            for len in [0, 1, 15, 16, 17, 125, 126, 300, 65535, 65536] {
                let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
                let mut out = vec![0xaa; len + HEADER_SPACE];
                let mut encoder = Encoder::new(role);
                assert_eq!(encoder.encode(binary, &payload, KEY, &mut out[1..]), Ok(None));
                let written = encoder.encode(binary, &payload, KEY, &mut out).unwrap().unwrap();
                assert_eq!(out[..written], whole(role, binary, &payload), "{len}");
            }
        }
    }

    #[test]
    fn frames_at_once_keep_their_order() {
        let (mut encoder, mut out) = (Encoder::new(Role::Client), [0; 64]);
        let mut encode =
            |frame, out: &mut [u8]| encoder.encode(frame, b"x", KEY, out).map(|len| len.is_some());
        assert_eq!(encode(FrameKind::Last, &mut out), Err(EncodeError::NoMessage));
        assert_eq!(encode(FrameKind::First(Kind::Text), &mut out[..8]), Ok(false), "nothing has changed");
        assert_eq!(encode(FrameKind::First(Kind::Text), &mut out), Ok(true));
        assert_eq!(encode(FrameKind::Whole(Kind::Text), &mut out), Err(EncodeError::MessageOpen));
        assert_eq!(encode(FrameKind::Last, &mut out), Ok(true));
    }

    #[test]
    fn a_writer_takes_no_more_than_its_length() {
        for role in [Role::Client, Role::Server] {
            let mut writer = Encoder::new(role).begin(FrameKind::Whole(Kind::Binary), 2, KEY).unwrap();
            let mut out = [0; 32];
            assert_eq!(writer.write(b"abcdef", &mut out).0, 2);
            assert_eq!(writer.write(b"cdef", &mut out), (0, 0));
        }
    }

    #[test]
    fn order_of_frames() {
        let mut encoder = Encoder::new(Role::Client);
        let mut begin = |frame| encoder.begin(frame, 0, KEY).map(|writer| writer.header()[0]);
        assert_eq!(begin(FrameKind::Middle), Err(EncodeError::NoMessage));
        assert_eq!(begin(FrameKind::Last), Err(EncodeError::NoMessage));
        assert_eq!(begin(FrameKind::First(Kind::Binary)), Ok(0x02));
        assert_eq!(begin(FrameKind::First(Kind::Text)), Err(EncodeError::MessageOpen));
        assert_eq!(begin(FrameKind::Whole(Kind::Text)), Err(EncodeError::MessageOpen));
        assert_eq!(begin(FrameKind::Middle), Ok(0x00));
        assert_eq!(begin(FrameKind::Last), Ok(0x80));
        assert_eq!(begin(FrameKind::Last), Err(EncodeError::NoMessage));
        assert_eq!(begin(FrameKind::Whole(Kind::Text)), Ok(0x81));
    }

    #[test]
    fn control_frames_between_fragments_and_nothing_after_close() {
        let mut encoder = Encoder::new(Role::Server);
        encoder.begin(FrameKind::First(Kind::Text), 0, KEY).unwrap();
        assert_eq!(encoder.pong(&[0; 126], KEY).err(), Some(EncodeError::TooLong));
        assert_eq!(encoder.pong(&[0; 125], KEY).unwrap().as_ref().len(), 127);
        assert!(encoder.is_mid_message());
        let reason = CloseReason::new(CloseCode::NORMAL, "bye");
        assert_eq!(encoder.close(reason, KEY).unwrap().as_ref(), b"\x88\x05\x03\xe8bye");
        assert!(encoder.is_closed());
        assert_eq!(encoder.close(None, KEY).err(), Some(EncodeError::Closed));
        assert_eq!(encoder.ping(b"", KEY).err(), Some(EncodeError::Closed));
        assert_eq!(encoder.pong(b"", KEY).err(), Some(EncodeError::Closed));
        assert_eq!(encoder.begin(FrameKind::Last, 0, KEY).err(), Some(EncodeError::Closed));
    }

    #[test]
    fn checked_text_is_text_across_fragments() {
        let mut encoder = Encoder::new(Role::Server);
        let (text, binary) = (Kind::Text, Kind::Binary);
        let mut begin = |frame, payload: &[u8]| encoder.begin_checked(frame, payload, KEY).map(|_| ());
        assert_eq!(begin(FrameKind::Whole(text), b"\xff"), Err(EncodeError::NotUtf8));
        assert_eq!(begin(FrameKind::Whole(text), b"\xc3"), Err(EncodeError::NotUtf8));
        assert_eq!(begin(FrameKind::Whole(binary), b"\xff"), Ok(()));
        assert_eq!(begin(FrameKind::First(text), b"\xe2\x82"), Ok(()));
        assert_eq!(begin(FrameKind::Last, b""), Err(EncodeError::NotUtf8));
        assert_eq!(begin(FrameKind::Middle, b"x"), Err(EncodeError::NotUtf8));
        assert_eq!(begin(FrameKind::Whole(text), b"x"), Err(EncodeError::MessageOpen));
        assert_eq!(begin(FrameKind::Middle, b"\xac"), Ok(()));
        assert_eq!(begin(FrameKind::Last, b"x"), Ok(()));
        assert_eq!(begin(FrameKind::First(binary), b"\xff"), Ok(()));
        assert_eq!(begin(FrameKind::Last, b"\xff"), Ok(()));
    }

    /// A character that begins in one piece and ends in the next; the frames are cut elsewhere.
    #[test]
    fn a_piece_is_checked_as_a_whole_and_sent_in_frames() {
        let (mut encoder, text) = (Encoder::new(Role::Server), Kind::Text);
        assert_eq!(encoder.check(FrameKind::First(text), b"ab\xe2\x82"), Ok(()));
        for frame in [FrameKind::First(text), FrameKind::Middle] {
            encoder.begin(frame, 2, KEY).unwrap();
        }
        assert_eq!(encoder.check(FrameKind::Last, b"\xac\xe2"), Err(EncodeError::NotUtf8));
        assert_eq!(encoder.check(FrameKind::Last, b"\xac!"), Ok(()));
        for frame in [FrameKind::Middle, FrameKind::Last] {
            encoder.begin(frame, 1, KEY).unwrap();
        }
        assert_eq!(encoder.check(FrameKind::Whole(text), b"\xac"), Err(EncodeError::NotUtf8));
        encoder.close(None, KEY).unwrap();
        assert_eq!(encoder.check(FrameKind::Whole(text), b"a"), Err(EncodeError::Closed));
    }
}
