//! Where cryptography comes from: `ring` on a PC, RustCrypto on the device. With both features, the latter, as it is
//! never there unless asked for.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

#[cfg(not(any(feature = "tls-ring", feature = "tls-rustcrypto")))]
compile_error!("the feature `tls` needs a provider: build with `tls-ring` or `tls-rustcrypto` instead");

/// The provider, made once.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(build()));
    PROVIDER.clone()
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
}
