//! tungstenite: blocking, owned messages.

use std::hint::black_box;

use bytes::Bytes;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use crate::codec::codecs::{Codec, Decode, Encode, everything};
use crate::codec::wire::{Discard, Wire};

pub(crate) const CODEC: Codec = Codec {
    name: "tungstenite",
    decoder: |wire| {
        let config = WebSocketConfig::default().read_buffer_size(wire.piece());
        Box::new(Receiving(WebSocket::from_raw_socket(wire, Role::Server, Some(config))))
    },
    encoder: |masked, payload| {
        let role = if masked { Role::Client } else { Role::Server };
        Box::new(Sending(WebSocket::from_raw_socket(Discard, role, None), payload.into()))
    },
    can: everything,
};

struct Receiving(WebSocket<Wire>);

impl Decode for Receiving {
    fn decode(&mut self, messages: usize) -> usize {
        (0..messages).map(|_| black_box(self.0.read().expect("a valid wire")).len()).sum()
    }
}

struct Sending(WebSocket<Discard>, Bytes);

impl Encode for Sending {
    fn encode(&mut self, messages: usize) {
        for _ in 0..messages {
            self.0.send(Message::Binary(self.1.clone())).expect("memory");
        }
    }
}
