//! A message that the service sends by itself, at once and every so often.

use std::borrow::Cow;
use std::time::Duration;

use xous_api_websocket::Kind;

/// A message of the service's own.
pub(crate) struct Heartbeat {
    pub(crate) kind: Kind,
    pub(crate) message: Beat,
    pub(crate) every: Duration,
}

/// What it says.
pub(crate) enum Beat {
    /// The same each time.
    Fixed(Box<[u8]>),
    /// It is made each time, by the writer.
    Made(Box<dyn Fn() -> Vec<u8> + Send + Sync>),
}

impl Beat {
    /// As it is now.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Beat::Fixed(bytes) => Cow::Borrowed(bytes),
            Beat::Made(make) => Cow::Owned(make()),
        }
    }
}
