//! What rustls' errors mean to a caller.

use rustls::{CertificateError, Error};

use crate::net::{CertificateFault, TlsError};

/// `agreed`: the peer has shown that it speaks TLS.
pub(super) fn describe(error: &Error, agreed: bool) -> TlsError {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::InvalidMessage(_) if !agreed => TlsError::NotTls,
        Error::FailedToGetCurrentTime => TlsError::ClockNotSet,
        Error::FailedToGetRandomBytes => TlsError::Entropy,
        Error::AlertReceived(alert) => TlsError::Failed(format!("the peer refuses with {alert:?}")),
        Error::PeerIncompatible(why) => TlsError::Failed(format!("nothing in common with the peer: {why:?}")),
        error => TlsError::Failed(error.to_string()),
    }
}

fn certificate(error: &CertificateError) -> TlsError {
    use CertificateError::*;
    let (fault, text) = match error {
        UnknownIssuer => (CertificateFault::UnknownIssuer, "nobody who is trusted has issued it".to_owned()),
        Expired | ExpiredContext { .. } => (CertificateFault::Expired, error.to_string()),
        NotValidYet | NotValidYetContext { .. } => (CertificateFault::NotYetValid, error.to_string()),
        NotValidForName | NotValidForNameContext { .. } => (CertificateFault::WrongHost, error.to_string()),
        ApplicationVerificationFailure => {
            (CertificateFault::WrongPin, "it is none of those that are pinned".to_owned())
        }
        BadSignature => (CertificateFault::Other, "its signature is not that of its issuer".to_owned()),
        UnsupportedSignatureAlgorithmContext { .. } => {
            (CertificateFault::Other, "it is signed with an algorithm that is not accepted".to_owned())
        }
        error => (CertificateFault::Other, error.to_string()),
    };
    TlsError::Certificate(fault, text)
}
