//! Ephemeral Diffie-Hellman over X25519, P-256 and P-384 (RFC 7748, RFC 8446 section 4.2.8.2).

use std::fmt;
use std::marker::PhantomData;

use p256::NistP256;
use p256::elliptic_curve::sec1::{FromEncodedPoint, ModulusSize, ToEncodedPoint};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, PublicKey, SecretKey, ecdh};
use p384::NistP384;
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::StaticSecret;

use super::random;

pub(super) static X25519: X25519Group = X25519Group;
pub(super) static P256: Nist<NistP256, 32> = Nist(NamedGroup::secp256r1, PhantomData);
/// Nobody needs to exchange keys with it, but in TLS 1.2 a peer may have a key on a curve only if we list that curve.
pub(super) static P384: Nist<NistP384, 48> = Nist(NamedGroup::secp384r1, PhantomData);

/// Draws until the number is below the order of the curve: of P-256, all but one in 2^32 are.
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

/// One of NIST's curves; `N` bytes make a secret.
#[derive(Debug)]
pub(super) struct Nist<C, const N: usize>(NamedGroup, PhantomData<fn() -> C>);

impl<C: CurveArithmetic + fmt::Debug, const N: usize> SupportedKxGroup for Nist<C, N>
where
    AffinePoint<C>: FromEncodedPoint<C> + ToEncodedPoint<C>,
    FieldBytesSize<C>: ModulusSize,
{
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        for _ in 0..DRAWS {
            if let Ok(secret) = SecretKey::<C>::from_slice(&*random::secret::<N>()?) {
                let public = secret.public_key().to_encoded_point(false).as_bytes().into();
                return Ok(Box::new(NistExchange { secret, public, group: self.0 }));
            }
        }
        Err(Error::FailedToGetRandomBytes)
    }

    fn name(&self) -> NamedGroup {
        self.0
    }
}

/// The secret is wiped when it is dropped.
struct NistExchange<C: CurveArithmetic> {
    secret: SecretKey<C>,
    public: Box<[u8]>,
    group: NamedGroup,
}

impl<C: CurveArithmetic> ActiveKeyExchange for NistExchange<C>
where
    AffinePoint<C>: FromEncodedPoint<C> + ToEncodedPoint<C>,
    FieldBytesSize<C>: ModulusSize,
{
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        // TLS knows only the uncompressed form, which begins with 4. That the point is on the curve is checked.
        let peer = if peer.first() == Some(&4) { PublicKey::<C>::from_sec1_bytes(peer).ok() } else { None };
        let peer = peer.ok_or(PeerMisbehaved::InvalidKeyShare)?;
        let shared = ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        Ok(shared.raw_secret_bytes().as_slice().into())
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}
