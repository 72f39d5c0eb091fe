//! Where the device and hosted mode differ, both sides beside each other. Nothing else in this crate asks which it is.
//!
//! What differs only in how a call ends (a read that a shutdown cuts short is an error on the device and the end of
//! the stream on a PC) is handled alike on both, where it is met.

pub(crate) use xous_api_websocket::allow_heap;

/// Fills `bytes` with random numbers for the secrets of TLS; `None` if there are none.
///
/// Those of Xous's generator, which on a PC would be one more process to wait for in tests that need no Xous: the
/// host's own there.
#[cfg(all(target_os = "xous", feature = "tls-rustcrypto"))]
pub(crate) fn fill_random(bytes: &mut [u8]) -> Option<()> {
    crate::entropy::fill(bytes).ok()
}

/// See above.
#[cfg(all(not(target_os = "xous"), feature = "tls-rustcrypto"))]
pub(crate) fn fill_random(bytes: &mut [u8]) -> Option<()> {
    getrandom::fill(bytes).ok()
}

/// Bytes of plaintext that are sealed and written to the socket at a time: a page and its frame's header, so that these
/// are one record and one call.
#[cfg(all(target_os = "xous", feature = "tls"))]
pub(crate) const TLS_WRITE: usize = 4096 + crate::proto::HEADER_SPACE;

/// All that a connection's writer collects, since memory is plenty. What is beyond a record (16 KiB, RFC 8446 section
/// 5.1) is a second one in the same call.
#[cfg(all(not(target_os = "xous"), feature = "tls"))]
pub(crate) const TLS_WRITE: usize = 16 * 1024 + crate::proto::HEADER_SPACE;
