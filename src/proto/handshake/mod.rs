//! The opening handshake, both ends (RFC 6455, section 4, on HTTP/1.1, RFC 9112).
//!
//! A [`HeadBuffer`] collects one head from the stream and leaves the bytes behind it to the frames.
//! [`ClientRequest::compose`] and [`check_reply`] are the client's part, [`check_request`] with
//! [`Upgrade::compose_accept`] and [`Refusal`] the server's. No extension is offered or agreed.

mod authority;
mod body;
mod client;
mod field;
mod head;
mod key;
mod location;
mod proxy;
mod reply;
mod request;
mod response;

pub(crate) use authority::{is_authority, split_port, split_scheme};
pub use body::BodyStart;
pub(crate) use client::is_host;
pub use client::{Authorization, ClientRequest, MAX_REQUEST, RequestError};
pub use field::Headers;
pub(crate) use field::is_token;
pub use head::{Caps, HeadBuffer, HeadError, HeadProgress, MAX_EMPTY_LINES, MAX_LINES};
pub use key::Key;
pub(crate) use key::push_base64;
pub use location::{Location, Server};
pub use proxy::TunnelRequest;
pub use reply::{Reply, ReplyError, ReplyHead, check_reply, parse_reply};
pub use request::{Plain, Refusal, Request, Upgrade, check_request};
pub use response::{Response, ResponseError};
