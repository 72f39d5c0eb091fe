//! What has passed on connections and ports.

use std::time::Duration;

use crate::error::Closed;
use crate::state::{Phase, RoundTrip};
use crate::wire::Handle;
use crate::wire::fields::{Reader, Writer};
use crate::{CloseCode, Code};

/// Flags of a connection.
const SERVER: u8 = 1;
const ENDED: u8 = 2;

/// What has passed in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Traffic {
    /// Whole messages, without pings, pongs and Close frames.
    pub messages: u64,
    /// Bytes of messages, without the frames around them.
    pub bytes: u64,
}

/// What has passed on a connection, and where it stands: [`Websocket::statistics`](crate::Websocket::statistics).
///
/// In the page of an answered `Statistics`, little-endian, texts as 16 bits of length and UTF-8: u32 handle; u8 [`Phase`];
/// u8 flags (1 a client has opened it, 2 an end is known); u8 [`Code`] for which the service has given it up, or 0; u8 0;
/// u64 messages and u64 bytes sent, the same received; u32 sends that wait, u32 their bytes, u32 sends that failed; u32 last,
/// least and mean round-trip time in microseconds, 0 if there was none; u32 stalls; u32 reconnects; u64 milliseconds since it
/// is open; u16 close code; the texts peer, path, and reason of the end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The connection.
    pub connection: Handle,
    /// Where it stands.
    pub phase: Phase,
    /// A client has opened it, on a port of this device.
    pub is_server: bool,
    /// What went to the peer.
    pub sent: Traffic,
    /// What came from the peer.
    pub received: Traffic,
    /// Messages and parts that wait for the socket.
    pub queued_sends: u32,
    /// Their bytes.
    pub queued_bytes: u32,
    /// Queued sends that have failed.
    pub failed_sends: u32,
    /// How long pings and their pongs take; `None` as long as no pong has come.
    pub round_trip: Option<RoundTrip>,
    /// How often something that had come had to wait, as its owner had lent no page.
    pub stalls: u32,
    /// How often it was opened again ([`Reconnect`](crate::Reconnect)). Traffic and stalls are those of all sessions.
    pub reconnects: u32,
    /// Since when it is open; of one that is opened again, the last time.
    pub open_for: Duration,
    /// The client's address, or host and port of the server, at most 123 bytes. Empty before it is open.
    pub peer: String,
    /// Without a query, as that may be a secret, and at most 123 bytes.
    pub path: String,
    /// How it ended; of one that is opened again, how the session before this one did.
    pub last_end: Option<Closed>,
    /// Why the service has given it up, where there is a code for that.
    pub why: Option<Code>,
}

/// What has passed on a port by one program's routes: [`Listener::statistics`](crate::Listener::statistics).
///
/// In the page of an answered `PortStatistics`, little-endian: u16 number of the port, u16 number of kinds of refusals; u32
/// clients, connections, accepted, stalls, sends that wait; u64 messages and u64 bytes sent, the same received; u64
/// milliseconds since the listener is there; u8 1 if a client has ended, u8 0, u16 close code, the text reason; of each kind
/// of refusals u16 status, u32 how many, the text reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PortStatistics {
    /// The port's number; 0 as long as it is not bound.
    pub port: u16,
    /// Clients whose WebSocket is open, by routes of this listener.
    pub clients: u32,
    /// Connections of the port, plain requests and other programs' included.
    pub connections: u32,
    /// WebSockets that were opened since the listener is there, by its routes.
    pub accepted: u32,
    /// Of all of them: how often something that had come had to wait, as its owner had lent no page.
    pub stalls: u32,
    /// Messages and parts that wait for the sockets of those that are open.
    pub queued_sends: u32,
    /// What went to all of them.
    pub sent: Traffic,
    /// What came from all of them.
    pub received: Traffic,
    /// Since when the listener is there.
    pub open_for: Duration,
    /// How the client ended that did so last.
    pub last_end: Option<Closed>,
    /// Requests on the port that were refused, since it is there.
    pub refusals: Vec<Refused>,
}

/// Requests that were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Of HTTP; 0 for clients with which TLS was not agreed on.
    pub status: u16,
    /// How many there were.
    pub count: u32,
    /// What they were told.
    pub reason: String,
}

impl Traffic {
    /// So much.
    pub fn new(messages: u64, bytes: u64) -> Self {
        Traffic { messages, bytes }
    }

    /// Adds what has passed elsewhere.
    pub fn add(&mut self, other: Traffic) {
        self.messages = self.messages.saturating_add(other.messages);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    fn write(self, w: &mut Writer<'_>) {
        w.u64(self.messages);
        w.u64(self.bytes);
    }

    fn read(r: &mut Reader<'_>) -> Option<Self> {
        Some(Traffic { messages: r.u64()?, bytes: r.u64()? })
    }
}

impl Refused {
    /// So many.
    pub fn new(status: u16, count: u32, reason: impl Into<String>) -> Self {
        Refused { status, count, reason: reason.into() }
    }
}

impl Statistics {
    /// A connection of which nothing is known but that it is closed.
    pub fn new(connection: Handle) -> Self {
        Statistics {
            connection,
            phase: Phase::Closed,
            is_server: false,
            sent: Traffic::default(),
            received: Traffic::default(),
            queued_sends: 0,
            queued_bytes: 0,
            failed_sends: 0,
            round_trip: None,
            stalls: 0,
            reconnects: 0,
            open_for: Duration::ZERO,
            peer: String::new(),
            path: String::new(),
            last_end: None,
            why: None,
        }
    }

    /// Writes them; `None` if the page is too short.
    pub fn write(&self, page: &mut [u8]) -> Option<usize> {
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let mut w = Writer::new(page);
        w.u32(self.connection.to_raw());
        w.u8(self.phase as u8);
        let ended = if self.last_end.is_some() { ENDED } else { 0 };
        w.u8(if self.is_server { SERVER } else { 0 } | ended);
        w.u8(self.why.map_or(0, |why| why as u8));
        w.u8(0);
        self.sent.write(&mut w);
        self.received.write(&mut w);
        for count in [self.queued_sends, self.queued_bytes, self.failed_sends] {
            w.u32(count);
        }
        let times = self.round_trip.map_or([Duration::ZERO; 3], |trip| [trip.last, trip.least, trip.mean]);
        times.iter().for_each(|time| w.u32(micros(*time)));
        w.u32(self.stalls);
        w.u32(self.reconnects);
        w.u64(millis(self.open_for));
        w.u16(self.last_end.as_ref().map_or(0, |end| end.code.value()));
        w.text(&self.peer);
        w.text(&self.path);
        w.text(self.last_end.as_ref().map_or("", |end| &end.reason));
        w.finish()
    }

    /// Reads them; `None` if the page holds something else.
    pub fn parse(page: &[u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        let mut read = Statistics::new(Handle::from_raw(r.u32()?)?);
        read.phase = num_traits::FromPrimitive::from_u8(r.u8()?)?;
        let flags = r.u8()?;
        read.is_server = flags & SERVER != 0;
        read.why = Some(r.u8()?).filter(|&why| why > 0).map(|why| Code::from_word(usize::from(why)));
        r.u8()?;
        (read.sent, read.received) = (Traffic::read(&mut r)?, Traffic::read(&mut r)?);
        (read.queued_sends, read.queued_bytes, read.failed_sends) = (r.u32()?, r.u32()?, r.u32()?);
        let [last, least, mean] =
            [r.u32()?, r.u32()?, r.u32()?].map(|time| Duration::from_micros(time.into()));
        read.round_trip = (!last.is_zero()).then_some(RoundTrip { last, least, mean });
        (read.stalls, read.reconnects) = (r.u32()?, r.u32()?);
        read.open_for = Duration::from_millis(r.u64()?);
        let code: CloseCode = r.u16()?.into();
        (read.peer, read.path) = (r.text()?.to_owned(), r.text()?.to_owned());
        let reason = r.text()?;
        read.last_end = (flags & ENDED != 0).then(|| Closed::new(code, reason));
        Some(read)
    }
}

impl PortStatistics {
    /// Writes them; `None` if the page is too short.
    pub fn write(&self, page: &mut [u8]) -> Option<usize> {
        let mut w = Writer::new(page);
        w.u16(self.port);
        w.u16(u16::try_from(self.refusals.len()).ok()?);
        for count in [self.clients, self.connections, self.accepted, self.stalls, self.queued_sends] {
            w.u32(count);
        }
        self.sent.write(&mut w);
        self.received.write(&mut w);
        w.u64(millis(self.open_for));
        w.u16(u16::from(self.last_end.is_some()));
        w.u16(self.last_end.as_ref().map_or(0, |end| end.code.value()));
        w.text(self.last_end.as_ref().map_or("", |end| &end.reason));
        for Refused { status, count, reason } in &self.refusals {
            w.u16(*status);
            w.u32(*count);
            w.text(reason);
        }
        w.finish()
    }

    /// Reads them; `None` if the page holds something else.
    pub fn parse(page: &[u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        let (port, refusals) = (r.u16()?, r.u16()?);
        let (clients, connections, accepted) = (r.u32()?, r.u32()?, r.u32()?);
        let (stalls, queued_sends) = (r.u32()?, r.u32()?);
        let (sent, received) = (Traffic::read(&mut r)?, Traffic::read(&mut r)?);
        let open_for = Duration::from_millis(r.u64()?);
        let (ended, code, reason) = (r.u16()? & 1 != 0, r.u16()?, r.text()?);
        let last_end = ended.then(|| Closed::new(code, reason));
        let refused = |r: &mut Reader<'_>| {
            Some(Refused { status: r.u16()?, count: r.u32()?, reason: r.text()?.to_owned() })
        };
        let refusals = (0..refusals).map(|_| refused(&mut r)).collect::<Option<_>>()?;
        Some(PortStatistics {
            port,
            clients,
            connections,
            accepted,
            stalls,
            queued_sends,
            sent,
            received,
            open_for,
            last_end,
            refusals,
        })
    }
}

/// Connections one behind the other, each behind u16 length.
pub(crate) fn parse_clients(page: &[u8]) -> Option<Vec<Statistics>> {
    let mut r = Reader::new(page);
    let mut clients = Vec::new();
    while let Some(len) = r.u16() {
        clients.push(Statistics::parse(r.bytes(usize::from(len))?)?);
    }
    Some(clients)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: PartialEq + std::fmt::Debug>(
        value: &T,
        write: impl Fn(&T, &mut [u8]) -> Option<usize>,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) {
        let mut page = [0; 512];
        let len = write(value, &mut page).unwrap();
        assert_eq!(parse(&page[..len]).as_ref(), Some(value));
        for cut in 0..len {
            assert_eq!(parse(&page[..cut]), None, "cut at {cut}");
            assert_eq!(write(value, &mut [0; 512][..cut]), None, "room for {cut}");
        }
    }

    #[test]
    fn statistics_go_there_and_back_and_no_cut_of_them_does() {
        let [last, least, mean] = [3, 1, 2].map(Duration::from_micros);
        let plain = Statistics::new(Handle::new(1, 2));
        check(&plain, Statistics::write, Statistics::parse);
        let full = Statistics {
            phase: Phase::Open,
            is_server: true,
            sent: Traffic::new(1, u64::MAX),
            received: Traffic::new(1 << 40, 3),
            queued_sends: 4,
            queued_bytes: 5,
            failed_sends: 6,
            round_trip: Some(RoundTrip { last, least, mean }),
            stalls: 7,
            reconnects: 8,
            open_for: Duration::from_millis(9),
            peer: "a:1".into(),
            path: "/b".into(),
            last_end: Some(Closed::new(1006, "lost")),
            why: Some(Code::NoPong),
            ..plain.clone()
        };
        check(&full, Statistics::write, Statistics::parse);
        let port = PortStatistics {
            port: 80,
            clients: 1,
            connections: 2,
            accepted: 3,
            stalls: 4,
            queued_sends: 5,
            sent: Traffic::new(6, 7),
            received: Traffic::new(8, 9),
            open_for: Duration::from_millis(10),
            last_end: Some(Closed::new(1000, "")),
            refusals: vec![Refused::new(404, 2, "Nothing"), Refused::new(503, 1, "")],
        };
        check(&port, PortStatistics::write, PortStatistics::parse);
        check(&PortStatistics::default(), PortStatistics::write, PortStatistics::parse);
    }

    #[test]
    fn a_list_of_clients_is_read_whole_or_not_at_all() {
        let mut page = [0; 512];
        let mut end = 0;
        let both = [Handle::new(1, 1), Handle::new(2, 2)].map(Statistics::new);
        for one in &both {
            let len = one.write(&mut page[end + 2..]).unwrap();
            page[end..end + 2].copy_from_slice(&u16::try_from(len).unwrap().to_le_bytes());
            end += 2 + len;
        }
        assert_eq!(parse_clients(&page[..end]).as_deref(), Some(&both[..]));
        assert_eq!(parse_clients(&page[..end - 1]), None);
        assert_eq!(parse_clients(&[]), Some(Vec::new()));
    }
}
