//! Certificates and keys as callers give them: DER or PEM.

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fault::told;
use super::file::{File, Form};
use super::store;
use crate::net::TlsError;

/// What a PEM text contains before its data (RFC 7468 section 2). No DER certificate or key has it, as they begin
/// with a SEQUENCE.
const PEM: &[u8] = b"-----BEGIN";
const SEQUENCE: u8 = 0x30;

/// The certificates in each of `files`, in order.
pub(super) fn certificates(files: &[File<'_>]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut found = Vec::new();
    for file in files {
        found.extend(certificates_in(file)?);
    }
    Ok(found)
}

/// The private key in `file`.
pub(super) fn key(file: &File<'_>) -> Result<PrivateKeyDer<'static>, TlsError> {
    if is_pem(file.bytes()) {
        PrivateKeyDer::from_pem_slice(file.bytes())
            .map_err(|error| file.unusable(format!("the private key: {error}")))
    } else {
        PrivateKeyDer::try_from(file.bytes().to_vec())
            .map_err(|error| file.unusable(format!("the private key: {error}")))
    }
}

/// Roots to trust: `own` and, if wanted, Mozilla's.
pub(super) fn roots(mozilla: bool, own: &[File<'_>]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    if mozilla {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for file in own {
        match (file, add(&mut store, file)) {
            (File::Listed(..), Err(error)) => log::warn!("passed over: {error}"),
            (_, result) => result?,
        }
    }
    match own.iter().find(|file| matches!(file, File::Listed(..))) {
        Some(listed) if store.is_empty() => {
            Err(listed.unusable("neither this nor another key of its dict holds a root".to_owned()))
        }
        _ => Ok(store),
    }
}

fn add(store: &mut RootCertStore, file: &File<'_>) -> Result<(), TlsError> {
    if let File::Listed(Form::Anchor, _, bytes) = file {
        let anchor = store::anchor(bytes)
            .ok_or_else(|| file.unusable("not a root as libs/tls stores it, with rkyv 0.8".to_owned()))?;
        store.roots.push(anchor);
        return Ok(());
    }
    for certificate in certificates_in(file)? {
        store
            .add(certificate)
            .map_err(|error| file.unusable(format!("not a CA certificate: {}", told(&error))))?;
    }
    Ok(())
}

fn certificates_in(file: &File<'_>) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    if !is_pem(file.bytes()) {
        return Ok(vec![CertificateDer::from(file.bytes().to_vec())]);
    }
    let found = CertificateDer::pem_slice_iter(file.bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| file.unusable(format!("a certificate in PEM is damaged: {error}")))?;
    if found.is_empty() {
        return Err(file.unusable("PEM without a certificate in it".into()));
    }
    Ok(found)
}

fn is_pem(file: &[u8]) -> bool {
    file.first() != Some(&SEQUENCE) && file.windows(PEM.len()).any(|part| part == PEM)
}
