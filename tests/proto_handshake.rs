//! The opening handshake from both ends (RFC 6455, section 4).

use websocket::proto::handshake::{
    Authorization, Caps, ClientRequest, HeadBuffer, HeadError, HeadProgress, Key, MAX_EMPTY_LINES, MAX_LINES,
    Plain, Refusal, ReplyError, Request, RequestError, Response, ResponseError, Upgrade, check_reply,
    check_request, parse_reply,
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

#[test]
fn forms_of_a_valid_request() {
    for (old, new) in [
        ("Upgrade: websocket", "upgrade:WebSocket"),
        ("Upgrade: websocket", "UPGRADE: \t websocket \t"),
        ("Upgrade: websocket", "Upgrade: h2c, websocket"),
        ("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        ("Connection: Upgrade", "Connection: keep-alive,upgrade"),
        ("Connection: Upgrade", "Connection: keep-alive\r\nConnection: , UPGRADE ,"),
        (
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Version:13 \r\nSec-WebSocket-Extensions: permessage-deflate",
        ),
        ("GET /chat?room=1", "GET http://device.local/chat?room=1"),
        ("HTTP/1.1", "HTTP/1.2"),
        ("HTTP/1.1", "HTTP/1.9"),
        ("Host: device.local", "Host:"),
    ] {
        let head = with(REQUEST, old, new);
        let request = upgrade(&head);
        assert_eq!(request.target, "/chat?room=1");
        let mut out = Vec::new();
        request.compose_accept(None, &[], &mut out).expect("a valid response");
        assert_eq!(String::from_utf8_lossy(&out), REPLY, "{new}");
    }
    assert_eq!(upgrade(&with(REQUEST, "/chat?room=1", "wss://device.local")).path(), "/");
}

#[test]
fn requests_that_are_refused() {
    use Refusal::{BadRequest, MethodNotAllowed, UpgradeRequired};
    let key_line = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (old, new, refusal) in [
        ("GET", "POST", MethodNotAllowed),
        ("GET", "get", MethodNotAllowed),
        ("HTTP/1.1", "HTTP/2.0", BadRequest),
        ("HTTP/1.1", "HTTP/1.", BadRequest),
        ("HTTP/1.1", "HTTP/1.10", BadRequest),
        ("HTTP/1.1", "http/1.1", BadRequest),
        ("HTTP/1.1", "HTTP/1.1 ", BadRequest),
        ("GET ", "GET  ", BadRequest),
        ("GET", "G\tT", BadRequest),
        ("Host: device.local\r\n", "", BadRequest),
        ("Host: device.local", "Host: a\r\nHost: b", BadRequest),
        ("Connection: Upgrade\r\n", "", BadRequest),
        ("Connection: Upgrade", "Connection: keep-alive", BadRequest),
        ("Connection: Upgrade", "Connection: upgraded", BadRequest),
        (key_line, "", BadRequest),
        (key_line, &key_line.repeat(2), BadRequest),
        (KEY, "dGhlIHNhbXBsZSBub25jZQ=", BadRequest),
        (KEY, "dGhlIHNhbXBsZSBub25jZQ===", BadRequest),
        (KEY, "dGhlIHNhbXBsZSBub25jZQ", BadRequest),
        (KEY, "dGhlIHNhbXBsZSBub25jZQAA", BadRequest),
        (KEY, "dGhlIHNhb!BsZSBub25jZQ==", BadRequest),
        (KEY, "", BadRequest),
        ("Sec-WebSocket-Version: 13\r\n", "", BadRequest),
        ("Version: 13", "Version: 13\r\nSec-WebSocket-Version: 13", BadRequest),
        ("Version: 13", "Version: 8", UpgradeRequired),
        ("Version: 13", "Version: 14", UpgradeRequired),
        ("Version: 13", "Version: 013", UpgradeRequired),
        ("Version: 13", "Version: 13, 8", UpgradeRequired),
        ("Version: 13", "Version:", UpgradeRequired),
        ("Version: 13", "Version: 13\r\nContent-Length: 5", BadRequest),
        ("Version: 13", "Version: 13\r\nContent-Length: five", BadRequest),
        ("Version: 13", "Version: 13\r\nContent-Length: 0\r\nContent-Length: 0", BadRequest),
        ("Version: 13", "Version: 13\r\nTransfer-Encoding: chunked", BadRequest),
        ("Version: 13", "Version: 13\r\n folded", BadRequest),
        ("Version: 13", "Version : 13", BadRequest),
        ("Version: 13", "Version: 13\r\nno colon", BadRequest),
        ("/chat?room=1", "chat", BadRequest),
        ("/chat?room=1", "*", BadRequest),
        ("/chat?room=1", "ftp://device.local/", BadRequest),
        ("\r\n\r\n", "\r\n\r\nbehind", BadRequest),
        ("\r\n\r\n", "\r\n", BadRequest),
        ("GET", "\r\nGET", BadRequest),
    ] {
        assert_eq!(check_request(&with(REQUEST, old, new)), Err(refusal), "{new:?} for {old:?}");
    }
}

#[test]
fn refusals_say_what_would_do() {
    let text = |refusal: Refusal| {
        let mut out = Vec::new();
        refusal.compose(&mut out);
        assert_eq!(parse_reply(&out).expect("a valid reply").status, refusal.status());
        String::from_utf8(out).expect("ASCII")
    };
    assert_eq!(
        text(Refusal::BadRequest),
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    assert!(text(Refusal::MethodNotAllowed).contains("\r\nAllow: GET\r\n"));
    assert!(text(Refusal::UpgradeRequired).contains("\r\nSec-WebSocket-Version: 13\r\n"));
    assert!(text(Refusal::UpgradeRequired).starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
    assert!(text(Refusal::TooLarge).starts_with("HTTP/1.1 431 "));
}

#[test]
fn other_requests_are_plain() {
    let head = b"HEAD /index.html?x HTTP/1.1\r\nHost: a\r\n\r\n";
    let request = plain(head);
    assert_eq!((request.method, request.path(), request.query()), ("HEAD", "/index.html", Some("x")));
    assert!(request.keep_alive && !request.has_body && request.version == 1);
    assert!(!plain(b"GET / HTTP/1.0\r\n\r\n").keep_alive);
    assert!(plain(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    assert!(!plain(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").keep_alive);
    assert!(plain(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n").has_body);
    assert!(!plain(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n").has_body);
    assert!(plain(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").has_body);
    let both = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(check_request(both), Err(Refusal::BadRequest));
    plain(&with(REQUEST, "Upgrade: websocket\r\n", ""));
    plain(&with(REQUEST, "HTTP/1.1", "HTTP/1.0"));
    assert_eq!(plain(b"GET / HTTP/1.7\r\nHost: a\r\n\r\n").version, 1);
    assert!(!plain(b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").keep_alive);
    assert_eq!(plain(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path(), "*");
    assert_eq!(check_request(b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"), Err(Refusal::BadRequest));
    plain(&with(REQUEST, "Upgrade: websocket", "Upgrade: websocket2"));
}

/// RFC 9112, section 3.2.2: what the request line names counts, and `Host` must be well-formed all the same.
#[test]
fn the_host_that_counts() {
    let asked = |target: &str, host: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let request = plain(head.as_bytes());
        let text = |text: &str| text.to_owned();
        (request.host.map(text), request.path().to_owned(), request.query().map(text))
    };
    let is = |host: &str, path: &str, query: Option<&str>| {
        (Some(host.to_owned()), path.to_owned(), query.map(str::to_owned))
    };
    assert_eq!(asked("/a?b", "me:80"), is("me:80", "/a", Some("b")));
    assert_eq!(asked("/a", ""), is("", "/a", None));
    assert_eq!(asked("http://other:8080/a?b", "me"), is("other:8080", "/a", Some("b")));
    assert_eq!(asked("HTTP://h?x=1", "me"), is("h", "/", Some("x=1")));
    assert_eq!(asked("http://h?x=/1", "me"), is("h", "/", Some("x=/1")));
    assert_eq!(asked("http://h", "me"), is("h", "/", None));
    assert_eq!(asked("http://[::1]:8/", "me"), is("[::1]:8", "/", None));
    assert_eq!(plain(b"GET / HTTP/1.0\r\n\r\n").host, None);
    let head = with(REQUEST, "/chat", "ws://other/chat");
    assert_eq!(upgrade(&head).host, Some("other"));
    for (target, host) in [
        ("/", "a b"),
        ("/", "x/y"),
        ("/", "http://x/"),
        ("/", "user@x"),
        ("/", "x:abc"),
        ("/", "x:99999"),
        ("/", "[::1"),
        ("/", "x,y"),
        ("http://h/", "x,y"),
        ("http://user@h/", "me"),
        ("http:///", "me"),
        ("http://h:x/", "me"),
        ("http://h#x", "me"),
        ("h:80", "me"),
    ] {
        for version in [0, 1] {
            let head = format!("GET {target} HTTP/1.{version}\r\nHost: {host}\r\n\r\n");
            assert_eq!(check_request(head.as_bytes()), Err(Refusal::BadRequest), "{head}");
        }
    }
}

/// RFC 9110, section 7.8.
#[test]
fn who_expects_a_100_gets_it_before_the_101() {
    let head = with(REQUEST, "\r\n\r\n", "\r\nExpect: 100-Continue\r\n\r\n");
    let mut out = Vec::new();
    upgrade(&head).compose_accept(None, &[], &mut out).expect("a valid response");
    assert_eq!(String::from_utf8_lossy(&out), format!("HTTP/1.1 100 Continue\r\n\r\n{REPLY}"));
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

/// RFC 9112, section 5.2: older servers fold long lines, and a client reads them as one.
#[test]
fn a_folded_line_of_a_reply_is_one_line() {
    let folded = [
        ("Connection: Upgrade", "X: a\r\n b\r\n\t c\r\nConnection: Upgrade", "a   b  \t c"),
        ("Connection: Upgrade", "Connection:\r\n Upgrade\r\nX: a", "a"),
        ("Accept: ", "Accept:\r\n ", ""),
        ("\r\n\r\n", "\r\nX: a\r\n \r\n\r\n", "a"),
    ];
    for (old, new, x) in folded {
        let head = with(REPLY, old, new);
        for cut in 0..head.len() {
            let mut buffer = HeadBuffer::new(Caps { bytes: head.len(), lines: 10 }).unfolds();
            let (first, second) = head.split_at(cut);
            assert_eq!(buffer.push(first).expect("well-formed").consumed, cut);
            assert!(buffer.push(second).expect("well-formed").complete);
            let reply = check_reply(buffer.head(), &key(), &[]).expect("a good 101");
            assert_eq!(reply.headers.first("X").unwrap_or_default(), x.as_bytes());
            assert_eq!(buffer.head().len(), head.len(), "no larger than what came");
        }
        let mut strict = HeadBuffer::new(Caps::default());
        strict.push(&head).expect("lines");
        assert_eq!(check_reply(strict.head(), &key(), &[]), Err(ReplyError::Malformed));
    }
    // There is no header line to go on with.
    let mut buffer = HeadBuffer::new(Caps::default()).unfolds();
    buffer.push(&with(REPLY, "Upgrade: websocket", " Upgrade: websocket")).expect("lines");
    assert_eq!(check_reply(buffer.head(), &key(), &[]), Err(ReplyError::Malformed));
    let mut buffer = HeadBuffer::new(Caps { bytes: 1000, lines: 10 }).unfolds();
    let endless = format!("{}X: a\r\n{}", &REPLY[..34], " b\r\n".repeat(20));
    assert_eq!(buffer.push(endless.as_bytes()), Err(HeadError::TooManyLines));
}

/// RFC 9112, section 2.2: some clients send an end of line behind a body.
#[test]
fn empty_lines_before_a_request_are_skipped() {
    for count in 0..=MAX_EMPTY_LINES + 1 {
        let stream = format!("{}{REQUEST}", "\r\n".repeat(count));
        for cut in 0..stream.len() {
            let mut buffer = HeadBuffer::new(Caps { bytes: REQUEST.len(), lines: 10 }).skips_empty_lines();
            let (first, second) = stream.as_bytes().split_at(cut);
            let outcome = buffer.push(first).and_then(|_| buffer.push(second));
            if count > MAX_EMPTY_LINES {
                assert_eq!(outcome, Err(HeadError::Malformed), "bounded");
                continue;
            }
            assert!(outcome.is_ok_and(|progress| progress.complete), "{count} in front, cut at {cut}");
            assert_eq!(buffer.head(), REQUEST.as_bytes());
            buffer.clear();
            assert!(buffer.push(stream.as_bytes()).is_ok_and(|progress| progress.complete), "each time");
            assert_eq!(buffer.head(), REQUEST.as_bytes());
        }
    }
    for bad in ["\r\n\n", "\r\n\r\r", "\r\n\rGET", "\nGET"] {
        let outcome = HeadBuffer::new(Caps::default()).skips_empty_lines().push(bad.as_bytes());
        assert_eq!(outcome, Err(HeadError::Malformed), "{bad:?}");
    }
}

/// Frames may stand in the same segment as the head; they are not the head's.
#[test]
fn bytes_behind_the_head_are_left() {
    let stream = [REPLY.as_bytes(), b"\x81\x05Hello\r\n\r\n"].concat();
    for cut in 0..stream.len() {
        let mut buffer = HeadBuffer::new(Caps::default());
        let (first, second) = stream.split_at(cut);
        let one = buffer.push(first).expect("well-formed");
        let two = buffer.push(second).expect("well-formed");
        assert_eq!(one.complete, cut >= REPLY.len());
        assert_eq!(one.consumed + two.consumed, REPLY.len());
        assert!(two.complete && buffer.head() == REPLY.as_bytes());
        assert_eq!(buffer.push(b"more"), Ok(HeadProgress { consumed: 0, complete: true }));
        buffer.clear();
        assert!(buffer.push(REQUEST.as_bytes()).is_ok_and(|progress| progress.complete));
        assert_eq!(buffer.head(), REQUEST.as_bytes());
    }
}

#[test]
fn caps_of_a_head_are_exact() {
    let head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n";
    let outcome =
        |bytes, lines| HeadBuffer::new(Caps { bytes, lines }).push(head).map(|progress| progress.complete);
    assert_eq!(outcome(head.len(), 2), Ok(true));
    assert_eq!(outcome(head.len() - 1, 2), Err(HeadError::TooLong));
    assert_eq!(outcome(head.len(), 1), Err(HeadError::TooManyLines));
    let lines = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert!(check_request(lines(MAX_LINES - 2).as_bytes()).is_ok());
    assert_eq!(check_request(lines(MAX_LINES - 1).as_bytes()), Err(Refusal::TooLarge));
}

#[test]
fn heads_that_are_not_lines() {
    for bad in [
        "\n",
        "\r",
        "\r\r\n",
        "\r\nGET / HTTP/1.1\r\n\r\n",
        "G\nET",
        "G\rET",
        "GET /\0",
        "\x16\x03\x01",
        "a\x7f",
    ] {
        let mut whole = HeadBuffer::new(Caps::default());
        let mut by_byte = HeadBuffer::new(Caps::default());
        let end = if bad == "\r" { "x" } else { "" };
        let bad = format!("{bad}{end}");
        assert_eq!(whole.push(bad.as_bytes()), Err(HeadError::Malformed), "{bad:?}");
        assert!(bad.bytes().any(|byte| by_byte.push(&[byte]) == Err(HeadError::Malformed)));
    }
}

#[test]
fn responses_for_pages() {
    let headers = [("Content-Type", "text/html"), ("X-Y", "")];
    let page = Response { status: 200, headers: &headers, content_length: Some(12), keep_alive: true };
    let mut out = Vec::new();
    page.compose(&mut out).expect("valid");
    assert_eq!(
        String::from_utf8_lossy(&out),
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Y: \r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n"
    );
    let refused = |page: Response<'_>| page.compose(&mut Vec::new()).expect_err("refused");
    assert_eq!(refused(Response { status: 99, ..page }), ResponseError::Status);
    assert_eq!(refused(Response { status: 600, ..page }), ResponseError::Status);
    for name in ["Content-Length", "connection", "transfer-encoding", "", "a b"] {
        assert_eq!(refused(Response { headers: &[(name, "x")], ..page }), ResponseError::HeaderName);
    }
}
