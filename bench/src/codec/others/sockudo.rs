//! sockudo-ws: its protocol layer, which is bytes in and reference-counted messages out, with kept buffers.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use sockudo_ws::protocol::Protocol;
use sockudo_ws::{Message, Role};

use crate::codec::codecs::{Codec, Decode, Encode, everything};
use crate::codec::wire::{Discard, Wire};

const MAX_MESSAGE: usize = 64 << 20;

pub(crate) const CODEC: Codec = Codec {
    name: "sockudo-ws",
    decoder: |wire| Box::new(Receiving::new(wire)),
    encoder: |masked, payload| Box::new(Sending::new(masked, payload)),
    can: everything,
};

struct Receiving {
    wire: Wire,
    protocol: Protocol,
    buffer: BytesMut,
    messages: Vec<Message>,
    /// Of `messages` counted as decoded.
    given: usize,
}

impl Receiving {
    fn new(wire: Wire) -> Self {
        let buffer = BytesMut::with_capacity(2 * wire.piece());
        let protocol = Protocol::new(Role::Server, MAX_MESSAGE, MAX_MESSAGE);
        Self { wire, protocol, buffer, messages: Vec::new(), given: 0 }
    }
}

impl Decode for Receiving {
    fn decode(&mut self, messages: usize) -> usize {
        let (mut left, mut bytes) = (messages, 0);
        while left > 0 {
            let now = &self.messages[self.given..];
            let now = &now[..now.len().min(left)];
            bytes += now.iter().map(|message| black_box(message).as_bytes().len()).sum::<usize>();
            self.given += now.len();
            left -= now.len();
            if self.given == self.messages.len() {
                // Lets go of the buffer, so that it can be used again.
                self.messages.clear();
                self.given = 0;
                if left > 0 {
                    self.buffer.extend_from_slice(self.wire.next(usize::MAX));
                    self.protocol.process_into(&mut self.buffer, &mut self.messages).expect("a valid wire");
                }
            }
        }
        bytes
    }
}

struct Sending {
    protocol: Protocol,
    message: Message,
    buffer: BytesMut,
}

impl Sending {
    fn new(masked: bool, payload: Vec<u8>) -> Self {
        let role = if masked { Role::Client } else { Role::Server };
        let buffer = BytesMut::with_capacity(payload.len() + 64);
        Self {
            protocol: Protocol::new(role, MAX_MESSAGE, MAX_MESSAGE),
            message: Message::Binary(Bytes::from(payload)),
            buffer,
        }
    }
}

impl Encode for Sending {
    fn encode(&mut self, messages: usize) {
        let mut sink = Discard;
        for _ in 0..messages {
            self.protocol.encode_message(black_box(&self.message), &mut self.buffer).expect("in order");
            sink.swallow(&self.buffer);
            self.buffer.clear();
        }
    }
}
