//! Every algorithm that a server may choose, against OpenSSL's: a provider that computes one of them wrongly opens no
//! connection with it.

use xous_api_websocket::{Tls, Websocket, tls::Identity};

use crate::authority::{Authority, by_openssl, client_by_openssl};
use crate::openssl::{Peer, Settings};
use crate::s_server::SServer;
use crate::support::{request, system};

const RSA: [&str; 3] = ["-algorithm", "RSA", "-pkeyopt"];
const EC: [&str; 3] = ["-algorithm", "EC", "-pkeyopt"];
const PSS: [&str; 4] = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];

/// Algorithm, size, hash, padding: options of OpenSSL.
type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str]);

#[test]
fn suites_and_groups() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let (rsa_ca, rsa_leaf) =
            by_openssl("localhost", &[&RSA[..], &["rsa_keygen_bits:2048"]].concat(), &[]);
        let mut cases = Vec::new();
        for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
            for group in ["X25519", "P-256", "P-384"] {
                cases.push((vec!["-tls1_3", "-ciphersuites", suite, "-groups", group], &ca.der[..], &leaf));
            }
        }
        for suite in ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"] {
            for (kind, root, leaf) in [("ECDSA", &ca.der[..], &leaf), ("RSA", rsa_ca.as_bytes(), &rsa_leaf)] {
                let cipher = String::leak(format!("ECDHE-{kind}-{suite}"));
                for group in ["X25519", "P-256", "P-384"] {
                    cases.push((vec!["-tls1_2", "-cipher", cipher, "-groups", group], root, leaf));
                }
            }
        }
        for (options, root, leaf) in cases {
            let mut peer = SServer::start(leaf, &options);
            let ws = peer.open(root);
            for text in ["one", "two"] {
                peer.send_text(text);
                assert_eq!(ws.receive_text(10).unwrap(), text, "{options:?}");
                ws.send_text(text).unwrap();
                assert_eq!(peer.frame(), text.as_bytes(), "{options:?}");
            }
        }
    });
}

#[test]
fn keys_and_signatures_of_servers() {
    system!().run(|| {
        let cases: [Case<'_>; 10] = [
            ("P-256 with SHA-256", &EC, &["ec_paramgen_curve:P-256"], &["-sha256"]),
            ("P-256 with SHA-384", &EC, &["ec_paramgen_curve:P-256"], &["-sha384"]),
            ("P-384 with SHA-256", &EC, &["ec_paramgen_curve:P-384"], &["-sha256"]),
            ("P-384 with SHA-384", &EC, &["ec_paramgen_curve:P-384"], &["-sha384"]),
            ("Ed25519", &["-algorithm", "ED25519"], &[], &[]),
            ("RSA with SHA-256", &RSA, &["rsa_keygen_bits:2048"], &["-sha256"]),
            ("RSA with SHA-384", &RSA, &["rsa_keygen_bits:2048"], &["-sha384"]),
            ("RSA of 3072 bits with SHA-512", &RSA, &["rsa_keygen_bits:3072"], &["-sha512"]),
            ("RSA-PSS with SHA-256", &RSA, &["rsa_keygen_bits:2048"], &["-sha256"]),
            ("RSA-PSS with SHA-384", &RSA, &["rsa_keygen_bits:2048"], &["-sha384"]),
        ];
        for (what, algorithm, size, hash) in cases {
            let padding: &[&str] = if what.contains("PSS") { &PSS } else { &[] };
            let (ca, leaf) = by_openssl("localhost", &[algorithm, size].concat(), &[hash, padding].concat());
            for version in ["TLSv1_2", "TLSv1_3"] {
                let peer = Peer::start(&Settings::new("websocket", &leaf).only(version));
                let ws = Websocket::open(&request(peer.port, "/info", Tls::only(ca.as_bytes())));
                let ws = ws.unwrap_or_else(|error| panic!("{what} over {version}: {error}"));
                ws.receive_text(4096).unwrap();
            }
        }
    });
}

#[test]
fn keys_of_clients() {
    system!().run(|| {
        let server = Authority::new("root");
        let leaf = server.server(&["localhost"]);
        let curves = ["ec_paramgen_curve:P-256", "ec_paramgen_curve:P-384"];
        let kinds = curves.map(|curve| [&EC[..], &[curve]].concat()).into_iter();
        for kind in kinds.chain([vec!["-algorithm", "ED25519"]]) {
            let (ca, client) = client_by_openssl(&kind);
            for version in ["TLSv1_2", "TLSv1_3"] {
                let settings = Settings::new("websocket", &leaf).only(version).client_ca(&ca);
                let peer = Peer::start(&settings);
                let identity = Identity::new(client.chain.as_bytes(), client.key.as_bytes());
                let tls = Tls::only(&server.der).identity(identity);
                let ws = Websocket::open(&request(peer.port, "/info", tls));
                let ws = ws.unwrap_or_else(|error| panic!("{kind:?} over {version}: {error}"));
                assert!(ws.receive_text(4096).unwrap().contains("\"client\": true"));
            }
        }
    });
}
