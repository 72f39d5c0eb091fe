//! Plain HTTP on a listening port: which path leads where, who may upgrade, what is answered.
//!
//! Nothing here waits or knows a socket: bytes go in, decisions and bytes come out.

mod answer;
mod origin;
mod router;

pub(crate) use answer::{Answer, Page, page, status, upgrade_required};
pub(crate) use origin::is_allowed;
pub(crate) use router::{AddError, Router, has_dot_segment};
