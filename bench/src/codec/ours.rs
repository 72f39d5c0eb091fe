//! This project's codec, used as the service uses it: one kept buffer, chunks that lie in it.

use std::hint::black_box;
use std::io::Read;

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use websocket::proto::{Decoder, Encoder, Event, FrameKind, Kind, Limits, Role};

use super::codecs::{Codec, Decode, Encode, everything};
use super::wire::{Discard, Wire};

pub(crate) const CODEC: Codec = Codec {
    name: "this project",
    decoder: |wire| Box::new(Receiving::new(wire)),
    encoder: |masked, payload| Box::new(Sending::new(masked, payload)),
    can: everything,
};

/// What the service reads or writes at a time, at most: its clients lend no more.
const BUFFER: usize = 16 * 1024;

struct Receiving {
    wire: Wire,
    decoder: Decoder,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Receiving {
    fn new(wire: Wire) -> Self {
        let buffer = vec![0; wire.piece().min(BUFFER)].into();
        Self { wire, decoder: Decoder::new(Role::Server, Limits::NONE), buffer, start: 0, end: 0 }
    }
}

impl Decode for Receiving {
    fn decode(&mut self, messages: usize) -> usize {
        let (mut left, mut bytes) = (messages, 0);
        while left > 0 {
            if self.start == self.end {
                self.start = 0;
                self.end = self.wire.read(&mut self.buffer).expect("memory");
            }
            let step = self.decoder.decode(&mut self.buffer[self.start..self.end]).expect("a valid wire");
            self.start += step.consumed;
            if let Some(Event::Data(chunk)) = step.event {
                bytes += black_box(chunk.payload).len();
                left -= usize::from(chunk.last);
            }
        }
        bytes
    }
}

struct Sending {
    encoder: Encoder,
    masked: bool,
    masks: ChaCha8Rng,
    payload: Vec<u8>,
    buffer: Box<[u8]>,
}

impl Sending {
    fn new(masked: bool, payload: Vec<u8>) -> Self {
        let role = if masked { Role::Client } else { Role::Server };
        let buffer = vec![0; BUFFER].into();
        Self { encoder: Encoder::new(role), masked, masks: ChaCha8Rng::seed_from_u64(1), payload, buffer }
    }
}

impl Encode for Sending {
    fn encode(&mut self, messages: usize) {
        let mut sink = Discard;
        for _ in 0..messages {
            let key = if self.masked { self.masks.next_u32().to_ne_bytes() } else { [0; 4] };
            let mut payload = &black_box(&self.payload)[..];
            let whole = FrameKind::Whole(Kind::Binary);
            if self.masked
                && let Some(len) =
                    self.encoder.encode(whole, payload, key, &mut self.buffer).expect("in order")
            {
                sink.swallow(&self.buffer[..len]);
                continue;
            }
            let mut frame = self.encoder.begin(whole, payload.len() as u64, key).expect("in order");
            if !self.masked {
                // As its documentation says: the header, then the payload as it is.
                sink.swallow(frame.header());
                sink.swallow(payload);
                continue;
            }
            while !frame.is_done() {
                let (taken, written) = frame.write(payload, &mut self.buffer);
                sink.swallow(&self.buffer[..written]);
                payload = &payload[taken..];
            }
        }
    }
}
