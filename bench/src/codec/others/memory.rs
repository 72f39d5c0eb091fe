//! What connections of other libraries hold, with their default settings.

use bytes::Bytes;
use fastwebsockets::{Frame, Payload, Role, WebSocket};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio_websockets::{Message, ServerBuilder};

use crate::codec::case::Content;
use crate::codec::wire::Wire;
use crate::raw;

/// Bytes of the message that is echoed.
const SIZE: usize = 4096;

/// Names, heap bytes when idle, and after one echo.
pub(crate) fn of_others() -> Vec<(&'static str, usize, usize)> {
    vec![
        (
            "tungstenite",
            of(
                |wire| {
                    tungstenite::WebSocket::from_raw_socket(wire, tungstenite::protocol::Role::Server, None)
                },
                |socket| {
                    let message = socket.read().expect("a valid wire");
                    socket.send(message).expect("memory");
                },
            ),
        ),
        (
            "fastwebsockets",
            of(
                |wire| WebSocket::after_handshake(wire, Role::Server),
                |socket| {
                    let frame = socket
                        .read_frame()
                        .now_or_never()
                        .expect("memory never waits")
                        .expect("a valid wire");
                    let echo = Frame::binary(Payload::Owned(frame.payload.to_vec()));
                    socket.write_frame(echo).now_or_never().expect("memory never waits").expect("memory");
                },
            ),
        ),
        (
            "tokio-websockets",
            of(
                |wire| ServerBuilder::new().serve(wire),
                |socket| {
                    let message = socket
                        .next()
                        .now_or_never()
                        .flatten()
                        .expect("memory never waits")
                        .expect("a valid wire");
                    let echo = Message::binary(Bytes::from(message.into_payload()));
                    socket.send(echo).now_or_never().expect("memory never waits").expect("memory");
                },
            ),
        ),
    ]
    .into_iter()
    .map(|(name, (idle, used))| (name, idle, used))
    .collect()
}

fn of<T>(make: impl FnOnce(Wire) -> T, echo: impl FnOnce(&mut T)) -> (usize, usize) {
    let wire = Wire::new(Content::Binary, SIZE, SIZE);
    let before = raw::live_bytes();
    let mut socket = Box::new(make(wire));
    let idle = raw::live_bytes() - before;
    echo(&mut socket);
    let used = raw::live_bytes() - before;
    (idle, used)
}
