//! Whether a server's certificate is accepted: by trusted roots, by pins, or by both. What is not accepted is kept, so
//! that a person can see it.
//!
//! rustls forgets the certificates that its verifier refuses, and a resumed session needs the very verifier that it was
//! made with, so there is one for many connections. The verifier is called while the session is fed, on the thread that
//! feeds it. That is where it leaves the certificates.

use std::cell::Cell;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use webpki::EndEntityCert;
use xous_api_websocket::certificate::{Fingerprint, Shown, ShownCertificate};
use xous_api_websocket::tls::Pin;

thread_local! {
    /// What this thread's last refused server has shown.
    static SHOWN: Cell<Option<Box<Shown>>> = const { Cell::new(None) };
}

/// Takes what the server showed that was refused on this thread.
pub(super) fn take_shown() -> Option<Box<Shown>> {
    SHOWN.take()
}

/// Without roots the pins decide alone; without pins the roots do. There is at least one of either.
#[derive(Debug)]
pub(super) struct Verifier {
    roots: RootCertStore,
    pins: Vec<Pin>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// # Errors
    /// There is nothing that could be accepted; the text says so.
    pub(super) fn new(
        roots: RootCertStore,
        pins: Vec<Pin>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, &'static str> {
        if roots.is_empty() && pins.is_empty() {
            return Err("no roots are trusted, so no certificate can be accepted");
        }
        Ok(Verifier { roots, pins, provider })
    }

    /// As rustls' own verifier does without revocation lists, whose code is 11 kB.
    fn check_roots(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.roots.is_empty() {
            return Ok(());
        }
        let own = ParsedCertificate::try_from(own)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&own, &self.roots, others, now, algorithms)?;
        verify_server_name(&own, name)
    }

    fn check_pins(&self, own: &CertificateDer<'_>) -> Result<(), Error> {
        let is_met = |pin: &Pin| match pin {
            Pin::Certificate(pinned) => fingerprint(own) == *pinned,
            Pin::Key(pinned) => key_fingerprint(own) == Some(*pinned),
            // Nothing meets what is not known.
            _ => false,
        };
        if self.pins.is_empty() || self.pins.iter().any(is_met) {
            return Ok(());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // A signature that is refused later is not the certificate's fault.
        SHOWN.set(None);
        match self.check_roots(own, others, name, now).and_then(|()| self.check_pins(own)) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(error) => {
                SHOWN.set(Some(Box::new(shown(own, others))));
                Err(error)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The first of the certificates, as many as are kept.
fn shown(own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Shown {
    let mut room = Shown::MAX_BYTES;
    let all = std::iter::once(own).chain(others);
    let kept = all.take(Shown::MAX_CERTIFICATES).map_while(|certificate| {
        room = room.checked_sub(certificate.len())?;
        Some(ShownCertificate::new(
            certificate.to_vec(),
            fingerprint(certificate),
            key_fingerprint(certificate),
        ))
    });
    let count = u8::try_from(others.len().saturating_add(1)).unwrap_or(u8::MAX);
    Shown::new(count, kept.collect())
}

fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Fingerprint(Sha256::digest(certificate).into())
}

/// The key is found by the same parser that checks the handshake's signature with it. A second one could be led to
/// find another.
fn key_fingerprint(certificate: &CertificateDer<'_>) -> Option<Fingerprint> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    Some(Fingerprint(Sha256::digest(certificate.subject_public_key_info()).into()))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use rustls::version::{TLS12, TLS13};
    use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

    use super::*;
    use crate::net::TlsError;
    use crate::net::tls::provider::provider;
    use crate::net::tls::session::Session;

    /// What a client with these pins finds wrong with a server that shows a certificate and has the key of it, or of
    /// another.
    fn finds(
        pin: fn(&CertificateDer<'_>) -> Pin,
        is_thief: bool,
    ) -> [Option<(TlsError, Option<Box<Shown>>)>; 2] {
        let make = || rcgen::generate_simple_self_signed(["elsewhere.example".into()]).unwrap();
        let (own, other) = (make(), make());
        let certificate = own.cert.der().clone();
        let key = if is_thief { other.signing_key } else { own.signing_key };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let key = provider().key_provider.load_private_key(key).unwrap();
        // rustls does not look whether they belong together.
        let certified = CertifiedKey::new(vec![certificate.clone()], key);
        let resolver = Arc::new(SingleCertAndKey::from(certified));
        [&TLS12, &TLS13].map(|version| {
            let verifier =
                Verifier::new(RootCertStore::empty(), vec![pin(&certificate)], provider()).unwrap();
            let client = ClientConfig::builder_with_provider(provider())
                .with_protocol_versions(&[version])
                .unwrap()
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth();
            let server = ServerConfig::builder_with_provider(provider())
                .with_protocol_versions(&[version])
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(resolver.clone());
            let name = ServerName::try_from("localhost").unwrap();
            let client = ClientConnection::new(Arc::new(client), name).unwrap();
            let server = ServerConnection::new(Arc::new(server)).unwrap();
            let mut client = Session::new(Connection::Client(client));
            let mut server = Session::new(Connection::Server(server));
            for _ in 0..3 {
                let mut records = Vec::new();
                client.drain(&mut records);
                server.feed(&records);
                records.clear();
                server.drain(&mut records);
                client.feed(&records);
            }
            let failure = client.failure();
            assert!(failure.is_some() || client.is_ready());
            failure.map(|failure| (failure, client.take_shown()))
        })
    }

    #[test]
    fn a_pin_is_no_way_around_the_signature_of_the_handshake() {
        let pins: [fn(&CertificateDer<'_>) -> Pin; 2] = [
            |certificate| Pin::Certificate(fingerprint(certificate)),
            |certificate| Pin::Key(key_fingerprint(certificate).unwrap()),
        ];
        for pin in pins {
            assert!(finds(pin, false).iter().all(Option::is_none), "its own key is the proof");
            for found in finds(pin, true) {
                let (failure, shown) = found.expect("whoever has a copy of the certificate shows it in vain");
                assert!(failure.to_string().contains("signature"), "{failure}");
                assert_eq!(shown, None, "the certificate was as it should be");
            }
        }
    }

    #[test]
    fn what_is_refused_is_shown_once() {
        for found in finds(|_| Pin::Key(Fingerprint([7; 32])), false) {
            let (failure, shown) = found.unwrap();
            assert!(failure.to_string().contains("none of those that are pinned"), "{failure}");
            assert_eq!(shown.unwrap().certificates.len(), 1);
            assert_eq!(take_shown(), None);
        }
    }

    #[test]
    fn without_root_or_pin_nobody_could_be_accepted() {
        let error = Verifier::new(RootCertStore::empty(), Vec::new(), provider()).unwrap_err();
        assert!(error.contains("no roots are trusted"), "{error}");
    }

    #[test]
    fn long_chains_are_cut() {
        let certificate = |len| CertificateDer::from(vec![0x30; len]);
        let chain: Vec<_> = (0..300).map(|_| certificate(100)).collect();
        let few = shown(&certificate(100), &chain);
        assert_eq!((few.certificates.len(), few.count), (Shown::MAX_CERTIFICATES, u8::MAX));
        let long = [certificate(Shown::MAX_BYTES - 100), certificate(100)];
        assert_eq!(shown(&certificate(100), &long).certificates.len(), 2);
        assert_eq!(shown(&certificate(Shown::MAX_BYTES + 1), &long).certificates.len(), 0);
    }
}
