//! WebSocket service (RFC 6455) for Xous: one process gives every other process WebSockets by message passing.
//!
//! ```text
//!         caller                              service process                                    peer
//!   api: Websocket --- Send (lend) --------> dispatcher --outbox--> writer --> proto --> socket ------>
//!                  <-- Receive (lent page) -------- sink <--------- reader <-- proto <-- socket <------
//! ```
//!
//! [`serve`] is the service process. Programs talk to it with the crate `xous-api-websocket`, whose opcodes are the
//! interface. [`Websocket`] and [`server`] serve one connection inside the caller's own process, with the same
//! threads. [`proto`] is the protocol alone, without I/O. [`upload`] takes files that come in parts and keeps them in
//! the device's database. [`pddb`] is the client of that database.

mod clock;
mod entropy;
mod http;
mod in_process;
mod net;
pub mod pddb;
mod platform;
pub mod proto;
mod service;
mod starting;
mod sync;
pub mod upload;

pub use entropy::{EntropyError, SystemRandom};
pub use in_process::{Websocket, server};
pub use service::serve;
pub use xous_api_websocket::wire::{Opcode, SERVER_NAME, send};

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So does the guide's.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
