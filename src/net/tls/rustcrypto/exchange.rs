//! Ephemeral Diffie-Hellman over X25519 and P-256 (RFC 7748, RFC 8446 section 4.2.8.2).

use p256::elliptic_curve::sec1::ToEncodedPoint;
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::StaticSecret;

use super::random;

pub(super) static X25519: X25519Group = X25519Group;
pub(super) static P256: P256Group = P256Group;

/// Draws until the number is below the order of P-256: all but one in 2^32 are.
const DRAWS: usize = 8;

#[derive(Debug)]
pub(super) struct X25519Group;

impl SupportedKxGroup for X25519Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let secret = StaticSecret::from(*random::secret()?);
        let public = x25519_dalek::PublicKey::from(&secret).to_bytes();
        Ok(Box::new(X25519Exchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// The secret is wiped when it is dropped.
struct X25519Exchange {
    secret: StaticSecret,
    public: [u8; 32],
}

impl ActiveKeyExchange for X25519Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = self.secret.diffie_hellman(&peer.into());
        // RFC 7748 section 6.1: a point of small order gives zero, whatever the secret.
        if !shared.was_contributory() {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        Ok(shared.as_bytes().as_slice().into())
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

#[derive(Debug)]
pub(super) struct P256Group;

impl SupportedKxGroup for P256Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        for _ in 0..DRAWS {
            if let Ok(secret) = p256::SecretKey::from_slice(&*random::secret::<32>()?) {
                let public = secret.public_key().to_encoded_point(false).as_bytes().into();
                return Ok(Box::new(P256Exchange { secret, public }));
            }
        }
        Err(Error::FailedToGetRandomBytes)
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

/// The secret is wiped when it is dropped.
struct P256Exchange {
    secret: p256::SecretKey,
    public: Box<[u8]>,
}

impl ActiveKeyExchange for P256Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        // TLS knows only the uncompressed form, which begins with 4.
        let peer = if peer.first() == Some(&4) { p256::PublicKey::from_sec1_bytes(peer).ok() } else { None };
        let peer = peer.ok_or(PeerMisbehaved::InvalidKeyShare)?;
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        Ok(shared.raw_secret_bytes().as_slice().into())
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}
