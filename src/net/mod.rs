//! Sockets: dial, listen, transport.

mod dial;
mod listen;
mod socket;

pub(crate) use dial::{DialError, dial};
pub(crate) use listen::{BindError, bind, knock};
pub(crate) use socket::Socket;
