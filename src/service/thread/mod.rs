//! Threads and time: workers, deadlines, sockets that close slowly.

mod lingering;
mod pool;
mod timer;

pub(crate) use lingering::Lingering;
pub(crate) use pool::{Permit, Pool};
pub(crate) use timer::{Timer, Wake, Watch};
