//! Own keys: P-256, P-384 and Ed25519.

use std::fmt;
use std::sync::Arc;

use p256::pkcs8::DecodePrivateKey;
use rustls::crypto::KeyProvider;
use rustls::pki_types::{AlgorithmIdentifier, PrivateKeyDer, SubjectPublicKeyInfoDer, alg_id};
use rustls::sign::{Signer, SigningKey, public_key_to_spki};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use signature::Signer as _;
use zeroize::Zeroize;

#[derive(Debug)]
pub(super) struct Keys;

impl KeyProvider for Keys {
    fn load_private_key(&self, mut der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let key = p256_key(&der).or_else(|| p384_key(&der)).or_else(|| ed25519_key(&der));
        der.zeroize();
        let key = key.ok_or(Error::General("the private key is none of P-256, P-384 and Ed25519".into()))?;
        Ok(Arc::new(key))
    }
}

/// A key of either kind, which is wiped when it is dropped.
#[derive(Clone)]
struct Key {
    secret: Arc<Secret>,
    scheme: SignatureScheme,
    kind: AlgorithmIdentifier,
    public: Arc<[u8]>,
}

enum Secret {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

fn p256_key(der: &PrivateKeyDer<'_>) -> Option<Key> {
    let key = match der {
        PrivateKeyDer::Pkcs8(der) => p256::SecretKey::from_pkcs8_der(der.secret_pkcs8_der()).ok()?,
        PrivateKeyDer::Sec1(der) => p256::SecretKey::from_sec1_der(der.secret_sec1_der()).ok()?,
        _ => return None,
    };
    // The conversion computes the public key, and asking the secret key for it would do so again.
    let key = p256::ecdsa::SigningKey::from(key);
    Some(Key {
        public: key.verifying_key().to_encoded_point(false).as_bytes().into(),
        secret: Arc::new(Secret::P256(key)),
        scheme: SignatureScheme::ECDSA_NISTP256_SHA256,
        kind: alg_id::ECDSA_P256,
    })
}

fn p384_key(der: &PrivateKeyDer<'_>) -> Option<Key> {
    let key = match der {
        PrivateKeyDer::Pkcs8(der) => p384::SecretKey::from_pkcs8_der(der.secret_pkcs8_der()).ok()?,
        PrivateKeyDer::Sec1(der) => p384::SecretKey::from_sec1_der(der.secret_sec1_der()).ok()?,
        _ => return None,
    };
    // The conversion computes the public key, and asking the secret key for it would do so again.
    let key = p384::ecdsa::SigningKey::from(key);
    Some(Key {
        public: key.verifying_key().to_encoded_point(false).as_bytes().into(),
        secret: Arc::new(Secret::P384(key)),
        scheme: SignatureScheme::ECDSA_NISTP384_SHA384,
        kind: alg_id::ECDSA_P384,
    })
}

fn ed25519_key(der: &PrivateKeyDer<'_>) -> Option<Key> {
    let PrivateKeyDer::Pkcs8(der) = der else { return None };
    let key = ed25519_dalek::SigningKey::from_pkcs8_der(der.secret_pkcs8_der()).ok()?;
    Some(Key {
        public: key.verifying_key().as_bytes().as_slice().into(),
        secret: Arc::new(Secret::Ed25519(key)),
        scheme: SignatureScheme::ED25519,
        kind: alg_id::ED25519,
    })
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&self.scheme).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(public_key_to_spki(&self.kind, &*self.public))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match *self.secret {
            Secret::P256(_) | Secret::P384(_) => SignatureAlgorithm::ECDSA,
            Secret::Ed25519(_) => SignatureAlgorithm::ED25519,
        }
    }
}

impl Signer for Key {
    /// The nonce of an ECDSA signature comes from key and message (RFC 6979), so no bad generator can betray the key.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = match &*self.secret {
            Secret::P256(key) => key
                .try_sign(message)
                .map(|signature: p256::ecdsa::DerSignature| signature.as_bytes().to_vec()),
            Secret::P384(key) => key
                .try_sign(message)
                .map(|signature: p384::ecdsa::DerSignature| signature.as_bytes().to_vec()),
            Secret::Ed25519(key) => key.try_sign(message).map(|signature| signature.to_bytes().to_vec()),
        };
        signature.map_err(|_| Error::General("the message was not signed".into()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

impl fmt::Debug for Key {
    /// Keeps the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}
