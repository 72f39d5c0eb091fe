//! Certificates and keys as callers give them: DER or PEM.

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::net::TlsError;

/// What PEM begins with, sooner or later (RFC 7468 section 2); no DER certificate or key has it, as they begin with
/// a SEQUENCE.
const PEM: &[u8] = b"-----BEGIN";
const SEQUENCE: u8 = 0x30;

/// The certificates in each of `files`, in order.
pub(super) fn certificates(files: &[&[u8]]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut found = Vec::new();
    for file in files {
        if !is_pem(file) {
            found.push(CertificateDer::from(file.to_vec()));
            continue;
        }
        let before = found.len();
        for certificate in CertificateDer::pem_slice_iter(file) {
            let certificate =
                certificate.map_err(|error| unusable(format!("a certificate in PEM is damaged: {error}")))?;
            found.push(certificate);
        }
        if found.len() == before {
            return Err(unusable("PEM without a certificate in it".into()));
        }
    }
    Ok(found)
}

/// The private key in `file`.
pub(super) fn key(file: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    if is_pem(file) {
        PrivateKeyDer::from_pem_slice(file).map_err(|error| unusable(format!("the private key: {error}")))
    } else {
        PrivateKeyDer::try_from(file.to_vec()).map_err(|error| unusable(format!("the private key: {error}")))
    }
}

/// Roots to trust: `own` and, if wanted, Mozilla's.
pub(super) fn roots(mozilla: bool, own: &[&[u8]]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    if mozilla {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in certificates(own)? {
        store.add(certificate).map_err(|error| unusable(format!("a CA certificate is none: {error}")))?;
    }
    if store.is_empty() {
        return Err(unusable("no roots are trusted, so no certificate can be accepted".into()));
    }
    Ok(store)
}

fn is_pem(file: &[u8]) -> bool {
    file.first() != Some(&SEQUENCE) && file.windows(PEM.len()).any(|part| part == PEM)
}

fn unusable(text: String) -> TlsError {
    TlsError::Settings(text)
}
