//! The time for which a connection has threads.

use std::sync::Arc;

use super::connection::Connection;
use super::table::Table;

/// Held by every thread of a connection. When the last of them lets go, on its worker, everybody who waits is
/// told and the slot is given back.
pub(crate) struct Life {
    pub(crate) conn: Arc<Connection>,
    table: Arc<Table>,
}

impl Life {
    pub(crate) fn new(conn: Arc<Connection>, table: Arc<Table>) -> Arc<Self> {
        Arc::new(Life { conn, table })
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let (outcome, known) = self.conn.finish();
        self.table.ended(self.conn.handle, outcome, known);
    }
}
