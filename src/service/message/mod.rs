//! A message of another process: its envelope, and how many may be open.

mod envelope;
mod quota;

pub(crate) use envelope::{Incoming, Lent, Scalar};
pub(crate) use quota::Quota;
