//! How a connection is secured, and how that travels.

use std::fmt;

use crate::RequestError;
use crate::wire::{Reader, Writer};

/// The most CA certificates of the caller, and the most certificates of a chain.
const MOST_CERTIFICATES: usize = 32;
/// Length of the fixed fields.
const FIXED: usize = 4;

const MOZILLA: u8 = 1;
const SERVER_NAME: u8 = 1 << 1;
const IDENTITY: u8 = 1 << 2;

/// What makes a connection secure: TLS 1.2 or 1.3 with forward secrecy, to a server whose certificate leads to a
/// trusted root, is valid today, and names the host. There is no way to do without any of this.
///
/// In the page of an `Open`, behind its texts, little-endian:
///
/// | |
/// |---|
/// | u8 flags: 1 Mozilla's roots, 2 server name, 4 identity |
/// | u8 number of own roots, u8 number of certificates in the identity's chain, u8 0 |
/// | if flagged, the server name as 16 bits of length and UTF-8 |
/// | each as u32 length and bytes: the own roots, the chain, and, with an identity, its key |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls<'a> {
    /// Whether the roots that Mozilla trusts are trusted, as the service was built with them.
    pub mozilla: bool,
    /// CA certificates that are trusted, at most 32: each DER, or PEM with any number of them.
    pub roots: Vec<&'a [u8]>,
    /// The name that the server's certificate must have and that it is asked for (SNI); the request's host by
    /// default. Name or address.
    pub server_name: Option<&'a str>,
    /// The certificate that is shown to a server that asks for one; none by default.
    pub identity: Option<Identity<'a>>,
}

/// A certificate with its chain and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The certificate, then those that lead from it to a root, at most 32: each DER, or PEM with any number of
    /// them.
    pub chain: Vec<&'a [u8]>,
    /// The private key of the first certificate: PKCS #8, SEC 1 or PKCS #1, in DER or PEM.
    pub key: &'a [u8],
}

impl Default for Tls<'_> {
    /// Mozilla's roots and nothing else.
    fn default() -> Self {
        Tls { mozilla: true, roots: Vec::new(), server_name: None, identity: None }
    }
}

impl<'a> Tls<'a> {
    /// Trusting these CA certificates (DER, or PEM with any number of them) and no others, as a program does that
    /// knows its server.
    pub fn only(roots: &'a [u8]) -> Self {
        Tls { mozilla: false, roots: vec![roots], ..Tls::default() }
    }

    /// Trusting also these CA certificates.
    pub fn and(mut self, roots: &'a [u8]) -> Self {
        self.roots.push(roots);
        self
    }

    /// For a server with this name rather than the request's host.
    pub fn server_name(mut self, name: &'a str) -> Self {
        self.server_name = Some(name);
        self
    }

    /// With this certificate for a server that asks for one.
    pub fn identity(mut self, identity: Identity<'a>) -> Self {
        self.identity = Some(identity);
        self
    }

    pub(crate) fn encoded_len(&self) -> usize {
        FIXED
            + self.server_name.map_or(0, |name| 2 + name.len())
            + self.blobs().map(|blob| 4 + blob.len()).sum::<usize>()
    }

    pub(crate) fn is_within_limits(&self) -> bool {
        self.roots.len() <= MOST_CERTIFICATES && self.chain().len() <= MOST_CERTIFICATES
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        let flag = |flag, set: bool| if set { flag } else { 0 };
        w.u8(flag(MOZILLA, self.mozilla)
            | flag(SERVER_NAME, self.server_name.is_some())
            | flag(IDENTITY, self.identity.is_some()));
        w.u8(self.roots.len() as u8);
        w.u8(self.chain().len() as u8);
        w.u8(0);
        self.server_name.into_iter().for_each(|name| w.text(name));
        self.blobs().for_each(|blob| w.blob(blob));
    }

    pub(crate) fn read(r: &mut Reader<'a>) -> Option<Self> {
        let flags = r.u8()?;
        let (roots, chain) = (usize::from(r.u8()?), usize::from(r.u8()?));
        r.u8()?;
        if roots > MOST_CERTIFICATES || chain > MOST_CERTIFICATES {
            return None;
        }
        let server_name = if flags & SERVER_NAME != 0 { Some(r.text()?) } else { None };
        let roots = (0..roots).map(|_| r.blob()).collect::<Option<_>>()?;
        let chain = (0..chain).map(|_| r.blob()).collect::<Option<_>>()?;
        let identity = if flags & IDENTITY != 0 { Some(Identity { chain, key: r.blob()? }) } else { None };
        Some(Tls { mozilla: flags & MOZILLA != 0, roots, server_name, identity })
    }

    fn chain(&self) -> &[&'a [u8]] {
        self.identity.as_ref().map_or(&[], |identity| &identity.chain)
    }

    fn blobs(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        let key = self.identity.as_ref().map(|identity| identity.key);
        self.roots.iter().chain(self.chain()).copied().chain(key)
    }
}

/// How a port is secured. In a page it travels as a [`Tls`] does: the identity, and in the place of own roots
/// those of the clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls<'a> {
    /// What is shown to clients.
    pub identity: Identity<'a>,
    /// CA certificates, at most 32. If there are any, only clients with a certificate that leads to one of them are let
    /// in.
    pub clients: Vec<&'a [u8]>,
}

impl<'a> ServerTls<'a> {
    /// With this certificate, for any client.
    pub fn new(identity: Identity<'a>) -> Self {
        ServerTls { identity, clients: Vec::new() }
    }

    /// For clients whose certificate leads to one of these CA certificates.
    pub fn clients(mut self, roots: &'a [u8]) -> Self {
        self.clients.push(roots);
        self
    }

    /// The bytes that it takes in a page of its own.
    pub fn encoded_len(&self) -> usize {
        self.as_tls().encoded_len()
    }

    /// Writes it into a page of its own; the number of bytes.
    ///
    /// # Errors
    /// More than 32 certificates in a list, or `page` is shorter than [`ServerTls::encoded_len`].
    pub fn write(&self, page: &mut [u8]) -> Result<usize, RequestError> {
        if !self.is_within_limits() {
            return Err(RequestError::TooMany);
        }
        let mut w = Writer::new(page);
        self.as_tls().write(&mut w);
        w.finish().ok_or(RequestError::TooLong)
    }

    /// Reads what another process wrote; `None` if it is none.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        Self::read(&mut Reader::new(page))
    }

    pub(crate) fn is_within_limits(&self) -> bool {
        self.as_tls().is_within_limits()
    }

    pub(crate) fn write_behind(&self, w: &mut Writer<'_>) {
        self.as_tls().write(w);
    }

    pub(crate) fn read(r: &mut Reader<'a>) -> Option<Self> {
        let tls = Tls::read(r)?;
        match tls {
            Tls { mozilla: false, roots, server_name: None, identity: Some(identity) } => {
                Some(ServerTls { identity, clients: roots })
            }
            _ => None,
        }
    }

    fn as_tls(&self) -> Tls<'a> {
        Tls {
            mozilla: false,
            roots: self.clients.clone(),
            server_name: None,
            identity: Some(self.identity.clone()),
        }
    }
}

impl fmt::Debug for Identity<'_> {
    /// Keeps the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("chain", &self.chain).finish_non_exhaustive()
    }
}
