//! Certificates that must not be accepted. The peers would serve, and see that nothing is told to them.

use xous_api_websocket::{
    Code, Tls,
    tls::{Identity, Source},
};

use crate::authority::{Authority, Leaf, by_openssl, self_signed};
use crate::openssl::{Peer, Settings};
use crate::recorder::Recorder;
use crate::support::{refusal, request, system};

/// Opens with this trust to a server with this certificate, over either version: the refusal must have this code
/// and this in its text.
fn refused(leaf: &Leaf, tls: &Tls<'_>, code: Code, reason: &str) {
    for version in ["TLSv1_2", "TLSv1_3"] {
        let settings = Settings::new("record", leaf).only(version).ciphers("DEFAULT:@SECLEVEL=0");
        let peer = Peer::start(&settings);
        let relay = Recorder::relay(peer.port, usize::MAX);
        let (actual, text) = refusal(&request(relay.port(), "/secret", tls.clone()));
        assert_eq!(actual, code, "{version}: {text}");
        assert!(text.contains(reason), "{version}: {text:?} does not say {reason:?}");
        relay.seen().assert_nothing_told();
        let report = peer.report();
        assert!(report.contains("\"handshake\": false"), "{version}: {report}");
    }
}

#[test]
fn for_another_host() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["example.org", "10.1.2.3"]);
        refused(&leaf, &Tls::only(&ca.der), Code::WrongHost, "example.org");
        refused(&leaf, &Tls::only(&ca.der).server_name("127.0.0.1"), Code::WrongHost, "127.0.0.1");
    });
}

#[test]
fn at_another_time() {
    system!().run(|| {
        let ca = Authority::new("root");
        let past = ca.server_valid(&["localhost"], (2020, 2021));
        refused(&past, &Tls::only(&ca.der), Code::Expired, "expired");
        let future = ca.server_valid(&["localhost"], (2090, 2091));
        refused(&future, &Tls::only(&ca.der), Code::NotYetValid, "valid only from");
    });
}

#[test]
fn from_nobody_who_is_trusted() {
    system!().run(|| {
        let (ca, other) = (Authority::new("root"), Authority::new("other"));
        let leaf = ca.server(&["localhost"]);
        refused(&leaf, &Tls::default(), Code::UnknownIssuer, "not issued by anyone who is trusted");
        refused(&leaf, &Tls::only(&other.der), Code::UnknownIssuer, "not issued by anyone who is trusted");
        refused(
            &self_signed(&["localhost"]),
            &Tls::only(&ca.der),
            Code::UnknownIssuer,
            "not issued by anyone who is trusted",
        );
        let forger = Authority::new("root");
        refused(&forger.server(&["localhost"]), &Tls::only(&ca.der), Code::BadCertificate, "signature");
        let hole = ca.intermediate("intermediate").server(&["localhost"]);
        refused(&hole, &Tls::only(&ca.der), Code::UnknownIssuer, "not issued by anyone who is trusted");
    });
}

#[test]
fn of_another_kind() {
    system!().run(|| {
        let ca = Authority::new("root");
        refused(&ca.client("localhost"), &Tls::only(&ca.der), Code::BadCertificate, "server authentication");
        refused(&ca.as_server(), &Tls::only(&ca.der), Code::BadCertificate, "that of a CA");
    });
}

/// For `openssl genpkey`.
const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn signed_with_a_hash_that_is_broken() {
    system!().run(|| {
        let (ca, leaf) = by_openssl("localhost", P256, &["-sha1"]);
        refused(&leaf, &Tls::only(ca.as_bytes()), Code::BadCertificate, "an algorithm that is not accepted");
    });
}

#[test]
fn trust_that_cannot_be_used_is_refused_before_anybody_is_asked() {
    system!().run(|| {
        let ca = Authority::new("root");
        let peer = Peer::start(&Settings::new("record", &ca.server(&["localhost"])));
        let relay = Recorder::relay(peer.port, usize::MAX);
        let leaf = ca.client("client");
        let other_key = ca.client("client").key;
        let (chain, key) = (leaf.chain.as_bytes(), leaf.key.as_bytes());
        let no_chain = Identity::from_sources(vec![], Source::Bytes(key));
        let mut nobody = Tls::default();
        nobody.mozilla = false;
        let cases = [
            (nobody, "no roots are trusted"),
            (Tls::only(b""), "not a CA certificate"),
            (Tls::only(&ca.der[..100]), "not a CA certificate"),
            (Tls::only(b"-----BEGIN NOTHING-----\n"), "PEM"),
            (Tls::only(leaf.key.as_bytes()), "PEM without a certificate"),
            (Tls::only(&ca.der).server_name("no name"), "not a name"),
            (Tls::only(&ca.der).server_name(""), "not a name"),
            (Tls::only(&ca.der).identity(Identity::new(chain, b"key")), "private key"),
            (Tls::only(&ca.der).identity(no_chain), "ertificate"),
            (
                Tls::only(&ca.der).identity(Identity::new(chain, other_key.as_bytes())),
                "the private key is not that of the certificate",
            ),
        ];
        for (tls, reason) in cases {
            let (code, text) = refusal(&request(relay.port(), "/", tls));
            assert_eq!(code, Code::BadRequest, "{text}");
            assert!(text.contains(reason), "{text:?} does not say {reason:?}");
        }
        assert!(relay.saw_nothing());
    });
}
