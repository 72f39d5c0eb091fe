//! Random numbers: the system's generator on the device, the host's elsewhere.

use rustls::crypto::{GetRandomFailed, SecureRandom};

use crate::platform;

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

fn fill(bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
    platform::fill_random(bytes).ok_or(GetRandomFailed)
}
