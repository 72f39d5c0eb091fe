//! Plain HTTP on a listening port: which path leads where, who may upgrade, what is answered.
//!
//! Nothing here waits or knows a socket. Bytes go in, decisions and bytes come out.

mod answer;
mod host;
mod media;
mod origin;
mod path;
mod range;
mod router;

pub(crate) use answer::{Answer, Page, READS, UPGRADES, options, page, status, upgrade_required};
pub(crate) use host::is_own_host;
pub(crate) use media::{decoded, media_type};
pub(crate) use origin::{is_allowed, normalized};
pub(crate) use path::{NormalPath, has_dot_segment};
pub(crate) use range::{Range, range};
pub(crate) use router::{AddError, Router};
