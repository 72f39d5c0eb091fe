//! The server's side: its own certificate, and which clients it lets in.

use std::sync::Arc;
use std::time::Duration;

use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, ServerConnection, ServerSessionMemoryCache};
use rustls::time_provider::TimeProvider;
use rustls::{Connection, ServerConfig};

use xous_api_websocket::Tls;
use xous_api_websocket::certificate::{Certificate, Moment};

use super::client_verifier::ClientVerifier;
use super::clock::{self, AnyClock, Clock};
use super::file::{Files, unusable};
use super::{ALPN, Transport, dict, fault, material, provider};
use crate::net::TlsError;
use crate::pddb::Pddb;

/// How many sessions clients may resume. Each takes a few hundred bytes.
const SESSIONS: usize = 32;
/// The same where clients show certificates. Their chains are kept, and rustls takes up to 64 KiB of each.
const SESSIONS_WITH_CHAINS: usize = 4;

/// A certificate to serve with. A listener that gets another one uses it from the next connection on. Open
/// connections keep theirs.
#[derive(Clone)]
pub(crate) struct ServerTls {
    config: Arc<ServerConfig>,
    /// When the first of the chain expires.
    expires: Option<Moment>,
}

impl ServerTls {
    /// The certificate that `tls` asks for. Reads what is in the `pddb`, which may take about `limit`. So it must not
    /// run on a thread that others wait for.
    ///
    /// # Errors
    /// What the caller gave or what is in the PDDB cannot be used, or clients are to be checked and the clock is not
    /// set.
    pub(crate) fn new(
        tls: &xous_api_websocket::ServerTls<'_>,
        pddb: &Pddb,
        limit: Duration,
    ) -> Result<Self, TlsError> {
        let settings = |error: rustls::Error| TlsError::Settings(fault::told(&error));
        let mut files = Files::new(pddb, limit);
        let provider = provider::provider();
        let (verifier, time): (Arc<dyn ClientCertVerifier>, Arc<dyn TimeProvider>) = if tls.clients.is_empty()
        {
            (Arc::new(NoClientAuth), Arc::new(AnyClock))
        } else {
            clock::check()?;
            let mut clients = Tls::default();
            (clients.mozilla, clients.roots) = (false, tls.clients.clone());
            let roots = material::roots(false, &dict::roots(&clients, &mut files)?)?;
            (Arc::new(ClientVerifier::new(roots, provider.clone())), Arc::new(Clock))
        };
        let (chain, key) = (files.all(&tls.identity.chain)?, files.file(&tls.identity.key)?);
        let certificates = material::certificates(&chain)?;
        let ends = certificates.iter().filter_map(|certificate| Certificate::parse(certificate));
        let expires = ends.map(|certificate| certificate.valid_until).min();
        let mut config = ServerConfig::builder_with_details(provider, time)
            .with_safe_default_protocol_versions()
            .map_err(settings)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates, material::key(&key)?)
            .map_err(|error| unusable(chain.iter().chain([&key]), fault::told(&error)))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Clients ask for AES-256 first, mostly from habit. A server for many chooses what it can afford.
        config.ignore_client_order = true;
        let sessions = if tls.clients.is_empty() { SESSIONS } else { SESSIONS_WITH_CHAINS };
        config.session_storage = ServerSessionMemoryCache::new(sessions);
        config.send_tls13_tickets = 1;
        Ok(ServerTls { config: Arc::new(config), expires })
    }

    /// When the certificate expires, or one that is shown with it.
    pub(crate) fn expires(&self) -> Option<Moment> {
        self.expires
    }

    /// The server's side of a connection, whose handshake has not begun.
    ///
    /// # Errors
    /// There are no random numbers.
    pub(crate) fn accept(&self) -> Result<Transport, TlsError> {
        let connection =
            ServerConnection::new(self.config.clone()).map_err(|error| fault::describe(&error, true))?;
        Ok(Transport::new(Connection::Server(connection)))
    }
}
