//! Connections to another address than the named one, and through an HTTP proxy (RFC 9110 section 9.3.6).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use hosted::peer::Peer;
use xous_api_websocket::error::OpenError;
use xous_api_websocket::{Code, Deadlines, Request, Websocket, open::CredentialsForm};

use crate::common::raw::{accept, expect_close, field, read_head};
use crate::common::{nothing_is_left, peers, refusal, seen, system};

/// A server that reports the head of each request.
fn server() -> (Peer, Receiver<String>) {
    peers::serve(|mut stream, heads| {
        heads.send(accept(&mut stream)).unwrap();
        expect_close(&mut stream);
    })
}

/// A proxy that leads to this port, whatever it is asked for, and reports what that was.
fn proxy(port: u16) -> (Peer, Receiver<String>) {
    peers::serve(move |mut stream, heads| {
        heads.send(read_head(&mut stream)).unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n").unwrap();
        let (mut from, mut to) = (server.try_clone().unwrap(), stream.try_clone().unwrap());
        let back = std::thread::spawn(move || {
            std::io::copy(&mut from, &mut to).ok();
            to.shutdown(std::net::Shutdown::Write).ok();
        });
        std::io::copy(&mut stream, &mut &server).ok();
        server.shutdown(std::net::Shutdown::Write).ok();
        back.join().unwrap();
    })
}

#[test]
fn another_address_than_the_named_one() {
    system!().run(|| {
        let (server, heads) = server();
        let request = Request::new("named.invalid", 8123).connect_to("127.0.0.1", server.address().port());
        let ws = Websocket::open(&request).unwrap();
        assert_eq!(field(&seen(&heads), "Host"), Some("named.invalid:8123"));
        ws.close(1000, "").unwrap();
        // A redirection to another server goes there.
        let place = server.address();
        let (first, _) = peers::serve(move |mut stream, _: &Sender<()>| {
            read_head(&mut stream);
            let head = format!("HTTP/1.1 301 Go\r\nLocation: ws://{place}/\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
        });
        let request =
            Request::new("named.invalid", 80).connect_to("127.0.0.1", first.address().port()).redirects(1);
        drop(Websocket::open(&request).unwrap());
        assert_eq!(field(&seen(&heads), "Host"), Some(&*place.to_string()));
        for request in [Request::new("a", 80).connect_to("b", 0), Request::new("a", 80).proxy("b", 0)] {
            assert_eq!(refusal(&request).0, Code::BadRequest);
        }
        nothing_is_left();
    });
}

#[test]
fn the_zone_of_an_address_stays_here() {
    system!().run(|| {
        let listener = std::net::TcpListener::bind(("::1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (report, heads) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                report.send(accept(&mut stream)).unwrap();
                expect_close(&mut stream);
            }
        });
        // Loopback is the first interface. With brackets, as in addresses, or without.
        let asks = ["::1%1", "[::1%1]", "[::1]"].map(|host| Request::new(host, port));
        for request in asks.into_iter().chain([Request::new("::1", port).connect_to("[::1%1]", port)]) {
            Websocket::open(&request).unwrap().close(1000, "").unwrap();
            let host = format!("[::1]:{port}");
            assert_eq!(field(&seen(&heads), "Host"), Some(&*host));
        }
        nothing_is_left();
    });
}

#[test]
fn a_proxy_opens_a_tunnel_and_sees_nothing_but_its_own() {
    system!().run(|| {
        let (server, heads) = server();
        let (proxy, asked) = proxy(server.address().port());
        let request = Request::new("named.invalid", 80)
            .credentials("me", "secret", CredentialsForm::Basic)
            .proxy("127.0.0.1", proxy.address().port());
        let ws = Websocket::open(&request.clone().proxy_credentials("Aladdin", "open sesame")).unwrap();
        let head = seen(&asked);
        assert!(
            head.starts_with("CONNECT named.invalid:80 HTTP/1.1\r\nHost: named.invalid:80\r\n"),
            "{head}"
        );
        assert_eq!(field(&head, "Proxy-Authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(field(&head, "Authorization"), None);
        let head = seen(&heads);
        assert!(field(&head, "Authorization").is_some() && field(&head, "Proxy-Authorization").is_none());
        ws.close(1000, "").unwrap();
        // Both together.
        let ws = Websocket::open(&request.connect_to("::1", 9)).unwrap();
        assert!(seen(&asked).starts_with("CONNECT [::1]:9 HTTP/1.1\r\nHost: [::1]:9\r\n\r\n"));
        assert_eq!(field(&seen(&heads), "Host"), Some("named.invalid"));
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn a_proxy_that_opens_no_tunnel_is_told_of() {
    system!().run(|| {
        let answers = |answer: &'static str| {
            let (peer, _) = peers::serve(move |mut stream, _: &Sender<()>| {
                read_head(&mut stream);
                stream.write_all(answer.as_bytes()).unwrap();
            });
            peer
        };
        let ask = |peer: &Peer| {
            Websocket::open(&Request::new("a", 80).proxy("127.0.0.1", peer.address().port()).redirects(3))
                .err()
                .unwrap()
        };
        let error = ask(&answers(
            "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 2\r\n\r\nno",
        ));
        assert!(matches!(error, OpenError::Refused { status: 407, .. }), "{error:?}");
        assert_eq!(
            (error.header("proxy-authenticate"), error.body()),
            (Some("Basic realm=\"x\""), &b"no"[..])
        );
        assert!(error.to_string().starts_with("the proxy 127.0.0.1:"), "{error}");
        let error =
            ask(&answers("HTTP/1.0 302 Go\r\nLocation: ws://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"));
        assert!(matches!(error, OpenError::Refused { status: 302, .. }), "nobody is led on by it: {error:?}");
        for (answer, code) in [
            ("SSH-2.0\r\n\r\n", Code::BadReply),
            ("HTTP/1.1 200 OK\r\n\r\nmore", Code::BadReply),
            ("HTTP/1.1 101 Such\r\n\r\n", Code::BadReply),
            ("HTTP/1.1 2", Code::Lost),
            ("", Code::Lost),
        ] {
            match ask(&answers(answer)) {
                OpenError::Failed { code: other, text } => assert_eq!(other, code, "{answer:?}: {text}"),
                other => panic!("{answer:?}: {other:?}"),
            }
        }
        let (silent, _) = peers::serve(
            |mut stream, _: &Sender<()>| {
                while stream.read(&mut [0; 512]).is_ok_and(|len| len > 0) {}
            },
        );
        let deadlines = Deadlines::new().open(Duration::from_millis(300));
        let request = Request::new("a", 80).proxy("127.0.0.1", silent.address().port()).options(deadlines);
        assert_eq!(refusal(&request).0, Code::Timeout);
        nothing_is_left();
    });
}
