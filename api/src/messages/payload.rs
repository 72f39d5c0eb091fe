//! A whole message.

use crate::Kind;

/// A message that was received as a whole: [`Websocket::receive_whole`](crate::Websocket::receive_whole).
///
/// ```no_run
/// use xous_api_websocket::{Payload, Websocket};
///
/// fn next(ws: &Websocket) -> Result<(), Box<dyn std::error::Error>> {
///     match ws.receive_whole(64 * 1024)? {
///         Payload::Text(text) => println!("{text}"),
///         Payload::Binary(bytes) => println!("{} bytes", bytes.len()),
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a message that is received is not received again"]
#[allow(clippy::exhaustive_enums)] // RFC 6455 has no other messages
pub enum Payload {
    /// Text, which the service has checked to be UTF-8.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl Payload {
    /// Text or binary.
    pub fn kind(&self) -> Kind {
        match self {
            Payload::Text(_) => Kind::Text,
            Payload::Binary(_) => Kind::Binary,
        }
    }

    /// Its bytes, of either kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Payload::Text(text) => text.as_bytes(),
            Payload::Binary(bytes) => bytes,
        }
    }

    /// Its text; `None` if it is binary.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Payload::Text(text) => Some(text),
            Payload::Binary(_) => None,
        }
    }

    /// Its bytes, of either kind, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Payload::Text(text) => text.into_bytes(),
            Payload::Binary(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}
