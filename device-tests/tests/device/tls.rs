//! TLS 1.2 and 1.3 with RustCrypto, both roles; the certificates are in the device's PDDB.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use device::{Builder, Network};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedProtocolVersion,
};
use tungstenite::Message;

use crate::common::{PATIENCE, Server, WALL_LIMIT, inside, programs};

/// An authority and a certificate of it for `localhost`.
pub(crate) struct Certificates {
    pub(crate) authority: CertifiedIssuer<'static, KeyPair>,
    pub(crate) chain: rcgen::Certificate,
    pub(crate) key: KeyPair,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        Self::with_key(KeyPair::generate().unwrap())
    }

    pub(crate) fn with_key(key: KeyPair) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let chain = params.signed_by(&key, &authority).unwrap();
        Certificates { authority, chain, key }
    }

    /// A system with the service that has TLS, with these in its PDDB.
    pub(crate) fn system(&self) -> Builder {
        let programs = programs();
        let key = |name: &str, text: &str| format!("certificates/{name}={text}");
        programs
            .machine()
            .argument_of("pddb", &key("authority", &self.authority.pem()))
            .argument_of("pddb", &key("chain", &self.chain.pem()))
            .argument_of("pddb", &key("key", &self.key.serialize_pem()))
            .service(&programs.secure_service)
            .wall_limit(WALL_LIMIT)
            .network(Network::Loopback)
    }
}

fn client_of_this_version(version: &'static SupportedProtocolVersion) {
    let certificates = Certificates::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let key = PrivateKeyDer::try_from(certificates.key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_protocol_versions(&[version])
        .with_no_client_auth()
        .with_single_cert(vec![certificates.chain.der().clone()], key)
        .unwrap();
    let peer = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let tls = ServerConnection::new(Arc::new(config)).unwrap();
        let mut ws = tungstenite::accept(StreamOwned::new(tls, stream)).unwrap();
        while let Ok(message) = ws.read() {
            if message.is_text() {
                ws.send(message).unwrap();
            }
        }
        ws.get_ref().conn.protocol_version()
    });
    let machine = certificates.system().program(programs().trial, &["secure", &port, "20"]);
    let outcome = machine.run().unwrap();
    outcome.expect_success();
    assert_eq!(peer.join().unwrap(), Some(version.version));
}

fn server_of_this_version(version: &'static SupportedProtocolVersion) {
    let certificates = Certificates::new();
    let machine = certificates.system().program(programs().trial, &["secure-server"]);
    let server = Server::of(machine);
    let mut roots = RootCertStore::empty();
    roots.add(certificates.authority.der().clone()).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(&[version])
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let url = format!("wss://localhost:{}/", server.port);
    let mut ws = tungstenite::client(url, StreamOwned::new(tls, stream)).unwrap().0;
    for length in [0, 5, 1000, 20_000] {
        let message = Message::text("x".repeat(length));
        ws.send(message.clone()).unwrap();
        assert_eq!(ws.read().unwrap(), message);
    }
    assert_eq!(ws.get_ref().conn.protocol_version(), Some(version.version));
    ws.close(None).unwrap();
    while ws.read().is_ok() {}
    server.stop();
}

#[test]
fn a_client_speaks_1_2() {
    client_of_this_version(&TLS12);
}

#[test]
fn a_client_speaks_1_3() {
    client_of_this_version(&TLS13);
}

#[test]
fn a_server_speaks_1_2() {
    server_of_this_version(&TLS12);
}

#[test]
fn a_server_speaks_1_3() {
    server_of_this_version(&TLS13);
}

#[test]
fn a_service_without_tls_refuses_to_open() {
    let outcome = inside().program(programs().trial, &["secure", "1", "1"]).run().unwrap();
    assert_eq!(outcome.process("trial").unwrap().exit_code, Some(1), "{}", outcome.failure());
}
