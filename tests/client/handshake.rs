//! The opening handshake as the peer sees it, and answers of it that are unusual but right (RFC 6455 section 4).

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender};

use hosted::peer::Peer;
use xous_api_websocket::{Websocket, open::CredentialsForm};

use crate::common::raw::{TEXT, accept_with, acceptance, expect_close, field, frame, read_head};
use crate::common::{nothing_is_left, open, peers, request, seen, system};

/// A peer that accepts, and reports the heads of the requests.
fn heads_peer() -> (Peer, Receiver<String>) {
    peers::serve(|mut stream, heads| {
        heads.send(accept_with(&mut stream, "")).unwrap();
        expect_close(&mut stream);
    })
}

/// A peer that answers a request's head in its own way, then sends "first" and waits for the end.
fn answering_peer(answer: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Peer {
    let (peer, _) = peers::serve(move |mut stream, _: &Sender<()>| {
        let head = read_head(&mut stream);
        answer(&mut stream, &head);
        stream.write_all(&frame(TEXT, b"first")).unwrap();
        expect_close(&mut stream);
    });
    peer
}

fn base64_length(text: &str) -> usize {
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)), "{text}");
    text.len()
}

#[test]
fn the_request_is_as_the_rfc_wants_it() {
    system!().run(|| {
        let (peer, heads) = heads_peer();
        let place = peer.address().to_string();
        let mut keys = Vec::new();
        for path in ["/", "/chat/room?name=a%20b&x=1"] {
            let ws = Websocket::open(&request(&peer).path(path)).unwrap();
            let head = seen(&heads);
            assert!(head.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{head}");
            assert_eq!(field(&head, "Host"), Some(&*place));
            assert!(field(&head, "Upgrade").unwrap().eq_ignore_ascii_case("websocket"));
            assert!(field(&head, "Connection").unwrap().eq_ignore_ascii_case("upgrade"));
            assert_eq!(field(&head, "Sec-WebSocket-Version"), Some("13"));
            for absent in ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Origin", "Authorization"] {
                assert_eq!(field(&head, absent), None, "{head}");
            }
            let key = field(&head, "Sec-WebSocket-Key").unwrap().to_owned();
            assert_eq!(base64_length(&key), 24, "16 bytes");
            keys.push(key);
            assert_eq!((ws.status(), ws.sub_protocol()), (101, None));
            ws.close(1000, "").unwrap();
        }
        assert_ne!(keys[0], keys[1], "a nonce is used once");
    });
}

#[test]
fn what_the_caller_adds_arrives() {
    system!().run(|| {
        let (peer, heads) = heads_peer();
        let request = request(&peer)
            .origin("https://example.com")
            .header("X-One", "1")
            .header("Cookie", "a=b; c=\"d e\"")
            .header("X-Empty", "")
            .sub_protocol("v2.chat")
            .sub_protocol("chat");
        Websocket::open(&request).unwrap().close(1000, "").unwrap();
        let head = seen(&heads);
        assert_eq!(field(&head, "Origin"), Some("https://example.com"));
        assert_eq!(field(&head, "X-One"), Some("1"));
        assert_eq!(field(&head, "Cookie"), Some("a=b; c=\"d e\""));
        assert_eq!(field(&head, "X-Empty"), Some(""));
        assert_eq!(field(&head, "Sec-WebSocket-Protocol"), Some("v2.chat, chat"));
    });
}

#[test]
fn credentials_go_where_they_are_wanted() {
    system!().run(|| {
        let (peer, heads) = heads_peer();
        let request = || request(&peer).path("/a?b=c");
        let opened = |request| {
            Websocket::open(&request).unwrap().close(1000, "").unwrap();
            seen(&heads)
        };
        // The example of RFC 7617 section 2.
        let head = opened(request().credentials("Aladdin", "open sesame", CredentialsForm::Basic));
        assert_eq!(field(&head, "Authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{head}");

        let head = opened(request().credentials("me & you", "p%=?#", CredentialsForm::Query));
        assert!(
            head.starts_with("GET /a?b=c&login=me%20%26%20you&password=p%25%3D%3F%23 HTTP/1.1\r\n"),
            "{head}"
        );
        assert_eq!(field(&head, "Authorization"), None);

        let head = opened(request().path("/").credentials("me", "", CredentialsForm::Query));
        assert!(head.starts_with("GET /?login=me&password= HTTP/1.1\r\n"), "{head}");
    });
}

#[test]
fn the_peer_chooses_a_sub_protocol_or_none() {
    system!().run(|| {
        let (peer, _) = peers::serve(|mut stream, _: &Sender<()>| {
            accept_with(&mut stream, "Sec-WebSocket-Protocol: chat\r\nX-Answer: 42\r\n");
            expect_close(&mut stream);
        });
        let ws = Websocket::open(&request(&peer).sub_protocol("v2.chat").sub_protocol("chat")).unwrap();
        assert_eq!(ws.sub_protocol(), Some("chat"));
        let head = std::str::from_utf8(ws.peer_head()).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 ") && head.ends_with("\r\n\r\n"), "{head:?}");
        assert_eq!(field(head, "X-Answer"), Some("42"));
        ws.close(1000, "").unwrap();

        let (peer, _heads) = heads_peer();
        let ws = Websocket::open(&request(&peer).sub_protocol("chat")).unwrap();
        assert_eq!(ws.sub_protocol(), None);
        ws.close(1000, "").unwrap();

        let peer = Peer::echo().unwrap();
        let ws = Websocket::open(&request(&peer).sub_protocol("first").sub_protocol("second")).unwrap();
        assert_eq!(ws.sub_protocol(), Some("first"));
    });
}

/// What a server may do with its answer, and what of it was lost by others.
#[test]
fn unusual_answers_open_a_connection_too() {
    system!().run(|| {
        let at_once_with_frames = answering_peer(|stream, head| {
            let answer = [acceptance(head, "").as_bytes(), &frame(TEXT, b"zeroth")].concat();
            stream.write_all(&answer).unwrap();
        });
        let ws = open(&at_once_with_frames);
        assert_eq!(ws.receive_text(10).unwrap(), "zeroth");
        assert_eq!(ws.receive_text(10).unwrap(), "first");
        ws.close(1000, "").unwrap();

        let byte_by_byte = answering_peer(|stream, head| {
            acceptance(head, "").bytes().for_each(|byte| stream.write_all(&[byte]).unwrap());
        });
        let other_spelling = answering_peer(|stream, head| {
            let answer = acceptance(head, "")
                .replace("Upgrade: websocket", "UPGRADE:WebSocket")
                .replace("Connection: Upgrade", "connection:  keep-alive, upgrade  ")
                .replace("101 Switching Protocols", "101 ");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        // RFC 9110 section 15.2: a client takes any number of interim answers before the final one.
        let after_interim = answering_peer(|stream, head| {
            let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
            stream
                .write_all(format!("HTTP/1.1 100 Continue\r\n\r\n{hints}{}", acceptance(head, "")).as_bytes())
                .unwrap();
        });
        // RFC 9112 section 5.2: a client reads a folded line as one.
        let folded = answering_peer(|stream, head| {
            let answer = acceptance(head, "X-Long: a\r\n b\r\n").replace("Connection: ", "Connection:\r\n\t");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let long = answering_peer(|stream, head| {
            let lines = format!("X: {}\r\n", "y".repeat(150)).repeat(95);
            stream.write_all(acceptance(head, &lines).as_bytes()).unwrap();
        });
        for peer in [byte_by_byte, other_spelling, after_interim, folded, long] {
            let ws = open(&peer);
            assert_eq!(ws.receive_text(10).unwrap(), "first");
            ws.close(1000, "").unwrap();
        }
        nothing_is_left();
    });
}
