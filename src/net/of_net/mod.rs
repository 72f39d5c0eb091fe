//! Sockets of the device: a client of Xous's `net` server.
//!
//! std has one as well, with a page on the stack for each call, which it clears before and copies from byte by byte.
//! This one lends pages that the caller keeps, as they are.

mod buffers;
mod listener;
mod message;
mod stream;

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use xous::CID;
use xous_api_names::XousNames;

pub(crate) use buffers::{ReadBuffer, WriteBuffer};
pub(crate) use listener::TcpListener;
pub(crate) use stream::TcpStream;

/// Nothing, as closing resets nothing.
pub(super) fn discard_unread(_: &TcpStream) {}

/// The process's connection to `net`. Waits until `net` is there, as std does.
fn net() -> io::Result<CID> {
    static NET: AtomicU32 = AtomicU32::new(0);
    match NET.load(Relaxed) {
        0 => {
            let names = XousNames::new().map_err(no_net)?;
            // Two threads that are here at the same time get the same one.
            let cid = names.request_connection_blocking(message::SERVER).map_err(no_net)?;
            NET.store(cid, Relaxed);
            Ok(cid)
        }
        cid => Ok(cid),
    }
}

/// The kernel has not passed a message on.
fn no_net(_: xous::Error) -> io::Error {
    io::ErrorKind::NetworkDown.into()
}
