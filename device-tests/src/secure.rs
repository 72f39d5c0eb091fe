//! Both roles over TLS, with certificates from the PDDB: the device has no files.

use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::{Listen, Listener, Request, Route, ServerTls, Tls, Websocket, tls::Identity};

use crate::words;

/// The dict and the keys in it, as the test puts them there.
const DICT: &str = "certificates";
const AUTHORITY: &str = "authority";
const CHAIN: &str = "chain";
const KEY: &str = "key";
/// The longest message that is sent back.
const LONGEST: usize = 64 * 1024;

/// Trusts the authority that is there, whoever is asked as `localhost`.
pub(crate) fn tls() -> Tls<'static> {
    Tls::only_in(DICT, AUTHORITY).server_name("localhost")
}

/// The certificate that is there.
pub(crate) fn identity() -> Identity<'static> {
    Identity::in_pddb(DICT, CHAIN, KEY)
}

/// Opens a connection to `localhost` on 127.0.0.1, sends messages of growing length and compares what comes back.
pub(crate) fn client(port: &str, count: &str) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    let count: usize = count.parse().map_err(words)?;
    let ws = Websocket::open(&Request::new("127.0.0.1", port).tls(tls())).map_err(words)?;
    for number in 0..count {
        let text = "x".repeat(number * 1000);
        ws.send_text(&text).map_err(words)?;
        if ws.receive_text(LONGEST).map_err(words)? != text {
            return Err(format!("message {number} came back otherwise"));
        }
    }
    ws.close(1000, "").map_err(words)?;
    println!("{count} messages over TLS");
    Ok(())
}

/// Opens so many connections to `localhost` on 127.0.0.1, one after the other, and closes each.
pub(crate) fn handshakes(port: &str, count: &str) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    let count: usize = count.parse().map_err(words)?;
    for _ in 0..count {
        let tls = Tls::only_in(DICT, AUTHORITY).server_name("localhost");
        let ws = Websocket::open(&Request::new("127.0.0.1", port).tls(tls)).map_err(words)?;
        ws.send_text("hello").map_err(words)?;
        ws.receive_text(LONGEST).map_err(words)?;
        ws.close(1000, "").map_err(words)?;
    }
    println!("{count} handshakes");
    Ok(())
}

/// Serves one client after the other on a port that it tells.
pub(crate) fn server() -> Result<(), String> {
    let listen = Listen::new("127.0.0.1", 0).exposed().tls(ServerTls::new(identity()));
    let listener = Listener::listen(&listen).map_err(words)?;
    listener.add_route(&Route::receiver("/")).map_err(words)?;
    println!("https://localhost:{}/ is ready", listener.port());
    loop {
        let client = listener.accept().map_err(words)?;
        loop {
            match client.websocket.receive_text(LONGEST) {
                Ok(text) => client.websocket.send_text(&text).map_err(words)?,
                Err(ReceiveError::Closed(_)) => break,
                Err(error) => return Err(words(error)),
            }
        }
    }
}
