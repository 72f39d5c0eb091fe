//! The server role over TLS: the service listens, OpenSSL connects.

mod browser;
mod certificates;
mod expiry;
mod keys;
mod open;
mod refused;
mod stored;
mod streams;
mod suites;

use std::io::Read;

use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::{
    Listen, Listener, Part, Route, ServerTls, Websocket, serve::ListenLimits, tls::Identity,
};

use crate::authority::Leaf;

const VERSIONS: [(&str, &str); 2] = [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")];
/// What is on `/`.
const PAGE: &str = "<!doctype html><title>Page</title>";

/// With this certificate, for any client.
pub(crate) fn tls(leaf: &Leaf) -> ServerTls<'_> {
    ServerTls::new(Identity::new(leaf.chain.as_bytes(), leaf.key.as_bytes()))
}

/// A free port of this machine, secured like this.
pub(crate) fn listen<'a>(tls: ServerTls<'a>) -> Listen<'a> {
    let limits = ListenLimits::new().connections(64).per_peer(64);
    Listen::new("127.0.0.1", 0).limits(limits).tls(tls)
}

/// Listens, with a page on `/` and WebSockets on `/ws`.
pub(crate) fn listener(listen: &Listen<'_>) -> Listener {
    let listener = Listener::listen(listen).unwrap();
    listener.add_route(&Route::page("/", "text/html", PAGE.as_bytes())).unwrap();
    listener.add_route(&Route::receiver("/ws")).unwrap();
    listener
}

/// Sends every message back, whole, until the connection has ended; how it did.
pub(crate) fn echo(ws: &Websocket) -> ReceiveError {
    let mut data = Vec::new();
    loop {
        let mut message = match ws.receive() {
            Ok(message) => message,
            Err(end) => return end,
        };
        let kind = message.kind();
        data.clear();
        message.read_to_end(&mut data).unwrap();
        ws.send_fragment(kind, Part::Whole, &data).unwrap();
    }
}
