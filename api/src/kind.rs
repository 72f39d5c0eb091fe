//! What a message holds, and the parts of one.

use std::fmt;

/// What a message of the WebSocket protocol holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // RFC 6455 has no other messages
pub enum Kind {
    /// UTF-8 text (RFC 6455 section 5.6).
    Text,
    /// Bytes.
    Binary,
}

/// Which part of a message a `Send` carries.
///
/// Only for [`Websocket::send_fragment`](crate::Websocket::send_fragment) and raw messages; a
/// [`MessageWriter`](crate::MessageWriter) divides a message by itself.
///
/// ```no_run
/// use xous_api_websocket::{Kind, Part, Websocket, error::SendError};
///
/// fn send(ws: &Websocket, head: &[u8], body: &[u8]) -> Result<(), SendError> {
///     ws.send_fragment(Kind::Binary, Part::First, head)?;
///     ws.send_fragment(Kind::Binary, Part::Last, body)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // nor other parts of one
pub enum Part {
    /// All of it.
    Whole,
    /// The first of several.
    First,
    /// One in the middle.
    Middle,
    /// The last of several.
    Last,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Text => "text",
            Kind::Binary => "binary",
        })
    }
}
