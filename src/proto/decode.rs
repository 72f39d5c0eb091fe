//! From the peer's bytes to events (RFC 6455, sections 5, 6.2, 7 and 8.1).

use super::close::CloseReason;
use super::event::{Chunk, Event, Step};
use super::frame::{
    BINARY, CLOSE, CONTINUATION, CONTROL, FIN, Kind, LEN7, LEN16, LEN64, MASK, MAX_CONTROL_PAYLOAD,
    MAX_PAYLOAD, OPCODE, PING, PONG, RSV, Role, TEXT, portion,
};
use super::limits::{Budget, Limits};
use super::mask::Mask;
use super::utf8::{Utf8, is_valid};
use super::violation::Violation;

/// The receiving half of a connection: bytes in, one event at a time out.
///
/// It is a value of at most 224 bytes, allocates nothing, and copies only the headers and control
/// frames that come in pieces. The same input gives the same events and payload bytes however it is
/// cut into calls (only the places where a message is cut into chunks differ), a fault included: what
/// lies before the first bad byte is delivered, and then the fault is reported.
///
/// ```
/// use websocket::proto::{Decoder, Event, Limits, Role};
///
/// let mut decoder = Decoder::new(Role::Client, Limits::NONE);
/// let mut input = *b"\x81\x05Hello\x89\x00";
/// let mut rest = &mut input[..];
/// while !rest.is_empty() {
///     let step = decoder.decode(rest).expect("a well-behaved peer");
///     match step.event {
///         Some(Event::Data(chunk)) => assert_eq!((chunk.payload, chunk.last), (&b"Hello"[..], true)),
///         Some(Event::Ping(payload)) => assert!(payload.is_empty()),
///         _ => unreachable!(),
///     }
///     let consumed = step.consumed;
///     rest = &mut rest[consumed..];
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    /// The mask bit that every frame of the peer must have.
    mask_bit: u8,
    state: State,

    // The frame that is being read.
    opcode: u8,
    fin: bool,
    mask: Mask,
    /// Payload bytes still to come.
    remaining: u64,

    // The message that is being read.
    message: Option<Kind>,
    /// Nothing of it has been delivered.
    first: bool,
    utf8: Utf8,
    budget: Budget,

    /// A header, or the payload of a control frame, that came in pieces.
    held: [u8; MAX_CONTROL_PAYLOAD],
    held_len: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a frame, with no message open.
    Idle,
    /// Before a frame inside a message.
    Between,
    /// Inside a header, whose bytes are held.
    Header,
    /// In a data frame's payload.
    Data,
    /// In a control frame's payload.
    Control,
    /// A Close frame has come.
    Closed,
    Failed(Violation),
}

/// A frame header that has passed every check.
struct Head {
    opcode: u8,
    fin: bool,
    len: u64,
    mask: Mask,
    /// Of the header in bytes.
    size: usize,
}

/// The first byte of a frame that is a whole message.
const WHOLE_TEXT: u8 = FIN | TEXT;
const WHOLE_BINARY: u8 = FIN | BINARY;

/// Where a whole message lies in the input.
struct WholeFrame {
    kind: Kind,
    mask: Mask,
    start: usize,
    end: usize,
}

impl Decoder {
    /// A decoder for the frames behind the opening handshake. `role` is this program's own.
    pub const fn new(role: Role, limits: Limits) -> Self {
        Self {
            mask_bit: role.peer().mask_bit(),
            state: State::Idle,
            opcode: 0,
            fin: false,
            mask: Mask::NONE,
            remaining: 0,
            message: None,
            first: false,
            utf8: Utf8::new(),
            budget: Budget::new(limits),
            held: [0; MAX_CONTROL_PAYLOAD],
            held_len: 0,
        }
    }

    /// Whether a message has begun and not ended, or a frame has: an end of stream here cuts something off.
    pub fn is_mid_message(&self) -> bool {
        self.message.is_some() || matches!(self.state, State::Header | State::Data | State::Control)
    }

    /// Payload bytes still to come of the data frame that has begun; 0 between frames. Input of at most that
    /// length is payload from its first to its last byte, so it may be read straight to where it is wanted.
    pub fn frame_remaining(&self) -> u64 {
        if self.state == State::Data { self.remaining } else { 0 }
    }

    /// Takes bytes from the front of `input`, up to the end of one event.
    ///
    /// Call it again with what lies behind [`Step::consumed`] until the input is used up; every call with
    /// input consumes some or fails. Payloads are unmasked where they lie. Behind a Close frame everything
    /// is consumed and nothing delivered (RFC 6455, section 5.5.1).
    ///
    /// # Errors
    /// The peer broke the protocol or a limit. All later calls return the same.
    #[inline]
    pub fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, Violation> {
        // Most messages come in one frame that lies whole in the input: nothing about them needs to be kept.
        if self.state == State::Idle
            && let Some(frame) = self.whole_message(input)
        {
            return self.deliver_whole(&mut input[frame.start..frame.end], frame);
        }
        self.decode_any(input)
    }

    /// Looks for a message in one whole frame that passes every check at the front of `bytes`. For all else,
    /// faults included, there is [`Decoder::decode_any`].
    #[inline(always)]
    fn whole_message(&self, bytes: &[u8]) -> Option<WholeFrame> {
        let &[first, second] = bytes.first_chunk()?;
        let kind = match first {
            WHOLE_TEXT => Kind::Text,
            WHOLE_BINARY => Kind::Binary,
            _ => return None,
        };
        // With the wrong mask bit this is no form of length.
        let (len, at) = declared_length(bytes, second ^ self.mask_bit)?;
        let (mask, start) = self.mask(bytes, at)?;
        if !is_minimal(len, at) || !self.budget.allows_whole(len) || len > (bytes.len() - start) as u64 {
            return None;
        }
        Some(WholeFrame { kind, mask, start, end: start + len as usize })
    }

    #[inline(always)]
    fn deliver_whole<'a>(&mut self, payload: &'a mut [u8], frame: WholeFrame) -> Result<Step<'a>, Violation> {
        let WholeFrame { kind, mut mask, start, end } = frame;
        let is_masked = self.mask_bit != 0;
        match kind {
            Kind::Text => {
                let is_ascii = is_masked && mask.apply_ascii(payload);
                if !is_ascii && !is_valid(payload) {
                    return self.fail_whole(payload, start);
                }
            }
            Kind::Binary if is_masked => mask.apply(payload),
            Kind::Binary => {}
        }
        let chunk = Chunk { kind, first: true, last: true, payload };
        Ok(Step { consumed: end, event: Some(Event::Data(chunk)) })
    }

    /// Everything, whole messages included.
    #[inline(never)]
    fn decode_any<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, Violation> {
        let payload_at = match self.state {
            State::Data | State::Control => Some(0),
            State::Idle | State::Between => self.begin_header(input)?,
            State::Header => self.continue_header(input)?,
            State::Closed => None,
            State::Failed(violation) => return Err(violation),
        };
        match (payload_at, self.state) {
            (Some(at), State::Data) => self.data(input, at),
            (Some(at), _) => self.control(input, at),
            (None, _) => Ok(Step { consumed: input.len(), event: None }),
        }
    }

    /// Reads a header; returns where the payload begins, or keeps one that goes on behind `input`.
    #[inline]
    fn begin_header(&mut self, input: &[u8]) -> Result<Option<usize>, Violation> {
        match self.parse(input) {
            Ok(Some(head)) => {
                self.enter(&head);
                Ok(Some(head.size))
            }
            Ok(None) if input.is_empty() => Ok(None),
            Ok(None) => {
                self.held[..input.len()].copy_from_slice(input);
                self.held_len = input.len() as u8;
                self.state = State::Header;
                Ok(None)
            }
            Err(violation) => Err(self.fail(violation)),
        }
    }

    /// Goes on with a header that has come in part.
    fn continue_header(&mut self, input: &[u8]) -> Result<Option<usize>, Violation> {
        for (at, byte) in input.iter().enumerate() {
            let held = usize::from(self.held_len) + 1;
            self.held[held - 1] = *byte;
            self.held_len = held as u8;
            match self.parse(&self.held[..held]) {
                Ok(Some(head)) => {
                    self.enter(&head);
                    return Ok(Some(at + 1));
                }
                Ok(None) => {}
                Err(violation) => return Err(self.fail(violation)),
            }
        }
        Ok(None)
    }

    /// Reads a header from the front of `bytes`: `None` if it goes on behind them.
    ///
    /// Each check is made as soon as its bytes are there and in their order, so a header that comes in
    /// pieces fails at the same byte as one that comes whole.
    #[inline(always)]
    fn parse(&self, bytes: &[u8]) -> Result<Option<Head>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        self.check_first(first)?;
        let opcode = first & OPCODE;
        let is_control = opcode & CONTROL != 0;
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        if second & MASK != self.mask_bit {
            return Err(if self.mask_bit == 0 { Violation::Masked } else { Violation::NotMasked });
        }
        if is_control {
            check_control_length(opcode, second & LEN7)?;
        }
        let Some((len, at)) = declared_length(bytes, second & LEN7) else { return Ok(None) };
        if !is_minimal(len, at) {
            return Err(Violation::LengthNotMinimal);
        }
        if len > MAX_PAYLOAD {
            return Err(Violation::LengthTopBit);
        }
        if !is_control {
            self.budget.check(opcode != CONTINUATION, len)?;
        }
        let fin = first & FIN != 0;
        Ok(self.mask(bytes, at).map(|(mask, size)| Head { opcode, fin, len, mask, size }))
    }

    /// The masking key at `at` and where it ends, if the peer's frames have one; `None` if it is not there yet.
    #[inline(always)]
    fn mask(&self, bytes: &[u8], at: usize) -> Option<(Mask, usize)> {
        if self.mask_bit == 0 {
            return Some((Mask::NONE, at));
        }
        bytes.get(at..)?.first_chunk().map(|key| (Mask::new(*key), at + key.len()))
    }

    /// Checks the first byte of a frame (RFC 6455, sections 5.2, 5.4 and 5.5).
    #[inline]
    fn check_first(&self, first: u8) -> Result<(), Violation> {
        let opcode = first & OPCODE;
        if first & RSV != 0 {
            return Err(Violation::ReservedBits);
        }
        match opcode {
            CONTINUATION if self.message.is_none() => Err(Violation::NothingToContinue),
            TEXT | BINARY if self.message.is_some() => Err(Violation::MessageInterrupted),
            CLOSE | PING | PONG if first & FIN == 0 => Err(Violation::ControlFragmented),
            CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG => Ok(()),
            _ => Err(Violation::ReservedOpcode(opcode)),
        }
    }

    /// Goes from a header to its payload.
    #[inline]
    fn enter(&mut self, head: &Head) {
        self.held_len = 0;
        self.fin = head.fin;
        self.mask = head.mask;
        self.remaining = head.len;
        if head.opcode & CONTROL != 0 {
            self.opcode = head.opcode;
            self.state = State::Control;
            return;
        }
        let first = head.opcode != CONTINUATION;
        self.budget.spend(first, head.len);
        if first {
            self.message = Some(if head.opcode == TEXT { Kind::Text } else { Kind::Binary });
            self.first = true;
            self.utf8 = Utf8::new();
        }
        self.state = State::Data;
    }

    /// Delivers what `input` has of a data frame's payload from `at` on.
    #[inline(always)]
    fn data<'a>(&'a mut self, input: &'a mut [u8], at: usize) -> Result<Step<'a>, Violation> {
        let kind = self.message.expect("every data frame belongs to a message");
        let rest = &mut input[at..];
        let len = portion(self.remaining, rest.len());
        let payload = &mut rest[..len];
        self.remaining -= len as u64;
        let ended = self.remaining == 0;
        let last = ended && self.fin;
        let is_masked = self.mask_bit != 0;
        match kind {
            Kind::Text => {
                let is_ascii = is_masked && self.mask.apply_ascii(payload);
                if !(is_ascii && self.utf8.is_complete())
                    && let Err(good) = self.check_text(payload, last)
                {
                    return self.fail_within(&payload[..good], at);
                }
            }
            Kind::Binary if is_masked => self.mask.apply(payload),
            Kind::Binary => {}
        }
        if last {
            self.message = None;
        }
        if ended {
            self.state = self.before_frame();
        }
        if len == 0 && !last {
            return Ok(Step { consumed: at, event: None });
        }
        let first = core::mem::replace(&mut self.first, false);
        Ok(Step { consumed: at + len, event: Some(Event::Data(Chunk { kind, first, last, payload })) })
    }

    const fn before_frame(&self) -> State {
        if self.message.is_some() { State::Between } else { State::Idle }
    }

    /// Checks a piece of text; the error is the number of bytes before the one that makes it invalid. That is
    /// the last byte if it ends a message inside a character.
    fn check_text(&mut self, payload: &[u8], last: bool) -> Result<(), usize> {
        self.utf8.push(payload)?;
        if last && !self.utf8.is_complete() { Err(payload.len().saturating_sub(1)) } else { Ok(()) }
    }

    /// Finds the bad byte in a whole message of invalid text.
    #[cold]
    fn fail_whole<'a>(&mut self, payload: &'a [u8], at: usize) -> Result<Step<'a>, Violation> {
        self.first = true;
        self.utf8 = Utf8::new();
        let good = self.check_text(payload, true).err().unwrap_or_default();
        self.fail_within(&payload[..good], at)
    }

    /// Delivers the valid bytes before bad text; the next call fails.
    #[cold]
    fn fail_within<'a>(&mut self, good: &'a [u8], at: usize) -> Result<Step<'a>, Violation> {
        self.message = Some(Kind::Text);
        let violation = self.fail(Violation::InvalidUtf8);
        if good.is_empty() {
            return Err(violation);
        }
        let first = core::mem::replace(&mut self.first, false);
        let chunk = Chunk { kind: Kind::Text, first, last: false, payload: good };
        Ok(Step { consumed: at + good.len(), event: Some(Event::Data(chunk)) })
    }

    /// Collects a control frame's payload from `at` on, and delivers it when it is whole.
    #[inline(never)]
    fn control<'a>(&'a mut self, input: &'a mut [u8], at: usize) -> Result<Step<'a>, Violation> {
        let held = usize::from(self.held_len);
        let rest = &mut input[at..];
        let len = portion(self.remaining, rest.len());
        let consumed = at + len;
        self.remaining -= len as u64;
        if held > 0 || self.remaining > 0 {
            self.held[held..held + len].copy_from_slice(&rest[..len]);
            self.held_len = (held + len) as u8;
        }
        if self.remaining > 0 {
            return Ok(Step { consumed, event: None });
        }
        self.state = self.before_frame();
        self.held_len = 0;
        let payload = if held > 0 { &mut self.held[..held + len] } else { &mut rest[..len] };
        self.mask.apply(payload);
        let event = match self.opcode {
            PING => Event::Ping(payload),
            PONG => Event::Pong(payload),
            _ => match CloseReason::parse(payload) {
                Ok(reason) => {
                    self.state = State::Closed;
                    Event::Close(reason)
                }
                Err(violation) => {
                    self.state = State::Failed(violation);
                    return Err(violation);
                }
            },
        };
        Ok(Step { consumed, event: Some(event) })
    }

    #[cold]
    fn fail(&mut self, violation: Violation) -> Violation {
        self.state = State::Failed(violation);
        violation
    }
}

/// Checks the length of a control frame on its second byte (RFC 6455, sections 5.5 and 5.5.1).
fn check_control_length(opcode: u8, len: u8) -> Result<(), Violation> {
    match len {
        LEN16 | LEN64 => Err(Violation::ControlTooLong),
        1 if opcode == CLOSE => Err(Violation::ClosePayloadLength),
        _ => Ok(()),
    }
}

/// The length that the header in `bytes` declares, and where it ends; `None` if it goes on behind them.
/// `form` is the second byte without its mask bit.
#[inline(always)]
fn declared_length(bytes: &[u8], form: u8) -> Option<(u64, usize)> {
    match form {
        ..LEN16 => Some((u64::from(form), 2)),
        LEN16 => bytes.get(2..)?.first_chunk().map(|len| (u64::from(u16::from_be_bytes(*len)), 4)),
        LEN64 => bytes.get(2..)?.first_chunk().map(|len| (u64::from_be_bytes(*len), 10)),
        _ => None,
    }
}

/// Whether `len` needs the form that ends at header byte `at` (RFC 6455, section 5.2).
#[inline(always)]
fn is_minimal(len: u64, at: usize) -> bool {
    match at {
        4 => len > 125,
        10 => len > 0xffff,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_length() {
        assert_eq!(declared_length(&[0, 125], 125), Some((125, 2)));
        assert_eq!(declared_length(&[0, 126, 1], 126), None);
        assert_eq!(declared_length(&[0, 126, 1, 2], 126), Some((0x102, 4)));
        assert_eq!(declared_length(&[0, 127, 0, 0, 0, 0, 0, 1, 2], 127), None);
        assert_eq!(declared_length(&[0, 127, 0, 0, 0, 0, 0, 1, 2, 3], 127), Some((0x10203, 10)));
        assert!(is_minimal(126, 4) && !is_minimal(125, 4));
        assert!(is_minimal(0x10000, 10) && !is_minimal(0xffff, 10));
    }
}
