//! Listening sockets.

use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Why a port is not bound.
#[derive(Debug)]
pub(crate) enum BindError {
    /// Another program has it: nothing changes by waiting.
    InUse,
    /// Not now, as when there is no network yet.
    NotNow(std::io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::InUse => write!(f, "it is in use"),
            BindError::NotNow(error) => write!(f, "{error}"),
        }
    }
}

/// Binds and listens.
pub(crate) fn bind(address: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    TcpListener::bind(SocketAddr::new(address, port)).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => BindError::InUse,
        _ => BindError::NotNow(error),
    })
}

/// Ends a call that waits for a client on `address`, by being one. May block up to `limit`.
pub(crate) fn knock(address: SocketAddr, limit: Duration) {
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    TcpStream::connect_timeout(&SocketAddr::new(host, address.port()), limit).ok();
}
