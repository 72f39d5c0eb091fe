//! Client crate of the Xous WebSocket service.
//!
//! The service (`_Websocket Service_`) owns sockets, framing and timers. A program that links this crate talks to it
//! by message passing. It holds a [`Websocket`], which is one connection:
//!
//! ```no_run
//! use xous_api_websocket::{Request, Websocket};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ws = Websocket::open(&Request::new("127.0.0.1", 8080).path("/echo"))?;
//! ws.send_text("hello")?;
//! let reply = ws.receive_text(4096)?;
//! ws.close(1000, "done")?;
//! # Ok(())
//! # }
//! ```
//!
//! A message of any size streams: [`Websocket::receive`] returns a [`Message`], a [`std::io::Read`] that ends where
//! the message ends. [`Websocket::forward_to`] pushes chunks to a server of the caller instead. A program that does
//! not link this crate can use the raw messages: [`Opcode`] documents each, [`Request`] and [`Reply`] the pages,
//! [`SendWord`] and [`ReceiveWord`] the flags in `offset`.

mod accepted;
mod certificate;
mod code;
mod decision;
mod der;
mod error;
mod forward;
mod handle;
mod heap;
#[cfg(feature = "idn")]
mod host;
mod inbox;
mod incoming;
mod listen;
mod listener;
mod login;
mod message;
mod moment;
mod opcode;
mod opening;
mod pages;
mod part;
mod pin;
mod reply;
mod request;
mod route;
mod script;
mod settings;
mod shown;
mod source;
mod stats;
mod subject;
mod tls;
mod upload;
mod websocket;
mod wire;
mod word;

pub use accepted::Accepted;
pub use certificate::Certificate;
pub use code::Code;
pub use decision::Decision;
pub use error::{
    AcceptError, Closed, ControlError, ListenError, OpenError, ReceiveError, SendError, Unopened,
};
pub use handle::{Handle, message_id, split_message_id};
pub use heap::allow_heap;
#[cfg(feature = "idn")]
pub use host::{NotAHost, ascii_host};
pub use incoming::Incoming;
pub use listen::{Listen, ListenLimits, SlowMember};
pub use listener::{Listener, ListenerState, PortState};
pub use login::Login;
pub use message::Message;
pub use moment::Moment;
pub use opcode::{Opcode, SERVER_NAME};
pub use opening::Opening;
pub use pages::{PAGE_SIZE, Pages, Returned};
pub use pin::{Fingerprint, NoFingerprint, Pin};
pub use reply::{Refusal, Reply};
pub use request::{Credentials, CredentialsForm, Proxy, Request, RequestError};
pub use route::{Route, RouteKind};
pub use script::UPLOAD_SCRIPT;
pub use settings::{Deadlines, Lease, Limits};
pub use shown::{Shown, ShownCertificate};
pub use source::Source;
pub use stats::Stats;
pub use subject::Subject;
pub use tls::{Identity, ServerTls, Tls};
pub use upload::Upload;
pub use websocket::{Phase, State, Websocket, send, stats};
pub use word::{Kind, Part, ReceiveWord, SendWord, Status};
