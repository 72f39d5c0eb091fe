//! A message far larger than memory should hold, streamed through encoder and decoder without an allocation.
//!
//! 4 GiB in a release build (`cargo test --release --test proto_stream`), where lengths pass the 32 bits; 64 MiB
//! in a debug build, where 4 GiB would take minutes.

#[path = "proto/deadline.rs"]
mod deadline;

use deadline::within_a_minute;
use websocket::proto::{Decoder, Encoder, Event, FrameKind, FrameWriter, Kind, Limits, Role};

/// Beyond 4 GiB by enough that a length cut to 32 bits would show.
const TOTAL: u64 = if cfg!(debug_assertions) { 64 << 20 } else { (4 << 30) + 12_345 };

/// What a socket's buffer may hold; no divisor of anything.
const PAGE: usize = 16_000;

/// The streamed payload repeats this, so each byte tells its place.
const PERIOD: usize = 251;

/// The state of both ends, and what has gone through.
struct Stream {
    encoder: Encoder,
    decoder: Decoder,
    source: Vec<u8>,
    wire: Vec<u8>,
    sent: u64,
    received: u64,
    messages: u32,
}

impl Stream {
    fn new(sender: Role) -> Self {
        let source = (0..PAGE + PERIOD).map(|i| b'!' + (i % PERIOD % 90) as u8).collect();
        Self {
            encoder: Encoder::new(sender),
            decoder: Decoder::new(sender.peer(), Limits::NONE),
            source,
            wire: vec![0; PAGE],
            sent: 0,
            received: 0,
            messages: 0,
        }
    }

    fn frame(&mut self, frame: FrameKind, len: u64) {
        let key = (self.sent as u32).wrapping_mul(0x9e37_79b9).to_be_bytes();
        let mut writer = self.encoder.begin(frame, len, key).expect("in order");
        while !writer.is_done() {
            self.page(&mut writer);
        }
    }

    /// One buffer's worth, out and in again.
    fn page(&mut self, writer: &mut FrameWriter) {
        let start = (self.sent % PERIOD as u64) as usize;
        let (taken, written) = writer.write(&self.source[start..start + PAGE], &mut self.wire);
        self.sent += taken as u64;
        let mut rest = &mut self.wire[..written];
        while !rest.is_empty() {
            let step = self.decoder.decode(rest).expect("valid frames");
            if let Some(Event::Data(chunk)) = step.event {
                let start = (self.received % PERIOD as u64) as usize;
                assert!(chunk.payload == &self.source[start..start + chunk.payload.len()]);
                assert_eq!(chunk.first, self.received == 0);
                self.received += chunk.payload.len() as u64;
                self.messages += u32::from(chunk.last);
            }
            let consumed = step.consumed;
            rest = &mut rest[consumed..];
        }
    }
}

fn stream(sender: Role, frames: &[(FrameKind, u64)]) {
    let mut stream = Stream::new(sender);
    let usage = allocation_counter::measure(|| {
        for (frame, len) in frames {
            stream.frame(*frame, *len);
        }
    });
    assert_eq!((stream.sent, stream.received, stream.messages), (TOTAL, TOTAL, 1));
    assert_eq!(usage.count_total, 0, "allocations for {TOTAL} bytes");
}

#[test]
fn binary_in_one_masked_frame() {
    within_a_minute(|| stream(Role::Client, &[(FrameKind::Whole(Kind::Binary), TOTAL)]));
}

#[test]
fn text_in_one_plain_frame() {
    within_a_minute(|| stream(Role::Server, &[(FrameKind::Whole(Kind::Text), TOTAL)]));
}

#[test]
fn text_in_masked_fragments() {
    within_a_minute(|| {
        let parts = [TOTAL / 2, 0, 1, TOTAL - TOTAL / 2 - 1];
        let [first, empty, one, last] = parts;
        stream(
            Role::Client,
            &[
                (FrameKind::First(Kind::Text), first),
                (FrameKind::Middle, empty),
                (FrameKind::Middle, one),
                (FrameKind::Last, last),
            ],
        );
    });
}
