//! Where the device and hosted mode differ, both sides beside each other. Nothing else in this crate asks which it is, but
//! `net` for its sockets and `sync` for what a writer waits for.
//!
//! What differs only in how a call ends (a read that a shutdown cuts short is an error on the device and the end of
//! the stream on a PC) is handled alike on both, where it is met.

pub(crate) use xous_api_websocket::allow_heap;

#[cfg(not(target_os = "xous"))]
use crate::proto::MAX_HEADER;

/// Fills `bytes` with random numbers for the secrets of TLS; `None` if there are none.
///
/// On the device they come from Xous's generator, on a PC from the PC's own, as tests of TLS need no Xous system.
#[cfg(all(target_os = "xous", feature = "tls-rustcrypto"))]
pub(crate) fn fill_random(bytes: &mut [u8]) -> Option<()> {
    crate::entropy::fill(bytes).ok()
}

/// See above.
#[cfg(all(not(target_os = "xous"), feature = "tls-rustcrypto"))]
pub(crate) fn fill_random(bytes: &mut [u8]) -> Option<()> {
    getrandom::fill(bytes).ok()
}

/// Whether the time of day can be asked for. On the device std asks a server that is a thread of `dns` (xous-core,
/// `services/dns/src/main.rs`). Does not wait for that server.
#[cfg(target_os = "xous")]
pub(crate) fn has_clock() -> bool {
    // The connection is the one that std uses from then on.
    xous::SID::from_bytes(b"timeserverpublic").is_some_and(|server| xous::try_connect(server).is_ok())
}

/// See above. A PC always has a clock.
#[cfg(not(target_os = "xous"))]
pub(crate) fn has_clock() -> bool {
    true
}

/// Whether names of hosts can be asked for. On the device std asks the server of `dns`, and waits without end for one that
/// is not there (xous-core, `services/dns/src/main.rs`). Does not wait for that server.
#[cfg(target_os = "xous")]
pub(crate) fn has_resolver() -> bool {
    use xous_api_names::XousNames;
    // The connection is the one that std uses from then on.
    XousNames::new().is_ok_and(|names| names.request_connection("_DNS Resolver Middleware_").is_ok())
}

/// See above. A PC always has one.
#[cfg(not(target_os = "xous"))]
pub(crate) fn has_resolver() -> bool {
    true
}

/// Bytes of heap. The kernel tells its size when it is asked to change another one.
#[cfg(target_os = "xous")]
pub(crate) fn heap() -> usize {
    let call = xous::SysCall::AdjustProcessLimit(xous::Limits::HeapSize as usize, usize::MAX, 0);
    match xous::rsyscall(call) {
        Ok(xous::Result::Scalar2(_, size)) => size,
        _ => 0,
    }
}

/// See above. A PC tells how much of the process is in memory, in pages (proc(5), `statm`).
#[cfg(not(target_os = "xous"))]
pub(crate) fn heap() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(4096)
}

/// Processes that the kernel can have (xous-core `kernel/src/arch/*/process.rs`, `MAX_PROCESS_COUNT`): no number beyond is
/// one's. Which of them there are it tells nobody.
pub(crate) const MAX_PROCESSES: u8 = if cfg!(target_os = "xous") { 64 } else { 32 };

/// The most bytes of a connection's recording, which is in memory until the connection has ended.
pub(crate) const RECORDED: usize = if cfg!(target_os = "xous") { 64 * 1024 } else { 4 * 1024 * 1024 };

/// Whether a listening socket is reached by every address of the machine, whatever address it was bound to. The
/// device's `net` keeps only the port (xous-core, `services/net/src/std_tcplistener.rs`).
pub(crate) const DROPS_LISTEN_ADDRESS: bool = cfg!(target_os = "xous");

/// Whether a shutdown of the writing side tells the peer that nothing more comes. On the device it only ends calls
/// that wait, and the FIN goes out when the last clone of the stream is dropped (xous-core
/// `services/net/src/main.rs`, `StdTcpStreamShutdown` and `StdTcpClose`).
pub(crate) const SHUTDOWN_SENDS_FIN: bool = cfg!(not(target_os = "xous"));

/// Whether there is one network, so that the zone of an IPv6 address says nothing. The device's std has none in its
/// addresses.
pub(crate) const HAS_ONE_NETWORK: bool = cfg!(target_os = "xous");

/// How many bytes a connection reads at a time: on the device a page, which is lent to `net`.
#[cfg(target_os = "xous")]
pub(crate) const READ_BUFFER: usize = xous_api_websocket::wire::PAGE_SIZE;

/// See above. On a PC a page and its frame's header come in one read.
#[cfg(not(target_os = "xous"))]
pub(crate) const READ_BUFFER: usize = 4096 + MAX_HEADER;

/// Whether a socket is read into any memory at no cost. On the device a page is lent for it, and one that another
/// process has lent is better not lent on.
pub(crate) const READS_INTO_ANY_PAGE: bool = cfg!(not(target_os = "xous"));

/// How many bytes of plaintext are sealed and written to the socket at a time: a page and its frame's header, so that
/// these are one record and one call.
#[cfg(all(target_os = "xous", feature = "tls"))]
pub(crate) const TLS_WRITE: usize = 4096 + crate::proto::HEADER_SPACE;

/// Everything that a connection's writer collects, as a PC has plenty of memory. What does not fit one record (16
/// KiB, RFC 8446 section 5.1) becomes a second one in the same call.
#[cfg(all(not(target_os = "xous"), feature = "tls"))]
pub(crate) const TLS_WRITE: usize = 16 * 1024 + crate::proto::HEADER_SPACE;
