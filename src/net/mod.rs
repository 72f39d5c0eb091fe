//! Sockets: dial, listen, transport.
//!
//! The system's part has two forms, each with the same names: `of_net` on the device, `of_std` on a PC.

mod dial;
mod listen;
#[cfg(all(test, not(target_os = "xous")))]
#[path = "of_net/message.rs"]
#[allow(dead_code, reason = "a PC only runs its tests")]
mod message;
#[cfg(target_os = "xous")]
mod of_net;
#[cfg(not(target_os = "xous"))]
mod of_std;
mod receive;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod tls_error;

pub(crate) use dial::{DialError, dial, without_zone};
pub(crate) use listen::{BindError, bind, keeps_promise, one_peer, wake_accept};
#[cfg(target_os = "xous")]
use of_net as system;
#[cfg(not(target_os = "xous"))]
use of_std as system;
pub(crate) use socket::Socket;
pub(crate) use system::{ReadBuffer, TcpListener, TcpStream, WriteBuffer};
pub(crate) use tls::{ServerTls, client as tls_client};
pub(crate) use tls_error::{CertificateFault, StoredFault, TlsError};
