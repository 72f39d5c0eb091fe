//! embedded-websocket: whole frames from slice to slice. It does not check text, and a frame that is longer than a
//! read would need a buffer of its own that the caller assembles, so such cases are left out.

use std::hint::black_box;
use std::io::Read;

use embedded_websocket::{WebSocketClient, WebSocketSendMessageType, WebSocketServer, WebSocketState};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::codec::case::Case;
use crate::codec::codecs::{Codec, Decode, Encode};
use crate::codec::wire::{Discard, Wire};

pub(crate) const CODEC: Codec = Codec {
    name: "embedded-websocket",
    decoder: |wire| Box::new(Receiving::new(wire)),
    encoder: |masked, payload| Box::new(Sending::new(masked, payload)),
    can: |case| match case {
        Case::Decode { content, size, piece } => !content.is_text() && size <= piece,
        Case::Encode { .. } => true,
    },
};

/// The longest header of a masked frame.
const HEADER: usize = 14;

struct Receiving {
    wire: Wire,
    socket: WebSocketServer,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    payload: Vec<u8>,
}

impl Receiving {
    fn new(wire: Wire) -> Self {
        let mut socket = WebSocketServer::new_server();
        socket.state = WebSocketState::Open;
        let len = wire.piece() + HEADER;
        Self { wire, socket, buffer: vec![0; 2 * len], start: 0, end: 0, payload: vec![0; len] }
    }

    /// The next frame is whole in the buffer.
    fn is_whole(&self) -> bool {
        let bytes = &self.buffer[self.start..self.end];
        let len = match bytes {
            [_, len, ..] if len & 0x7f < 126 => 6 + usize::from(len & 0x7f),
            [_, len, a, b, ..] if len & 0x7f == 126 => 8 + usize::from(u16::from_be_bytes([*a, *b])),
            [_, _, rest @ ..] => {
                let Some(len) = rest.first_chunk() else { return false };
                14 + u64::from_be_bytes(*len) as usize
            }
            _ => return false,
        };
        bytes.len() >= len
    }
}

impl Decode for Receiving {
    fn decode(&mut self, messages: usize) -> usize {
        let (mut left, mut bytes) = (messages, 0);
        while left > 0 {
            if !self.is_whole() {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
                self.end += self.wire.read(&mut self.buffer[self.end..]).expect("memory");
                continue;
            }
            let frame = self.socket.read(&self.buffer[self.start..self.end], &mut self.payload);
            let frame = frame.expect("a valid wire");
            self.start += frame.len_from;
            bytes += black_box(&self.payload[..frame.len_to]).len();
            left -= 1;
        }
        bytes
    }
}

enum Socket {
    Client(Box<WebSocketClient<ChaCha8Rng>>),
    Server(WebSocketServer),
}

struct Sending {
    socket: Socket,
    payload: Vec<u8>,
    buffer: Vec<u8>,
}

impl Sending {
    fn new(masked: bool, payload: Vec<u8>) -> Self {
        let socket = if masked {
            let mut client = WebSocketClient::new_client(ChaCha8Rng::seed_from_u64(1));
            client.state = WebSocketState::Open;
            Socket::Client(Box::new(client))
        } else {
            let mut server = WebSocketServer::new_server();
            server.state = WebSocketState::Open;
            Socket::Server(server)
        };
        let buffer = vec![0; payload.len() + HEADER];
        Self { socket, payload, buffer }
    }
}

impl Encode for Sending {
    fn encode(&mut self, messages: usize) {
        let mut sink = Discard;
        let kind = WebSocketSendMessageType::Binary;
        for _ in 0..messages {
            let payload = black_box(&self.payload);
            let written = match &mut self.socket {
                Socket::Client(client) => client.write(kind, true, payload, &mut self.buffer),
                Socket::Server(server) => server.write(kind, true, payload, &mut self.buffer),
            };
            sink.swallow(&self.buffer[..written.expect("it fits")]);
        }
    }
}
