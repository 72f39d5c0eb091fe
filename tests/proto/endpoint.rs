//! A connection end made of the core alone: what it is fed, it echoes. No I/O.
#![allow(dead_code, reason = "each user of this file needs a part of it")]

use websocket::proto::{
    CloseStep, Closing, Decoder, Encoder, Event, FrameKind, Kind, Limits, MAX_HEADER, Role, Violation,
};

/// How messages are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// Not at all.
    Nothing,
    /// Each as one frame, when it has come whole. The output does not depend on how the input was cut.
    Whole,
    /// In fragments as they come.
    Stream,
}

/// Decoder, encoder and closing state, wired up as the service does it.
pub(crate) struct Endpoint {
    echo: Echo,
    decoder: Decoder,
    encoder: Encoder,
    closing: Closing,
    message: Vec<u8>,
    keys: u32,
    /// What is to be sent.
    pub(crate) out: Vec<u8>,
}

impl Endpoint {
    pub(crate) fn new(role: Role, limits: Limits, echo: Echo) -> Self {
        Self {
            echo,
            decoder: Decoder::new(role, limits),
            encoder: Encoder::new(role),
            closing: Closing::new(role),
            message: Vec::new(),
            keys: 0,
            out: Vec::new(),
        }
    }

    /// Takes what the peer sent and appends the answers to `out`. Every event goes to `watch` first.
    pub(crate) fn receive(&mut self, input: &mut [u8], mut watch: impl FnMut(&Event<'_>)) {
        let mut rest = input;
        // The decoder is put aside so that its events may be answered while they borrow it.
        let mut decoder = self.decoder.clone();
        while !rest.is_empty() && self.closing.failure().is_none() {
            match decoder.decode(rest) {
                Ok(step) => {
                    let consumed = step.consumed;
                    if let Some(event) = step.event {
                        watch(&event);
                        self.answer(event);
                    }
                    rest = &mut rest[consumed..];
                }
                Err(violation) => self.fail(violation),
            }
        }
        self.decoder = decoder;
    }

    /// Sends a message in one frame; false if this end has closed.
    pub(crate) fn send(&mut self, kind: Kind, payload: &[u8]) -> bool {
        self.frame(FrameKind::Whole(kind), payload)
    }

    /// Sends a ping; false if this end has closed.
    pub(crate) fn ping(&mut self, payload: &[u8]) -> bool {
        let key = self.key();
        let ping = self.encoder.ping(payload, key);
        ping.map(|frame| self.out.extend_from_slice(frame.as_ref())).is_ok()
    }

    /// Starts the closing handshake.
    pub(crate) fn close(&mut self) {
        self.closing.start(None);
        self.send_close();
    }

    /// What is left to do.
    pub(crate) fn next(&self) -> CloseStep {
        self.closing.next()
    }

    pub(crate) fn closing(&self) -> &Closing {
        &self.closing
    }

    fn answer(&mut self, event: Event<'_>) {
        match event {
            Event::Data(chunk) if self.echo == Echo::Stream => {
                let frame = match (chunk.first, chunk.last) {
                    (true, true) => FrameKind::Whole(chunk.kind),
                    (true, false) => FrameKind::First(chunk.kind),
                    (false, false) => FrameKind::Middle,
                    (false, true) => FrameKind::Last,
                };
                self.frame(frame, chunk.payload);
            }
            Event::Data(chunk) if self.echo == Echo::Whole => {
                self.message.extend_from_slice(chunk.payload);
                if chunk.last {
                    let message = std::mem::take(&mut self.message);
                    self.send(chunk.kind, &message);
                }
            }
            Event::Data(_) | Event::Pong(_) => {}
            Event::Ping(payload) => {
                let key = self.key();
                if let Ok(pong) = self.encoder.pong(payload, key) {
                    self.out.extend_from_slice(pong.as_ref());
                }
            }
            Event::Close(reason) => {
                self.closing.received(reason);
                self.send_close();
            }
        }
    }

    fn fail(&mut self, violation: Violation) {
        self.closing.fail(violation);
        self.send_close();
    }

    fn send_close(&mut self) {
        if let Some(payload) = self.closing.take_due() {
            let key = self.key();
            let close = self.encoder.close(payload.reason(), key).expect("one close is due once");
            self.out.extend_from_slice(close.as_ref());
        }
    }

    fn frame(&mut self, frame: FrameKind, payload: &[u8]) -> bool {
        let key = self.key();
        let Ok(mut writer) = self.encoder.begin(frame, payload.len() as u64, key) else { return false };
        let start = self.out.len();
        self.out.resize(start + MAX_HEADER + payload.len(), 0);
        let (taken, written) = writer.write(payload, &mut self.out[start..]);
        assert!(taken == payload.len() && writer.is_done());
        self.out.truncate(start + written);
        true
    }

    /// A masking key: any will do where no proxy is to be misled.
    fn key(&mut self) -> [u8; 4] {
        self.keys = self.keys.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.keys.to_be_bytes()
    }
}
