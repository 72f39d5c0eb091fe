//! Where cryptography comes from: `ring` on a PC, RustCrypto on the device. With both features it is RustCrypto, as
//! that is never there unless asked for.

use std::sync::{Arc, LazyLock};

use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;

#[cfg(not(any(feature = "tls-ring", feature = "tls-rustcrypto")))]
compile_error!("the feature `tls` needs a provider: build with `tls-ring` or `tls-rustcrypto` instead");

/// The provider, made once.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = build();
        cheapest_first(&mut provider.cipher_suites, has_aes());
        Arc::new(provider)
    });
    PROVIDER.clone()
}

/// Orders suites by what a byte costs, the newer version of TLS first. Without instructions for AES,
/// ChaCha20-Poly1305 costs a quarter of AES-GCM. AES-128 takes 10 rounds, AES-256 14. For the use here, none of the
/// three is known to be weaker than another.
fn cheapest_first(suites: &mut [SupportedCipherSuite], aes: bool) {
    suites.sort_by_key(|suite| {
        let name = format!("{:?}", suite.suite());
        let chacha = name.contains("CHACHA20");
        let wide = name.contains("AES_256");
        (suite.tls13().is_none(), chacha == aes, wide)
    });
}

/// Whether the provider uses instructions for AES. RustCrypto finds those of processors other than Intel's only if it
/// is built for them.
fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(all(target_arch = "aarch64", not(feature = "tls-rustcrypto")))]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", not(feature = "tls-rustcrypto"))
    )))]
    return false;
}

#[cfg(feature = "tls-rustcrypto")]
fn build() -> CryptoProvider {
    super::rustcrypto::provider()
}

#[cfg(all(feature = "tls-ring", not(feature = "tls-rustcrypto")))]
fn build() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_forward_secret_and_authenticated() {
        let provider = provider();
        assert!(provider.cipher_suites.len() >= 6);
        for suite in &provider.cipher_suites {
            let name = format!("{:?}", suite.suite());
            assert!(name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_"), "{name}");
            assert!(name.contains("_GCM_") || name.contains("_POLY1305_"), "{name}");
        }
    }

    /// The bulk ciphers in order, each once, of either version of TLS.
    fn order(aes: bool, tls13: bool) -> Vec<&'static str> {
        let mut suites = provider().cipher_suites.clone();
        cheapest_first(&mut suites, aes);
        assert!(suites.is_sorted_by_key(|suite| suite.tls13().is_none()), "{suites:?}");
        let names = suites.iter().filter(|suite| suite.tls13().is_some() == tls13);
        let mut ciphers: Vec<_> = names
            .map(|suite| {
                let name = format!("{:?}", suite.suite());
                ["CHACHA20", "AES_128", "AES_256"].into_iter().find(|cipher| name.contains(cipher)).unwrap()
            })
            .collect();
        ciphers.dedup();
        ciphers
    }

    #[test]
    fn the_cheapest_cipher_is_first() {
        for tls13 in [true, false] {
            assert_eq!(order(false, tls13), ["CHACHA20", "AES_128", "AES_256"]);
            assert_eq!(order(true, tls13), ["AES_128", "AES_256", "CHACHA20"]);
        }
    }
}
