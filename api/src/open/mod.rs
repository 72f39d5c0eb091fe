//! What a program asks for when it opens a connection.
//!
//! A [`Request`] has all of it, and most is optional: [`Credentials`], a [`Proxy`], a [`Heartbeat`] that the service sends,
//! [`Reconnect`] for a connection that is opened again. A [`Url`] is an address that can be kept.

// url, host, credentials ──> request ──> reconnect, heartbeat: what the service does by itself afterwards

pub(crate) mod credentials;
pub(crate) mod heartbeat;
#[cfg(feature = "idn")]
pub(crate) mod host;
pub(crate) mod reconnect;
pub(crate) mod request;
pub(crate) mod url;

pub use credentials::{Credentials, CredentialsForm, Proxy};
pub use heartbeat::Heartbeat;
#[cfg(feature = "idn")]
pub use host::ascii_host;
pub use reconnect::Reconnect;
pub use request::Request;
pub use url::Url;
