//! Plain HTTP on a listening port: which path leads where, who may upgrade, what is answered.
//!
//! Nothing here waits for a client or knows a socket: bytes go in, decisions and bytes come out.

mod answer;
mod condition;
mod date;
mod host;
mod logins;
mod media;
mod origin;
mod path;
mod range;
mod reason;
mod retry_after;
mod router;

pub(crate) use answer::{
    Answer, DELETES, Page, READS, UPGRADES, compose, decided, options, page, pairing, refusal, status,
};
pub(crate) use condition::{Condition, condition, is_range_of};
pub(crate) use host::is_own_host;
pub(crate) use logins::Logins;
pub(crate) use media::{decoded, media_type};
pub(crate) use origin::{is_allowed, normalized};
pub(crate) use path::{NormalPath, has_dot_segment};
pub(crate) use range::{Range, range};
pub(crate) use reason::{Reason, Shown};
pub(crate) use retry_after::retry_after;
pub(crate) use router::{AddError, Router};
