//! A message of another process: its envelope, and how many may be open.
//!
//! ```text
//! kernel --> envelope (Lent, Scalar: answered exactly once)
//!                '-- holds a ticket of --> quota (per process and in all)
//! ```
//!
//! Knows nothing of connections or ports; all other rooms answer through [`Lent`] and [`Scalar`].

mod envelope;
#[cfg(all(test, feature = "shuttle"))]
mod model;
mod quota;

pub(crate) use envelope::{Asked, Incoming, Lent, Scalar};
#[cfg(all(test, feature = "shuttle"))]
pub(crate) use model::Caller;
pub(crate) use quota::Quota;
