//! Takes the place of TLS where it is not built in: the same names, and no connection.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use xous_api_websocket::Tls;
use xous_api_websocket::certificate::{Moment, Shown};

use super::{ReadBuffer, TcpStream, TlsError, WriteBuffer};
use crate::pddb::Pddb;

/// Never constructed: no connection is secure.
pub(crate) struct Transport(Infallible);

/// Refuses every connection that is to be secure.
pub(crate) fn client(_: &Tls<'_>, _host: &str, _: &Pddb, _limit: Duration) -> Result<Transport, TlsError> {
    Err(TlsError::NotBuiltIn)
}

/// Never constructed: no port is secure.
#[derive(Clone)]
pub(crate) struct ServerTls(Infallible);

impl ServerTls {
    pub(crate) fn new(
        _: &xous_api_websocket::ServerTls<'_>,
        _: &Pddb,
        _limit: Duration,
    ) -> Result<Self, TlsError> {
        Err(TlsError::NotBuiltIn)
    }

    pub(crate) fn expires(&self) -> Option<Moment> {
        match self.0 {}
    }

    pub(crate) fn accept(&self) -> Result<Transport, TlsError> {
        match self.0 {}
    }
}

impl Transport {
    pub(super) fn handshake(&self, _stream: &TcpStream) -> Result<(), TlsError> {
        match self.0 {}
    }

    pub(super) fn read(&self, _: &TcpStream, _: &mut [u8], _owed: impl Fn()) -> io::Result<usize> {
        match self.0 {}
    }

    pub(super) fn fill(&self, _: &TcpStream, _: &mut ReadBuffer, _owed: impl Fn()) -> io::Result<usize> {
        match self.0 {}
    }

    pub(super) fn send(&self, _: &TcpStream, _: &mut WriteBuffer, _len: usize) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn write_all(&self, _stream: &TcpStream, _bytes: &[u8]) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn peer_subject(&self) -> Option<Vec<u8>> {
        match self.0 {}
    }

    pub(super) fn take_shown(&self) -> Option<Box<Shown>> {
        match self.0 {}
    }

    pub(super) fn close(&self, _stream: &TcpStream) {
        match self.0 {}
    }

    pub(super) fn ended_here(&self) {
        match self.0 {}
    }
}
