//! The server's end: the requests that it takes, and its responses.

use websocket::proto::handshake::{Refusal, Request, Response, ResponseError, check_request, parse_reply};

use super::{KEY, REPLY, REQUEST, plain, upgrade, with};

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
        ("/chat?room=1", "/chat?room=1#", BadRequest),
        ("/chat?room=1", "/#x", BadRequest),
        ("/chat?room=1", "http://device.local/#x", BadRequest),
        ("/chat?room=1", "http://device.local#x", BadRequest),
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
    assert!(text(Refusal::NotImplemented).starts_with("HTTP/1.1 501 Not Implemented\r\n"));
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

/// RFC 9112, sections 6.1 and 6.3: nobody can tell where a body ends whose last coding is another.
#[test]
fn a_transfer_coding_ends_with_chunked_or_the_request_is_refused() {
    use Refusal::{BadRequest, NotImplemented};
    let checked = |method: &str, version: u8, lines: &str| {
        let head = format!("{method} / HTTP/1.{version}\r\nHost: a\r\n{lines}\r\n");
        check_request(head.as_bytes()).map(|request| match request {
            Request::Plain(request) => (request.has_body, request.version),
            other => panic!("{other:?}"),
        })
    };
    for (codings, refusal) in [
        (&["gzip"][..], BadRequest),
        (&["identity"], BadRequest),
        (&[""], BadRequest),
        (&[" , "], BadRequest),
        (&["chunked, gzip"], BadRequest),
        (&["chunked", "gzip"], BadRequest),
        (&["chunked, identity"], BadRequest),
        (&["chunked, chunked"], BadRequest),
        (&["chunked", "Chunked"], BadRequest),
        (&["chunked, gzip, chunked"], BadRequest),
        (&["chunked;x=y"], BadRequest),
        (&["chunked x"], BadRequest),
        (&["\"chunked\""], BadRequest),
        (&["xchunked"], BadRequest),
        (&["gzip, chunked"], NotImplemented),
        (&["gzip", "", "chunked"], NotImplemented),
        (&["identity, chunked"], NotImplemented),
    ] {
        let lines: String = codings.iter().map(|coding| format!("Transfer-Encoding: {coding}\r\n")).collect();
        for method in ["GET", "OPTIONS", "POST"] {
            for version in [0, 1] {
                assert_eq!(checked(method, version, &lines), Err(refusal), "{method} {version} {lines}");
                let both = format!("{lines}Content-Length: 0\r\n");
                assert_eq!(checked(method, version, &both), Err(BadRequest), "{both}");
            }
        }
    }
    for lines in ["chunked", "CHUNKED", ", chunked ,", "\r\nTransfer-Encoding: chunked"] {
        let lines = format!("transfer-encoding: {lines}\r\n");
        assert_eq!(checked("POST", 1, &lines), Ok((true, 1)), "{lines}");
        assert_eq!(checked("POST", 1, &format!("Content-Length: 0\r\n{lines}")), Err(BadRequest));
        // Its framing is in doubt, and nothing is read behind a body.
        assert_eq!(checked("POST", 0, &lines), Ok((true, 0)), "{lines}");
    }
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

/// RFC 9110, section 15: programs choose statuses too, and a status that nobody has named is one of its class.
#[test]
fn every_status_has_a_reason_phrase() {
    let phrase = |status: u16| {
        let mut out = Vec::new();
        Response { status, headers: &[], content_length: None, chunked: false, keep_alive: false }
            .compose(&mut out)
            .expect("valid");
        let line = String::from_utf8(out).expect("ASCII").lines().next().expect("a line").to_owned();
        line.strip_prefix(&format!("HTTP/1.1 {status} ")).expect("the status").to_owned()
    };
    // Those of RFC 9110, RFC 6585 and RFC 7725, without those that are not used any more (305, 306 and 418).
    let named = [100..=101, 200..=206, 300..=304, 307..=308, 400..=417, 421..=422, 426..=426, 428..=429]
        .into_iter()
        .chain([431..=431, 451..=451, 500..=505, 511..=511])
        .flatten();
    let named: Vec<u16> = named.collect();
    let mut phrases: Vec<_> = named.iter().map(|status| phrase(*status)).collect();
    phrases.sort();
    phrases.dedup();
    assert_eq!(phrases.len(), named.len(), "each has its own");
    for status in (100..=599).filter(|status| !named.contains(status)) {
        let class = phrase(status);
        assert!(!class.is_empty() && !phrases.contains(&class), "{status} {class}");
        assert_eq!(class, phrase(status / 100 * 100 + 99), "{status}");
    }
}

#[test]
fn responses_for_pages() {
    let headers = [("Content-Type", "text/html"), ("X-Y", "")];
    let page = Response {
        status: 200,
        headers: &headers,
        content_length: Some(12),
        chunked: false,
        keep_alive: true,
    };
    let mut out = Vec::new();
    page.compose(&mut out).expect("valid");
    assert_eq!(
        String::from_utf8_lossy(&out),
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Y: \r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n"
    );
    out.clear();
    Response { content_length: None, chunked: true, ..page }.compose(&mut out).expect("valid");
    assert!(
        String::from_utf8_lossy(&out).contains("\r\nX-Y: \r\nTransfer-Encoding: chunked\r\nConnection: ")
    );
    let refused = |page: Response<'_>| page.compose(&mut Vec::new()).expect_err("refused");
    assert_eq!(refused(Response { status: 99, ..page }), ResponseError::Status);
    assert_eq!(refused(Response { status: 600, ..page }), ResponseError::Status);
    for name in ["Content-Length", "connection", "transfer-encoding", "", "a b"] {
        assert_eq!(refused(Response { headers: &[(name, "x")], ..page }), ResponseError::HeaderName);
    }
}
