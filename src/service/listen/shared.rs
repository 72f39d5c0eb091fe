//! What the threads of the server role share.

use std::sync::Arc;

use super::file_stores::FileStores;
use super::visitors::Visitors;
use crate::pddb::Pddb;
use crate::service::connection::Table;
use crate::service::thread::{Lingering, Pool, Timer};

/// Shared by the dispatcher, the ports' threads and the workers.
pub(crate) struct Shared {
    pub(crate) table: Arc<Table>,
    /// The clients that no program has taken.
    pub(crate) visitors: Arc<Visitors>,
    /// Workers for clients and connections.
    pub(crate) pool: Arc<Pool>,
    /// The thread for clients that were refused.
    pub(crate) lingering: Arc<Lingering>,
    pub(crate) timer: Arc<Timer>,
    /// One for the whole service.
    pub(crate) pddb: Pddb,
    /// Where routes keep files in the database.
    pub(crate) stores: FileStores,
}
