//! What a decoder makes of an input, in a form that does not depend on how the input is cut.
#![allow(dead_code, reason = "each user of this file needs a part of it")]

use websocket::proto::{Decoder, Event, Kind, Limits, Role, Violation};

/// One event; the chunks of a message are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Message { kind: Kind, payload: Vec<u8>, whole: bool },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

/// All events of an input, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) seen: Vec<Seen>,
    pub(crate) fault: Option<Violation>,
    pub(crate) mid_message: bool,
}

impl Trace {
    /// Runs `input` through a new decoder in pieces of the lengths that `cuts` gives; the rest comes in one.
    pub(crate) fn of(
        role: Role,
        limits: Limits,
        input: &[u8],
        cuts: impl IntoIterator<Item = usize>,
    ) -> Self {
        let mut decoder = Decoder::new(role, limits);
        let mut trace = Self::default();
        let mut rest = input;
        for cut in cuts.into_iter().chain([input.len()]) {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            rest = behind;
            if !trace.push(&mut decoder, &mut piece.to_vec()) {
                break;
            }
        }
        trace.mid_message = decoder.is_mid_message();
        trace
    }

    /// The input in one piece.
    pub(crate) fn at_once(role: Role, input: &[u8]) -> Self {
        Self::of(role, Limits::NONE, input, [])
    }

    /// The input byte by byte.
    pub(crate) fn by_byte(role: Role, limits: Limits, input: &[u8]) -> Self {
        Self::of(role, limits, input, std::iter::repeat_n(1, input.len()))
    }

    /// Decodes a piece to its end; false after a fault.
    fn push(&mut self, decoder: &mut Decoder, piece: &mut [u8]) -> bool {
        let mut rest = piece;
        while !rest.is_empty() {
            let len = rest.len();
            match decoder.decode(rest) {
                Ok(step) => {
                    assert!(step.consumed > 0 && step.consumed <= len, "progress, within the input");
                    let consumed = step.consumed;
                    if let Some(event) = step.event {
                        self.add(event);
                    }
                    rest = &mut rest[consumed..];
                }
                Err(violation) => {
                    self.fault = Some(violation);
                    assert_eq!(decoder.decode(rest).err(), Some(violation), "a fault stays");
                    return false;
                }
            }
        }
        true
    }

    fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Data(chunk) if chunk.first => {
                let (kind, whole, payload) = (chunk.kind, chunk.last, chunk.payload.to_vec());
                assert!(!self.is_open(), "a message begins inside another");
                self.seen.push(Seen::Message { kind, payload, whole });
            }
            Event::Data(chunk) => {
                let open = self.seen.iter_mut().rev().find(|seen| matches!(seen, Seen::Message { .. }));
                let Some(Seen::Message { kind, payload, whole: whole @ false }) = open else {
                    panic!("a chunk without a message")
                };
                assert_eq!(*kind, chunk.kind);
                assert!(chunk.last || !chunk.payload.is_empty());
                payload.extend_from_slice(chunk.payload);
                *whole = chunk.last;
            }
            Event::Ping(payload) => self.seen.push(Seen::Ping(payload.to_vec())),
            Event::Pong(payload) => self.seen.push(Seen::Pong(payload.to_vec())),
            Event::Close(reason) => {
                let reason = reason.map(|reason| (reason.code().value(), reason.text().to_owned()));
                self.seen.push(Seen::Close(reason));
            }
        }
    }

    fn is_open(&self) -> bool {
        self.seen.iter().any(|seen| matches!(seen, Seen::Message { whole: false, .. }))
    }
}
