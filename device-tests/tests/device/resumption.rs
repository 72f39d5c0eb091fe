//! What TLS handshakes cost the service on the device, in full and resumed, in both roles; and a port's key.
//!
//! The peer is on the PC, so that figures differ a little from run to run: what is asserted leaves room.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use device::Process;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm};
use rustls::client::Resumption;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    StreamOwned, SupportedProtocolVersion,
};
use tungstenite::Message;

use crate::common::{PATIENCE, Server, programs};
use crate::tls::Certificates;

/// Machine time in which a service that is at work does something.
const REST: Duration = Duration::from_millis(50);

const VERSIONS: [(&str, &SupportedProtocolVersion); 2] = [("1.2", &TLS12), ("1.3", &TLS13)];

/// Instructions of the service, in user and supervisor mode, and pages of its heap.
fn of_service(processes: &[Process]) -> (u64, u32) {
    let service = processes.iter().find(|process| process.name == "websocket").expect("the service runs");
    let heap = service.memory.as_ref().map_or(0, |memory| memory.heap);
    (service.user_instructions + service.kernel_instructions, heap)
}

/// Instructions of the service that opens so many connections, one after the other.
fn opening(
    certificates: &Certificates,
    version: &'static SupportedProtocolVersion,
    resumed: bool,
    count: usize,
) -> u64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let key = PrivateKeyDer::try_from(certificates.key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_protocol_versions(&[version])
        .with_no_client_auth()
        .with_single_cert(vec![certificates.chain.der().clone()], key)
        .unwrap();
    if !resumed {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    let config = Arc::new(config);
    let peer = thread::spawn(move || {
        let mut kinds = Vec::new();
        for _ in 0..count {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let tls = ServerConnection::new(config.clone()).unwrap();
            let mut ws = tungstenite::accept(StreamOwned::new(tls, stream)).unwrap();
            while let Ok(message) = ws.read() {
                if message.is_text() {
                    ws.send(message).unwrap();
                }
            }
            kinds.push(ws.get_ref().conn.handshake_kind() == Some(HandshakeKind::Resumed));
        }
        kinds
    });
    let machine = certificates.system().program(programs().trial, &["handshakes", &port, &count.to_string()]);
    let outcome = machine.run().unwrap();
    outcome.expect_success();
    let expected: Vec<_> = (0..count).map(|number| resumed && number > 0).collect();
    assert_eq!(peer.join().unwrap(), expected);
    of_service(&outcome.processes).0
}

#[test]
fn a_client_resumes_for_less() {
    let certificates = Certificates::new();
    for (name, version) in VERSIONS {
        let one = opening(&certificates, version, true, 1);
        let full = opening(&certificates, version, false, 2).saturating_sub(one);
        let resumed = opening(&certificates, version, true, 2).saturating_sub(one);
        println!("client, TLS {name}: {full} instructions for a connection, {resumed} resumed");
        assert!(resumed * 4 < full * 3, "TLS {name}: {resumed} of {full}");
    }
}

#[test]
fn a_server_resumes_for_less() {
    let certificates = Certificates::new();
    for (name, version) in VERSIONS {
        let machine = certificates.system().program(programs().trial, &["secure-server"]);
        let mut server = Server::of(machine);
        let mut roots = RootCertStore::empty();
        roots.add(certificates.authority.der().clone()).unwrap();
        let config = ClientConfig::builder_with_protocol_versions(&[version])
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut forgetful = config.clone();
        forgetful.resumption = Resumption::disabled();
        let (config, forgetful) = (Arc::new(config), Arc::new(forgetful));
        let mut costs = Vec::new();
        // The first connection of all has things made that stay.
        for (config, resumed) in [(&forgetful, false), (&forgetful, false), (&config, false), (&config, true)]
        {
            let before = at_rest(&mut server);
            connect(server.port, config, resumed);
            let after = at_rest(&mut server);
            costs.push((after.0 - before.0, after.1));
        }
        let [_, full, _, resumed] = costs[..] else { unreachable!() };
        println!(
            "server, TLS {name}: (instructions, pages of heap) {full:?} for a connection, {resumed:?} resumed"
        );
        assert!(resumed.0 * 4 < full.0 * 3, "TLS {name}: {resumed:?} of {full:?}");
        assert!(resumed.1 <= full.1 + 1, "TLS {name}: {resumed:?} of {full:?}");
        server.stop();
    }
}

/// What the service has taken when it has done nothing for a while: it is done with a connection later than its client.
fn at_rest(server: &mut Server) -> (u64, u32) {
    let mut last = of_service(&server.running.processes().unwrap());
    loop {
        let until = server.running.machine_time().unwrap() + REST;
        while server.running.machine_time().unwrap() < until {}
        let now = of_service(&server.running.processes().unwrap());
        if now == last {
            return now;
        }
        last = now;
    }
}

fn connect(port: u16, config: &Arc<ClientConfig>, resumed: bool) {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(config.clone(), name).unwrap();
    let url = format!("wss://localhost:{port}/");
    let mut ws = tungstenite::client(url, StreamOwned::new(tls, stream)).unwrap().0;
    let message = Message::text("hello");
    ws.send(message.clone()).unwrap();
    assert_eq!(ws.read().unwrap(), message);
    assert_eq!(ws.get_ref().conn.handshake_kind() == Some(HandshakeKind::Resumed), resumed);
    ws.close(None).unwrap();
    loop {
        match ws.read() {
            Ok(_) => (),
            Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => panic!("no end"),
            Err(_) => return,
        }
    }
}

/// Instructions of the service until a port with a key of this kind is ready.
fn listening(algorithm: &'static SignatureAlgorithm) -> u64 {
    let certificates = Certificates::with_key(KeyPair::generate_for(algorithm).unwrap());
    let mut server = Server::of(certificates.system().program(programs().trial, &["secure-server"]));
    let (instructions, _) = of_service(&server.running.processes().unwrap());
    server.stop();
    instructions
}

#[test]
fn a_key_of_p_384_is_loaded_with_two_multiplications() {
    let kinds =
        [("Ed25519", &PKCS_ED25519), ("P-256", &PKCS_ECDSA_P256_SHA256), ("P-384", &PKCS_ECDSA_P384_SHA384)];
    let costs = kinds.map(|(name, algorithm)| {
        let cost = listening(algorithm);
        println!("a port with a key of {name}: {cost} instructions until it is ready");
        cost
    });
    let [least, _, p384] = costs;
    // Each is 29 million: one when the key is read, one for its public key.
    assert!(p384 - least < 75_000_000, "{costs:?}");
}
