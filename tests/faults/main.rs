//! A wire that fails: between the service and its peer stands a proxy that cuts, resets, stalls or half-closes behind any
//! number of bytes, in either direction, either role, plain and over TLS. Every call of the program ends in time with the
//! right kind of error, and nothing is left.
//!
//! ```text
//! proxy --> trace (an undisturbed conversation) --> matrix (where to disturb it) --> client, server, pages
//! ```
//!
//! The tests that always run disturb each stage at its edges and in its midst; `cargo xtask faults` runs those that
//! disturb every byte.

#[allow(dead_code, reason = "each program of tests uses a part of it")]
#[path = "../common/mod.rs"]
mod common;

mod client;
mod matrix;
mod pages;
mod proxy;
mod server;
mod session;
#[cfg(feature = "tls-ring")]
mod tls;
mod trace;
