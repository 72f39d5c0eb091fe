//! Threads and time: workers, deadlines, sockets that close slowly.
//!
//! ```text
//! pool       runs jobs on workers; a Permit is a worker that is promised
//! timer      one thread; wakes whoever armed it (Wake); Watch arms it only for a wait that lasts
//! lingering  one thread; answers clients that are refused, and wakes accept calls
//! ```
//!
//! Lingering has the timer; otherwise they do not call each other, and they know nothing of what they run.

mod lingering;
mod pool;
mod timer;

pub(crate) use lingering::Lingering;
pub(crate) use pool::{Permit, Pool};
pub(crate) use timer::{Timer, Wake, Watch};
