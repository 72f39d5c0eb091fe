//! Requests that cannot be sent as they are: the text says which, nobody is connected to, nothing is left behind.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use hosted::peer::Peer;
use xous_api_websocket::error::{ControlError, OpenError, RequestError};
use xous_api_websocket::{Code, Heartbeat, Reconnect, Request, Websocket, open::CredentialsForm};

use crate::common::raw::{accept, expect_close, field};
use crate::common::{nothing_is_left, open, peers, reconnecting, refusal, reopened, request, seen, system};

/// A peer that reports whoever connects, before anything is said.
fn watched_peer() -> (Peer, Receiver<()>) {
    peers::serve(|mut stream, visits| {
        visits.send(()).unwrap();
        accept(&mut stream);
        expect_close(&mut stream);
    })
}

/// Of all that was asked of the peer, only what is asked now arrives.
fn nobody_came(peer: &Peer, visits: &Receiver<()>) {
    drop(open(peer));
    seen(visits);
    assert_eq!(visits.try_recv(), Err(TryRecvError::Empty));
    nothing_is_left();
}

fn is_bad(request: &Request<'_>, names: &str) {
    let (code, text) = refusal(request);
    assert_eq!(code, Code::BadRequest, "{names}: {text}");
    assert!(text.contains(names), "{names}: {text}");
}

#[test]
fn nothing_breaks_out_of_the_request() {
    system!().run(|| {
        let (peer, visits) = watched_peer();
        let request = || request(&peer);
        for path in [
            "/a b",
            "/a\r\nX: y",
            "/a\nb",
            "/a\rb",
            "/\0",
            "/\u{e9}",
            "no-slash",
            "http://other/",
            "/a#b",
            " /",
        ] {
            is_bad(&request().path(path), "path");
        }
        for host in ["", "a b", "a\r\nX: y", "127.0.0.1\n", "a/b", "a@b", "\u{e9}", "[::1", "[x]"] {
            is_bad(&Request::new(host, peer.address().port()), "host");
        }
        for (name, value) in [
            ("X Y", "1"),
            ("X:", "1"),
            ("", "1"),
            ("X\r\nY", "1"),
            ("X", "1\r\nY: 2"),
            ("X", "1\n2"),
            ("X", "\0"),
            ("Host", "other"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
            ("Upgrade", "h2c"),
            ("Connection", "close"),
            ("Content-Length", "5"),
            ("Transfer-Encoding", "chunked"),
        ] {
            is_bad(&request().header(name, value), "header");
        }
        for name in ["", "a b", "a,b", "a\r\nb", "\u{e9}"] {
            is_bad(&request().sub_protocol(name), "sub-protocol");
        }
        is_bad(&request().sub_protocol("a").sub_protocol("a"), "sub-protocol");
        for origin in ["", "https://a\r\nX: y", "https://a b"] {
            is_bad(&request().origin(origin), "origin");
        }
        for (user, password) in [("a:b", "c"), ("a\r\nX: y", "c"), ("a", "\0")] {
            is_bad(&request().credentials(user, password, CredentialsForm::Basic), "credentials");
        }
        is_bad(&request().credentials("a\n", "b", CredentialsForm::Query), "credentials");
        is_bad(&Request::new("127.0.0.1", 0), "port");
        // What is dialled in its place is no address of a WebSocket either, nor worth another try.
        for host in ["http://proxy.example", "a b", "", "\u{e9}", "me@h", "127.0.0.1:80", "[x]", "a\0b"] {
            is_bad(&request().proxy(host, 80), "host of the proxy");
            is_bad(&request().connect_to(host, 80), "host to connect to");
        }
        let proxy = || request().proxy("127.0.0.1", peer.address().port());
        is_bad(&proxy().proxy_credentials("a:b", "c"), "credentials of the proxy: the user name has a colon");
        is_bad(&proxy().proxy_credentials("a", "b\0"), "credentials of the proxy: the password: character 2");
        nobody_came(&peer, &visits);
    });
}

/// A connection that lasts tries no such request, and asks for another one at once.
#[test]
fn a_later_request_that_cannot_be_sent_changes_nothing() {
    system!().run(|| {
        let number = AtomicUsize::new(0);
        let (peer, heads) = peers::serve(move |mut stream, heads| {
            heads.send(field(&accept(&mut stream), "X-Token").map(str::to_owned)).unwrap();
            if number.fetch_add(1, SeqCst) % 2 == 1 {
                std::io::copy(&mut stream, &mut std::io::sink()).ok();
            }
        });
        let hour = Duration::from_secs(3600);
        let (plain, long) = (Reconnect::new().jitter(0), [0; Heartbeat::MAX_BYTES + 1]);
        for policy in [plain.first(hour).largest(hour), plain.asks(hour)] {
            let token = |token| request(&peer).header("X-Token", token);
            let ws = Websocket::open(&token("one").reconnect(policy)).unwrap();
            assert_eq!(seen(&heads).as_deref(), Some("one"));
            reconnecting(&ws);
            if policy.asks.is_none() {
                ws.reconnect_with(&token("two")).unwrap();
            }
            for bad in [
                token("x\n"),
                token("x").path("/a b"),
                token("x").sub_protocol("a").sub_protocol("a"),
                token("x").heartbeat(Heartbeat::binary(&long, hour)),
                token("x").proxy("127.0.0.1", 80).proxy_credentials("a:b", "c"),
                Request::new("a b", 80),
                Request::new("127.0.0.1", 0),
            ] {
                let refused = Err(ControlError::Refused(Code::BadRequest));
                assert_eq!(ws.reconnect_with(&bad), refused, "{bad:?}");
            }
            ws.reconnect_now().unwrap();
            reopened(&ws);
            let good = if policy.asks.is_none() { "two" } else { "one" };
            assert_eq!(seen(&heads).as_deref(), Some(good));
            ws.reconnect_stop().unwrap();
            assert_eq!(ws.reconnect_with(&token("late")), Err(ControlError::Closed), "there is no attempt");
            ws.close(1000, "").ok();
            nothing_is_left();
        }
    });
}

#[test]
fn what_is_too_long_is_said_to_be() {
    let (long, longest) = ("x".repeat(9_000), "x".repeat(70_000));
    system!().run(|| {
        let (peer, visits) = watched_peer();
        // RFC 1035 section 2.3.4.
        is_bad(&Request::new(&("a.".repeat(124) + "example"), 80), "host");
        is_bad(&Request::new(&long, 80), "host");
        is_bad(&request(&peer).path(format!("/{long}")), "too long");
        is_bad(&request(&peer).header("X", &long), "too long");
        is_bad(&request(&peer).header(&long, "X"), "too long");
        is_bad(&request(&peer).sub_protocol(&long), "too long");
        is_bad(&request(&peer).credentials("me", &long, CredentialsForm::Basic), "too long");
        // A text's length has 16 bits, and a request's has a limit of its own.
        let one = request(&peer).header("X", &longest);
        let many = (0..30).fold(request(&peer), |request, _| request.header("X", &long));
        for request in [one, many] {
            let refused = Websocket::open(&request).err().unwrap();
            assert_eq!(refused, OpenError::Request(RequestError::TooLong));
            let says = format!("the request does not fit: more than {} bytes", Request::MAX_BYTES);
            assert_eq!(refused.to_string(), says);
        }
        let many = (0..33).fold(request(&peer), |request, _| request.header("X", "y"));
        assert_eq!(Websocket::open(&many).err(), Some(OpenError::Request(RequestError::TooMany)));
        nobody_came(&peer, &visits);
    });
}
