//! Connections that are secure.

use xous_api_websocket::{Code, Payload, Tls, Websocket, tls::Identity};

use crate::authority::Authority;
use crate::openssl::{Peer, Settings};
use crate::support::{refusal, request, system};

const VERSIONS: [(&str, &str); 2] = [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")];

/// What the peer says about the connection, on `/info`.
fn info(ws: &Websocket) -> String {
    ws.receive_text(4096).unwrap()
}

#[test]
fn messages_pass_over_either_version() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        for (version, name) in VERSIONS {
            let peer = Peer::start(&Settings::new("websocket", &leaf).only(version));
            let tls = || Tls::only(ca.pem.as_bytes());
            let ws = Websocket::open(&request(peer.port, "/echo", tls())).unwrap();
            for len in [0, 1, 125, 126, 4096, 16_384, 16_385, 65_536, 1 << 20] {
                let data: Vec<u8> = (0..len).map(|at| (at ^ (at >> 8)) as u8).collect();
                ws.send_binary(&data).unwrap();
                assert_eq!(
                    ws.receive_whole(len).unwrap(),
                    Payload::Binary(data),
                    "{len} bytes over {version}"
                );
            }
            ws.close(1000, "done").unwrap();
            let ws = Websocket::open(&request(peer.port, "/info", tls())).unwrap();
            let info = info(&ws);
            assert!(info.contains(&format!("\"version\": \"{name}\"")), "{info}");
            assert!(info.contains("\"alpn\": \"http/1.1\""), "{info}");
        }
    });
}

#[test]
fn roots_come_as_der_or_pem_alone_or_beside_mozilla_s() {
    system!().run(|| {
        let (ca, other) = (Authority::new("root"), Authority::new("other"));
        let leaf = ca.server(&["localhost"]);
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        let bundle = format!("a comment\n{}{}", other.pem, ca.pem);
        let trusts = [
            Tls::only(&ca.der),
            Tls::only(ca.pem.as_bytes()),
            Tls::only(bundle.as_bytes()),
            Tls::only(&other.der).and(ca.pem.as_bytes()),
            Tls::default().and(&ca.der),
        ];
        for tls in trusts {
            let ws = Websocket::open(&request(peer.port, "/echo", tls)).unwrap();
            ws.send_text("hello").unwrap();
            assert_eq!(ws.receive_text(5).unwrap(), "hello");
        }
    });
}

#[test]
fn a_chain_and_the_server_s_name_are_followed() {
    system!().run(|| {
        let root = Authority::new("root");
        let intermediate = root.intermediate("intermediate");
        let mut leaf = intermediate.server(&["service.example", "127.0.0.1"]);
        leaf.chain += &intermediate.pem;
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        let tls = || Tls::only(root.pem.as_bytes());
        let named = request(peer.port, "/info", tls().server_name("service.example"));
        assert!(info(&Websocket::open(&named).unwrap()).contains("TLSv1.3"));
        let by_address = xous_api_websocket::Request::new("127.0.0.1", peer.port).path("/info").tls(tls());
        assert!(info(&Websocket::open(&by_address).unwrap()).contains("TLSv1.3"));
        let (code, text) = refusal(&request(peer.port, "/info", tls()));
        assert_eq!(code, Code::WrongHost, "{text}");
    });
}

#[test]
fn a_client_shows_its_certificate_and_only_then_gets_in() {
    system!().run(|| {
        let ca = Authority::new("root");
        let (leaf, client) = (ca.server(&["localhost"]), ca.client("client"));
        let identity = || Identity::new(client.chain.as_bytes(), client.key.as_bytes());
        for (version, _) in VERSIONS {
            let settings = Settings::new("websocket", &leaf).only(version).client_ca(&ca.pem);
            let peer = Peer::start(&settings);
            let tls = Tls::only(ca.pem.as_bytes()).identity(identity());
            let ws = Websocket::open(&request(peer.port, "/info", tls)).unwrap();
            assert!(info(&ws).contains("\"client\": true"));
            // asyncio drops a client that it refuses without a word.
            let peer = Peer::start(&Settings { mode: "record", ..settings });
            let (code, text) = refusal(&request(peer.port, "/", Tls::only(ca.pem.as_bytes())));
            assert_eq!(code, Code::TlsFailed, "{text}");
            assert!(text.contains("the peer refuses: "), "{text}");
        }
    });
}

#[test]
fn sessions_are_resumed_with_the_same_trust_and_no_other() {
    system!().run(|| {
        let (ca, other) = (Authority::new("root"), Authority::new("other"));
        let leaf = ca.server(&["localhost"]);
        for (version, _) in VERSIONS {
            let peer = Peer::start(&Settings::new("websocket", &leaf).only(version));
            let resumed = |tls| {
                let ws = Websocket::open(&request(peer.port, "/info", tls)).unwrap();
                let info = info(&ws);
                ws.close(1000, "").unwrap();
                info.contains("\"resumed\": true")
            };
            let trust = || Tls::only(ca.pem.as_bytes());
            assert!(!resumed(trust()), "there is nothing to resume yet");
            assert!(resumed(trust()));
            assert!(!resumed(trust().and(other.pem.as_bytes())), "another trust checks for itself");
            let (code, _) = refusal(&request(peer.port, "/info", Tls::only(other.pem.as_bytes())));
            assert_eq!(code, Code::UnknownIssuer, "a session is no way around the check");
        }
    });
}
