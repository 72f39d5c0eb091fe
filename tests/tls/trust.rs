//! A person decides: what a server showed that is not trusted, and certificates and keys that are pinned.

use hosted::tools::command;
use xous_api_websocket::certificate::{Certificate, Fingerprint, Shown};
use xous_api_websocket::error::OpenError;
use xous_api_websocket::{Code, Request, Tls, Websocket, tls::Pin};

use crate::authority::{Authority, Leaf, by_openssl, self_signed};
use crate::openssl::{Peer, Settings};
use crate::recorder::Recorder;
use crate::support::{Scratch, refusal, request, system};

const VERSIONS: [&str; 2] = ["TLSv1_2", "TLSv1_3"];

/// Opens, which must fail with this code, and returns what the server showed.
fn shown(request: &Request<'_>, expected: Code) -> Shown {
    let Err(unopened) = Websocket::open_or_show(request) else { panic!("{request:?} opened a connection") };
    let OpenError::Failed { code, text } = &unopened.error else { panic!("{unopened:?}") };
    assert_eq!(*code, expected, "{text}");
    unopened.shown.unwrap_or_else(|| panic!("nothing is shown: {text}"))
}

fn echoes(request: &Request<'_>) {
    let ws = Websocket::open(request).unwrap();
    ws.send_text("hello").unwrap();
    assert_eq!(ws.receive_text(5).unwrap(), "hello");
}

/// What OpenSSL says about the first certificate of a PEM text.
fn openssl(pem: &str, arguments: &[&str]) -> String {
    let files = Scratch::new();
    let file = files.write("certificate", pem);
    let output = command("openssl").args(["x509", "-noout", "-in", &file]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The fingerprint of the key in a certificate, as OpenSSL computes it.
fn key_fingerprint(pem: &str) -> Fingerprint {
    let files = Scratch::new();
    let (public, der) = (files.write("public", openssl(pem, &["-pubkey"])), files.path("der"));
    let convert = ["pkey", "-pubin", "-in", &public, "-outform", "DER", "-out", &der];
    assert!(command("openssl").args(convert).output().unwrap().status.success());
    let digest = command("openssl").args(["dgst", "-sha256", "-r", &der]).output().unwrap();
    String::from_utf8(digest.stdout).unwrap()[..64].parse().unwrap()
}

#[test]
fn what_an_unknown_server_has_is_shown_and_told_to_nobody_else() {
    system!().run(|| {
        let root = Authority::new("root");
        let intermediate = root.intermediate("between");
        let mut leaf = intermediate.server(&["localhost"]);
        let own = leaf.chain.clone();
        leaf.chain += &intermediate.pem;
        for version in VERSIONS {
            let peer = Peer::start(&Settings::new("record", &leaf).only(version));
            let relay = Recorder::relay(peer.port, usize::MAX);
            let shown = shown(&request(relay.port(), "/secret", Tls::default()), Code::UnknownIssuer);
            relay.seen().assert_nothing_told();
            assert_eq!((shown.count, shown.certificates.len()), (2, 2));
            let certificate = shown.own().unwrap();
            let hex = openssl(&own, &["-fingerprint", "-sha256"]);
            assert_eq!(hex.split('=').nth(1).unwrap(), certificate.fingerprint.to_string());
            assert_eq!(certificate.key, Some(key_fingerprint(&own)));
            let content = certificate.content().unwrap();
            assert_eq!(content.subject.common_name(), Some("localhost"));
            assert_eq!(content.issuer.common_name(), Some("between"));
            let dates = openssl(&own, &["-dates", "-dateopt", "iso_8601"]).replace(':', " ");
            assert!(dates.contains(&content.valid_from.to_string()[..10]), "{dates}");
            assert!(dates.contains(&content.valid_until.to_string()[..10]), "{dates}");
            assert_eq!(shown.top().unwrap().der, intermediate.der);
            assert_eq!(Certificate::parse(&intermediate.der).unwrap().issuer.common_name(), Some("root"));
        }
    });
}

#[test]
fn every_certificate_that_is_not_accepted_is_shown() {
    system!().run(|| {
        let ca = Authority::new("root");
        let trust = || Tls::only(&ca.der);
        for (leaf, code) in [
            (ca.server(&["example.org"]), Code::WrongHost),
            (ca.server_valid(&["localhost"], (2020, 2021)), Code::Expired),
            (ca.server_valid(&["localhost"], (2090, 2091)), Code::NotYetValid),
            (self_signed(&["localhost"]), Code::UnknownIssuer),
            (ca.as_server(), Code::BadCertificate),
        ] {
            let peer = Peer::start(&Settings::new("record", &leaf));
            let shown = shown(&request(peer.port, "/secret", trust()), code);
            let hex = openssl(&leaf.chain, &["-fingerprint", "-sha256"]);
            assert_eq!(hex.split('=').nth(1).unwrap(), shown.own().unwrap().fingerprint.to_string());
        }
    });
}

#[test]
fn nothing_is_shown_where_no_certificate_is_the_reason() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let asks = Settings::new("record", &leaf).client_ca(&ca.pem);
        let alert = Peer::start(&asks);
        let garbage = Recorder::answering(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), true);
        for (port, expected) in [(alert.port, Code::TlsFailed), (garbage.port(), Code::NotTls)] {
            // One that is refused first, whose certificates must not be taken for those of the next.
            let stranger = Peer::start(&Settings::new("record", &self_signed(&["localhost"])));
            refusal(&request(stranger.port, "/", Tls::only(&ca.der)));
            let Err(unopened) = Websocket::open_or_show(&request(port, "/", Tls::only(&ca.der))) else {
                panic!()
            };
            let OpenError::Failed { code, text } = &unopened.error else { panic!("{unopened:?}") };
            assert_eq!((*code, &unopened.shown), (expected, &None), "{text}");
        }
    });
}

#[test]
fn what_was_shown_can_be_trusted_and_nothing_is_trusted_by_itself() {
    system!().run(|| {
        let root = Authority::new("root");
        let intermediate = root.intermediate("between");
        let mut leaf = intermediate.server(&["localhost"]);
        leaf.chain += &intermediate.pem;
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        let first = shown(&request(peer.port, "/echo", Tls::default()), Code::UnknownIssuer);
        let again = shown(&request(peer.port, "/echo", Tls::default()), Code::UnknownIssuer);
        assert_eq!(first, again);
        let (own, top) = (first.own().unwrap(), first.top().unwrap());
        echoes(&request(peer.port, "/echo", Tls::only(&top.der)));
        echoes(&request(peer.port, "/echo", Tls::pin(Pin::Certificate(own.fingerprint))));
        echoes(&request(peer.port, "/echo", Tls::pin(Pin::Key(own.key.unwrap()))));
        // Only the server's own certificate meets a pin.
        let (code, text) = refusal(&request(peer.port, "/echo", Tls::pin(Pin::Certificate(top.fingerprint))));
        assert_eq!(code, Code::WrongPin, "{text}");
    });
}

/// Self-signed, for another name, expired, or a CA's: what a device at home has.
#[test]
fn a_pinned_certificate_needs_no_ca_no_name_and_no_date() {
    system!().run(|| {
        let ca = Authority::new("root");
        for leaf in [
            self_signed(&["printer.example"]),
            ca.server_valid(&["localhost"], (2020, 2021)),
            ca.as_server(),
            by_openssl("localhost", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], &[]).1,
        ] {
            let hex = openssl(&leaf.chain, &["-fingerprint", "-sha256"]);
            let certificate = Pin::Certificate(hex.split('=').nth(1).unwrap().parse().unwrap());
            let key = Pin::Key(key_fingerprint(&leaf.chain));
            for version in VERSIONS {
                let peer = Peer::start(&Settings::new("websocket", &leaf).only(version));
                echoes(&request(peer.port, "/echo", Tls::pin(certificate)));
                echoes(&request(peer.port, "/echo", Tls::pin(key)));
                let other = Pin::Key(Fingerprint([7; 32]));
                echoes(&request(peer.port, "/echo", Tls::pin(other).pinned(certificate)));
            }
        }
    });
}

/// Opens to a server that must be refused before anything is told to it.
fn refused(leaf: &Leaf, tls: &Tls<'_>, code: Code) {
    for version in VERSIONS {
        let peer = Peer::start(&Settings::new("record", leaf).only(version));
        let relay = Recorder::relay(peer.port, usize::MAX);
        let (actual, text) = refusal(&request(relay.port(), "/secret", tls.clone()));
        assert_eq!(actual, code, "{version}: {text}");
        relay.seen().assert_nothing_told();
        assert!(peer.report().contains("\"handshake\": false"));
    }
}

#[test]
fn another_certificate_or_key_than_the_pinned_one_is_refused() {
    system!().run(|| {
        let ca = Authority::new("root");
        let (pinned, other) = (self_signed(&["localhost"]), self_signed(&["localhost"]));
        let hex = openssl(&pinned.chain, &["-fingerprint", "-sha256"]);
        let certificate = Pin::Certificate(hex.split('=').nth(1).unwrap().parse().unwrap());
        let key = Pin::Key(key_fingerprint(&pinned.chain));
        refused(&other, &Tls::pin(certificate).pinned(key), Code::WrongPin);
        // The digest of one is not that of the other.
        let swapped = Pin::Key(hex.split('=').nth(1).unwrap().parse().unwrap());
        refused(&pinned, &Tls::pin(swapped), Code::WrongPin);
        // A CA does not help.
        refused(&ca.server(&["localhost"]), &Tls::only(&ca.der).pinned(key), Code::WrongPin);
        // Beside roots a pin is one demand more, not one less.
        refused(&pinned, &Tls::only(&ca.der).pinned(certificate), Code::UnknownIssuer);
        refused(&pinned, &Tls::default().pinned(certificate), Code::UnknownIssuer);
        let late = ca.server_valid(&["localhost"], (2020, 2021));
        refused(&late, &Tls::only(&ca.der).pinned(Pin::Key(key_fingerprint(&late.chain))), Code::Expired);
        let elsewhere = ca.server(&["example.org"]);
        let pin = Pin::Key(key_fingerprint(&elsewhere.chain));
        refused(&elsewhere, &Tls::only(&ca.der).pinned(pin), Code::WrongHost);
    });
}

#[test]
fn a_pin_and_a_root_together_are_met_together() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        let pin = Pin::Key(key_fingerprint(&leaf.chain));
        echoes(&request(peer.port, "/echo", Tls::only(&ca.der).pinned(pin)));
    });
}

/// A session is resumed without certificates. It must not be with another pin than it was made with.
#[test]
fn a_session_is_no_way_around_a_pin() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        let right = Tls::only(&ca.der).pinned(Pin::Key(key_fingerprint(&leaf.chain)));
        let resumed = |tls: &Tls<'_>| {
            let ws = Websocket::open(&request(peer.port, "/info", tls.clone())).unwrap();
            let info = ws.receive_text(4096).unwrap();
            ws.close(1000, "").unwrap();
            info.contains("\"resumed\": true")
        };
        assert!(!resumed(&right));
        assert!(resumed(&right));
        let wrong = Tls::only(&ca.der).pinned(Pin::Key(Fingerprint([7; 32])));
        let (code, text) = refusal(&request(peer.port, "/info", wrong));
        assert_eq!(code, Code::WrongPin, "{text}");
    });
}

#[test]
fn a_long_chain_is_cut_and_a_small_page_has_what_fits() {
    system!().run(|| {
        let ca = Authority::new("root");
        let mut leaf = self_signed(&["localhost"]);
        leaf.chain += &ca.pem.repeat(20);
        let peer = Peer::start(&Settings::new("record", &leaf));
        let shown = shown(&request(peer.port, "/", Tls::default()), Code::UnknownIssuer);
        assert_eq!((shown.count, shown.certificates.len()), (21, Shown::MAX_CERTIFICATES));
        // A page of the request's own size, as older programs lend it, has the text and what fits behind it.
        let (code, text) = refusal(&request(peer.port, "/", Tls::default()));
        assert_eq!(code, Code::UnknownIssuer);
        assert!(text.contains("not issued by anyone who is trusted"), "{text}");
    });
}
