//! What has passed on a port by the routes of one listener, and who is there.

use std::sync::Arc;

use xous_api_websocket::state::{PortStatistics, Statistics};

use super::port::Port;
use crate::service::connection::{Connection, Outcome, Table, Tally};

/// What a listener is asked about, or its status route.
pub(crate) struct View<'a> {
    pub(crate) table: &'a Table,
    pub(crate) port: &'a Port,
    pub(crate) tally: &'a Arc<Tally>,
}

impl View<'_> {
    /// The clients whose WebSocket is open.
    pub(crate) fn clients(&self) -> Vec<Statistics> {
        self.open().iter().map(|conn| conn.statistics()).collect()
    }

    /// All of them together.
    pub(crate) fn port(&self, clients: &[Statistics]) -> PortStatistics {
        let open = self.open();
        let sum = self.tally.with(open.iter().filter_map(|conn| conn.account.passing()));
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut port = PortStatistics::default();
        port.port = self.port.number();
        port.clients = number(clients.len());
        port.connections = number(self.port.state().1);
        port.accepted = sum.opened;
        port.stalls = sum.passed.stalls;
        port.queued_sends = clients.iter().map(|client| client.queued_sends).sum();
        (port.sent, port.received) = (sum.passed.sent, sum.passed.received);
        port.open_for = self.tally.since.elapsed();
        port.last_end = sum.last_end.map(Outcome::told);
        port.refusals = self.port.refusals.all();
        port
    }

    fn open(&self) -> Vec<Arc<Connection>> {
        self.table.all(|conn| conn.account.is_of(self.tally) && conn.account.passing().is_some())
    }
}
