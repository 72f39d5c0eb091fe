//! One connection, from its opening to its end.

pub(super) mod connect;
#[expect(clippy::module_inception, reason = "the room is named for what it serves")]
mod connection;
mod end_guard;
mod established;
pub(super) mod inbox;
mod outbox;
mod outcome;
mod reader;
mod seed;
mod sink;
mod table;
pub(super) mod tls_code;
mod writer;

pub(crate) use connect::Opening;
pub(crate) use connection::{Closer, Connection};
pub(crate) use end_guard::EndGuard;
pub(crate) use established::Established;
pub(crate) use outbox::ShareError;
pub(crate) use outcome::{ABNORMAL, Outcome};
pub(crate) use seed::{seed, seed_from};
pub(crate) use sink::{Delivery, Sink, Take};
pub(crate) use table::{Found, Table};
