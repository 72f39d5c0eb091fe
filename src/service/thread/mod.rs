//! Threads and time: workers, deadlines, sockets that close slowly.
//!
//! ```text
//! pool       runs jobs on workers; a Permit is a worker that is promised
//! timer      one thread; wakes what armed it (Wake); Watch arms it only for a wait that lasts
//! notes      counts what threads that must not wait have to say; a worker prints it
//! lingering  one thread; answers clients that are refused, and wakes accept calls
//! ```
//!
//! Lingering uses the timer, and a worker prints notes. Otherwise they do not call each other. They know nothing of
//! what they run.

#[cfg(all(test, feature = "shuttle"))]
mod interleavings;
mod lingering;
mod notes;
mod pool;
mod timer;

pub(crate) use lingering::Lingering;
pub(crate) use notes::{Note, note};
pub(crate) use pool::{Leaves, PAIR, Permit, Pool};
pub(crate) use timer::{Timer, Wake, Watch};
