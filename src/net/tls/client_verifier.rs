//! Whether a client's certificate is accepted by a port that lets in only clients of certain authorities.
//!
//! The same as rustls' own verifier, without revocation lists: nobody here has any, and the code for them is 11 kB.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError};
use rustls::{RootCertStore, SignatureScheme, client::danger::HandshakeSignatureValid};
use webpki::{EndEntityCert, KeyUsage};

/// Asks every client for a certificate that leads to one of the roots.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    roots: RootCertStore,
    /// The authorities, for clients that have several certificates.
    subjects: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl ClientVerifier {
    pub(super) fn new(roots: RootCertStore, provider: Arc<CryptoProvider>) -> Self {
        ClientVerifier { subjects: roots.subjects(), roots, provider }
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let certificate = EndEntityCert::try_from(own).map_err(refused)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let usage = KeyUsage::client_auth();
        certificate
            .verify_for_usage(algorithms, &self.roots.roots, others, now, usage, None, None)
            .map(|_| ClientCertVerified::assertion())
            .map_err(refused)
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

/// The error by which rustls chooses the alert, as its own verifier would.
fn refused(error: webpki::Error) -> Error {
    use webpki::Error::*;
    let error = match error {
        BadDer | BadDerTime | TrailingData(_) => CertificateError::BadEncoding,
        CertNotValidYet { time, not_before } => CertificateError::NotValidYetContext { time, not_before },
        CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after },
        InvalidCertValidity => CertificateError::Expired,
        UnknownIssuer => CertificateError::UnknownIssuer,
        InvalidSignatureForPublicKey => CertificateError::BadSignature,
        RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        UnsupportedSignatureAlgorithmContext(context) => {
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: context.signature_algorithm_id,
                supported_algorithms: context.supported_algorithms,
            }
        }
        error => CertificateError::Other(OtherError(Arc::new(error))),
    };
    error.into()
}
