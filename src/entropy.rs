//! Random numbers from the system's generator, `_TRNG manager_`.
//!
//! On hosted builds a stand-in serves the random numbers of the PC. Each draw of eight bytes is compared with the one
//! before, so that a generator that stands still or answers with zeros is noticed.

use std::sync::OnceLock;

use rand_core::{CryptoRng, RngCore};
use xous::CID;
use xous_api_names::XousNames;

use crate::sync::Mutex;

/// The server's name.
const NAME: &str = "_TRNG manager_";
/// `GetTrng`: blocking scalar, answered with two words of 32 bits. The bulk opcode wants a signature that differs
/// from build to build, and a wrong one ends the server.
const GET_TRNG: usize = 0;

/// There are no random numbers, and what needs them cannot be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntropyError {
    /// The generator does not answer.
    NoAnswer,
    /// It returns the same number again and again.
    NotRandom,
}

impl std::fmt::Display for EntropyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            EntropyError::NoAnswer => "the random number generator does not answer",
            EntropyError::NotRandom => "the random number generator gives the same again and again",
        })
    }
}

impl std::error::Error for EntropyError {}

/// The generator as this process knows it.
struct Trng {
    cid: CID,
    last: Mutex<Option<[u8; 8]>>,
    /// Kept, as std uses the same connection to the name server, and the last drop would close it.
    _names: XousNames,
}

static TRNG: OnceLock<Trng> = OnceLock::new();

/// Connects, and waits for the generator to be registered. Without this call the first draw does so.
///
/// # Errors
/// Those of the kernel.
pub(crate) fn connect() -> Result<(), xous::Error> {
    static CONNECTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = CONNECTING.lock();
    if TRNG.get().is_none() {
        let names = XousNames::new()?;
        let cid = names.request_connection_blocking(NAME)?;
        TRNG.set(Trng { cid, last: Mutex::new(None), _names: names }).ok();
    }
    Ok(())
}

/// Fills `bytes`. Every eight of them take one call to the generator.
///
/// # Errors
/// See [`EntropyError`]; `bytes` must not be used.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), EntropyError> {
    connect().map_err(|_| EntropyError::NoAnswer)?;
    let trng = TRNG.get().ok_or(EntropyError::NoAnswer)?;
    for part in bytes.chunks_mut(8) {
        let pair = ask(trng.cid)?;
        check(&mut trng.last.lock(), pair)?;
        part.copy_from_slice(&pair[..part.len()]);
    }
    Ok(())
}

fn ask(cid: CID) -> Result<[u8; 8], EntropyError> {
    let question = xous::Message::new_blocking_scalar(GET_TRNG, 2, 0, 0, 0);
    match xous::send_message(cid, question) {
        Ok(xous::Result::Scalar2(low, high)) => {
            Ok((u64::from(low as u32) | (u64::from(high as u32) << 32)).to_le_bytes())
        }
        _ => Err(EntropyError::NoAnswer),
    }
}

/// Two equal draws in a row would come by chance once in 2^64, as would zeros.
fn check(last: &mut Option<[u8; 8]>, pair: [u8; 8]) -> Result<(), EntropyError> {
    let same = last.replace(pair) == Some(pair);
    if same || pair == [0; 8] { Err(EntropyError::NotRandom) } else { Ok(()) }
}

/// The system's generator as a [`RngCore`], for example for [`Websocket::new`](crate::Websocket::new). Each draw is a
/// call to the generator: to draw many, seed another one with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RngCore for SystemRandom {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    /// # Panics
    /// If there are no random numbers, as the trait asks for; [`RngCore::try_fill_bytes`] does not.
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        if let Err(error) = fill(bytes) {
            panic!("{error}");
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        // Without std, rand_core takes a number only; 1 and 2 of those that are free.
        let number = |error| rand_core::Error::CUSTOM_START + error as u32;
        fill(bytes).map_err(|error| std::num::NonZeroU32::MIN.saturating_add(number(error)).into())
    }
}

impl CryptoRng for SystemRandom {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_that_stands_still_is_noticed() {
        let mut last = None;
        assert_eq!(check(&mut last, [1; 8]), Ok(()));
        assert_eq!(check(&mut last, [2; 8]), Ok(()));
        assert_eq!(check(&mut last, [2; 8]), Err(EntropyError::NotRandom));
        assert_eq!(check(&mut last, [0; 8]), Err(EntropyError::NotRandom));
        assert_eq!(check(&mut last, [3; 8]), Ok(()));
    }
}
