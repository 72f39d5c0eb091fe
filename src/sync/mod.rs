//! Locks, conditions and atomics as this crate uses them, and the threads and the clock of what waits with them, in the
//! one place that says whose they are: nothing else names those of std, so that a model checker's can stand here
//! instead.
//!
//! ```text
//! of_std      std's, as everything is built
//! signal      what one thread waits for that nearly every message wakes: a connection's writer
//! own_server  on the device: a server by which it is woken
//! of_shuttle  with the feature `shuttle`: those of the model checker, which decides who runs next
//! explore     which schedules the models are run with
//! ```
//!
//! A lock is never poisoned: one connection's panic must not stop the threads of all the others, and on the device a
//! panic ends the process.

#[cfg(all(test, feature = "shuttle"))]
pub(crate) mod explore;
#[cfg(all(test, feature = "shuttle"))]
mod of_shuttle;
#[cfg(not(all(test, feature = "shuttle")))]
mod of_std;
#[cfg(target_os = "xous")]
mod own_server;
mod signal;

#[cfg(all(test, feature = "shuttle"))]
use of_shuttle::OwnServer;
#[cfg(all(test, feature = "shuttle"))]
pub(crate) use of_shuttle::{Condvar, FOREVER, Instant, Mutex, MutexGuard, atomic, thread};
#[cfg(not(any(target_os = "xous", all(test, feature = "shuttle"))))]
use of_std::OwnServer;
#[cfg(not(all(test, feature = "shuttle")))]
pub(crate) use of_std::{Condvar, Instant, Mutex, MutexGuard, atomic, thread};
#[cfg(target_os = "xous")]
use own_server::OwnServer;
pub(crate) use signal::Signal;

/// For statics that only count. All models share them, so that they are never the model checker's.
pub(crate) use std::sync::atomic as static_atomic;
