//! Sockets: dial and transport.

mod dial;
mod socket;

pub(crate) use dial::{DialError, dial};
pub(crate) use socket::Socket;
