//! The time for which a connection has threads.

use std::sync::Arc;

use super::connection::Connection;
use super::outcome::Outcome;
use super::table::Table;

/// Held by every thread of a connection. When the last of them lets go, on its worker, everybody who waits is
/// told and the slot is given back.
pub(crate) struct EndGuard {
    pub(crate) conn: Arc<Connection>,
    table: Arc<Table>,
    /// Called behind the end of a connection that its owner has closed.
    closed: Option<Box<dyn Fn() + Send + Sync>>,
}

impl EndGuard {
    pub(crate) fn new(conn: Arc<Connection>, table: Arc<Table>) -> Arc<Self> {
        Arc::new(EndGuard { conn, table, closed: None })
    }

    /// As [`EndGuard::new`], and `closed` is called if the owner has closed the connection before it ended.
    pub(crate) fn with_closed(
        conn: Arc<Connection>,
        table: Arc<Table>,
        closed: impl Fn() + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(EndGuard { conn, table, closed: Some(Box::new(closed)) })
    }
}

impl EndGuard {
    /// Lets another connection follow this one, which ended like this. `None` if it is not wanted any more.
    pub(crate) fn pass_on(&self, outcome: Outcome) -> Option<Arc<EndGuard>> {
        let next = self.conn.successor(outcome)?;
        let guard = EndGuard::new(next, self.table.clone());
        self.table.replace(&guard.conn).then_some(guard)
    }
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        if self.conn.next().is_some() {
            return self.conn.wind_up();
        }
        let (outcome, known, kept) = self.conn.finish();
        self.table.ended(self.conn.handle, outcome, known, kept);
        // Asked again: a Close may have come before the table knew of the end.
        if self.conn.is_closed_by_owner()
            && let Some(closed) = &self.closed
        {
            closed();
        }
    }
}
