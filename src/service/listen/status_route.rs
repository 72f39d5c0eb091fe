//! A path that shows what passes on the port, by the routes of its own listener: as JSON, as a page, and as a WebSocket that
//! gets the JSON every second.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use xous_api_websocket::error::Closed;
use xous_api_websocket::state::{Refused, Statistics, Traffic};

use super::admission::admission::ClientSlot;
use super::port::Port;
use super::shared::Shared;
use super::view::View;
use crate::http::Page;
use crate::platform::heap;
use crate::proto::Chunk;
use crate::proto::handshake::Plain;
use crate::service::connection::{ChunkReceiver, Connection, Tally};
use crate::upload::push_string;

/// How often a WebSocket gets the JSON.
pub(super) const EVERY: Duration = Duration::from_secs(1);

const PAGE: &str = include_str!("status.html");

/// What a plain request gets: JSON if it asks for it, by its query or by what it accepts.
pub(super) fn page(shared: &Shared, port: &Port, tally: &Arc<Tally>, request: &Plain<'_>) -> Arc<Page> {
    let accepted = request.headers.first("Accept").unwrap_or_default();
    let wants_json = request.target.ends_with("?json") || accepted.starts_with(b"application/json");
    let (content_type, body) = match wants_json {
        true => ("application/json", json(shared, port, tally)),
        false => ("text/html; charset=utf-8", PAGE.to_owned()),
    };
    Arc::new(Page { content_type: content_type.into(), body: body.into_bytes().into() })
}

/// What passes: of the service its sums, of the port what the listener of the route may know.
pub(super) fn json(shared: &Shared, port: &Port, tally: &Arc<Tally>) -> String {
    let view = View { table: &shared.table, port, tally };
    let clients = view.clients();
    let of_port = view.port(&clients);
    let (connections, opened) = shared.table.counts();
    let (busy, workers) = shared.pool.counts();
    let mut json = Json(String::from("{\"service\":{"));
    json.number("connections", connections);
    json.number("opened", opened);
    json.number("workers_busy", busy as u64);
    json.number("workers", workers as u64);
    json.number("threads", shared.threads() as u64);
    json.number("heap", heap() as u64);
    json.close("},\"port\":{");
    json.number("port", of_port.port);
    json.number("clients", of_port.clients);
    json.number("connections", of_port.connections);
    json.number("accepted", of_port.accepted);
    json.passed(of_port.sent, of_port.received, of_port.stalls);
    json.number("queued", of_port.queued_sends);
    json.number("seconds", of_port.open_for.as_secs());
    json.end(of_port.last_end.as_ref());
    json.list("refusals", &of_port.refusals, Json::refused);
    json.close("},");
    json.list("clients", &clients, Json::client);
    json.close("}");
    json.0
}

/// JSON whose members each end with a comma.
struct Json(String);

impl Json {
    fn client(&mut self, client: &Statistics) {
        self.text("peer", &client.peer);
        self.text("path", &client.path);
        self.passed(client.sent, client.received, client.stalls);
        self.number("queued", client.queued_sends);
        let times = client.round_trip.map(|trip| [trip.last, trip.least, trip.mean]).unwrap_or_default();
        for (name, time) in ["round_trip", "least", "mean"].into_iter().zip(times) {
            self.number(name, time.as_micros() as u64);
        }
        self.number("seconds", client.open_for.as_secs());
    }

    fn refused(&mut self, refused: &Refused) {
        self.number("status", refused.status);
        self.number("count", refused.count);
        self.text("reason", &refused.reason);
    }

    fn passed(&mut self, sent: Traffic, received: Traffic, stalls: u32) {
        self.number("messages_in", received.messages);
        self.number("bytes_in", received.bytes);
        self.number("messages_out", sent.messages);
        self.number("bytes_out", sent.bytes);
        self.number("stalls", stalls);
    }

    fn end(&mut self, end: Option<&Closed>) {
        let text = end.map_or_else(String::new, |end| format!("{} {}", end.code.value(), end.reason));
        self.text("last_end", text.trim_end());
    }

    fn list<T>(&mut self, name: &str, items: &[T], item: impl Fn(&mut Self, &T)) {
        let _ = write!(self.0, "\"{name}\":[");
        for one in items {
            self.0.push('{');
            item(self, one);
            self.close("},");
        }
        self.close("],");
    }

    fn number(&mut self, name: &str, value: impl Into<u64>) {
        let _ = write!(self.0, "\"{name}\":{},", value.into());
    }

    fn text(&mut self, name: &str, value: &str) {
        let _ = write!(self.0, "\"{name}\":");
        push_string(&mut self.0, value);
        self.0.push(',');
    }

    /// In place of the comma of the last member.
    fn close(&mut self, end: &str) {
        if self.0.ends_with(',') {
            self.0.pop();
        }
        self.0.push_str(end);
    }
}

/// What a WebSocket of the route sends is nothing to anybody. It keeps its place for as long as it lasts.
pub(super) struct Watching {
    _slot: Arc<ClientSlot>,
}

impl Watching {
    pub(super) fn new(slot: &Arc<ClientSlot>) -> Self {
        Watching { _slot: slot.clone() }
    }
}

impl ChunkReceiver for Watching {
    fn receive(&mut self, _conn: &Arc<Connection>, _chunk: &Chunk<'_>) {}
}
