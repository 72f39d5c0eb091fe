//! TLS 1.2 and 1.3 by rustls. Only forward-secret AEAD suites are used. There is no renegotiation and no early data,
//! and certificates are always checked.
//!
//! ```text
//! client: whom to trust, as whom   \
//!                                    > Transport: records <-> bytes, beside a Socket
//! server: as whom, whom to let in  /
//! ```
//!
//! # Memory
//! A connection takes about 5 KiB of state and keys, 4 KiB for a record that comes in pieces, and 4 KiB for one that
//! goes out, on top of its socket's memory. While records of 16 KiB come in, these are up to 18 KiB for the record
//! and 20 KiB for what it holds. While more than 4 KiB at a time go out on a PC, up to 33 KiB; the device sends
//! records of 4 KiB. During the handshake, certificates may take up to 64 KiB.

mod client;
mod client_verifier;
mod clock;
mod dict;
mod fault;
mod file;
mod material;
mod provider;
#[cfg(feature = "tls-rustcrypto")]
mod rustcrypto;
mod server;
mod session;
mod sessions;
mod store;
mod transport;
mod verifier;

pub(crate) use client::client;
pub(crate) use server::ServerTls;
pub(crate) use transport::Transport;

use super::TlsError;

/// The protocol inside (RFC 7301), for servers that speak several on one port.
const ALPN: &[u8] = b"http/1.1";

/// How many bytes are read at a time during the handshake, and where the caller has little room.
const READ_SIZE: usize = 4096;
