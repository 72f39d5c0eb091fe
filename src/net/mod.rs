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

pub(crate) use dial::{DialError, dial};
pub(crate) use listen::{BindError, bind, keeps_promise, wake_accept};
pub(crate) use socket::Socket;
pub(crate) use tls::{ServerTls, client as tls_client};
pub(crate) use tls_error::{CertificateFault, StoredFault, TlsError};
