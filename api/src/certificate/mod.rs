//! What certificates say, and what a server showed whose certificate was not accepted.
//!
//! ```no_run
//! use xous_api_websocket::error::OpenError;
//! use xous_api_websocket::{Request, Tls, Websocket, tls::Pin};
//!
//! /// Opens a connection to a server with a certificate of its own, if a person says that the fingerprint is right.
//! fn open(request: Request<'_>, is_right: impl Fn(&str) -> bool) -> Result<Websocket, OpenError> {
//!     let refused = match Websocket::open_or_show(&request) {
//!         Ok(ws) => return Ok(ws),
//!         Err(refused) => refused,
//!     };
//!     match refused.shown.as_ref().and_then(|shown| shown.own()) {
//!         Some(own) if is_right(&own.fingerprint.to_string()) => {
//!             Websocket::open(&request.tls(Tls::pin(Pin::Certificate(own.fingerprint))))
//!         }
//!         _ => Err(refused.error),
//!     }
//! }
//! ```

mod der;
mod moment;
mod shown;
mod subject;
mod x509;

pub use moment::Moment;
pub use shown::{Shown, ShownCertificate};
pub use subject::Subject;
pub use x509::Certificate;

pub use crate::tls::pin::Fingerprint;
