//! Other WebSocket libraries talk to the echo server.

use std::net::TcpStream;

use tungstenite::client::IntoClientRequest;
use tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Error, HandshakeError, Message};

use crate::common::PATIENCE;
use crate::common::example::Example;
use crate::tools::{node, python};

#[test]
fn python_websockets() {
    let server = Example::start("echo_server");
    assert_eq!(python("echo.py", &server.url("ws", "/echo")), "ok\n");
}

#[test]
fn npm_ws() {
    let server = Example::start("echo_server");
    assert_eq!(node("echo.cjs", &server.url("ws", "/echo")), "ok\n");
}

#[test]
fn tungstenite() {
    let server = Example::start("echo_server");
    let mut request = server.url("ws", "/echo").into_client_request().unwrap();
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, "echo".parse().unwrap());
    let (mut ws, response) = tungstenite::client(request, connect(&server)).unwrap();
    assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "echo");
    for len in [0, 1, 125, 126, 65535, 65536, 1_000_000] {
        for message in [Message::text("x".repeat(len)), Message::binary(vec![7; len])] {
            ws.send(message.clone()).unwrap();
            assert_eq!(ws.read().unwrap(), message);
        }
    }
    ws.send(Message::Ping(Bytes::from_static(b"there?"))).unwrap();
    assert_eq!(ws.read().unwrap(), Message::Pong(Bytes::from_static(b"there?")));
    ws.send(Message::text("Trigger async")).unwrap();
    let mut answers = [ws.read().unwrap(), ws.read().unwrap()].map(|answer| answer.into_text().unwrap());
    answers.sort();
    assert_eq!(answers, ["Async data", "Trigger async"]);
    ws.close(Some(CloseFrame { code: CloseCode::Library(4000), reason: "enough".into() })).unwrap();
    match ws.read() {
        Ok(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), 4000),
        other => panic!("{other:?}"),
    }
    assert!(matches!(ws.read(), Err(Error::ConnectionClosed)));
    match tungstenite::client(server.url("ws", "/not/there"), connect(&server)) {
        Err(HandshakeError::Failure(Error::Http(response))) => assert_eq!(response.status(), 404),
        other => panic!("{other:?}"),
    }
}

fn connect(server: &Example) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}
