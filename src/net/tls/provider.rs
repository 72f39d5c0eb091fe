//! Where cryptography comes from: `ring` on a PC, RustCrypto on the device.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

/// The provider, made once.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(build()));
    PROVIDER.clone()
}

fn build() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}
