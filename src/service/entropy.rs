//! Random numbers from the system's generator, `_TRNG manager_`.

use xous::CID;
use xous_api_names::XousNames;

/// The TRNG server's name.
const NAME: &str = "_TRNG manager_";
/// `GetTrng`: blocking scalar, answered with two words of 32 bits. The bulk opcode wants a signature that differs
/// from build to build.
const GET_TRNG: usize = 0;

/// What one connection needs.
pub(crate) struct Seed {
    /// The nonce of the opening handshake (RFC 6455 section 4.1).
    pub(crate) key: [u8; 16],
    /// Seeds the generator of mask keys.
    pub(crate) masks: [u8; 32],
}

/// There are no random numbers: open nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntropyError {
    /// The generator does not answer.
    NoAnswer,
    /// It answers with the same word again and again.
    NotRandom,
}

/// The generator.
pub(crate) struct Trng {
    cid: CID,
}

impl Trng {
    /// Connects, and waits for the generator to be registered.
    ///
    /// # Errors
    /// Those of the kernel.
    pub(crate) fn new(names: &XousNames) -> Result<Self, xous::Error> {
        Ok(Trng { cid: names.request_connection_blocking(NAME)? })
    }

    /// Draws the random numbers of a connection.
    ///
    /// # Errors
    /// See [`EntropyError`].
    pub(crate) fn seed(&self) -> Result<Seed, EntropyError> {
        let mut bytes = [0; 48];
        for pair in bytes.chunks_exact_mut(8) {
            pair.copy_from_slice(&self.pair()?);
        }
        seed_from(&bytes)
    }

    fn pair(&self) -> Result<[u8; 8], EntropyError> {
        let ask = xous::Message::new_blocking_scalar(GET_TRNG, 2, 0, 0, 0);
        match xous::send_message(self.cid, ask) {
            Ok(xous::Result::Scalar2(low, high)) => {
                Ok((u64::from(low as u32) | (u64::from(high as u32) << 32)).to_le_bytes())
            }
            _ => Err(EntropyError::NoAnswer),
        }
    }
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
