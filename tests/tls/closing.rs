//! How secure connections end, and what passes meanwhile besides data.

use xous_api_websocket::error::{Closed, ReceiveError};
use xous_api_websocket::{Tls, Websocket};

use crate::authority::Authority;
use crate::openssl::{Peer, Settings};
use crate::recorder::{APPLICATION_DATA, Recorder, records};
use crate::s_server::SServer;
use crate::support::{request, system};

const VERSIONS: [&str; 2] = ["TLSv1_2", "TLSv1_3"];

fn each_version(mode: &str, check: impl Fn(&Peer, Websocket)) {
    let ca = Authority::new("root");
    let leaf = ca.server(&["localhost"]);
    for version in VERSIONS {
        let peer = Peer::start(&Settings::new(mode, &leaf).only(version));
        let ws = Websocket::open(&request(peer.port, "/", Tls::only(&ca.der))).unwrap();
        check(&peer, ws);
    }
}

fn closed(ws: &Websocket) -> Closed {
    match ws.receive_whole(1 << 20) {
        Err(ReceiveError::Closed(closed)) => closed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_truncated_stream_is_no_clean_end() {
    system!().run(|| {
        each_version("truncate", |_, ws| {
            assert_eq!(ws.receive_text(100).unwrap(), "whole");
            let closed = closed(&ws);
            assert_eq!(closed.code, 1006);
            assert!(closed.reason.starts_with("truncated"), "{closed:?}");
        });
    });
}

#[test]
fn a_close_notify_without_a_close_frame_is_no_truncation() {
    system!().run(|| {
        each_version("notify_only", |_, ws| {
            let reason = "the peer ended the connection without a Close frame".to_owned();
            assert_eq!(closed(&ws), Closed::new(1006, reason));
        });
    });
}

#[test]
fn a_close_notify_follows_the_close_frame_whoever_begins() {
    system!().run(|| {
        each_version("answer_close", |peer, ws| {
            assert_eq!(ws.close(1001, "bye").unwrap(), 1001);
            let report = peer.report();
            assert_eq!(report, r#"{"end": "close_notify", "first": 136, "code": 1001, "rest": 0}"#);
        });
        each_version("close_first", |peer, ws| {
            assert_eq!(closed(&ws).code, 1000);
            let report = peer.report();
            assert_eq!(report, r#"{"end": "close_notify", "first": 136, "code": 1000, "rest": 0}"#);
        });
    });
}

#[test]
fn a_small_message_is_one_record_in_one_segment() {
    system!().run(|| {
        let ca = Authority::new("root");
        for version in VERSIONS {
            let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])).only(version));
            let relay = Recorder::relay(peer.port, usize::MAX);
            let ws = Websocket::open(&request(relay.port(), "/echo", Tls::only(&ca.der))).unwrap();
            for _ in 0..3 {
                ws.send_text("hello").unwrap();
                assert_eq!(ws.receive_text(5).unwrap(), "hello");
            }
            ws.close(1000, "").unwrap();
            drop(ws);
            let seen = relay.seen();
            // Behind the frame's header, mask and text, what either version adds.
            let len = 6 + 5 + if version == "TLSv1_3" { 17 } else { 24 };
            let messages: Vec<_> =
                seen.sent.iter().filter(|piece| records(piece) == [(APPLICATION_DATA, len)]).collect();
            assert_eq!(messages.len(), 3, "{version}: {:?}", seen.records());
            // The hello, with TLS 1.2 the key, and the last word together with the request.
            let before = seen.sent.iter().position(|piece| piece == messages[0]).unwrap();
            assert_eq!(before, if version == "TLSv1_3" { 2 } else { 3 }, "{version}: {:?}", seen.records());
        }
    });
}

#[test]
fn keys_are_renewed_when_the_peer_asks() {
    system!().run(|| {
        let ca = Authority::new("root");
        let mut peer = SServer::start(&ca.server(&["localhost"]), &["-tls1_3"]);
        let ws = peer.open(&ca.der);
        for text in ["one", "two", "three"] {
            // `K` has the server renew its keys and ask for ours. It looks for commands before it looks for data.
            peer.say(b"K\n");
            ws.send_text(text).unwrap();
            assert_eq!(peer.frame(), text.as_bytes());
            peer.send_text(text);
            assert_eq!(ws.receive_text(10).unwrap(), text);
            ws.send_text("under new keys").unwrap();
            assert_eq!(peer.frame(), b"under new keys");
        }
    });
}

#[test]
fn renegotiation_is_refused() {
    system!().run(|| {
        let ca = Authority::new("root");
        let mut peer = SServer::start(&ca.server(&["localhost"]), &["-tls1_2"]);
        let ws = peer.open(&ca.der);
        peer.send_text("before");
        assert_eq!(ws.receive_text(10).unwrap(), "before");
        // `r` has the server ask for a new handshake. OpenSSL takes a refusal for the end of the connection.
        peer.say(b"r\n");
        let closed = closed(&ws);
        assert_eq!(closed.code, 1006, "{closed:?}");
        peer.until_error("no renegotiation");
    });
}
