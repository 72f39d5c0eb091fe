//! What lies under a peer's frames: a socket, or TLS on one.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::Failure;

/// The host that is connected to.
pub(crate) const HOST: &str = "127.0.0.1";
/// An answer that takes longer has been lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// The peer's end of a connection.
pub(crate) enum Wire {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    /// Takes a connection, as a TLS server if it is to be `secure`.
    ///
    /// # Errors
    /// Those of the socket and of the certificate.
    pub(crate) fn accept(stream: TcpStream, secure: bool) -> Result<Self, Failure> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        if secure {
            let connection = ServerConnection::new(server()?)?;
            Ok(Wire::Secure(Box::new(StreamOwned::new(connection, stream))))
        } else {
            Ok(Wire::Plain(stream))
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(buffer),
            Wire::Secure(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.write(bytes),
            Wire::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.flush(),
            Wire::Secure(stream) => stream.flush(),
        }
    }
}

/// The certificate that programs trust, which [`make_certificate`] has put there; in DER.
///
/// # Errors
/// It is not there.
pub(crate) fn certificate() -> io::Result<Vec<u8>> {
    std::fs::read(certificate_file())
}

fn certificate_file() -> PathBuf {
    hosted::target_directory().join("bench").join("certificate.der")
}

/// Makes the certificate, which the program needs before it connects.
///
/// # Errors
/// It cannot be made or written.
pub(crate) fn make_certificate() -> Result<(), Failure> {
    server().map(|_| ())
}

/// A server with a certificate that is made for this run.
fn server() -> Result<Arc<ServerConfig>, Failure> {
    static SERVER: OnceLock<Arc<ServerConfig>> = OnceLock::new();
    if let Some(server) = SERVER.get() {
        return Ok(server.clone());
    }
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
    std::fs::write(certificate_file(), made.cert.der())?;
    let key = made.signing_key.serialize_der().try_into().map_err(|text: &str| Failure(text.into()))?;
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok(SERVER.get_or_init(|| Arc::new(server)).clone())
}
