//! Clients that print nothing while they send: what an echo or a connection costs is measured from outside.

use std::thread;
use std::time::Duration;

use xous_api_websocket::{Request, Websocket};

use crate::{secure, words};

/// Machine time in which a server has loaded its certificate and listens; nothing tells its clients.
const LOADED: Duration = Duration::from_secs(2);
/// Longer than whoever measures lets the machine run.
const REST: Duration = Duration::from_secs(3600);

/// Opens so many connections to this host and port, sends so many messages of this length on each, one after the
/// other's echo, says so, and keeps the connections. They are over TLS if they are to be.
pub(crate) fn exchange(
    [host, port, connections, length, count]: [&str; 5],
    is_secure: bool,
) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    let connections: usize = connections.parse().map_err(words)?;
    let message = vec![b'x'; length.parse().map_err(words)?];
    let count: usize = count.parse().map_err(words)?;
    if is_secure {
        thread::sleep(LOADED);
    }
    let open = |_| {
        let request = Request::new(host, port);
        let request = if is_secure { request.tls(secure::tls()) } else { request };
        Websocket::open(&request).map_err(words)
    };
    let open = (0..connections).map(open).collect::<Result<Vec<_>, _>>()?;
    for _ in 0..count {
        for ws in &open {
            ws.send_binary(&message).map_err(words)?;
            if ws.receive_whole(message.len()).map_err(words)?.into_bytes() != message {
                return Err("another echo".to_owned());
            }
        }
    }
    println!("{count} echoes");
    thread::sleep(REST);
    Ok(())
}

/// Opens so many connections one after the other, each for one message, says so, and waits.
pub(crate) fn one_by_one(host: &str, port: &str, count: &str) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    let count: usize = count.parse().map_err(words)?;
    for number in 0..count {
        let ws = Websocket::open(&Request::new(host, port)).map_err(words)?;
        let text = format!("connection {number}");
        ws.send_text(&text).map_err(words)?;
        if ws.receive_text(100).map_err(words)? != text {
            return Err(format!("connection {number}: another echo"));
        }
        ws.close(1000, "").map_err(words)?;
    }
    println!("{count} connections");
    thread::sleep(REST);
    Ok(())
}
