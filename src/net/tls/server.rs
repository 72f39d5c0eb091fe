//! The server's side: as whom to serve, and whom to let in.

use std::sync::Arc;

use rustls::server::{NoClientAuth, ServerConnection, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{Connection, ServerConfig};

use super::clock::{self, Clock};
use super::{ALPN, Transport, fault, material, provider};
use crate::net::TlsError;

/// Sessions that clients may resume; a few hundred bytes each.
const SESSIONS: usize = 32;

/// A certificate to serve with. A listener that is given another one uses it from the next connection on; those
/// that are open keep theirs.
#[derive(Clone)]
pub(crate) struct ServerTls(Arc<ServerConfig>);

impl ServerTls {
    /// `chain` and `key` as in an [`Identity`](xous_api_websocket::Identity). With `clients`, CA certificates in the
    /// same form, only clients whose certificate leads to one of them are let in.
    ///
    /// # Errors
    /// What the caller gave is of no use, or clients are to be checked and the clock is not set.
    pub(crate) fn new(chain: &[&[u8]], key: &[u8], clients: Option<&[&[u8]]>) -> Result<Self, TlsError> {
        let unusable = |error: rustls::Error| TlsError::Settings(error.to_string());
        let provider = provider::provider();
        let verifier = match clients {
            None => Arc::new(NoClientAuth),
            Some(clients) => {
                clock::check()?;
                let roots = Arc::new(material::roots(false, clients)?);
                WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
                    .build()
                    .map_err(|error| TlsError::Settings(error.to_string()))?
            }
        };
        let mut config = ServerConfig::builder_with_details(provider, Arc::new(Clock))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(material::certificates(chain)?, material::key(key)?)
            .map_err(unusable)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        config.send_tls13_tickets = 1;
        Ok(ServerTls(Arc::new(config)))
    }

    /// The server's side of a connection, whose handshake has not begun.
    ///
    /// # Errors
    /// There are no random numbers.
    pub(crate) fn accept(&self) -> Result<Transport, TlsError> {
        let connection =
            ServerConnection::new(self.0.clone()).map_err(|error| fault::describe(&error, true))?;
        Ok(Transport::new(Connection::Server(connection)))
    }
}
