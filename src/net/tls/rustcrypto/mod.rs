//! rustls on the crates of RustCrypto: portable, in Rust alone, without tables that a secret selects from.
//!
//! Only what a client and a server of today need: X25519, P-256 and P-384, ChaCha20-Poly1305 and AES-GCM, certificates of RSA
//! (2048 to 4096 bits), P-256, P-384 and Ed25519. Own keys are P-256, P-384 or Ed25519: RSA signatures of the crate
//! `rsa` leak the key through their timing (RUSTSEC-2023-0071), while checking a signature has no secret.

mod aead;
mod exchange;
mod hash;
mod random;
mod sign;
mod verify;

use rustls::crypto::tls12::PrfUsingHmac;
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{CipherSuiteCommon, CryptoProvider, KeyExchangeAlgorithm};
use rustls::{CipherSuite, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};

/// Records that AES-GCM may seal with one key (RFC 8446 section 5.5); ChaCha20-Poly1305 has no such limit.
const GCM_RECORDS: u64 = 1 << 24;

const ECDSA: &[SignatureScheme] = &[
    SignatureScheme::ED25519,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP256_SHA256,
];

const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
];

macro_rules! tls13 {
    ($suite:ident, $aead:expr, $hash:expr, $hmac:expr, $limit:expr) => {
        SupportedCipherSuite::Tls13(&Tls13CipherSuite {
            common: CipherSuiteCommon {
                suite: CipherSuite::$suite,
                hash_provider: $hash,
                confidentiality_limit: $limit,
            },
            hkdf_provider: &HkdfUsingHmac($hmac),
            aead_alg: $aead,
            quic: None,
        })
    };
}

macro_rules! tls12 {
    ($suite:ident, $aead:expr, $hash:expr, $hmac:expr, $limit:expr, $sign:expr) => {
        SupportedCipherSuite::Tls12(&Tls12CipherSuite {
            common: CipherSuiteCommon {
                suite: CipherSuite::$suite,
                hash_provider: $hash,
                confidentiality_limit: $limit,
            },
            prf_provider: &PrfUsingHmac($hmac),
            kx: KeyExchangeAlgorithm::ECDHE,
            sign: $sign,
            aead_alg: $aead,
        })
    };
}

/// In no order: the provider puts them into one.
#[rustfmt::skip]
static SUITES: &[SupportedCipherSuite] = &[
    tls13!(TLS13_CHACHA20_POLY1305_SHA256, &aead::CHACHA20_POLY1305, &hash::SHA256, &hash::HMAC_SHA256, u64::MAX),
    tls13!(TLS13_AES_128_GCM_SHA256, &aead::AES_128_GCM, &hash::SHA256, &hash::HMAC_SHA256, GCM_RECORDS),
    tls13!(TLS13_AES_256_GCM_SHA384, &aead::AES_256_GCM, &hash::SHA384, &hash::HMAC_SHA384, GCM_RECORDS),
    tls12!(TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, &aead::CHACHA20_POLY1305, &hash::SHA256, &hash::HMAC_SHA256, u64::MAX, ECDSA),
    tls12!(TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, &aead::CHACHA20_POLY1305, &hash::SHA256, &hash::HMAC_SHA256, u64::MAX, RSA),
    tls12!(TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, &aead::AES_128_GCM, &hash::SHA256, &hash::HMAC_SHA256, GCM_RECORDS, ECDSA),
    tls12!(TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, &aead::AES_128_GCM, &hash::SHA256, &hash::HMAC_SHA256, GCM_RECORDS, RSA),
    tls12!(TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, &aead::AES_256_GCM, &hash::SHA384, &hash::HMAC_SHA384, GCM_RECORDS, ECDSA),
    tls12!(TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, &aead::AES_256_GCM, &hash::SHA384, &hash::HMAC_SHA384, GCM_RECORDS, RSA),
];

pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: vec![&exchange::X25519, &exchange::P256, &exchange::P384],
        signature_verification_algorithms: verify::ALGORITHMS,
        secure_random: &random::System,
        key_provider: &sign::Keys,
    }
}
