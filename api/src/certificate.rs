//! What certificates say, and what a server showed whose certificate was not accepted.

pub use crate::moment::Moment;
pub use crate::pin::Fingerprint;
pub use crate::shown::{Shown, ShownCertificate};
pub use crate::subject::Subject;
pub use crate::x509::Certificate;
