//! tokio-websockets: a stream and a sink, polled by hand; messages share their bytes.

use std::hint::black_box;

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Limits, Message, ServerBuilder, WebSocketStream};

use crate::codec::codecs::{Codec, Decode, Encode, everything};
use crate::codec::wire::{Discard, Wire};

pub(crate) const CODEC: Codec = Codec {
    name: "tokio-websockets",
    decoder: |wire| Box::new(Receiving(ServerBuilder::new().limits(Limits::unlimited()).serve(wire))),
    encoder: |masked, payload| {
        let stream = if masked {
            ClientBuilder::new().take_over(Discard)
        } else {
            ServerBuilder::new().serve(Discard)
        };
        Box::new(Sending(stream, payload.into()))
    },
    can: everything,
};

struct Receiving(WebSocketStream<Wire>);

impl Decode for Receiving {
    fn decode(&mut self, messages: usize) -> usize {
        let mut bytes = 0;
        for _ in 0..messages {
            let message = self.0.next().now_or_never().flatten().expect("memory never waits nor ends");
            bytes += black_box(message.expect("a valid wire")).as_payload().len();
        }
        bytes
    }
}

struct Sending(WebSocketStream<Discard>, Bytes);

impl Encode for Sending {
    fn encode(&mut self, messages: usize) {
        for _ in 0..messages {
            let message = Message::binary(self.1.clone());
            self.0.send(message).now_or_never().expect("memory never waits").expect("memory");
        }
    }
}
