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

mod assembler;
pub mod certificate;
mod chunk;
mod close_code;
mod code;
mod credentials;
mod decision;
mod der;
pub mod error;
mod event;
mod files;
mod forward;
mod forwarding;
mod heap;
mod heartbeat;
#[cfg(feature = "idn")]
mod host;
mod inbox;
mod incoming;
mod kind;
mod link;
mod listen;
mod listener;
mod login;
mod message;
mod moment;
mod opening;
mod payload;
mod pin;
mod reconnect;
mod reconnecting;
mod record;
mod request;
mod route;
mod script;
mod send;
pub mod sender;
mod settings;
mod shown;
mod source;
pub mod state;
mod stats;
mod stored;
mod subject;
mod tls;
mod upload;
mod url;
mod websocket;
pub mod wire;
mod writer;
mod x509;

pub use assembler::Assembler;
pub use chunk::Chunk;
pub use close_code::CloseCode;
pub use code::Code;
pub use credentials::{Credentials, CredentialsForm, Proxy};
pub use decision::Decision;
pub use event::Event;
pub use files::{FileChange, FileEvent};
pub use forwarding::Forwarding;
pub use heap::allow_heap;
pub use heartbeat::Heartbeat;
#[cfg(feature = "idn")]
pub use host::ascii_host;
pub use incoming::Incoming;
pub use kind::{Kind, Part};
pub use listen::{Listen, ListenLimits, SlowMember};
pub use listener::Listener;
pub use login::Login;
pub use message::Message;
pub use opening::Opening;
pub use payload::Payload;
pub use pin::Pin;
pub use reconnect::Reconnect;
pub use record::Record;
pub use request::Request;
pub use route::{Route, RouteKind};
pub use script::UPLOAD_SCRIPT;
pub use send::SendOptions;
pub use sender::Sender;
pub use settings::{ConnectionOptions, Deadlines, Lease, Limits};
pub use source::Source;
pub use stored::{Files, StoredFile};
pub use tls::{Identity, ServerTls, Tls};
pub use upload::Upload;
pub use url::Url;
pub use websocket::Websocket;
pub use writer::MessageWriter;
