//! What a client that is refused is told, and what stands in the log.

use std::time::Instant;

use xous_api_websocket::serve::ListenLimits;
use xous_api_websocket::{Listener, Route};

use crate::by_hand::{Client, upgrade_request};
use crate::common::example::Example;
use crate::common::{PATIENCE, nothing_is_left, system};
use crate::serve::{SHORT, listen, listener, roomy};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
}

/// A person or a program is refused and wants to know why.
fn is_told(client: &mut Client, status: u16, why: &str) {
    let answer = client.answer();
    let text = String::from_utf8(answer.body.clone()).unwrap();
    assert_eq!(answer.status, status, "{text}");
    assert!(text.contains(why) && text.ends_with(".\n"), "{text}");
    assert_eq!(answer.field("Retry-After").is_some(), [429, 503].contains(&status), "{}", answer.head);
}

#[test]
fn whoever_is_refused_is_told_why() {
    system!().run(|| {
        let limits = roomy().head_time(SHORT).accept_time(SHORT).head_bytes(500);
        let listener = listener(&listen().limits(limits));
        let port = listener.port();
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(500));
        let foreign = upgrade_request("/ws", "Origin: https://evil.example\r\n");
        for (request, status, why) in [
            ("nonsense\r\n\r\n".to_owned(), 400, "malformed"),
            (foreign, 403, "origin"),
            (get("/nothing"), 404, "path"),
            (get("/").replace("GET", "POST"), 405, "method"),
            ("GET / HT".to_owned(), 408, "in time"),
            (get("/ws"), 426, "WebSocket"),
            (long, 431, "too large"),
            (upgrade_request("/ws", ""), 503, "does not take clients"),
        ] {
            is_told(&mut Client::with(port, request), status, why);
        }
        nothing_is_left();
    });
}

#[test]
fn limits_that_are_met_are_told() {
    system!().run(|| {
        for (limits, status, why) in
            [(roomy().connections(0), 503, "places"), (roomy().per_peer(0), 429, "this address")]
        {
            let listener = Listener::listen(&listen().limits(limits)).unwrap();
            is_told(&mut Client::with(listener.port(), get("/")), status, why);
        }
        nothing_is_left();
    });
}

#[test]
fn an_answer_to_head_has_no_words() {
    system!().run(|| {
        let listener = listener(&listen());
        let mut client = Client::with(listener.port(), get("/nothing").replace("GET", "HEAD"));
        assert_eq!(client.answer_to_head().status, 404);
        client.ended();
        let mut client = Client::with(listener.port(), "HEAD /ws HTTP/1.1\r\nHost: h\r\n\r\n".repeat(2));
        assert_eq!((client.answer_to_head().status, client.answer_to_head().status), (405, 405));
    });
}

/// Each of these requests is refused with this status and nothing behind the head.
fn is_refused_without_words(limits: ListenLimits, cases: &[(&str, u16)]) {
    let listener = listener(&listen().limits(limits.head_time(SHORT)));
    for (request, status) in cases {
        let mut client = Client::with(listener.port(), request);
        assert_eq!(client.answer_to_head().status, *status, "{request}");
        assert_eq!(client.body_to_end(), "", "{request}");
    }
}

/// RFC 9110 section 9.3.2: also where a request is not read to its end, or is none.
#[test]
fn a_refusal_of_head_has_no_words_wherever_it_is_made() {
    let long = |len: usize| format!("HEAD / HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(len));
    system!().run(|| {
        let cases = [
            ("HEAD /a/../b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
            ("\r\n\r\nHEAD / HTTP/1.1\r\n\r\n", 400),
            ("HEAD / HTTP/1.1\r\nHost: h\r\nX: \0", 400),
            ("HEAD / HTTP/1.1\n", 400),
            ("HEAD / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("HEAD / HT", 408),
            (&upgrade_request("/ws", "").replace("GET", "HEAD"), 405),
            (&long(9 * 1024), 431),
        ];
        is_refused_without_words(roomy(), &cases);
        // All of it comes with the first bytes that are read.
        is_refused_without_words(roomy().head_bytes(200), &[(&long(300), 431)]);
        is_refused_without_words(roomy().head_lines(3), &[(&(long(1) + "\r\nX: x\r\n"), 431)]);
        let request = "\r\nHEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
        is_refused_without_words(roomy().connections(0), &[(request, 503)]);
        is_refused_without_words(roomy().per_peer(0), &[(request, 429)]);
        nothing_is_left();
    });
}

#[test]
fn programs_come_in_beside_a_list_of_origins() {
    system!().run(|| {
        let listener = Listener::listen(&listen().origin("https://a.example").programs()).unwrap();
        listener.add_route(&Route::receiver("/ws")).unwrap();
        for lines in ["", "Origin: https://a.example\r\n"] {
            let mut client = Client::with(listener.port(), upgrade_request("/ws", lines));
            drop(listener.accept().unwrap());
            client.opened();
        }
        let mut other =
            Client::with(listener.port(), upgrade_request("/ws", "Origin: https://b.example\r\n"));
        is_told(&mut other, 403, "origin");
    });
}

/// The demonstration's log has peer, path and reason of each.
#[test]
fn refusals_are_logged() {
    let example = Example::start("echo_server");
    let requests = [
        ("nonsense\r\n\r\n".to_owned(), "-", 400),
        (upgrade_request("/echo", "Origin: https://evil.example\r\n"), "/echo", 403),
        (get("/nothing?secret=1"), "/nothing", 404),
        (get("/").replace("GET", "DELETE"), "/", 405),
        (get("/echo"), "/echo", 426),
    ];
    for (request, path, status) in requests {
        let mut client = Client::with(example.port, request);
        let peer = client.address();
        let answer = client.answer();
        assert_eq!(answer.status, status);
        let why = String::from_utf8(answer.body).unwrap();
        let line = format!(
            "INFO:websocket::service::listen::timed_socket: {peer}: {path} is refused with {status}: {}",
            why.trim_end()
        );
        let start = Instant::now();
        while !example.log().contains(&line) {
            assert!(start.elapsed() < PATIENCE, "{line}\n{}", example.log());
            std::thread::yield_now();
        }
    }
    assert!(!example.log().contains("secret"));
}
