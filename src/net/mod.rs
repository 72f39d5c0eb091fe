//! Sockets: dial, listen, transport.

mod dial;
mod listen;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod tls_error;

use std::io::{self, Read};
use std::net::TcpStream;

pub(crate) use dial::{DialError, dial, without_zone};
pub(crate) use listen::{BindError, bind, keeps_promise, one_peer, wake_accept};
pub(crate) use socket::Socket;
pub(crate) use tls::{ServerTls, client as tls_client};
pub(crate) use tls_error::{CertificateFault, StoredFault, TlsError};

/// Waits for bytes; 0 at the end of the stream. For plain sockets, and for what TLS reads.
fn receive(mut stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            result => return result,
        }
    }
}
