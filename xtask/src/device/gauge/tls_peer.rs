//! The peer over TLS 1.3 with ChaCha20-Poly1305. Everything that is random elsewhere is the same in each run, so that the
//! machine does the same, too.

use std::io::{Read, Write};
use std::sync::Arc;

use ::device::Peer;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup, ring,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{Error, NamedGroup, PeerMisbehaved, ServerConfig, ServerConnection};
use x25519_dalek::{PublicKey, StaticSecret};

use super::peer::WebSocketPeer;

/// Of Ed25519, whose signatures are the same each time, for `localhost` from 2026 to 2095.
pub(super) const AUTHORITY: &str = include_str!("certificates/authority.pem");
const CHAIN: &str = include_str!("certificates/chain.pem");
const KEY: &str = include_str!("certificates/key.pem");
/// Each random byte, and each byte of the secret of a key exchange.
const RANDOM: u8 = 0x5a;

/// One connection.
pub(super) struct TlsPeer {
    tls: ServerConnection,
    inside: WebSocketPeer,
}

impl TlsPeer {
    pub(super) fn new(inside: WebSocketPeer) -> Self {
        let mut tls = ServerConnection::new(Arc::new(config())).expect("a connection is there");
        tls.set_buffer_limit(None);
        Self { tls, inside }
    }
}

fn config() -> ServerConfig {
    let provider = CryptoProvider {
        cipher_suites: vec![ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256],
        kx_groups: vec![&FixedX25519],
        secure_random: &FixedRandom,
        ..ring::default_provider()
    };
    let chain = CertificateDer::pem_slice_iter(CHAIN.as_bytes()).collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("there is a key");
    let config =
        ServerConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
    let config = config.expect("TLS 1.3 is there").with_no_client_auth();
    config.with_single_cert(chain.expect("there are certificates"), key).expect("they belong together")
}

impl Peer for TlsPeer {
    fn answer(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes).expect("records are read from memory");
            let state = self.tls.process_new_packets().expect("the service speaks TLS");
            let mut plain = vec![0; state.plaintext_bytes_to_read()];
            self.tls.reader().read_exact(&mut plain).expect("they are there");
            let answer = self.inside.answer(&plain);
            self.tls.writer().write_all(&answer).expect("there is no limit");
        }
        while self.tls.wants_write() {
            self.tls.write_tls(&mut sealed).expect("records are written to memory");
        }
        sealed
    }
}

#[derive(Debug)]
struct FixedRandom;

impl SecureRandom for FixedRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        bytes.fill(RANDOM);
        Ok(())
    }
}

/// X25519 (RFC 7748) with the same secret each time.
#[derive(Debug)]
struct FixedX25519;

impl SupportedKxGroup for FixedX25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let secret = StaticSecret::from([RANDOM; 32]);
        let public = PublicKey::from(&secret).to_bytes();
        Ok(Box::new(FixedExchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct FixedExchange {
    secret: StaticSecret,
    public: [u8; 32],
}

impl ActiveKeyExchange for FixedExchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        Ok(self.secret.diffie_hellman(&peer.into()).as_bytes().as_slice().into())
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}
