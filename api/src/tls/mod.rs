//! How a connection is secured, and how that travels.

pub(crate) mod pin;
pub(crate) mod source;

use std::fmt;

pub use pin::Pin;
pub use source::Source;

use crate::error::RequestError;
use crate::wire::fields::{Reader, Writer, len_of};

/// The most CA certificates of the caller, and the most certificates of a chain.
const MAX_CERTIFICATES: usize = 32;
/// The most pins.
const MAX_PINS: usize = 8;

const MOZILLA: u8 = 1;
const SERVER_NAME: u8 = 1 << 1;
const IDENTITY: u8 = 1 << 2;
const DEVICE_STORE: u8 = 1 << 3;
/// A flag that this crate does not know asks for something that it would not do.
const KNOWN: u8 = MOZILLA | SERVER_NAME | IDENTITY | DEVICE_STORE;

/// What makes a connection secure: TLS 1.2 or 1.3 with forward secrecy, to a server whose certificate leads to a
/// trusted root, is valid today, and names the host; or that has the one certificate or key that somebody has decided to
/// trust ([`Tls::pin`]). None of this can be switched off.
///
/// ```
/// use xous_api_websocket::certificate::Fingerprint;
/// use xous_api_websocket::tls::{Identity, Pin};
/// use xous_api_websocket::{Request, Tls};
///
/// # let (ca, chain, key) = (b"", b"", b"");
/// let public = Tls::default(); // Mozilla's roots
/// let own = Tls::only(ca).identity(Identity::new(chain, key)); // both PEM or DER
/// let stored = Tls::only_in("my.roots", "home"); // a key of the device's database
/// let pinned = Tls::pin(Pin::Key(Fingerprint([0x5a; 32]))); // this key and no other
/// let request = Request::new("example.com", 443).tls(public);
/// ```
///
/// # In a page
/// In the page of an `Open`, behind its texts, little-endian:
///
/// | |
/// |---|
/// | u8 flags: 1 Mozilla's roots, 2 server name, 4 identity, 8 the device's own roots |
/// | u8 number of own roots, u8 number of certificates in the identity's chain, u8 number of pins |
/// | if flagged, the server name as 16 bits of length and UTF-8 |
/// | the own roots, the chain, and, with an identity, its key: each a [`Source`] |
/// | the pins: each a [`Pin`] |
///
/// A page with an unknown flag is malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Tls<'a> {
    /// Whether Mozilla's roots are trusted. The service is built with them.
    pub mozilla: bool,
    /// Whether the roots are trusted that the user of the device keeps; see [`Tls::device_store`].
    pub device_store: bool,
    /// CA certificates that are trusted, at most 32: each DER, or PEM with any number of them.
    pub roots: Vec<Source<'a>>,
    /// The name or address that the server's certificate must have, and that the server is asked for (SNI). By
    /// default the request's host.
    pub server_name: Option<&'a str>,
    /// The certificate for a server that asks for one. By default there is no such certificate.
    pub identity: Option<Identity<'a>>,
    /// If there are any, at most 8, the server's own certificate must have one of them. Without any root they are all
    /// that decides: see [`Tls::pin`].
    pub pins: Vec<Pin>,
}

/// A certificate with its chain and its key.
///
/// ```
/// use xous_api_websocket::tls::{Identity, Source};
///
/// # let (chain, key) = (b"", b"");
/// let given = Identity::new(chain, key); // PEM or DER
/// let stored = Identity::in_pddb("my.tls", "chain", "key");
/// assert_eq!(stored.key, Source::Pddb { dict: "my.tls", key: "key" });
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Identity<'a> {
    /// The certificate, then those that lead from it to a root, at most 32: each DER, or PEM with any number of
    /// them.
    pub chain: Vec<Source<'a>>,
    /// The private key of the first certificate: PKCS #8, SEC 1 or PKCS #1, in DER or PEM.
    pub key: Source<'a>,
}

impl<'a> Identity<'a> {
    /// This chain (DER, or PEM with any number of certificates) and this key.
    pub fn new(chain: &'a [u8], key: &'a [u8]) -> Self {
        Identity { chain: vec![Source::Bytes(chain)], key: Source::Bytes(key) }
    }

    /// The certificates and the key that are found there, such as some here and some in the PDDB.
    pub fn from_sources(chain: Vec<Source<'a>>, key: Source<'a>) -> Self {
        Identity { chain, key }
    }

    /// The chain and the private key in these keys of a dict of the PDDB; see [`Source::Pddb`].
    pub fn in_pddb(dict: &'a str, chain: &'a str, key: &'a str) -> Self {
        Identity { chain: vec![Source::Pddb { dict, key: chain }], key: Source::Pddb { dict, key } }
    }
}

impl Default for Tls<'_> {
    /// Mozilla's roots and nothing else.
    fn default() -> Self {
        Tls {
            mozilla: true,
            device_store: false,
            roots: Vec::new(),
            server_name: None,
            identity: None,
            pins: Vec::new(),
        }
    }
}

impl<'a> Tls<'a> {
    /// Trusts only these CA certificates (DER, or PEM with any number of them). For programs that know their server.
    pub fn only(roots: &'a [u8]) -> Self {
        Tls { mozilla: false, roots: vec![Source::Bytes(roots)], ..Tls::default() }
    }

    /// Trusts only the CA certificates in this key of the PDDB; see [`Source::Pddb`].
    pub fn only_in(dict: &'a str, key: &'a str) -> Self {
        Tls { mozilla: false, roots: vec![Source::Pddb { dict, key }], ..Tls::default() }
    }

    /// Trusts only the CA certificates in all keys of this dict of the PDDB; see [`Source::Dict`].
    pub fn only_all_in(dict: &'a str) -> Self {
        Tls { mozilla: false, roots: vec![Source::Dict { dict }], ..Tls::default() }
    }

    /// Trusts only the roots that the user of the device keeps in the PDDB's dict `tls.trusted`, as xous-core's `libs/tls`
    /// stores them there: those of every basis that is open, within the bounds of [`Source::Dict`].
    pub fn device_store() -> Self {
        Tls { mozilla: false, device_store: true, ..Tls::default() }
    }

    /// Trusts the roots that the user of the device keeps, too; see [`Tls::device_store`].
    pub fn and_device_store(mut self) -> Self {
        self.device_store = true;
        self
    }

    /// Trusts only a server whose own certificate, or the key in it, has this fingerprint. No CA is asked.
    ///
    /// The handshake's signature is checked as always, so the server has the key that the certificate is for. Who issued
    /// the certificate, its dates and its names are not looked at, as the fingerprint says more than they could (so does
    /// RFC 7671 section 5.1 for its `DANE-EE`). That suits a server with a certificate signed by itself, once a person has
    /// compared the fingerprint. It holds until the program drops the pin: nobody else can revoke it.
    pub fn pin(pin: Pin) -> Self {
        Tls { mozilla: false, pins: vec![pin], ..Tls::default() }
    }

    /// With this pin, too. Any one of the pins has to be met, so that a server can change its key.
    ///
    /// Beside roots it is an additional demand: the certificate must lead to a trusted root, be valid, name the host, *and*
    /// be pinned. Beside [`Tls::pin`] it is another certificate or key to trust.
    pub fn pinned(mut self, pin: Pin) -> Self {
        self.pins.push(pin);
        self
    }

    /// Trusts these CA certificates, too.
    pub fn and(mut self, roots: &'a [u8]) -> Self {
        self.roots.push(Source::Bytes(roots));
        self
    }

    /// Trusts the CA certificates in this key of the PDDB, too.
    pub fn and_in(mut self, dict: &'a str, key: &'a str) -> Self {
        self.roots.push(Source::Pddb { dict, key });
        self
    }

    /// Trusts the CA certificates in all keys of this dict of the PDDB, too; see [`Source::Dict`].
    pub fn and_all_in(mut self, dict: &'a str) -> Self {
        self.roots.push(Source::Dict { dict });
        self
    }

    /// For a server with this name instead of the request's host.
    pub fn server_name(mut self, name: &'a str) -> Self {
        self.server_name = Some(name);
        self
    }

    /// With this certificate for a server that asks for one.
    pub fn identity(mut self, identity: Identity<'a>) -> Self {
        self.identity = Some(identity);
        self
    }

    pub(crate) fn is_within_limits(&self) -> bool {
        self.roots.len() <= MAX_CERTIFICATES
            && self.chain().len() <= MAX_CERTIFICATES
            && self.pins.len() <= MAX_PINS
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        let flag = |flag, set: bool| if set { flag } else { 0 };
        w.u8(flag(MOZILLA, self.mozilla)
            | flag(DEVICE_STORE, self.device_store)
            | flag(SERVER_NAME, self.server_name.is_some())
            | flag(IDENTITY, self.identity.is_some()));
        w.u8(self.roots.len() as u8);
        w.u8(self.chain().len() as u8);
        w.u8(self.pins.len() as u8);
        self.server_name.into_iter().for_each(|name| w.text(name));
        self.sources().for_each(|source| source.write(w));
        self.pins.iter().for_each(|pin| pin.write(w));
    }

    pub(crate) fn read(r: &mut Reader<'a>) -> Option<Self> {
        let flags = r.u8()?;
        let (roots, chain) = (usize::from(r.u8()?), usize::from(r.u8()?));
        let pins = usize::from(r.u8()?);
        if flags & !KNOWN != 0 || roots > MAX_CERTIFICATES || chain > MAX_CERTIFICATES || pins > MAX_PINS {
            return None;
        }
        let server_name = if flags & SERVER_NAME != 0 { Some(r.text()?) } else { None };
        let roots = (0..roots).map(|_| Source::read(r)).collect::<Option<_>>()?;
        let chain = (0..chain).map(|_| Source::read(r)).collect::<Option<_>>()?;
        let identity =
            if flags & IDENTITY != 0 { Some(Identity { chain, key: Source::read(r)? }) } else { None };
        let pins = (0..pins).map(|_| Pin::read(r)).collect::<Option<_>>()?;
        let device_store = flags & DEVICE_STORE != 0;
        Some(Tls { mozilla: flags & MOZILLA != 0, device_store, roots, server_name, identity, pins })
    }

    fn chain(&self) -> &[Source<'a>] {
        self.identity.as_ref().map_or(&[], |identity| &identity.chain)
    }

    /// In the order in which they travel.
    fn sources(&self) -> impl Iterator<Item = Source<'a>> + '_ {
        let key = self.identity.as_ref().map(|identity| identity.key);
        self.roots.iter().chain(self.chain()).copied().chain(key)
    }
}

/// How a port is secured.
///
/// ```
/// use xous_api_websocket::tls::Identity;
/// use xous_api_websocket::{Listen, ServerTls};
///
/// let tls = ServerTls::new(Identity::in_pddb("my.tls", "chain", "key")).clients_in("my.tls", "clients-ca");
/// let listen = Listen::new("0.0.0.0", 8443).tls(tls);
/// ```
///
/// In a page it travels as a [`Tls`] does: the identity, and in the place of own roots those of the clients.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct ServerTls<'a> {
    /// The certificate that clients see.
    pub identity: Identity<'a>,
    /// CA certificates, at most 32. If there are any, only clients whose certificate leads to one of them are let in.
    pub clients: Vec<Source<'a>>,
}

impl<'a> ServerTls<'a> {
    /// With this certificate, for any client.
    pub fn new(identity: Identity<'a>) -> Self {
        ServerTls { identity, clients: Vec::new() }
    }

    /// For clients whose certificate leads to one of these CA certificates.
    pub fn clients(mut self, roots: &'a [u8]) -> Self {
        self.clients.push(Source::Bytes(roots));
        self
    }

    /// The same with the CA certificates in this key of the PDDB; see [`Source::Pddb`].
    pub fn clients_in(mut self, dict: &'a str, key: &'a str) -> Self {
        self.clients.push(Source::Pddb { dict, key });
        self
    }

    /// The same with the CA certificates in all keys of this dict of the PDDB; see [`Source::Dict`].
    pub fn clients_all_in(mut self, dict: &'a str) -> Self {
        self.clients.push(Source::Dict { dict });
        self
    }

    /// Some of it is in the PDDB.
    pub fn is_stored(&self) -> bool {
        self.as_tls().sources().any(|source| source.is_stored())
    }

    /// How many bytes it takes in a page of its own.
    pub fn encoded_len(&self) -> usize {
        len_of(|w| self.as_tls().write(w))
    }

    /// Writes it into a page of its own. Returns the number of bytes.
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

    /// Reads what another process wrote; `None` if it is malformed.
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
            Tls {
                mozilla: false,
                device_store: false,
                roots,
                server_name: None,
                identity: Some(identity),
                pins,
            } if pins.is_empty() => Some(ServerTls { identity, clients: roots }),
            _ => None,
        }
    }

    fn as_tls(&self) -> Tls<'a> {
        Tls {
            mozilla: false,
            device_store: false,
            roots: self.clients.clone(),
            server_name: None,
            identity: Some(self.identity.clone()),
            pins: Vec::new(),
        }
    }
}

impl fmt::Debug for Identity<'_> {
    /// Keeps the key out of the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("chain", &self.chain).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: Pin = Pin::Key(crate::certificate::Fingerprint([7; 32]));

    fn full() -> Tls<'static> {
        let identity = Identity {
            chain: vec![Source::Bytes(b"certificate"), Source::Pddb { dict: "tls", key: "issuer" }],
            key: Source::Pddb { dict: "tls/own", key: "key" },
        };
        Tls::only_in("tls", "ca")
            .and(b"root")
            .and_in("a/b", "")
            .and_all_in("c")
            .and_device_store()
            .server_name("name")
            .identity(identity)
            .pinned(PIN)
    }

    fn page(tls: &Tls<'_>) -> Vec<u8> {
        let mut page = vec![0; len_of(|w| tls.write(w))];
        let mut w = Writer::new(&mut page);
        tls.write(&mut w);
        assert_eq!(w.finish(), Some(page.len()));
        page
    }

    #[test]
    fn what_is_here_and_what_is_in_the_pddb_go_there_and_back_and_no_cut_of_them_does() {
        let page = page(&full());
        assert_eq!(Tls::read(&mut Reader::new(&page)), Some(full()));
        for len in 0..page.len() {
            assert_eq!(Tls::read(&mut Reader::new(&page[..len])), None, "cut at {len}");
        }
        for at in 0..page.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut page = page.clone();
                page[at] = value;
                let _ = Tls::read(&mut Reader::new(&page));
            }
        }
    }

    #[test]
    fn a_source_is_laid_out_as_documented() {
        let page = page(&Tls::only_in("tls", "ca").and(b"xyz"));
        assert_eq!(page, b"\0\x02\0\0\0\0\0\x80\x03\0tls\x02\0ca\x03\0\0\0xyz");
        let page = self::page(&Tls::device_store().and_all_in("tls"));
        assert_eq!(page, b"\x08\x01\0\0\x01\0\0\x80\x03\0tls");
    }

    #[test]
    fn what_is_asked_for_and_not_known_is_not_left_out() {
        let pinned = Tls::pin(Pin::Certificate(crate::certificate::Fingerprint([8; 32]))).pinned(PIN);
        let mut page = page(&pinned);
        assert_eq!(page, [&b"\0\0\0\x02\x01"[..], &[8; 32], b"\x02", &[7; 32]].concat());
        assert_eq!(Tls::read(&mut Reader::new(&page)), Some(pinned));
        page[0] = 1 << 7;
        assert_eq!(Tls::read(&mut Reader::new(&page)), None, "an unknown flag");
        page[0] = 0;
        page[4] = 3;
        assert_eq!(Tls::read(&mut Reader::new(&page)), None, "an unknown kind of pin");
        let many = (0..9).fold(Tls::default(), |tls, _| tls.pinned(PIN));
        assert!(!many.is_within_limits());
        // No page of a server has pins.
        let server =
            Tls { mozilla: false, device_store: false, roots: Vec::new(), server_name: None, ..full() };
        assert_eq!(ServerTls::parse(&self::page(&server)), None);
        let server = Tls { device_store: true, pins: Vec::new(), ..server };
        assert_eq!(ServerTls::parse(&self::page(&server)), None);
    }

    #[test]
    fn a_server_knows_what_it_has_in_the_pddb() {
        let here = ServerTls::new(Identity::new(b"chain", b"key")).clients(b"roots");
        let there = ServerTls::new(Identity::in_pddb("tls", "chain", "key"));
        assert!(
            !here.is_stored()
                && there.is_stored()
                && here.clone().clients_in("tls", "clients").is_stored()
                && here.clone().clients_all_in("tls").is_stored()
        );
        for tls in [here, there] {
            let mut page = vec![0; tls.encoded_len()];
            assert_eq!(tls.write(&mut page), Ok(page.len()));
            assert_eq!(ServerTls::parse(&page), Some(tls));
        }
    }
}
