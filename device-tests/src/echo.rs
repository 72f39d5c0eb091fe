//! A client that prints nothing while it sends: what an echo costs is measured from outside.

use std::thread;
use std::time::Duration;

use xous_api_websocket::{Request, Websocket};

use crate::words;

/// Longer than whoever measures lets the machine run.
const REST: Duration = Duration::from_secs(3600);

/// Opens so many connections to this host and port, sends so many messages of this length on each, one after the
/// other's echo, says so, and keeps the connections.
pub(crate) fn exchange([host, port, connections, length, count]: [&str; 5]) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    let connections: usize = connections.parse().map_err(words)?;
    let message = vec![b'x'; length.parse().map_err(words)?];
    let count: usize = count.parse().map_err(words)?;
    let open = |_| Websocket::open(&Request::new(host, port)).map_err(words);
    let open = (0..connections).map(open).collect::<Result<Vec<_>, _>>()?;
    for _ in 0..count {
        for ws in &open {
            ws.send_binary(&message).map_err(words)?;
            if ws.receive_whole(message.len()).map_err(words)?.1 != message {
                return Err("another echo".to_owned());
            }
        }
    }
    println!("{count} echoes");
    thread::sleep(REST);
    Ok(())
}
