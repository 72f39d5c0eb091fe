//! What the programs of these tests do again and again.

use std::time::Duration;

use xous_api_websocket::wire::{Handle, Opcode, message_id};
use xous_api_websocket::{Incoming, Listen, Listener, Route, serve::ListenLimits};

use crate::by_hand::Client;
use crate::common::service_cid;

/// The page of [`listener`].
pub(crate) const PAGE: &str = "<!doctype html><title>Page</title>";

/// A deadline that a test waits for.
pub(crate) const SHORT: Duration = Duration::from_millis(400);

/// The handle of the service's first listener, which a program does not see otherwise.
pub(crate) const FIRST: Handle = Handle::new(0, 1);

/// A listener on any free port of this machine.
pub(crate) fn listen() -> Listen<'static> {
    Listen::new("127.0.0.1", 0)
}

/// Limits that are met only by the test that means to.
pub(crate) fn roomy() -> ListenLimits {
    ListenLimits::new().connections(64).per_peer(64)
}

/// Listens, with a page on `/` and WebSockets on `/ws`.
pub(crate) fn listener(listen: &Listen<'_>) -> Listener {
    let listener = Listener::listen(listen).unwrap();
    listener.add_route(&Route::page("/", "text/html; charset=utf-8", PAGE.as_bytes())).unwrap();
    listener.add_route(&Route::receiver("/ws")).unwrap();
    listener
}

/// Opens a WebSocket on a path of `listener` and accepts it: both ends.
pub(crate) fn pair_on(listener: &Listener, path: &str) -> (Client, Incoming) {
    let mut client = Client::asks(listener.port(), path);
    let incoming = listener.accept().unwrap();
    client.opened();
    (client, incoming)
}

/// As [`pair_on`], on `/ws`.
pub(crate) fn pair(listener: &Listener) -> (Client, Incoming) {
    pair_on(listener, "/ws")
}

/// Gives the service's first listener up, while others still hold on to it.
pub(crate) fn give_up_the_first() {
    let unlisten = xous::Message::new_blocking_scalar(message_id(Opcode::Unlisten, FIRST), 0, 0, 0, 0);
    assert_eq!(xous::send_message(service_cid(), unlisten), Ok(xous::Result::Scalar2(0, 0)));
}
