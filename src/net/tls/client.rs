//! The client's side: whom to trust, and as whom.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::client::{ClientConnection, Resumption};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Connection};
use xous_api_websocket::Tls;

use super::clock::{self, Clock};
use super::sessions::Sessions;
use super::{ALPN, Transport, fault, material, provider};
use crate::net::TlsError;

/// Sets of own roots whose configuration is kept, so that connections with the same set can resume sessions.
const CONFIGURATIONS: usize = 4;

/// Who trusts what; the one that was not needed for longest gives way.
static CONFIGURED: Mutex<VecDeque<(Trust, Arc<ClientConfig>)>> = Mutex::new(VecDeque::new());

/// Shared by all connections of the process.
static SESSIONS: LazyLock<Arc<Sessions>> = LazyLock::new(|| Arc::new(Sessions::new()));

/// What makes two configurations without an identity the same.
#[derive(PartialEq, Eq)]
struct Trust {
    mozilla: bool,
    own: Vec<Box<[u8]>>,
}

/// A connection to `host`, secured as `tls` says, whose handshake has not begun.
///
/// # Errors
/// What the caller gave is of no use, or the clock is not set. Nothing has been sent.
pub(crate) fn client(tls: &Tls<'_>, host: &str) -> Result<Transport, TlsError> {
    clock::check()?;
    let name = tls.server_name.unwrap_or(host);
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| TlsError::Settings(format!("{name:?} is not a name that a certificate could have")))?;
    let config = configuration(tls)?;
    let connection = ClientConnection::new(config, name).map_err(|error| fault::describe(&error, true))?;
    Ok(Transport::new(Connection::Client(connection)))
}

fn configuration(tls: &Tls<'_>) -> Result<Arc<ClientConfig>, TlsError> {
    if tls.identity.is_some() {
        // Kept nowhere, as it has a private key; its sessions are therefore not resumed.
        return build(tls).map(Arc::new);
    }
    let trust = Trust { mozilla: tls.mozilla, own: tls.roots.iter().map(|&root| root.into()).collect() };
    let mut configured = CONFIGURED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = configured.iter().position(|(known, _)| *known == trust).and_then(|at| configured.remove(at));
    let known = match known {
        Some(known) => known,
        None => (trust, Arc::new(build(tls)?)),
    };
    let config = known.1.clone();
    if configured.len() >= CONFIGURATIONS {
        configured.pop_front();
    }
    configured.push_back(known);
    Ok(config)
}

fn build(tls: &Tls<'_>) -> Result<ClientConfig, TlsError> {
    let unusable = |error: rustls::Error| TlsError::Settings(error.to_string());
    let roots = material::roots(tls.mozilla, &tls.roots)?;
    let config = ClientConfig::builder_with_details(provider::provider(), Arc::new(Clock))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots);
    let mut config = match &tls.identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let chain = material::certificates(&identity.chain)?;
            config.with_client_auth_cert(chain, material::key(identity.key)?).map_err(unusable)?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::store(SESSIONS.clone());
    Ok(config)
}
