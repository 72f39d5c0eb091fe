//! WebSockets (RFC 6455) for programs on Xous: the client crate of the WebSocket service.
//!
//! The service, a process of its own (`_Websocket Service_`), has the sockets, TLS, framing and timers. A program that
//! links this crate talks to it by message passing, and holds a [`Websocket`] for each connection and a [`Listener`] for
//! each port. The service has to be running: without it the first call waits until it has been registered.
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
//! The user name and password of the address go into the request as HTTP Basic credentials, and `wss` is TLS with the
//! roots of [`Tls::default`]. [`Request`] has everything else that can be asked for. A [`Url`] is an address that can be
//! kept.
//!
//! Threads may share a `Websocket`: one sends while another receives. A program with a server of its own has what comes
//! pushed to it instead: [`Websocket::forward_to`], module [`push`].
//!
//! # Messages of any size
//!
//! A message is a stream in both directions, and takes no more memory than a buffer of 16 KiB:
//!
//! ```no_run
//! use std::{fs::File, io};
//! use xous_api_websocket::{Kind, Websocket};
//!
//! fn exchange(ws: &Websocket) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut up = ws.writer(Kind::Binary);
//!     io::copy(&mut File::open("question")?, &mut up)?;
//!     up.finish()?; // without it the message has no end, and the connection is closed
//!
//!     let mut down = ws.receive()?;
//!     io::copy(&mut down, &mut File::create("answer")?)?; // ends where the message ends
//!     Ok(())
//! }
//! ```
//!
//! [`Websocket::receive_whole`] returns a [`Payload`], text or binary, of at most the length that is given. [`Sender`] is
//! for files to an upload route of another instance of the service: it resumes, and compares digests.
//!
//! # When the connection is lost
//!
//! [`Request::reconnect`] has the service open it again. By hand it is a loop around the program's work. The errors say
//! whether another attempt makes sense:
//!
//! ```no_run
//! use std::{error::Error, thread, time::Duration};
//! use xous_api_websocket::{Url, Websocket, error::ReceiveError};
//!
//! fn run(url: &Url, work: impl Fn(&Websocket) -> Result<(), ReceiveError>) -> Result<(), Box<dyn Error>> {
//!     let mut wait = Duration::from_secs(1);
//!     loop {
//!         match Websocket::open(&url.request()) {
//!             Ok(ws) => match work(&ws) {
//!                 Err(ReceiveError::Closed(closed)) if closed.code.is_transient() => wait = Duration::from_secs(1),
//!                 result => return Ok(result?),
//!             },
//!             Err(error) if error.is_transient() => wait = (wait * 2).min(Duration::from_secs(60)),
//!             Err(error) => return Err(error.into()),
//!         }
//!         thread::sleep(wait);
//!     }
//! }
//! ```
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
//! A [`Route`] may also lead to a page, to files of the device's database, or to an upload, all of which the service
//! answers by itself:
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
//! Each operation has its own type in [`error`], whose `Display` is one sentence for people. A refusal names its [`Code`],
//! which says what to do, and whether the same call may succeed later ([`Code::is_transient`]). How a connection ended is
//! an [`error::Closed`] with the peer's [`CloseCode`].
//!
//! # Where to find it
//!
//! | you want to | look at |
//! |---|---|
//! | open a connection: address, credentials, headers, proxy, reconnecting | [`Request`], [`Url`], [`Websocket::open`], [`Opening`], module [`open`] |
//! | choose whom to trust, or show a certificate | [`Tls`], module [`tls`]; what a server showed: [`certificate`] |
//! | send and receive | [`Websocket`], [`Message`], [`MessageWriter`], [`Payload`], [`SendOptions`] |
//! | ask and be answered | [`Websocket::exchange`] |
//! | receive in a server of the program's own | [`Websocket::forward_to`], module [`push`] |
//! | bound memory and time | [`ConnectionOptions`], [`Limits`], [`Deadlines`], [`Lease`] |
//! | serve WebSockets, pages, files | [`Listen`], [`Listener`], [`Route`], [`Incoming`], module [`serve`] |
//! | take files and see what was stored | [`Upload`], module [`files`] |
//! | send files | [`Sender`], module [`sender`] |
//! | ask where a connection, a port or the service stands | module [`state`] |
//! | know what went wrong | module [`error`], [`Code`], [`CloseCode`] |
//!
//! # Without this crate
//!
//! Everything is plain kernel messages and documented bytes. Module [`wire`] describes them, for programs in any language.
//!
//! # Build and run
//!
//! On the device the target is `riscv32imac-unknown-xous-elf`. On a PC the crate builds for Xous's hosted mode, in which a
//! program is started by the kernel, not by hand: in the service's repository, `cargo xtask run --program FILE` starts a
//! system with the service and this program. The heap of a process on the device is 512 KiB unless it asks for more
//! ([`allow_heap`]).
//!
//! # Names
//!
//! RFC 6455 writes WebSocket, and so do these texts. In names of items it is one word, `Websocket`, as Rust's guidelines
//! have compounds (C-CASE).

// What a published crate owes its users: types that can be shown and can grow, and builders that are not dropped unseen.
#![warn(missing_debug_implementations)]
#![warn(clippy::return_self_not_must_use, clippy::exhaustive_enums, clippy::exhaustive_structs)]

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
mod kind;
mod link;
mod messages;
pub mod open;
pub mod push;
pub mod sender;
pub mod serve;
mod settings;
pub mod state;
mod sync;
mod threads;
pub mod tls;
pub mod wire;

pub use close_code::CloseCode;
pub use code::Code;
pub use connection::{Event, Opening, Websocket};
#[doc(inline)]
pub use files::Upload;
pub use heap::allow_heap;
pub use kind::{Kind, Part};
pub use link::options::SendOptions;
pub use messages::{Message, MessageWriter, Payload};
#[doc(inline)]
pub use open::{Heartbeat, Reconnect, Request, Url};
#[doc(inline)]
pub use sender::Sender;
#[doc(inline)]
pub use serve::{Incoming, Listen, Listener, Route};
pub use settings::{ConnectionOptions, Deadlines, Lease, Limits};
#[doc(inline)]
pub use tls::{ServerTls, Tls};
