//! From the peer's bytes to events (RFC 6455, sections 5, 6.2, 7 and 8.1).

use super::close::CloseReason;
use super::frame::{
    BINARY, CLOSE, CONTINUATION, CONTROL, FIN, Kind, LEN7, LEN16, LEN64, MASK, MAX_CONTROL_PAYLOAD,
    MAX_PAYLOAD, OPCODE, PING, PONG, RSV, Role, TEXT,
};
use super::mask::Mask;
use super::utf8::Utf8;
use super::violation::Violation;

/// What the caller takes from its peer. Each is checked on what a frame declares, before its payload comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Payload bytes of one data frame; more is [`Violation::FrameTooBig`].
    pub max_frame: u64,
    /// Payload bytes of one message; more is [`Violation::MessageTooBig`].
    pub max_message: u64,
    /// Data frames of one message, empty ones too; more is [`Violation::TooManyFragments`].
    pub max_fragments: u32,
}

impl Limits {
    /// No limit of any kind. Harmless to this codec, whose memory does not depend on sizes.
    pub const NONE: Self = Self { max_frame: u64::MAX, max_message: u64::MAX, max_fragments: u32::MAX };
}

impl Default for Limits {
    fn default() -> Self {
        Self::NONE
    }
}

/// What came of one call of [`Decoder::decode`].
#[derive(Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The bytes at the front of the input that are dealt with.
    pub consumed: usize,
    /// What they meant, if anything yet.
    pub event: Option<Event<'a>>,
}

/// What the peer sent. Payloads are unmasked and lie in the caller's input, or in the decoder for a
/// control frame that came in pieces.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A piece of a message.
    Data(Chunk<'a>),
    /// A ping, to be answered with a pong of the same payload (RFC 6455, section 5.5.2).
    Ping(&'a [u8]),
    /// A pong, asked for or not (section 5.5.3).
    Pong(&'a [u8]),
    /// A close, to be answered unless one was sent (section 5.5.1). The last event of a connection.
    Close(Option<CloseReason<'a>>),
}

/// A piece of a message, handed on as soon as it is there. Where a message is cut follows the reads and
/// the frames and means nothing; text may be cut inside a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Of the message.
    pub kind: Kind,
    /// The first piece of its message.
    pub first: bool,
    /// The last piece of its message.
    pub last: bool,
    /// Empty only in a last chunk, when the peer ended its message with an empty frame.
    pub payload: &'a [u8],
}

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
    limits: Limits,
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
    fragments: u32,
    /// Its length as far as declared.
    length: u64,
    utf8: Utf8,

    /// A header, or the payload of a control frame, that came in pieces.
    held: [u8; MAX_CONTROL_PAYLOAD],
    held_len: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a frame.
    Start,
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

impl Decoder {
    /// A decoder for the frames behind the opening handshake. `role` is this program's own.
    pub const fn new(role: Role, limits: Limits) -> Self {
        Self {
            limits,
            mask_bit: role.peer().mask_bit(),
            state: State::Start,
            opcode: 0,
            fin: false,
            mask: Mask::NONE,
            remaining: 0,
            message: None,
            first: false,
            fragments: 0,
            length: 0,
            utf8: Utf8::new(),
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
        let at = match self.state {
            State::Data => 0,
            State::Start => match self.parse(input) {
                Ok(Some(head)) if head.opcode & CONTROL == 0 => {
                    self.enter_data(&head);
                    head.size
                }
                _ => return self.decode_slow(input),
            },
            _ => return self.decode_slow(input),
        };
        self.data(input, at)
    }

    /// Everything but data frames whose header is in one piece.
    #[inline(never)]
    fn decode_slow<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, Violation> {
        match self.state {
            State::Start => match self.parse(input) {
                Ok(Some(head)) => self.enter(&head, input, head.size),
                Ok(None) => Ok(self.hold_header(input)),
                Err(violation) => Err(self.fail(violation)),
            },
            State::Header => self.continue_header(input),
            State::Data => self.data(input, 0),
            State::Control => self.control(input, 0),
            State::Closed => Ok(Step { consumed: input.len(), event: None }),
            State::Failed(violation) => Err(violation),
        }
    }

    /// Reads a header from the front of `bytes`: `None` if it goes on behind them.
    ///
    /// Each check is made as soon as its bytes are there and in their order, so a header that comes in
    /// pieces fails at the same byte as one that comes whole.
    #[inline(always)]
    fn parse(&self, bytes: &[u8]) -> Result<Option<Head>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let opcode = first & OPCODE;
        if first & RSV != 0 || opcode > BINARY || (opcode == CONTINUATION) != self.message.is_some() {
            self.check_first(first)?;
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        if second & MASK != self.mask_bit {
            return Err(if self.mask_bit == 0 { Violation::Masked } else { Violation::NotMasked });
        }
        let (len, at) = match second & LEN7 {
            LEN16 => match bytes.get(2..4) {
                Some(&[a, b]) => (u64::from(u16::from_be_bytes([a, b])), 4),
                _ if opcode & CONTROL != 0 => return Err(Violation::ControlTooLong),
                _ => return Ok(None),
            },
            LEN64 => match bytes.get(2..10).and_then(|len| len.first_chunk()) {
                Some(len) => (u64::from_be_bytes(*len), 10),
                _ if opcode & CONTROL != 0 => return Err(Violation::ControlTooLong),
                _ => return Ok(None),
            },
            len => (u64::from(len), 2),
        };
        if opcode & CONTROL != 0 {
            check_control_length(opcode, second & LEN7)?;
        } else {
            check_form(len, at)?;
            self.check_limits(opcode, len)?;
        }
        let head = Head { opcode, fin: first & FIN != 0, len, mask: Mask::NONE, size: at };
        if self.mask_bit == 0 {
            return Ok(Some(head));
        }
        Ok(bytes.get(at..at + 4).and_then(|key| key.first_chunk()).map(|key| Head {
            mask: Mask::new(*key),
            size: at + 4,
            ..head
        }))
    }

    /// Passes the first byte of a control frame, and says what is wrong with that of another.
    #[inline(never)]
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

    /// Checks the declared length of a data frame against the caller's limits.
    #[inline(always)]
    fn check_limits(&self, opcode: u8, len: u64) -> Result<(), Violation> {
        let (before, fragments) = if opcode == CONTINUATION { (self.length, self.fragments) } else { (0, 0) };
        if len > self.limits.max_frame {
            return Err(Violation::FrameTooBig);
        }
        if len > self.limits.max_message.saturating_sub(before) {
            return Err(Violation::MessageTooBig);
        }
        if fragments >= self.limits.max_fragments {
            return Err(Violation::TooManyFragments);
        }
        Ok(())
    }

    /// Keeps a header that is cut off by the end of the input.
    fn hold_header<'a>(&mut self, input: &[u8]) -> Step<'a> {
        if !input.is_empty() {
            self.held[..input.len()].copy_from_slice(input);
            self.held_len = input.len() as u8;
            self.state = State::Header;
        }
        Step { consumed: input.len(), event: None }
    }

    fn continue_header<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, Violation> {
        for at in 0..input.len() {
            let held = usize::from(self.held_len) + 1;
            self.held[held - 1] = input[at];
            self.held_len = held as u8;
            match self.parse(&self.held[..held]) {
                Ok(Some(head)) => return self.enter(&head, input, at + 1),
                Ok(None) => {}
                Err(violation) => return Err(self.fail(violation)),
            }
        }
        Ok(Step { consumed: input.len(), event: None })
    }

    /// Goes on behind the header, at `at`.
    fn enter<'a>(&'a mut self, head: &Head, input: &'a mut [u8], at: usize) -> Result<Step<'a>, Violation> {
        self.held_len = 0;
        if head.opcode & CONTROL == 0 {
            self.enter_data(head);
            return self.data(input, at);
        }
        self.opcode = head.opcode;
        self.mask = head.mask;
        self.remaining = head.len;
        self.state = State::Control;
        self.control(input, at)
    }

    #[inline(always)]
    fn enter_data(&mut self, head: &Head) {
        if head.opcode == CONTINUATION {
            self.fragments += 1;
            self.length += head.len;
        } else {
            self.message = Some(if head.opcode == TEXT { Kind::Text } else { Kind::Binary });
            self.first = true;
            self.fragments = 1;
            self.length = head.len;
        }
        self.fin = head.fin;
        self.mask = head.mask;
        self.remaining = head.len;
        self.state = State::Data;
    }

    /// Delivers what `input` has of a data frame's payload from `at` on.
    #[inline(always)]
    fn data<'a>(&'a mut self, input: &'a mut [u8], at: usize) -> Result<Step<'a>, Violation> {
        let Some(kind) = self.message else { return Err(self.fail(Violation::NothingToContinue)) };
        let Some(rest) = input.get_mut(at..) else { return Ok(Step { consumed: at, event: None }) };
        let len = portion(self.remaining, rest.len());
        let payload = &mut rest[..len];
        self.remaining -= len as u64;
        let ended = self.remaining == 0;
        let last = ended && self.fin;
        match kind {
            Kind::Text => {
                let ascii = self.mask_bit != 0 && self.mask.apply_ascii(payload);
                if !(ascii && self.utf8.is_complete())
                    && let Err(good) = self.check_text(payload, last)
                {
                    return self.fail_within(&payload[..good], at);
                }
            }
            Kind::Binary if self.mask_bit != 0 => self.mask.apply(payload),
            Kind::Binary => {}
        }
        if ended {
            self.state = State::Start;
        }
        if last {
            self.message = None;
        }
        if len == 0 && !last {
            return Ok(Step { consumed: at, event: None });
        }
        let first = core::mem::replace(&mut self.first, false);
        Ok(Step { consumed: at + len, event: Some(Event::Data(Chunk { kind, first, last, payload })) })
    }

    /// Checks a piece of text; the error is the number of bytes before the one that makes it invalid. That is
    /// the last byte if it ends a message inside a character.
    #[inline]
    fn check_text(&mut self, payload: &[u8], last: bool) -> Result<(), usize> {
        self.utf8.push(payload)?;
        if last && !self.utf8.is_complete() { Err(payload.len().saturating_sub(1)) } else { Ok(()) }
    }

    /// Delivers the valid bytes before bad text; the next call fails.
    #[cold]
    fn fail_within<'a>(&mut self, good: &'a [u8], at: usize) -> Result<Step<'a>, Violation> {
        let violation = self.fail(Violation::InvalidUtf8);
        if good.is_empty() {
            return Err(violation);
        }
        let first = core::mem::replace(&mut self.first, false);
        let chunk = Chunk { kind: Kind::Text, first, last: false, payload: good };
        Ok(Step { consumed: at + good.len(), event: Some(Event::Data(chunk)) })
    }

    /// Collects a control frame's payload from `at` on, and delivers it when it is whole.
    fn control<'a>(&'a mut self, input: &'a mut [u8], at: usize) -> Result<Step<'a>, Violation> {
        let held = usize::from(self.held_len);
        let rest = input.get_mut(at..).unwrap_or_default();
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
        self.state = State::Start;
        self.held_len = 0;
        let payload = if held > 0 { &mut self.held[..held + len] } else { &mut rest[..len] };
        self.mask.apply(payload);
        let event = match self.opcode {
            PING => Event::Ping(payload),
            PONG => Event::Pong(payload),
            _ => {
                self.state = State::Closed;
                match CloseReason::parse(payload) {
                    Ok(reason) => Event::Close(reason),
                    Err(violation) => {
                        self.state = State::Failed(violation);
                        return Err(violation);
                    }
                }
            }
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

/// Checks that `len` needs the form that ends at header byte `at` (RFC 6455, section 5.2).
#[inline(always)]
fn check_form(len: u64, at: usize) -> Result<(), Violation> {
    match at {
        4 if len <= 125 => Err(Violation::LengthNotMinimal),
        10 if len <= 0xffff => Err(Violation::LengthNotMinimal),
        10 if len > MAX_PAYLOAD => Err(Violation::LengthTopBit),
        _ => Ok(()),
    }
}

/// How much of `available` belongs to a payload of which `remaining` is to come.
///
/// Generic over the size type so that the arithmetic of a 32-bit machine can be tested on any.
#[inline(always)]
fn portion<S: Copy + Ord + TryFrom<u64>>(remaining: u64, available: S) -> S {
    // A length that does not fit the type is more than can be available.
    S::try_from(remaining).map_or(available, |remaining| remaining.min(available))
}
