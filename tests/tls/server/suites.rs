//! What the server accepts, as a scanner of servers would look at it: each suite that OpenSSL has is offered alone.

use std::process::Stdio;

use hosted::tools::command;
use xous_api_websocket::error::ListenError;
use xous_api_websocket::{Code, Listener};

use crate::authority::{Leaf, self_signed, self_signed_rsa};
use crate::client::Settings;
use crate::support::{Scratch, system};

use super::{listen, listener, tls};

/// The suites of TLS 1.2 that OpenSSL offers, however weak. What takes a shared key or a password it does not offer to
/// who has given it none.
fn all_suites() -> Vec<String> {
    let ciphers = ["ciphers", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"];
    let output = command("openssl").args(ciphers).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let mut suites: Vec<_> = output.trim().split(':').map(str::to_owned).collect();
    suites.retain(|suite| !["TLS_", "PSK", "SRP"].iter().any(|kind| suite.contains(kind)));
    suites
}

/// What is accepted on a port with this certificate, which is its own root.
fn accepted(leaf: &Leaf) -> Vec<String> {
    let listener = listener(&listen(tls(leaf)));
    let settings = Settings::new("scan", listener.port(), &leaf.chain);
    let mut client = settings.only("TLSv1_2").start();
    let mut accepted = all_suites();
    accepted.retain(|suite| {
        let report = client.ask(suite);
        assert!(report.contains("true") || report.contains("alert"), "{suite} is not refused: {report}");
        report.contains("true")
    });
    for version in ["TLSv1", "TLSv1_1"] {
        let mut client = settings.only(version).start();
        client.expect("ALL", &["\"accepted\": false", "alert"]);
    }
    settings.only("TLSv1_3").start().expect("ALL", &["\"accepted\": true", "TLSv1.3"]);
    accepted
}

#[test]
fn only_forward_secret_authenticated_encryption_is_accepted() {
    const FINE: [&str; 3] = ["AES256-GCM-SHA384", "CHACHA20-POLY1305", "AES128-GCM-SHA256"];
    system!().run(|| {
        let suites = all_suites();
        for weak in ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256"] {
            assert!(suites.iter().any(|suite| suite == weak), "OpenSSL has no {weak} to test with");
        }
        let names = |kind: &str| FINE.map(|suite| format!("{kind}-{suite}"));
        assert_eq!(accepted(&self_signed(&["localhost"])), names("ECDHE-ECDSA"));
        let rsa = self_signed_rsa("localhost");
        if cfg!(feature = "tls-rustcrypto") {
            // RSA signatures of the crate `rsa` leak the key (RUSTSEC-2023-0071), so none is ever made.
            match Listener::listen(&listen(tls(&rsa))).err() {
                Some(ListenError::Failed { code: Code::BadRequest, text }) => {
                    assert!(text.contains("none of P-256, P-384 and Ed25519"), "{text}");
                }
                other => panic!("{other:?}"),
            }
        } else {
            assert_eq!(accepted(&rsa), names("ECDHE-RSA"));
        }
    });
}

/// What OpenSSL's own client and the server agree on when the client would rather have AES-256 than anything.
fn agreed(port: u16, ca: &str, version: &str) -> String {
    let suites = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256";
    let suites_13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
    let output = command("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), version, "-CAfile", ca])
        .args(["-cipher", suites, "-ciphersuites", suites_13])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let suite = output.split("Cipher is ").nth(1).and_then(|rest| rest.lines().next());
    suite.unwrap_or_else(|| panic!("{output}")).to_owned()
}

#[test]
fn the_server_takes_the_cheapest_cipher_whatever_the_client_would_rather_have() {
    // Without instructions for AES that is ChaCha20-Poly1305, elsewhere AES-128.
    #[cfg(target_arch = "x86_64")]
    let aes = std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    let aes = std::arch::is_aarch64_feature_detected!("aes") && !cfg!(feature = "tls-rustcrypto");
    let cheapest = if aes { "128-GCM-SHA256" } else { "CHACHA20-POLY1305" };
    system!().run(move || {
        let leaf = self_signed(&["localhost"]);
        let listener = listener(&listen(tls(&leaf)));
        let files = Scratch::new();
        let ca = files.write("ca.pem", &leaf.chain);
        for version in ["-tls1_2", "-tls1_3"] {
            let suite = agreed(listener.port(), &ca, version);
            assert!(suite.replace('_', "-").contains(cheapest), "{version}: {suite}");
        }
    });
}
