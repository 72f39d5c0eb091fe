//! The random numbers of a connection.

use crate::entropy::{EntropyError, fill};

/// The random numbers that one connection needs. With TLS its provider of cryptography draws more for keys.
pub(crate) struct Seed {
    /// The nonce of the opening handshake (RFC 6455 section 4.1).
    pub(crate) key: [u8; 16],
    /// Seeds the generator of mask keys.
    pub(crate) masks: [u8; 32],
}

/// Draws from the system's generator; may block.
///
/// # Errors
/// There are no random numbers: open nothing.
pub(crate) fn seed() -> Result<Seed, EntropyError> {
    let mut bytes = [0; 48];
    fill(&mut bytes)?;
    seed_from(&bytes)
}

/// Splits 48 random bytes. A generator that stands still gives equal words; twelve in a row that are equal by
/// chance would be one in 2^352.
pub(crate) fn seed_from(bytes: &[u8; 48]) -> Result<Seed, EntropyError> {
    let (words, _) = bytes.as_chunks::<4>();
    if words.iter().all(|word| *word == words[0]) {
        return Err(EntropyError::NotRandom);
    }
    let (mut key, mut masks) = ([0; 16], [0; 32]);
    key.copy_from_slice(&bytes[..16]);
    masks.copy_from_slice(&bytes[16..]);
    Ok(Seed { key, masks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_that_stands_still_is_refused() {
        assert_eq!(seed_from(&[0; 48]).err(), Some(EntropyError::NotRandom));
        assert_eq!(seed_from(&[0xa5; 48]).err(), Some(EntropyError::NotRandom));
        let counting: [u8; 48] = std::array::from_fn(|i| i as u8);
        let seed = seed_from(&counting).ok().unwrap();
        assert_eq!((seed.key[15], seed.masks[0], seed.masks[31]), (15, 16, 47));
    }
}
