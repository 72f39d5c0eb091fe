//! The client's end: the request that it composes, the replies that it takes.

use websocket::proto::handshake::{
    Authorization, ClientRequest, ReplyError, RequestError, check_reply, parse_reply,
};

use super::{CLIENT, KEY, REPLY, composed, key, with};

#[test]
fn the_request_of_the_client() {
    assert_eq!(
        composed(CLIENT),
        "GET /chat?room=1 HTTP/1.1\r\nHost: device.local\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    let full = composed(ClientRequest {
        port: 8080,
        path: "",
        origin: Some("https://page.example"),
        authorization: Authorization::Basic { user: "Aladdin", password: "open sesame" },
        sub_protocols: &["chat", "superchat"],
        headers: &[("User-Agent", "xous")],
        ..CLIENT
    });
    assert!(full.starts_with("GET / HTTP/1.1\r\nHost: device.local:8080\r\n"));
    for line in [
        "Origin: https://page.example",
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "Sec-WebSocket-Protocol: chat, superchat",
        "User-Agent: xous",
    ] {
        assert!(full.contains(&format!("\r\n{line}\r\n")), "{line}");
    }
}

#[test]
fn host_and_port_of_the_request() {
    let host = |host, port, secure| {
        let head = composed(ClientRequest { host, port, secure, ..CLIENT });
        head.lines().nth(1).expect("the second line").to_owned()
    };
    assert_eq!(host("a-b.example", 443, true), "Host: a-b.example");
    assert_eq!(host("a", 80, true), "Host: a:80");
    assert_eq!(host("a", 443, false), "Host: a:443");
    assert_eq!(host("192.168.1.7", 81, false), "Host: 192.168.1.7:81");
    assert_eq!(host("::1", 80, false), "Host: [::1]");
    assert_eq!(host("[fe80::1]", 9, false), "Host: [fe80::1]:9");
    for bad in ["", "a b", "a/b", "a:80", "a@b", "a?b", "a#b", "[a]", "[::1", "::1]", "[]", "a%00", "a\\b"] {
        let request = ClientRequest { host: bad, ..CLIENT };
        assert_eq!(request.compose(&key(), &mut Vec::new()), Err(RequestError::Host), "{bad:?}");
    }
}

/// RFC 7617 section 2.1; without it nobody could log in whose name has an umlaut.
#[test]
fn credentials_may_have_letters_beyond_ascii() {
    let basic = Authorization::Basic { user: "m\u{fc}ller", password: "\u{20ac}" };
    let head = composed(ClientRequest { authorization: basic, ..CLIENT });
    assert!(head.contains("\r\nAuthorization: Basic bcO8bGxlcjrigqw=\r\n"), "{head}");
    let query = Authorization::Query { user: "m\u{fc}ller", password: "\u{20ac}" };
    let head = composed(ClientRequest { authorization: query, ..CLIENT });
    assert!(head.contains("&login=m%C3%BCller&password=%E2%82%AC "), "{head}");
}

#[test]
fn credentials_in_the_query_are_a_choice_by_name() {
    let authorization = Authorization::Query { user: "me@x", password: "a&b=c d+%" };
    let first_line = |path| {
        let head = composed(ClientRequest { path, authorization, ..CLIENT });
        assert!(!head.contains("Authorization"));
        head.lines().next().expect("a line").to_owned()
    };
    let query = "login=me%40x&password=a%26b%3Dc%20d%2B%25";
    assert_eq!(first_line("/a"), format!("GET /a?{query} HTTP/1.1"));
    assert_eq!(first_line("/a?b"), format!("GET /a?b&{query} HTTP/1.1"));
    assert_eq!(format!("{authorization:?}"), "Query(..)", "a log does not show them");
}

#[test]
fn requests_that_are_not_composed() {
    let refused = |request: ClientRequest<'_>| request.compose(&key(), &mut Vec::new()).expect_err("refused");
    for path in ["chat", "?a", "/a b", "/#top", "*"] {
        assert_eq!(refused(ClientRequest { path, ..CLIENT }), RequestError::Path);
    }
    for sub_protocols in [&["a", "a"][..], &[""], &["a b"], &["a,b"], &["(a)"]] {
        assert_eq!(refused(ClientRequest { sub_protocols, ..CLIENT }), RequestError::SubProtocol);
    }
    for name in [
        "",
        "a b",
        "a:",
        "Host",
        "UPGRADE",
        "connection",
        "Sec-WebSocket-Key",
        "sec-websocket-extensions",
        "Content-Length",
        "Transfer-Encoding",
        "Expect",
    ] {
        assert_eq!(refused(ClientRequest { headers: &[(name, "1")], ..CLIENT }), RequestError::HeaderName);
    }
    let twice = ClientRequest { origin: Some("http://a"), headers: &[("origin", "http://b")], ..CLIENT };
    assert_eq!(refused(twice), RequestError::HeaderName);
    let authorization = Authorization::Basic { user: "a:b", password: "" };
    assert_eq!(refused(ClientRequest { authorization, ..CLIENT }), RequestError::Credentials);
    let long = "x".repeat(9000);
    assert_eq!(refused(ClientRequest { path: &format!("/{long}"), ..CLIENT }), RequestError::TooLong);
    assert_eq!(refused(ClientRequest { headers: &[("a", &long)], ..CLIENT }), RequestError::TooLong);
    // Percent-encoding makes it too long.
    let authorization = Authorization::Query { user: "", password: &"%".repeat(3000) };
    assert_eq!(refused(ClientRequest { authorization, ..CLIENT }), RequestError::TooLong);
}

#[test]
fn forms_of_a_valid_reply() {
    for (old, new) in [
        ("101 Switching Protocols", "101 "),
        ("101 Switching Protocols", "101"),
        ("101 Switching Protocols", "101 Welcome"),
        ("HTTP/1.1", "HTTP/1.2"),
        ("Upgrade: websocket", "upgrade:WebSocket "),
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        ("Connection: Upgrade", "connection:upgrade"),
        ("Accept: ", "Accept:\t "),
        ("Connection: Upgrade", "Connection: Upgrade\r\nServer: x\r\nDate: y"),
    ] {
        let head = with(REPLY, old, new);
        let reply = check_reply(&head, &key(), &["chat"]).expect(new);
        assert_eq!(reply.protocol, None);
    }
    let chosen = with(REPLY, "\r\n\r\n", "\r\nSec-WebSocket-Protocol:  chat \r\n\r\n");
    assert_eq!(check_reply(&chosen, &key(), &["x", "chat"]).map(|reply| reply.protocol), Ok(Some("chat")));
}

/// A wrong or missing accept value and an extension that nobody asked for pass a conformance suite that was
/// tried.
#[test]
fn replies_that_are_refused() {
    use ReplyError::{Accept, Connection, Extension, Interim, Malformed, Status, SubProtocol};
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    for (old, new, error) in [
        ("HTTP/1.1", "HTTP/1.0", Malformed),
        ("HTTP/1.1 101", "HTTP/1.0 503", Status(503)),
        ("HTTP/1.1 101", "HTTP/1.0 404", Status(404)),
        ("HTTP/1.1", "HTTP/2", Malformed),
        ("101", "1o1", Malformed),
        ("101", " 101", Malformed),
        ("101", "1010", Malformed),
        ("101 Switching Protocols", "10", Malformed),
        ("HTTP/1.1 ", "HTTP/1.1\t", Malformed),
        ("HTTP", "http", Malformed),
        ("101 Switching Protocols", "200 OK", Status(200)),
        ("101", "301", Status(301)),
        ("101", "401", Status(401)),
        ("101", "404", Status(404)),
        ("101", "503", Status(503)),
        ("101", "100", Interim(100)),
        ("101", "103", Interim(103)),
        ("Upgrade: websocket\r\n", "", ReplyError::Upgrade),
        ("Upgrade: websocket", "Upgrade: h2c", ReplyError::Upgrade),
        ("Upgrade: websocket", "Upgrade: h2c, websocket", ReplyError::Upgrade),
        ("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: websocket", ReplyError::Upgrade),
        ("Connection: Upgrade\r\n", "", Connection),
        ("Connection: Upgrade", "Connection: close", Connection),
        (accept, "", Accept),
        (accept, &accept.repeat(2), Accept),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "", Accept),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo", Accept),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", Accept),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", KEY, Accept),
        ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", Extension),
        ("\r\n\r\n", "\r\nsec-websocket-extensions:\r\n\r\n", Extension),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: other\r\n\r\n", SubProtocol),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: Chat\r\n\r\n", SubProtocol),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat, x\r\n\r\n", SubProtocol),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n", SubProtocol),
        ("\r\n\r\n", "\r\nA: b\r\n\r\nbehind", Malformed),
        ("HTTP", "\r\nHTTP", Malformed),
    ] {
        let head = with(REPLY, old, new);
        assert_eq!(check_reply(&head, &key(), &["chat", "x"]), Err(error), "{new:?} for {old:?}");
    }
    let none_asked = with(REPLY, "\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n");
    assert_eq!(check_reply(&none_asked, &key(), &[]), Err(SubProtocol));
}

#[test]
fn a_refused_upgrade_shows_its_headers() {
    let head = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nX: a\r\nX: b\r\n\r\n";
    assert_eq!(check_reply(head, &key(), &[]), Err(ReplyError::Status(503)));
    let reply = parse_reply(head).expect("well-formed");
    assert_eq!(reply.headers.only("retry-after"), Some(&b"7"[..]));
    assert_eq!((reply.headers.only("X"), reply.headers.all("x").count()), (None, 2));
}

/// RFC 9112, section 5.1: whoever passes a reply on takes spaces in front of a colon out. A request with them, or a 101, is none.
#[test]
fn spaces_in_front_of_a_colon_are_left_out_of_a_refusal() {
    let head = b"HTTP/1.1 503 Busy\r\nRetry-After : 5\r\nDate\t :x\r\nServer: y\r\n\r\n";
    let reply = parse_reply(head).expect("well-formed");
    let headers: Vec<_> = reply.headers.iter().collect();
    assert_eq!(headers, [("Retry-After", &b"5"[..]), ("Date", b"x"), ("Server", b"y")]);
    assert_eq!(reply.status, 503);
    for bad in [
        "HTTP/1.1 101 Go\r\nRetry-After : 5\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nRetry After: 5\r\n\r\n",
        "HTTP/1.1 503 Busy\r\n : 5\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nRetry-After\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nRetry-After : 5\r\n\r\nbehind",
    ] {
        assert_eq!(parse_reply(bad.as_bytes()), Err(ReplyError::Malformed), "{bad}");
    }
}
