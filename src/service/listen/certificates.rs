//! Certificates and keys of ports, loaded on workers: on the device a key alone takes up to a second, and what is in the
//! database longer.

use sha2::{Digest, Sha256};
use xous_api_websocket::{Code, ServerTls as Wanted};
use zeroize::Zeroizing;

use super::port::{Fingerprint, Port};
use super::shared::Shared;
use crate::net::{ServerTls, TlsError};
use crate::service::connection::tls_code;
use crate::service::limits::STORED_WAIT;
use crate::service::message::Lent;

/// Loads a certificate and its key. Waits for the PDDB if they are there.
pub(crate) fn load(wanted: &Wanted<'_>, shared: &Shared) -> Result<(ServerTls, Fingerprint), TlsError> {
    let tls = ServerTls::new(wanted, &shared.pddb, STORED_WAIT)?;
    let mut encoded = Zeroizing::new(vec![0; wanted.encoded_len()]);
    let len = wanted.write(&mut encoded).unwrap_or(encoded.len());
    let fingerprint = Sha256::digest(encoded.get(..len).unwrap_or_default());
    Ok((tls, fingerprint.into()))
}

/// Says in the log that a port's certificate expires soon, at most once a day.
pub(crate) fn warn_of_expiry(port: &Port) {
    if let Some(warning) = port.expiry_warning() {
        log::warn!("{warning}");
    }
}

/// Gives a port another certificate; the code that says how that went.
pub(crate) fn renew(port: &Port, page: &Lent, shared: &Shared, turn: u32) -> usize {
    let Some(wanted) = page.data().and_then(Wanted::parse) else { return Code::Malformed as usize };
    match load(&wanted, shared) {
        Ok((tls, fingerprint)) => {
            port.renew(tls, fingerprint, turn);
            warn_of_expiry(port);
            0
        }
        Err(error) => {
            log::warn!("port {} keeps its certificate: {error}", port.number());
            tls_code::code(&error) as usize
        }
    }
}
