//! The messages to `net` for sockets of TCP: their numbers, what is in their pages, and how they are answered.
//!
//! Numbers and layouts are those that std uses (rust-lang/rust, `library/std/src/os/xous/services/net.rs` and
//! `library/std/src/sys/net/connection/xous/`) and that xous-core's `services/net/src/{std_tcpstream,std_tcplistener,
//! std_glue,main}.rs` serve.
//!
//! | message | kind | request | answer |
//! |---|---|---|---|
//! | [`CONNECT`] | lend mut | port, milliseconds as u64 (0: no limit), address | u16 0, socket, local port, remote port |
//! | [`SEND`] | lend mut | the bytes; milliseconds in `offset`, length in `valid` | u32 0, how many were taken |
//! | [`RECEIVE`] | lend mut | milliseconds in `offset`, room in `valid` | `offset` 1, bytes, length in `valid`: 0 at the end |
//! | [`CLOSE`] | blocking scalar | | anything, when all is sent and the peer knows, or has not said so for a while |
//! | [`LISTEN`] | lend mut | port (0: any), address | u8 0, u8 socket, port |
//! | [`ACCEPT`] | lend mut | u8 1: waits | u8 0, socket, address; port at 20 |
//! | [`SET_NODELAY`] | blocking scalar | 1 | anything |
//! | [`SHUT_DOWN`] | blocking scalar | 1: ends calls that read; 2: that write; 3: both | anything |
//!
//! The socket's number stands above the message's ([`id`]). Numbers are little-endian and ports 16 bits. An address is 4
//! or 6 and its bytes, as they are sent. Not used here: bit 15 of [`RECEIVE`]'s number, by which it does not wait, and
//! 32, which leaves the bytes where they are. A limit of 0 means no limit.
//!
//! An error has `offset` and `valid` 0 and its number in the page ([`Place`]). A call that a shutdown has ended has
//! `offset` 0 and `valid` `u32::MAX`; one that writes has written nothing then.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};

/// What xous-names knows `net` by.
pub(super) const SERVER: &str = "_Middleware Network Server_";

pub(super) const CONNECT: usize = 30;
pub(super) const SEND: usize = 31;
pub(super) const RECEIVE: usize = 33;
pub(super) const CLOSE: usize = 34;
pub(super) const SET_NODELAY: usize = 39;
pub(super) const LISTEN: usize = 44;
pub(super) const ACCEPT: usize = 45;
pub(super) const SHUT_DOWN: usize = 46;

/// Bytes at the front of a page that an answer overwrites, whatever it is.
pub(super) const OVERWRITTEN: usize = 8;

/// Where the number of an error stands, behind ones: xous-core has two functions for it.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// `std_failure`: those of [`LISTEN`] and [`ACCEPT`].
    Second = 1,
    /// `respond_with_error`: of all others.
    Fifth = 4,
}

/// A message to a socket.
pub(super) fn id(message: usize, socket: u16) -> usize {
    message | usize::from(socket) << 16
}

/// What ends which calls.
pub(super) fn ended_by(how: Shutdown) -> usize {
    match how {
        Shutdown::Read => 1,
        Shutdown::Write => 2,
        Shutdown::Both => 3,
    }
}

/// Asks for a connection.
pub(super) fn write_connect(page: &mut [u8], address: &SocketAddr, milliseconds: u64) {
    put(page, 0, &address.port().to_le_bytes());
    put(page, 2, &milliseconds.to_le_bytes());
    put_address(page, 10, address.ip());
}

/// Asks for a socket that listens.
pub(super) fn write_listen(page: &mut [u8], address: &SocketAddr) {
    put(page, 0, &address.port().to_le_bytes());
    put_address(page, 2, address.ip());
}

/// The socket that is connected.
pub(super) fn connected(page: &[u8]) -> io::Result<u16> {
    check(page, Place::Fifth)?;
    u16_at(page, 2)
}

/// How many bytes were taken. A socket whose connection has gone answers as if it were late.
pub(super) fn sent(page: &[u8]) -> io::Result<usize> {
    check(page, Place::Fifth).map_err(|error| match error.kind() {
        ErrorKind::TimedOut => ErrorKind::BrokenPipe.into(),
        _ => error,
    })?;
    let bytes = page.get(4..8).and_then(|bytes| bytes.try_into().ok()).ok_or(ErrorKind::InvalidData)?;
    Ok(usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX))
}

/// How many bytes have come. The page's front has to be clear before, as not every error writes there.
pub(super) fn received(page: &[u8], offset: usize, valid: usize) -> io::Result<usize> {
    match (offset, valid) {
        (1.., _) => Ok(valid),
        (0, 0) => Err(check(page, Place::Fifth).err().unwrap_or(ErrorKind::Other.into())),
        (0, _) => Err(ErrorKind::ConnectionAborted.into()),
    }
}

/// The socket that listens, and its port.
pub(super) fn listening(page: &[u8]) -> io::Result<(u16, u16)> {
    check(page, Place::Second)?;
    let socket = page.get(1).copied().ok_or(ErrorKind::InvalidData)?;
    Ok((socket.into(), u16_at(page, 2)?))
}

/// The socket that has accepted a connection, which is the one that listened until then.
pub(super) fn accepted(page: &[u8]) -> io::Result<u16> {
    check(page, Place::Second)?;
    u16_at(page, 1)
}

/// Whose connection was accepted.
pub(super) fn peer(page: &[u8]) -> io::Result<SocketAddr> {
    let ip = match (page.get(3), page.get(4..20).and_then(|bytes| bytes.first_chunk::<16>())) {
        (Some(4), Some(&[a, b, c, d, ..])) => Ipv4Addr::new(a, b, c, d).into(),
        (Some(6), Some(bytes)) => Ipv6Addr::from(*bytes).into(),
        _ => return Err(ErrorKind::InvalidData.into()),
    };
    Ok(SocketAddr::new(ip, u16_at(page, 20)?))
}

/// The error that is in the page, if any.
fn check(page: &[u8], place: Place) -> io::Result<()> {
    if page.first() == Some(&0) {
        return Ok(());
    }
    // xous-core, `services/net/src/api.rs`, `NetError`.
    Err(match page.get(place as usize) {
        Some(1) => ErrorKind::AddrNotAvailable,
        Some(2) => ErrorKind::AddrInUse,
        Some(4) => ErrorKind::InvalidInput,
        Some(8) => ErrorKind::TimedOut,
        Some(9) => ErrorKind::WouldBlock,
        _ => ErrorKind::Other,
    }
    .into())
}

fn put_address(page: &mut [u8], at: usize, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            put(page, at, &[4]);
            put(page, at + 1, &address.octets());
        }
        IpAddr::V6(address) => {
            put(page, at, &[6]);
            put(page, at + 1, &address.octets());
        }
    }
}

fn put(page: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(room) = page.get_mut(at..at + bytes.len()) {
        room.copy_from_slice(bytes);
    }
}

fn u16_at(page: &[u8], at: usize) -> io::Result<u16> {
    let bytes = page.get(at..).and_then(|bytes| bytes.first_chunk()).ok_or(ErrorKind::InvalidData)?;
    Ok(u16::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(front: &[u8]) -> Vec<u8> {
        let mut page = vec![0xee; 4096];
        page[..front.len()].copy_from_slice(front);
        page
    }

    fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn requests_are_laid_out_as_std_lays_them_out() {
        let mut bytes = page(&[]);
        write_connect(&mut bytes, &"192.0.2.7:8080".parse().unwrap(), 0x0102_0304);
        assert_eq!(bytes[..15], [0x90, 0x1f, 4, 3, 2, 1, 0, 0, 0, 0, 4, 192, 0, 2, 7]);
        write_connect(&mut bytes, &"[2001:db8::9]:80".parse().unwrap(), 0);
        assert_eq!(bytes[..11], [80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]);
        assert_eq!(bytes[11..27], [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        write_listen(&mut bytes, &"0.0.0.0:443".parse().unwrap());
        assert_eq!(bytes[..7], [0xbb, 1, 4, 0, 0, 0, 0]);
        assert_eq!(id(SEND, 5), 31 | 5 << 16);
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(connected(&page(&[0, 0, 5, 1, 0, 192, 80, 0])).unwrap(), 0x105);
        assert_eq!(sent(&page(&[0, 0, 0, 0, 0xfa, 5, 0, 0])).unwrap(), 1530);
        assert_eq!(received(&page(&[]), 1, 7).unwrap(), 7);
        assert_eq!(received(&page(&[]), 1, 0).unwrap(), 0);
        assert_eq!(listening(&page(&[0, 7, 0x90, 0x1f])).unwrap(), (7, 8080));
        let mut bytes = page(&[0, 7, 0, 4, 192, 0, 2, 1]);
        bytes[20..22].copy_from_slice(&[1, 2]);
        assert_eq!(accepted(&bytes).unwrap(), 7);
        assert_eq!(peer(&bytes).unwrap().to_string(), "192.0.2.1:513");
        bytes[3..20].copy_from_slice(&[6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(peer(&bytes).unwrap().to_string(), "[::1]:513");
        bytes[3] = 5;
        assert_eq!(kind(peer(&bytes)), ErrorKind::InvalidData);
    }

    #[test]
    fn errors_are_where_net_writes_them() {
        // respond_with_error
        let failed = |code| page(&[1, 1, 1, 1, code, 0, 0, 0]);
        assert_eq!(kind(connected(&failed(8))), ErrorKind::TimedOut);
        assert_eq!(kind(connected(&failed(1))), ErrorKind::AddrNotAvailable);
        assert_eq!(kind(sent(&failed(8))), ErrorKind::BrokenPipe);
        assert_eq!(kind(sent(&failed(4))), ErrorKind::InvalidInput);
        assert_eq!(kind(received(&failed(9), 0, 0)), ErrorKind::WouldBlock);
        assert_eq!(kind(received(&page(&[0; 8]), 0, 0)), ErrorKind::Other);
        // std_failure
        assert_eq!(kind(listening(&page(&[1, 2]))), ErrorKind::AddrInUse);
        assert_eq!(kind(accepted(&page(&[1, 6]))), ErrorKind::Other);
        // A shutdown, which writes nothing into the page of a call that reads.
        assert_eq!(kind(received(&page(&[]), 0, u32::MAX as usize)), ErrorKind::ConnectionAborted);
        assert_eq!(sent(&page(&[0; 8])).unwrap(), 0);
    }

    #[test]
    fn no_page_is_too_short_to_be_read() {
        for len in 0..22 {
            let bytes = vec![0; len];
            assert!(peer(&bytes).is_err());
            assert_eq!(connected(&bytes).is_ok(), len >= 4);
            assert_eq!(sent(&bytes).is_ok(), len >= 8);
            assert_eq!(listening(&bytes).is_ok(), len >= 4);
            write_connect(&mut vec![0; len], &"[::1]:80".parse().unwrap(), 1);
        }
    }
}
