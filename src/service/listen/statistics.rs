//! What has passed on a port by the routes of one listener, and who is there.

use std::sync::Arc;

use xous_api_websocket::Code;
use xous_api_websocket::state::{Phase, PortStatistics, Statistics};

use super::listeners::Listener;
use super::port::Port;
use crate::proto::CloseCode;
use crate::service::connection::{Connection, Outcome, Table, Tally};
use crate::service::message::Lent;

/// What the owner of a client learns that the port's program has closed.
const BY_PORT: &str = "closed by the port";

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

impl Listener {
    /// Reports on the port.
    pub(crate) fn report(&self, mut page: Lent) {
        let view = self.view();
        match view.port(&view.clients()).write(page.pages_mut()) {
            Some(len) => page.answer(0, len),
            None => page.answer(Code::Malformed as usize, 0),
        }
    }

    /// Lists the clients, without the first `offset`.
    pub(crate) fn list_clients(&self, mut page: Lent) {
        let clients = self.view().clients();
        let rest = clients.get(page.offset()..).unwrap_or_default();
        let len = write(rest, page.pages_mut());
        match len {
            0 if !rest.is_empty() => page.answer(Code::Malformed as usize, 0),
            len => page.answer(0, len),
        }
    }

    /// Closes a client.
    pub(crate) fn close_client(&self, raw: usize, code: CloseCode) -> Result<(), Code> {
        let is_meant =
            |conn: &Connection| conn.handle.to_raw() as usize == raw && conn.account.is_of(&self.tally);
        let found = self.shared.table.all(is_meant).pop().filter(|conn| conn.state().0 == Phase::Open);
        found.ok_or(Code::Closed)?.give_up(code, BY_PORT);
        Ok(())
    }

    fn view(&self) -> View<'_> {
        View { table: &self.shared.table, port: &self.port, tally: &self.tally }
    }
}

/// As many as fit, each behind its length. How many bytes that are.
fn write(clients: &[Statistics], page: &mut [u8]) -> usize {
    let mut end = 0;
    for client in clients {
        let Some((len, space)) = page.get_mut(end..).and_then(|rest| rest.split_at_mut_checked(2)) else {
            break;
        };
        let Some(written) = client.write(space) else { break };
        len.copy_from_slice(&u16::try_from(written).unwrap_or(u16::MAX).to_le_bytes());
        end += 2 + written;
    }
    end
}

#[cfg(test)]
mod tests {
    use xous_api_websocket::wire::Handle;

    use super::*;

    #[test]
    fn as_many_clients_as_fit_are_listed() {
        let clients = [1, 2, 3].map(|slot| Statistics::new(Handle::new(slot, 1)));
        let mut page = [0; 4096];
        let one = write(&clients[..1], &mut page);
        assert_eq!(write(&clients, &mut page), 3 * one);
        assert_eq!(write(&clients, &mut page[..2 * one + 1]), 2 * one);
        assert_eq!(write(&clients, &mut page[..one - 1]), 0);
        assert_eq!(write(&[], &mut page), 0);
    }
}
