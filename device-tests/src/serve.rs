//! A server that keeps nothing in the PDDB; over TLS, its certificate is there.

use std::sync::Arc;
use std::thread;

use xous_api_websocket::serve::ListenLimits;
use xous_api_websocket::{Listen, Listener, Route, ServerTls};

use crate::{secure, words};

/// Clients at a time.
const CLIENTS: usize = 8;
const STACK: usize = 64 * 1024;
/// The longest message that is sent back.
const LONGEST: usize = 64 * 1024;

/// Sends back what comes on this path of the port, over TLS if it is to be.
pub(crate) fn serve(port: &str, path: &str, is_secure: bool) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    // All clients have one address.
    let limits = ListenLimits::new().per_peer(16);
    let listen = Listen::new("127.0.0.1", port).exposed().limits(limits);
    let listen = if is_secure { listen.tls(ServerTls::new(secure::identity())) } else { listen };
    let listener = Listener::listen(&listen).map_err(words)?;
    listener.add_route(&Route::receiver(path)).map_err(words)?;
    println!("http://127.0.0.1:{}/ is ready", listener.port());
    let listener = Arc::new(listener);
    let start = |_| {
        let listener = listener.clone();
        thread::Builder::new().stack_size(STACK).spawn(move || take_clients(&listener)).map_err(words)
    };
    for client in (0..CLIENTS).map(start).collect::<Result<Vec<_>, _>>()? {
        client.join().map_err(|_| "a thread for clients has ended")?;
    }
    Ok(())
}

fn take_clients(listener: &Listener) {
    while let Ok(client) = listener.accept() {
        let ws = client.websocket;
        while let Ok(message) = ws.receive_whole(LONGEST) {
            if ws.send(&message).is_err() {
                break;
            }
        }
    }
}
