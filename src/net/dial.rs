//! Name resolution and connection.

use std::net::{TcpStream, ToSocketAddrs};
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
    let addresses = (host, port).to_socket_addrs().map_err(DialError::Resolve)?;
    let mut failure = None;
    for address in addresses {
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            failure = Some(std::io::ErrorKind::TimedOut.into());
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Some(error),
        }
    }
    Err(match failure {
        Some(error) => DialError::Connect(error),
        None => DialError::Resolve(std::io::ErrorKind::NotFound.into()),
    })
}
