//! Random numbers: the system's generator on the device, the host's elsewhere.

use rustls::crypto::{GetRandomFailed, SecureRandom};

#[derive(Debug)]
pub(super) struct System;

impl SecureRandom for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        fill(bytes)
    }
}

/// A secret of a key exchange.
pub(super) fn secret<const N: usize>() -> Result<zeroize::Zeroizing<[u8; N]>, GetRandomFailed> {
    let mut secret = zeroize::Zeroizing::new([0; N]);
    fill(&mut *secret)?;
    Ok(secret)
}

#[cfg(target_os = "xous")]
fn fill(bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
    crate::entropy::fill(bytes).map_err(|_| GetRandomFailed)
}

#[cfg(not(target_os = "xous"))]
fn fill(bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
    getrandom::fill(bytes).map_err(|_| GetRandomFailed)
}
