//! The client's side: whom to trust, and as whom.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::client::{ClientConnection, Resumption};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Connection};
use sha2::{Digest, Sha256};
use xous_api_websocket::{Tls, tls::Pin};

use super::clock::{self, Clock};
use super::file::{File, Files, Form, unusable};
use super::sessions::Sessions;
use super::verifier::Verifier;
use super::{ALPN, Transport, dict, fault, material, provider};
use crate::net::TlsError;
use crate::pddb::Pddb;
use crate::sync::Mutex;

/// Sets of own roots whose configuration is kept, so that connections with the same set can resume sessions.
const CONFIGURATIONS: usize = 4;

/// The configurations that are kept. When they are full, the one that was not used for longest goes.
static CONFIGURED: Mutex<VecDeque<(Trust, Arc<ClientConfig>)>> = Mutex::new(VecDeque::new());

/// Shared by all connections of the process.
static SESSIONS: LazyLock<Arc<Sessions>> = LazyLock::new(|| Arc::new(Sessions::new()));

/// What makes two configurations without an identity the same.
#[derive(PartialEq, Eq)]
struct Trust {
    mozilla: bool,
    /// SHA-256 of the own roots, of each the form, the length and the bytes.
    own: [u8; 32],
    pins: Vec<Pin>,
}

/// A connection to `host`, secured as `tls` says, whose handshake has not begun. Reads what is in the `pddb`, which
/// may take about `limit`. So it must not run on a thread that others wait for.
///
/// # Errors
/// What the caller gave or what is in the PDDB cannot be used, or the clock is not set. Nothing has been sent.
pub(crate) fn client(tls: &Tls<'_>, host: &str, pddb: &Pddb, limit: Duration) -> Result<Transport, TlsError> {
    clock::check()?;
    let name = tls.server_name.unwrap_or(host);
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| TlsError::Settings(format!("{name:?} is not a name that a certificate could have")))?;
    let config = configuration(tls, Files::new(pddb, limit))?;
    let connection = ClientConnection::new(config, name).map_err(|error| fault::describe(&error, true))?;
    Ok(Transport::new(Connection::Client(connection)))
}

fn configuration(tls: &Tls<'_>, mut files: Files<'_>) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = dict::roots(tls, &mut files)?;
    if let Some(identity) = &tls.identity {
        // Kept nowhere, as it has a private key; its sessions are therefore not resumed.
        let chain = files.all(&identity.chain)?;
        let key = files.file(&identity.key)?;
        return build(tls, &roots, Some((&chain, &key))).map(Arc::new);
    }
    let trust = Trust { mozilla: tls.mozilla, own: digest(&roots), pins: tls.pins.clone() };
    let mut configured = CONFIGURED.lock();
    let known = configured.iter().position(|(known, _)| *known == trust).and_then(|at| configured.remove(at));
    let known = match known {
        Some(known) => known,
        None => (trust, Arc::new(build(tls, &roots, None)?)),
    };
    let config = known.1.clone();
    if configured.len() >= CONFIGURATIONS {
        configured.pop_front();
    }
    configured.push_back(known);
    Ok(config)
}

fn digest(roots: &[File<'_>]) -> [u8; 32] {
    let mut all = Sha256::new();
    for root in roots {
        all.update([u8::from(matches!(root, File::Listed(Form::Anchor, ..)))]);
        all.update((root.bytes().len() as u64).to_le_bytes());
        all.update(root.bytes());
    }
    all.finalize().into()
}

/// `identity`: chain and key.
fn build(
    tls: &Tls<'_>,
    roots: &[File<'_>],
    identity: Option<(&[File<'_>], &File<'_>)>,
) -> Result<ClientConfig, TlsError> {
    let provider = provider::provider();
    let verifier = Verifier::new(material::roots(tls.mozilla, roots)?, tls.pins.clone(), provider.clone())
        .map_err(|text| TlsError::Settings(text.into()))?;
    let config = ClientConfig::builder_with_details(provider, Arc::new(Clock))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Settings(fault::told(&error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => config.with_no_client_auth(),
        Some((chain, key)) => config
            .with_client_auth_cert(material::certificates(chain)?, material::key(key)?)
            .map_err(|error| unusable(chain.iter().chain([key]), fault::told(&error)))?,
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::store(SESSIONS.clone());
    Ok(config)
}
