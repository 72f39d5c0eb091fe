//! fastwebsockets: futures that are always ready here, frames that own their bytes.

use std::hint::black_box;

use fastwebsockets::{Frame, Payload, Role, WebSocket};
use futures_util::FutureExt;

use crate::codec::codecs::{Codec, Decode, Encode, everything};
use crate::codec::wire::{Discard, Wire};

pub(crate) const CODEC: Codec = Codec {
    name: "fastwebsockets",
    decoder: |wire| Box::new(Receiving(WebSocket::after_handshake(wire, Role::Server))),
    encoder: |masked, payload| {
        let role = if masked { Role::Client } else { Role::Server };
        Box::new(Sending(WebSocket::after_handshake(Discard, role), payload))
    },
    can: everything,
};

struct Receiving(WebSocket<Wire>);

impl Decode for Receiving {
    fn decode(&mut self, messages: usize) -> usize {
        let mut bytes = 0;
        for _ in 0..messages {
            let frame = self.0.read_frame().now_or_never().expect("memory never waits");
            bytes += black_box(frame.expect("a valid wire")).payload.len();
        }
        bytes
    }
}

struct Sending(WebSocket<Discard>, Vec<u8>);

impl Encode for Sending {
    fn encode(&mut self, messages: usize) {
        for _ in 0..messages {
            let frame = Frame::binary(Payload::Borrowed(&self.1));
            self.0.write_frame(frame).now_or_never().expect("memory never waits").expect("memory");
        }
    }
}
