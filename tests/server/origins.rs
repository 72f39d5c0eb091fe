//! Whose web pages may open a WebSocket here (RFC 6455 section 10.2).

use xous_api_websocket::error::ListenError;
use xous_api_websocket::{Code, Listener};

use crate::by_hand::{Client, upgrade_request};
use crate::common::{nothing_is_left, system};
use crate::serve::{PAGE, listen, listener};

fn ask(listener: &Listener, lines: &str) -> Client {
    let host = format!("Host: 127.0.0.1:{}", listener.port());
    Client::with(listener.port(), upgrade_request("/ws", lines).replace("Host: 127.0.0.1", &host))
}

fn is_welcome(listener: &Listener, lines: &str) {
    let mut client = ask(listener, lines);
    let incoming = listener.accept().unwrap();
    client.opened();
    client.close();
    drop(incoming);
}

fn is_refused(listener: &Listener, lines: &str) {
    let mut client = ask(listener, lines);
    let answer = client.answer();
    assert_eq!(answer.status, 403, "{lines}");
    assert_eq!(answer.field("Upgrade"), None);
    client.ended();
}

/// CWE-1385: the page of a stranger makes its visitor's browser connect here.
#[test]
fn cwe_1385_pages_of_strangers_get_403() {
    system!().run(|| {
        let listener = listener(&listen());
        let own = format!("http://127.0.0.1:{}", listener.port());
        for origin in [
            "http://evil.example",
            "null",
            "",
            "file://",
            "http://127.0.0.1",
            "http://127.0.0.1:1",
            &own.replace("http", "https"),
            &own.replace("127.0.0.1", "localhost"),
            &own.replace("http://", "http://user@"),
            &format!("{own}.evil.example"),
            &format!("{own}/"),
            &format!("{own}, http://evil.example"),
            &format!("{own}\r\nOrigin: {own}"),
        ] {
            is_refused(&listener, &format!("Origin: {origin}\r\n"));
        }
        is_welcome(&listener, &format!("Origin: {own}\r\n"));
        is_welcome(&listener, &format!("Origin: {}\r\n", own.to_uppercase()));
        // A program is no web page and has no origin.
        is_welcome(&listener, "");
        nothing_is_left();
    });
}

#[test]
fn a_list_of_origins_is_all_that_is_welcome() {
    system!().run(|| {
        let listener = listener(&listen().origin("https://a.example").origin("https://b.example:8443"));
        is_welcome(&listener, "Origin: https://a.example\r\n");
        is_welcome(&listener, "Origin: https://b.example:8443\r\n");
        is_refused(&listener, "");
        is_refused(&listener, "Origin: null\r\n");
        is_refused(&listener, "Origin: https://b.example\r\n");
        is_refused(&listener, "Origin: https://c.a.example\r\n");
        is_refused(&listener, &format!("Origin: http://127.0.0.1:{}\r\n", listener.port()));
        // Only upgrades have an origin to answer for.
        let request = "GET / HTTP/1.1\r\nHost: h\r\nOrigin: https://c.example\r\n\r\n";
        assert_eq!(Client::with(listener.port(), request).answer().body, PAGE.as_bytes());
    });
}

/// A listed origin is one that browsers send (RFC 6454 section 6.2), or the port is not listened on.
#[test]
fn origins_are_read_as_browsers_write_them() {
    system!().run(|| {
        let listener = listener(&listen().origin("https://A.example/").origin("https://b.example:443"));
        is_welcome(&listener, "Origin: https://a.example\r\n");
        is_welcome(&listener, "Origin: https://b.example\r\n");
        is_refused(&listener, "Origin: https://b.example:443\r\n");
        for none in
            ["https://*.a.example", "no origin at all", "", "https://a.example/page", "wss://a.example"]
        {
            match Listener::listen(&listen().origin("https://a.example").origin(none)) {
                Err(ListenError::Failed { code: Code::BadRequest, text }) => {
                    assert!(text.contains(&format!("{none:?}")), "{text}");
                }
                other => panic!("{none}: {:?}", other.err()),
            }
        }
    });
}

/// RFC 9112 section 3.2.2: the target's host is asked for, whatever `Host` says.
#[test]
fn the_host_of_the_target_counts() {
    system!().run(|| {
        let listener = listener(&listen());
        let here = format!("127.0.0.1:{}", listener.port());
        let ask = |target: &str, host: &str| {
            let request = upgrade_request(target, &format!("Origin: http://{here}\r\n"));
            let request = request.replace("Host: 127.0.0.1", &format!("Host: {host}"));
            Client::with(listener.port(), request)
        };
        let mut foreign = ask(&format!("http://evil.example:{}/ws", listener.port()), &here);
        assert_eq!(foreign.answer().status, 403);
        let mut own = ask(&format!("http://{here}/ws"), "evil.example");
        let incoming = listener.accept().unwrap();
        own.opened();
        drop((incoming, own));
    });
}

#[test]
fn a_star_welcomes_everybody() {
    system!().run(|| {
        let listener = listener(&listen().origin("*"));
        is_welcome(&listener, "");
        is_welcome(&listener, "Origin: null\r\n");
        is_welcome(&listener, "Origin: https://anywhere.example\r\n");
    });
}
