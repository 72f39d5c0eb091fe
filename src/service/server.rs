//! What the threads of the server role share.

use std::sync::Arc;

use super::pool::Pool;
use super::table::Table;
use super::timer::Timer;

/// Shared by the dispatcher, the ports' threads and the workers.
pub(crate) struct Server {
    pub(crate) table: Arc<Table>,
    /// Workers for clients and connections.
    pub(crate) pool: Arc<Pool>,
    /// Threads that wait for clients, one per port.
    pub(crate) acceptors: Arc<Pool>,
    /// The thread that tells clients that there is no worker for them.
    pub(crate) refusals: Arc<Pool>,
    pub(crate) timer: Arc<Timer>,
}
