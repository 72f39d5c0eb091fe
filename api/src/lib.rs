//! Client crate of the Xous WebSocket service.
//!
//! The service (`_Websocket Service_`) owns sockets, TLS, framing and timers. A program that links this crate talks to it
//! by message passing, and holds a [`Websocket`] for each connection and a [`Listener`] for each port.
//!
//! # Open, send, receive
//!
//! ```no_run
//! use xous_api_websocket::{CloseCode, Request, Websocket};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let request = Request::from_url("wss://me:secret@example.com/echo")?.sub_protocol("echo");
//! let ws = Websocket::open(&request)?;
//! ws.send_text("hello")?;
//! let reply = ws.receive_text(4096)?;
//! ws.close(CloseCode::NORMAL, "done")?;
//! # Ok(())
//! # }
//! ```
//!
//! A message of any size streams: [`Websocket::receive`] returns a [`Message`], a [`std::io::Read`] that ends where
//! the message ends. [`Websocket::receive_whole`] returns a [`Payload`], text or binary, of at most the length that is
//! given. [`Websocket::forward_to`] pushes chunks to a server of the program instead. Threads may share a `Websocket`:
//! one sends while another receives.
//!
//! # Listen
//!
//! ```no_run
//! use xous_api_websocket::{Listen, Listener, Route};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = Listener::listen(&Listen::new("0.0.0.0", 8080).pairing())?;
//! listener.add_route(&Route::receiver("/echo"))?;
//! println!("the code is {}", listener.pairing_code()?);
//! while let Ok(client) = listener.accept() {
//!     while let Ok(message) = client.websocket.receive_whole(64 * 1024) {
//!         client.websocket.send(&message)?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Route`] may also lead to a page, to files of the device's database, or to an upload, which the service does by
//! itself:
//!
//! ```no_run
//! # use xous_api_websocket::{Listener, Route, Upload, error::ControlError};
//! # fn add(listener: &Listener) -> Result<(), ControlError> {
//! listener.add_route(&Route::upload("/inbox", Upload::new("inbox").allow("*.txt")))?;
//! # Ok(())
//! # }
//! ```
//!
//! # When something fails
//!
//! Each operation has its own type in [`error`]. Its `Display` is one sentence for people. A refusal names its [`Code`],
//! which says what to do, and whether the same call may succeed later ([`Code::is_transient`]). How a connection ended is
//! an [`error::Closed`] with the peer's [`CloseCode`].
//!
//! # Without this crate
//!
//! Everything is plain kernel messages and documented bytes: [`wire`] has them, for programs in any language.
//!
//! # Names
//!
//! RFC 6455 writes WebSocket, and so do these texts. In names of items it is one word, `Websocket`, as Rust's guidelines
//! have compounds (C-CASE).

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod certificate;
mod close_code;
mod code;
mod connection;
pub mod error;
pub mod files;
mod heap;
mod messages;
pub mod open;
pub mod push;
pub mod sender;
pub mod serve;
mod settings;
pub mod state;
pub mod tls;
pub mod wire;

pub use close_code::CloseCode;
pub use code::Code;
pub use connection::{Event, Opening, Websocket};
#[doc(inline)]
pub use files::Upload;
pub use heap::allow_heap;
pub use messages::{Kind, Message, MessageWriter, Part, Payload, SendOptions};
#[doc(inline)]
pub use open::{Heartbeat, Reconnect, Request, Url};
#[doc(inline)]
pub use sender::Sender;
#[doc(inline)]
pub use serve::{Incoming, Listen, Listener, Route};
pub use settings::{ConnectionOptions, Deadlines, Lease, Limits};
#[doc(inline)]
pub use tls::{ServerTls, Tls};
