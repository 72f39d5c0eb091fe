//! TLS to a server that is not reached straight: through a proxy, at another address, by a redirection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use xous_api_websocket::{Code, Request, Tls, Websocket};

use crate::authority::Authority;
use crate::openssl::{Peer, Settings};
use crate::support::{refusal, system};

/// Takes one client, reads a head, answers it, and passes on what comes then if there is a port for it.
fn once(answer: String, port: Option<u16>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        client.write_all(answer.as_bytes()).unwrap();
        let Some(port) = port else { return };
        let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let back = std::thread::spawn(move || {
            std::io::copy(&mut from, &mut to).ok();
            to.shutdown(Shutdown::Write).ok();
        });
        std::io::copy(&mut client, &mut &server).ok();
        server.shutdown(Shutdown::Write).ok();
        back.join().unwrap();
    });
    own
}

fn echoes(request: &Request<'_>) {
    let ws = Websocket::open(request).unwrap();
    ws.send_text("hello").unwrap();
    assert_eq!(ws.receive_text(5).unwrap(), "hello");
    ws.close(1000, "").unwrap();
}

#[test]
fn tls_runs_inside_a_tunnel_and_names_the_server_that_is_meant() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["service.example"]);
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        let tls = || Tls::only(ca.pem.as_bytes());
        let named = |host| Request::new(host, 443).path("/echo").tls(tls());
        echoes(&named("service.example").connect_to("127.0.0.1", peer.port));
        let tunnel = || once("HTTP/1.1 200 OK\r\n\r\n".into(), Some(peer.port));
        echoes(&named("service.example").proxy("127.0.0.1", tunnel()));
        // The address does not stand for the name.
        let (code, text) = refusal(&named("other.example").connect_to("127.0.0.1", peer.port));
        assert_eq!(code, Code::WrongHost, "{text}");
        let (code, text) = refusal(&named("other.example").proxy("127.0.0.1", tunnel()));
        assert_eq!(code, Code::WrongHost, "{text}");
    });
}

#[test]
fn a_redirection_may_lead_into_tls() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["127.0.0.1"]);
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        let place = peer.port;
        let lead = |to: String| {
            once(format!("HTTP/1.1 307 Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"), None)
        };
        // Without roots of its own the request trusts Mozilla's, which do not know this server.
        let plain = lead(format!("https://127.0.0.1:{place}/echo"));
        let (code, text) = refusal(&Request::new("127.0.0.1", plain).redirects(1));
        assert_eq!(code, Code::UnknownIssuer, "{text}");
    });
}
