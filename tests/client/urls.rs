//! Addresses as people write them: what the server is asked, and what is kept for another time.

use std::net::TcpListener;

use xous_api_websocket::{Request, Url, Websocket};

use crate::common::raw::{accept_with, expect_close, field};
use crate::common::{peers, seen, system};

#[test]
fn an_address_opens_a_connection_and_opens_it_again() {
    system!().run(|| {
        let (peer, heads) = peers::serve(|mut stream, heads| {
            heads.send(accept_with(&mut stream, "")).unwrap();
            expect_close(&mut stream);
        });
        let place = peer.address();
        let text = format!("WS://m%40e:s%3Acret@{place}?a=/b@c");
        let asked = |request: &Request<'_>| {
            drop(Websocket::open(request).unwrap());
            let head: String = seen(&heads);
            assert!(head.starts_with("GET /?a=/b@c HTTP/1.1\r\n"), "{head}");
            assert_eq!(field(&head, "Host"), Some(&*place.to_string()));
            assert_eq!(field(&head, "Authorization"), Some("Basic bUBlOnM6Y3JldA=="));
        };
        asked(&Request::from_url(&text).unwrap());
        let url: Url = text.parse().unwrap();
        drop(text);
        asked(&url.request());
        asked(&url.request());
    });
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    system!().run(|| {
        // A machine without IPv6 has none to show it with.
        let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
        let port = listener.local_addr().unwrap().port();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let head = accept_with(&mut stream, "");
            expect_close(&mut stream);
            head
        });
        let url = format!("ws://[::1]:{port}");
        Websocket::open(&Request::from_url(&url).unwrap()).unwrap().close(1000, "").unwrap();
        let head = peer.join().unwrap();
        assert_eq!(field(&head, "Host"), Some(&*format!("[::1]:{port}")));
    });
}
