//! The roots that the user of the device keeps, as xous-core's `libs/tls` stores them, and dicts of certificates.

use hosted::Pddb as StandIn;
use xous_api_websocket::certificate::Certificate;
use xous_api_websocket::{
    Code, Request, Tls, Websocket,
    tls::{Pin, Source},
};

use crate::authority::{Authority, self_signed};
use crate::keys::{pddb, store};
use crate::openssl::{Peer, Settings};
use crate::recorder::Recorder;
use crate::support::{refusal, request, system};

/// As `libs/tls/src/ota.rs` declares it.
#[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
struct OwnedTrustAnchor {
    subject: Vec<u8>,
    spki: Vec<u8>,
    name_constraints: Option<Vec<u8>>,
}

/// What `libs/tls` stores of a root.
fn anchor(der: &[u8]) -> Vec<u8> {
    let certificate = Certificate::parse(der).unwrap();
    let anchor = OwnedTrustAnchor {
        subject: certificate.subject.0.to_vec(),
        spki: certificate.public_key.to_vec(),
        name_constraints: None,
    };
    rkyv::to_bytes::<rkyv::rancor::Error>(&anchor).unwrap().to_vec()
}

fn echoes(request: &Request<'_>) {
    let ws = Websocket::open(request).unwrap();
    ws.send_text("hello").unwrap();
    assert_eq!(ws.receive_text(5).unwrap(), "hello");
}

#[test]
fn roots_of_the_device_are_trusted_alone_or_beside_others_and_only_when_asked_for() {
    system!().run(|| {
        pddb();
        let (ca, other) = (Authority::new("root"), Authority::new("other"));
        store("tls.trusted", "other 1234", anchor(&other.der));
        store("tls.trusted", "root 0A1B2C3D", anchor(&ca.der));
        let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])));
        for tls in
            [Tls::device_store(), Tls::default().and_device_store(), Tls::only(&other.der).and_device_store()]
        {
            echoes(&request(peer.port, "/echo", tls));
        }
        for tls in [Tls::default(), Tls::only(&other.der)] {
            let (code, text) = refusal(&request(peer.port, "/echo", tls));
            assert_eq!(code, Code::UnknownIssuer, "{text}");
        }
        // What was stored last counts.
        store("tls.trusted", "root 0A1B2C3D", anchor(&other.der));
        let (code, text) = refusal(&request(peer.port, "/echo", Tls::device_store()));
        assert_eq!(code, Code::UnknownIssuer, "{text}");
    });
}

#[test]
fn every_open_basis_counts() {
    system!().pddb(StandIn::new().second_basis("secret")).run(|| {
        pddb();
        let (ca, other) = (Authority::new("root"), Authority::new("other"));
        let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])));
        store("secret:tls.trusted", "root", anchor(&ca.der));
        echoes(&request(peer.port, "/echo", Tls::device_store()));
        store("tls.trusted", "root", anchor(&other.der));
        echoes(&request(peer.port, "/echo", Tls::device_store()));
        store("secret:roots", "ca", &ca.pem);
        echoes(&request(peer.port, "/echo", Tls::only_all_in("roots")));
    });
}

#[test]
fn all_keys_of_a_dict_are_roots() {
    system!().run(|| {
        pddb();
        let (ca, other, third) = (Authority::new("root"), Authority::new("other"), Authority::new("third"));
        store("my/roots", "one", &other.der);
        store("my/roots", "two", format!("{}{}", third.pem, ca.pem));
        let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])));
        echoes(&request(peer.port, "/echo", Tls::only_all_in("my/roots")));
        echoes(&request(peer.port, "/echo", Tls::only(&other.der).and_all_in("my/roots")));
        // The form of the one is not that of the other.
        store("anchors", "root", anchor(&ca.der));
        let (code, text) = refusal(&request(peer.port, "/echo", Tls::only_all_in("anchors")));
        assert_eq!(code, Code::BadPddbKey, "{text}");
    });
}

#[test]
fn keys_that_hold_no_root_are_in_nobody_s_way() {
    system!().run(|| {
        pddb();
        let ca = Authority::new("root");
        let good = anchor(&ca.der);
        let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])));
        store("tls.trusted", "a certificate", &ca.der);
        store("tls.trusted", "empty", "");
        store("tls.trusted", "cut", &good[..good.len() - 1]);
        store("tls.trusted", "a: name that no path has", &good);
        store("tls.trusted", "ones", [0xff; 1028]);
        let (code, text) = refusal(&request(peer.port, "/echo", Tls::device_store()));
        assert_eq!(code, Code::BadPddbKey, "{text}");
        assert!(text.contains("tls.trusted") && text.contains("nor another key"), "{text}");
        // Every byte of it, one at a time, wherever it leads.
        for (at, byte) in good.iter().enumerate().skip(good.len() - 28) {
            let mut bad = good.clone();
            bad[at] = !byte;
            store("tls.trusted", &format!("bad {at}"), bad);
        }
        store("tls.trusted", "root", &good);
        echoes(&request(peer.port, "/echo", Tls::device_store()));
    });
}

#[test]
fn where_nothing_is_stored_nobody_is_trusted_for_it() {
    system!().run(|| {
        pddb();
        let ca = Authority::new("root");
        let leaf = self_signed(&["localhost"]);
        let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])));
        let relay = Recorder::relay(peer.port, usize::MAX);
        let shown = Websocket::open_or_show(&request(peer.port, "/", Tls::default())).err().unwrap().shown;
        let pin = Pin::Certificate(shown.unwrap().own().unwrap().fingerprint);
        for tls in [
            Tls::device_store(),
            Tls::only_all_in("nowhere"),
            // A pin beside roots that are not there is not a pin alone.
            Tls::device_store().pinned(pin),
            Tls::only_all_in("nowhere").pinned(pin),
        ] {
            let (code, text) = refusal(&request(relay.port(), "/secret", tls));
            assert_eq!(code, Code::NoPddbKey, "{text}");
            assert!(text.contains("nobody is trusted"), "{text}");
        }
        store("tls.trusted", "garbage", &leaf.key);
        let (code, text) = refusal(&request(relay.port(), "/secret", Tls::device_store().pinned(pin)));
        assert_eq!(code, Code::BadPddbKey, "{text}");
        let (code, text) = refusal(&request(relay.port(), "/secret", Tls::only_all_in("a:b")));
        assert_eq!(code, Code::BadRequest, "{text}");
        assert!(relay.saw_nothing());
        // Beside others an empty dict is no fault.
        echoes(&request(peer.port, "/echo", Tls::only(&ca.der).and_device_store().and_all_in("nowhere")));
    });
}

#[test]
fn an_unmounted_pddb_is_told_from_an_empty_store() {
    system!().pddb(StandIn::new().unmounted()).run(|| {
        pddb();
        let (code, text) = refusal(&request(1, "/", Tls::default().and_device_store()));
        assert_eq!(code, Code::NoPddb, "{text}");
        assert!(text.contains("tls.trusted") && text.contains("unlock it"), "{text}");
    });
}

#[test]
fn a_store_has_an_end() {
    system!().run(|| {
        pddb();
        let ca = Authority::new("root");
        for nth in 0..=Source::MAX_KEYS {
            store("many", &format!("key {nth}"), "");
        }
        store("long", "key", vec![b' '; Source::MAX_DICT_BYTES + 1]);
        for dict in ["many", "long"] {
            let (code, text) = refusal(&request(1, "/", Tls::only(&ca.der).and_all_in(dict)));
            assert_eq!(code, Code::BadPddbKey, "{text}");
            assert!(text.contains(dict) && text.contains("too much"), "{text}");
        }
    });
}

/// As the command `tls mozilla` of xous-core stores them.
#[test]
fn all_of_mozilla_s_roots_have_room() {
    system!().run(|| {
        pddb();
        let ca = Authority::new("root");
        let mut bytes = 0;
        for (nth, root) in webpki_roots::TLS_SERVER_ROOTS.iter().enumerate() {
            let anchor = OwnedTrustAnchor {
                subject: root.subject.to_vec(),
                spki: root.subject_public_key_info.to_vec(),
                name_constraints: root.name_constraints.as_ref().map(|constraints| constraints.to_vec()),
            };
            let key = rkyv::to_bytes::<rkyv::rancor::Error>(&anchor).unwrap();
            bytes += key.len();
            store("tls.trusted", &format!("root {nth}"), key);
        }
        println!("{} roots, {bytes} bytes", webpki_roots::TLS_SERVER_ROOTS.len());
        store("tls.trusted", "own", anchor(&ca.der));
        let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])));
        echoes(&request(peer.port, "/echo", Tls::device_store()));
    });
}
