//! Name resolution and connection.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum DialError {
    /// The name has no address.
    Resolve(std::io::Error),
    /// No address answers; the error is that of the last.
    Connect(std::io::Error),
}

/// Connects to the first address of `host` that answers, all of them within `limit`. Resolution itself cannot be
/// cut short: whoever waits is told by the open deadline, and the thread stays busy until it returns.
pub(crate) fn dial(host: &str, port: u16, limit: Duration) -> Result<TcpStream, DialError> {
    let start = Instant::now();
    let addresses = resolve(host, port).map_err(DialError::Resolve)?;
    let mut failure = None;
    for address in addresses {
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            failure = Some(std::io::ErrorKind::TimedOut.into());
            break;
        }
        match connect(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Some(error),
        }
    }
    Err(match failure {
        Some(error) => DialError::Connect(error),
        None => DialError::Resolve(std::io::ErrorKind::NotFound.into()),
    })
}

// The device's std keeps whole pages on the stack: 40 KiB to resolve, 16 KiB to connect. Not inlined, they are there
// one after the other, and none of it for the life of the connection.

#[inline(never)]
fn resolve(host: &str, port: u16) -> std::io::Result<std::vec::IntoIter<SocketAddr>> {
    (host, port).to_socket_addrs()
}

#[inline(never)]
fn connect(address: &SocketAddr, limit: Duration) -> std::io::Result<TcpStream> {
    TcpStream::connect_timeout(address, limit)
}
