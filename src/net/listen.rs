//! Listening sockets.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{TcpListener, TcpStream};
use crate::platform::DROPS_LISTEN_ADDRESS;

/// Why a port is not bound.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Another program has it. Waiting does not help.
    #[error("it is in use")]
    InUse,
    /// It does not work now, for example because there is no network yet.
    #[error("{0}")]
    NotNow(std::io::Error),
}

/// Checks that a loopback address keeps its promise, that nobody else reaches the port. On the device it does not,
/// unless the program knows that and asks to be `exposed`.
///
/// # Errors
/// What to tell a program that did not ask for it.
pub(crate) fn keeps_promise(address: IpAddr, exposed: bool) -> Result<(), String> {
    promise(address, exposed, DROPS_LISTEN_ADDRESS)
}

fn promise(address: IpAddr, exposed: bool, drops_address: bool) -> Result<(), String> {
    if exposed || !drops_address || !address.is_loopback() {
        return Ok(());
    }
    Err(format!(
        "{address} would be open to the network, as this system listens on all addresses of the device: listen on \
         0.0.0.0, or say with Listen::exposed that this is known"
    ))
}

/// Binds and listens.
pub(crate) fn bind(address: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    TcpListener::bind(SocketAddr::new(address, port)).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => BindError::InUse,
        _ => BindError::NotNow(error),
    })
}

/// The address by which a client is counted. The owner of an IPv6 address has all of its /64 (RFC 6177 section 2),
/// and an IPv4 address is the same in whichever way it comes (RFC 4291 section 2.5.5.2).
pub(crate) fn one_peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// Ends a call that waits for a client on `address`, by connecting to it. May block up to `limit`.
pub(crate) fn wake_accept(address: SocketAddr, limit: Duration) {
    let host = match address.ip() {
        // Who is reached at each address is at this one for certain: another may be somebody else's by now.
        ip if !(ip.is_unspecified() || DROPS_LISTEN_ADDRESS) => ip,
        IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    TcpStream::connect_timeout(&SocketAddr::new(host, address.port()), limit).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_peer() {
        let one = |text: &str| one_peer(text.parse().unwrap()).to_string();
        assert_eq!(one("192.0.2.1"), "192.0.2.1");
        assert_eq!(one("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(one("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(one("2001:db8:1:2::"), one("2001:db8:1:2:ffff::1"));
        assert_ne!(one("2001:db8:1:3::1"), one("2001:db8:1:2::1"));
    }

    #[test]
    fn a_loopback_address_that_is_open_to_the_network_is_refused() {
        for loopback in ["127.0.0.1", "127.1.2.3", "::1"].map(|text| text.parse().unwrap()) {
            assert!(promise(loopback, false, true).unwrap_err().contains("open to the network"));
            assert!(promise(loopback, true, true).is_ok());
            assert!(promise(loopback, false, false).is_ok());
        }
        for open in ["0.0.0.0", "192.0.2.1", "::"].map(|text| text.parse().unwrap()) {
            assert!(promise(open, false, true).is_ok());
        }
    }
}
