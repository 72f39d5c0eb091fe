//! What the threads of the server role share.

use std::sync::{Arc, OnceLock};

use xous::PID;

use super::admission::admission::Admission;
use super::decisions::Decisions;
use super::files::file_stores::FileStores;
use super::jobs::Jobs;
use crate::pddb::Pddb;
use crate::service::connection::{Table, Watches};
use crate::service::thread::{Lingering, Pool, Timer};
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Shared by the dispatcher, the ports' threads and the workers.
pub(crate) struct Shared {
    pub(crate) table: Arc<Table>,
    /// The processes that have one thread for all of their connections.
    pub(crate) watches: Watches,
    /// The clients that no program has taken.
    pub(crate) admission: Arc<Admission>,
    /// Clients whose program decides on them.
    pub(crate) decisions: Arc<Decisions>,
    /// Workers for clients and connections.
    pub(crate) pool: Arc<Pool>,
    /// The thread for clients that were refused.
    pub(crate) lingering: Arc<Lingering>,
    pub(crate) timer: Arc<Timer>,
    /// One for the whole service.
    pub(crate) pddb: Pddb,
    /// Where routes keep files in the database.
    pub(crate) stores: FileStores,
    /// Programs that have certificates loaded.
    pub(crate) loads: Jobs,
    /// Programs that look into their files.
    pub(crate) looks: Jobs,
    /// Threads that wait for clients, or have.
    pub(crate) port_threads: AtomicUsize,
    /// Looks for processes that have ended, all but one; set once, when there are listeners.
    pub(crate) looks_for_the_gone: OnceLock<Box<dyn Fn(Option<PID>) + Send + Sync>>,
}

impl Shared {
    /// Threads of the service, without the one that waits for the database.
    pub(crate) fn threads(&self) -> usize {
        // The server's, the timer's and the one for refused clients.
        3 + self.pool.counts().1 + self.port_threads.load(Relaxed)
    }

    /// Somebody was refused for want of what a process that has ended may hold; `besides` is not asked.
    pub(crate) fn look_for_the_gone(&self, besides: Option<PID>) {
        if let Some(look) = self.looks_for_the_gone.get() {
            look(besides);
        }
    }
}
