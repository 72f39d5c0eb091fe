//! The conversation that is disturbed: two messages go there and back, then the client closes.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use xous_api_websocket::error::{ReceiveError, SendError};
use xous_api_websocket::{Code, Deadlines, Kind, Part, Websocket};

use crate::common::{PATIENCE, pattern};

/// A call that takes longer has missed every deadline that it can have here, also on a busy machine.
pub(crate) const LATE: Duration = Duration::from_secs(10);
/// Where the wire stalls, what is waited for.
const SHORT: Duration = Duration::from_millis(400);

/// What is sent, one after the other: a short frame, and one whose length takes two bytes more.
pub(crate) const MESSAGES: [(Kind, usize); 2] = [(Kind::Text, 5), (Kind::Binary, 300)];

/// How the service waits. If the wire stalls, only a deadline ends a wait; else none is needed.
pub(crate) fn deadlines(stalls: bool) -> Deadlines {
    let wait = if stalls { SHORT } else { PATIENCE };
    Deadlines::new()
        .open(wait)
        .write(wait)
        .close(wait)
        .stall(PATIENCE)
        .keepalive(stalls.then_some(SHORT / 4))
        .pong(SHORT)
}

/// What a program has seen of the conversation.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Whole messages that have come to it.
    pub(crate) messages: usize,
    pub(crate) end: End,
    /// The longest that one of its calls took.
    pub(crate) slowest: Duration,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// There was no connection, and this is what the program was told.
    NotOpened(Code, String),
    /// Nobody came to the program.
    Nobody,
    /// With this close code, and the reason that the program was told.
    Closed(u16, String),
    /// As no call may end.
    Wrong(String),
}

/// Measures the calls of a program.
pub(crate) struct Calls {
    slowest: Duration,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Calls { slowest: Duration::ZERO }
    }

    pub(crate) fn time<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = call();
        self.slowest = self.slowest.max(start.elapsed());
        result
    }

    pub(crate) fn ended(&self, messages: usize, end: End) -> Outcome {
        Outcome { messages, end, slowest: self.slowest }
    }

    /// Sends a message; how that went wrong.
    fn send(&mut self, ws: &Websocket, kind: Kind, data: &[u8]) -> Result<(), End> {
        match self.time(|| ws.send_fragment(kind, Part::Whole, data)) {
            // That the connection has ended, a send may come to know first. Why, a receive tells.
            Ok(()) | Err(SendError::Closed) => Ok(()),
            Err(other) => Err(End::Wrong(format!("send: {other:?}"))),
        }
    }

    /// Receives what must be this message; how the connection ended instead.
    fn receive(&mut self, ws: &Websocket, kind: Kind, data: &[u8]) -> Result<(), End> {
        match self.time(|| ws.receive_whole(1 << 16)) {
            Ok(came) if came.kind() == kind && came.as_bytes() == data => Ok(()),
            Ok(came) => {
                let len = came.as_bytes().len();
                Err(End::Wrong(format!("{:?} with {len} other bytes came", came.kind())))
            }
            Err(ReceiveError::Closed(closed)) => Err(End::Closed(closed.code.value(), closed.reason)),
            Err(other) => Err(End::Wrong(format!("receive: {other:?}"))),
        }
    }

    /// Closes it when its end has been told, which tells the same once more.
    fn close_again(&mut self, ws: &Websocket, end: End) -> End {
        let End::Closed(code, _) = end else { return end };
        match self.time(|| ws.close(1000, "")) {
            Ok(again) if again == code => end,
            other => End::Wrong(format!("it had ended with {code}, and a close tells {other:?}")),
        }
    }
}

/// The conversation from the client's side, on an open connection.
pub(crate) fn asks(ws: &Websocket, mut calls: Calls, mut each: impl FnMut(usize)) -> Outcome {
    for (at, (kind, len)) in MESSAGES.into_iter().enumerate() {
        let data = message(kind, len);
        let echoed = calls.send(ws, kind, &data).and_then(|()| calls.receive(ws, kind, &data));
        if let Err(end) = echoed {
            let end = calls.close_again(ws, end);
            return calls.ended(at, end);
        }
        each(at);
    }
    let end = match calls.time(|| ws.close(1000, "")) {
        Ok(code) => End::Closed(code.value(), String::new()),
        Err(error) => End::Wrong(format!("close: {error:?}")),
    };
    calls.ended(MESSAGES.len(), end)
}

/// The conversation from the server's side.
pub(crate) fn answers(ws: &Websocket) -> Outcome {
    let mut calls = Calls::new();
    for (at, (kind, len)) in MESSAGES.into_iter().enumerate() {
        let data = message(kind, len);
        let echoed = calls.receive(ws, kind, &data).map(|()| at + 1);
        if let Err(end) = echoed {
            let end = calls.close_again(ws, end);
            return calls.ended(at, end);
        }
        if let Err(end) = calls.send(ws, kind, &data) {
            return calls.ended(at + 1, end);
        }
    }
    let end = match calls.receive(ws, Kind::Text, b"") {
        Err(end) => calls.close_again(ws, end),
        Ok(()) => End::Wrong("one message too many".into()),
    };
    calls.ended(MESSAGES.len(), end)
}

fn message(kind: Kind, len: usize) -> Vec<u8> {
    match kind {
        Kind::Text => vec![b't'; len],
        Kind::Binary => pattern(len),
    }
}

/// The same conversation as the peer has it that is not ours, as the client of this URL.
pub(crate) fn peer_asks(
    stream: impl Read + Write,
    url: &str,
    mut each: impl FnMut(usize),
) -> Result<(), Box<dyn std::error::Error>> {
    let (mut ws, _) = tungstenite::client(url, stream).map_err(|error| error.to_string())?;
    each(0);
    for (at, (kind, len)) in MESSAGES.into_iter().enumerate() {
        let sent = peer_message(kind, len);
        ws.send(sent.clone())?;
        let back = loop {
            let message = ws.read()?;
            if !message.is_ping() && !message.is_pong() {
                break message;
            }
        };
        if back.is_close() {
            break;
        }
        assert!(back == sent, "message {at} came back as another");
        each(at + 1);
    }
    let reason = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    ws.close(Some(reason))?;
    loop {
        ws.read()?;
    }
}

fn peer_message(kind: Kind, len: usize) -> Message {
    let data = message(kind, len);
    match kind {
        Kind::Text => Message::text(String::from_utf8(data).unwrap()),
        Kind::Binary => Message::binary(data),
    }
}
