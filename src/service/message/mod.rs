//! A message of another process: its envelope, and how many may be open.
//!
//! ```text
//! kernel --> envelope (Lent, Scalar: answered exactly once)
//!                '-- holds a ticket of --> quota (per process and in all)
//! ```
//!
//! Knows nothing of connections or ports; all other rooms answer through [`Lent`] and [`Scalar`].

mod envelope;
mod quota;

pub(crate) use envelope::{Asked, Incoming, Lent, Scalar};
pub(crate) use quota::Quota;
