//! Signatures of certificates and handshakes.

use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey};
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest, Sha256, Sha384, Sha512};
use signature::Verifier;
use signature::hazmat::PrehashVerifier;

/// Shorter RSA keys are taken from nobody (NIST SP 800-57); the crate takes none of more than 4096 bits.
const LEAST_RSA_BITS: usize = 2048;

/// Key, message, signature; `None` if it is wrong.
type Check = fn(&[u8], &[u8], &[u8]) -> Option<()>;

/// A way to check a signature, and the names of its parts in certificates.
#[derive(Debug)]
struct Algorithm {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    check: Check,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.check)(key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

macro_rules! algorithms {
    ($($name:ident: $key:ident, $signature:ident, $check:expr;)*) => {
        $(static $name: &Algorithm =
            &Algorithm { key: alg_id::$key, signature: alg_id::$signature, check: $check };)*
    };
}

algorithms! {
    P256_SHA256: ECDSA_P256, ECDSA_SHA256, p256::<Sha256>;
    P256_SHA384: ECDSA_P256, ECDSA_SHA384, p256::<Sha384>;
    P384_SHA256: ECDSA_P384, ECDSA_SHA256, p384::<Sha256>;
    P384_SHA384: ECDSA_P384, ECDSA_SHA384, p384::<Sha384>;
    ED25519: ED25519, ED25519, ed25519;
    PKCS1_SHA256: RSA_ENCRYPTION, RSA_PKCS1_SHA256, |k, m, s| rsa(k, Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(m), s);
    PKCS1_SHA384: RSA_ENCRYPTION, RSA_PKCS1_SHA384, |k, m, s| rsa(k, Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(m), s);
    PKCS1_SHA512: RSA_ENCRYPTION, RSA_PKCS1_SHA512, |k, m, s| rsa(k, Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(m), s);
    PSS_SHA256: RSA_ENCRYPTION, RSA_PSS_SHA256, |k, m, s| rsa(k, Pss::new::<Sha256>(), &Sha256::digest(m), s);
    PSS_SHA384: RSA_ENCRYPTION, RSA_PSS_SHA384, |k, m, s| rsa(k, Pss::new::<Sha384>(), &Sha384::digest(m), s);
    PSS_SHA512: RSA_ENCRYPTION, RSA_PSS_SHA512, |k, m, s| rsa(k, Pss::new::<Sha512>(), &Sha512::digest(m), s);
}

/// The first of a scheme's algorithms is the one of TLS 1.3, where the scheme names the curve too.
#[rustfmt::skip]
pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        P256_SHA256, P256_SHA384, P384_SHA256, P384_SHA384, ED25519,
        PKCS1_SHA256, PKCS1_SHA384, PKCS1_SHA512, PSS_SHA256, PSS_SHA384, PSS_SHA512,
    ],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[P384_SHA384, P256_SHA384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[P256_SHA256, P384_SHA256]),
        (SignatureScheme::ED25519, &[ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[PSS_SHA512]),
        (SignatureScheme::RSA_PSS_SHA384, &[PSS_SHA384]),
        (SignatureScheme::RSA_PSS_SHA256, &[PSS_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[PKCS1_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[PKCS1_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[PKCS1_SHA256]),
    ],
};

fn p256<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(&D::digest(message), &signature).ok()
}

fn p384<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(&D::digest(message), &signature).ok()
}

fn ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    key.verify(message, &ed25519_dalek::Signature::from_slice(signature).ok()?).ok()
}

fn rsa(key: &[u8], scheme: impl rsa::traits::SignatureScheme, hash: &[u8], signature: &[u8]) -> Option<()> {
    let key = RsaPublicKey::from_pkcs1_der(key).ok().filter(|key| key.n().bits() >= LEAST_RSA_BITS)?;
    key.verify(scheme, hash, signature).ok()
}
