//! The opening handshake from both ends (RFC 6455, section 4).

mod client;
mod heads;
mod server;

use websocket::proto::handshake::{
    Authorization, ClientRequest, Key, Plain, Request, Upgrade, check_reply, check_request,
};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

const REQUEST: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: device.local\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

const REPLY: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const CLIENT: ClientRequest<'_> = ClientRequest {
    host: "device.local",
    port: 80,
    secure: false,
    path: "/chat?room=1",
    origin: None,
    authorization: Authorization::None,
    sub_protocols: &[],
    headers: &[],
};

fn key() -> Key {
    Key::parse(KEY.as_bytes()).expect("the key of the RFC")
}

/// `head` with another text in place of `old`, which must be there.
fn with(head: &str, old: &str, new: &str) -> Vec<u8> {
    assert!(head.contains(old));
    head.replacen(old, new, 1).into_bytes()
}

fn composed(request: ClientRequest<'_>) -> String {
    let mut out = Vec::new();
    request.compose(&key(), &mut out).expect("a valid request");
    String::from_utf8(out).expect("ASCII")
}

fn upgrade(head: &[u8]) -> Upgrade<'_> {
    match check_request(head) {
        Ok(Request::Upgrade(upgrade)) => upgrade,
        other => panic!("{other:?} for {}", head.escape_ascii()),
    }
}

fn plain(head: &[u8]) -> Plain<'_> {
    match check_request(head) {
        Ok(Request::Plain(plain)) => plain,
        other => panic!("{other:?} for {}", head.escape_ascii()),
    }
}

#[test]
fn our_own_ends_understand_each_other() {
    let head = composed(ClientRequest { sub_protocols: &["one", "two"], ..CLIENT });
    let request = upgrade(head.as_bytes());
    assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
    assert_eq!(request.key, key());
    assert_eq!(
        request.protocols().collect::<Vec<_>>(),
        ["one", "two"],
        "in the client's order of preference"
    );
    let mut out = Vec::new();
    request.compose_accept(Some("two"), &[("Server", "xous")], &mut out).expect("a valid response");
    let reply = check_reply(&out, &key(), &["one", "two"]).expect("a valid reply");
    assert_eq!((reply.status, reply.protocol), (101, Some("two")));
    assert_eq!(reply.headers.first("server"), Some(&b"xous"[..]));
    assert_eq!(reply.headers.first("Sec-WebSocket-Extensions"), None);
}
