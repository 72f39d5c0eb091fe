//! The WebSocket protocol, RFC 6455, without I/O: bytes go in, events and bytes come out.
//!
//! ```text
//!  peer's -> handshake::HeadBuffer -> check_reply (a client), check_request (a server)    before
//!  bytes     -------------------------------------------------------------------------
//!         -> Decoder -> Event: Data, Ping, Pong, Close, or a Violation                   after
//!                          |
//!                       Closing, Keepalive: what is due
//!                          |
//!  socket <- Encoder <- FrameKind + payload, ping, pong, close
//! ```
//!
//! A connection's reader owns a [`Decoder`], its writer an [`Encoder`]; they share a [`Closing`]. None of
//! them allocates, keeps a clock or knows a socket, and none of their memory depends on what the peer
//! declares. Everything that the RFC says a peer MUST do is enforced; every fault ends in the close code
//! that the RFC names for it ([`Violation::close_code`]). No extension is ever agreed.
#![forbid(unsafe_code)]

mod backoff;
mod close;
mod close_code;
mod closing;
mod control;
mod decode;
mod encode;
mod event;
mod frame;
pub mod handshake;
mod keepalive;
mod limits;
mod mask;
pub mod record;
mod round_trip;
mod utf8;
mod violation;
mod wide;
mod words;

pub use backoff::{Backoff, BackoffPolicy};
pub use close::{ClosePayload, CloseReason, MAX_CLOSE_TEXT};
pub use close_code::CloseCode;
pub use closing::{CloseStep, Closing};
pub use control::ControlFrame;
pub use decode::Decoder;
pub use encode::{EncodeError, Encoder, FrameKind, FrameWriter};
pub use event::{Chunk, Event, Step};
pub use frame::{HEADER_SPACE, Kind, MAX_CONTROL_PAYLOAD, MAX_HEADER, MAX_PAYLOAD, Role};
pub use keepalive::{Keepalive, KeepaliveStep};
pub use limits::Limits;
pub use round_trip::RoundTrip;
pub use utf8::Utf8;
pub use violation::Violation;
pub(crate) use words::copy;

// The sizes that the docs name.
const _: () = assert!(size_of::<Decoder>() <= 224);
const _: () = assert!(size_of::<Encoder>() <= 12);
const _: () = assert!(size_of::<Closing>() <= 264);
