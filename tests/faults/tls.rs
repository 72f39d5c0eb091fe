//! The other side of TLS: rustls, without sessions and tickets, so that every handshake has as many bytes as the last.

use std::net::TcpStream;
use std::sync::Arc;

use hosted::peer::Peer;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ED25519,
};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedProtocolVersion,
};

use crate::trace::Security;

/// An authority, and a server's certificate of it.
pub(crate) struct Keys {
    /// In DER.
    pub(crate) authority: Vec<u8>,
    /// In PEM.
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// An Ed25519 signature always has the same length.
fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).unwrap()
}

fn version(security: Security) -> [&'static SupportedProtocolVersion; 1] {
    match security {
        Security::Plain | Security::Tls12 => [&rustls::version::TLS12],
        Security::Tls13 => [&rustls::version::TLS13],
    }
}

impl Keys {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = new_key();
        let authority = params.self_signed(&key).unwrap().der().to_vec();
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = new_key();
        let chain = params.signed_by(&key, &issuer).unwrap().pem();
        Keys { authority, chain, key: key.serialize_pem() }
    }

    /// A peer that echoes.
    pub(crate) fn peer(&self, security: Security) -> Peer {
        let chain = vec![CertificateDer::from_pem_slice(self.chain.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&version(security)).unwrap().with_no_client_auth();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = Arc::new(config);
        let serve = move |stream: TcpStream| {
            stream.set_nodelay(true).unwrap();
            let tls = ServerConnection::new(config.clone()).unwrap();
            // An error is the end of a connection, which is all that it has to say.
            echo(StreamOwned::new(tls, stream)).ok();
        };
        Peer::serve(serve).unwrap()
    }

    /// The client's side of a stream.
    pub(crate) fn client(
        &self,
        security: Security,
        stream: TcpStream,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.authority.clone())).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&version(security)).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.resumption = Resumption::disabled();
        let name = "127.0.0.1".try_into().unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
    }
}

/// The conversation from the server's side, whatever comes.
fn echo(stream: StreamOwned<ServerConnection, TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
    let mut ws = tungstenite::accept(stream).map_err(|error| error.to_string())?;
    loop {
        let message = ws.read()?;
        if message.is_text() || message.is_binary() {
            ws.send(message)?;
        }
    }
}
