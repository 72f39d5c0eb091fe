//! What certificates say, and what a server showed whose certificate was not accepted.

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
