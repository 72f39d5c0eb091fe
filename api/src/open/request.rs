//! What a program asks for when it opens a connection, and how that travels.

use std::borrow::Cow;

use crate::error::RequestError;
use crate::open::credentials::{Credentials, CredentialsForm, Proxy};
use crate::open::heartbeat::Heartbeat;
use crate::open::reconnect::Reconnect;
use crate::open::record::Record;
use crate::settings::{ConnectionOptions, Lease};
use crate::tls::Tls;
use crate::wire::fields::{MAX_REQUEST, Reader, Writer, len_of};

/// The most sub-protocols, and the most extra headers, in a request.
const MAX_LISTED: usize = 32;
/// The first four bytes of a request's page, and with them its version.
const MAGIC: u32 = u32::from_le_bytes(*b"WSO1");

const TLS: u8 = 1;
const CREDENTIALS: u8 = 1 << 1;
const IN_QUERY: u8 = 1 << 2;
const ORIGIN: u8 = 1 << 3;
const CONNECT_TO: u8 = 1 << 4;
const PROXY: u8 = 1 << 5;
const PROXY_CREDENTIALS: u8 = 1 << 6;
const LASTING: u8 = 1 << 7;

/// Of what makes a connection last.
const HEARTBEAT: u8 = 1;
const RECONNECT: u8 = 1 << 1;
const RECORD: u8 = 1 << 2;

/// A connection that is wanted.
///
/// ```
/// use std::time::Duration;
/// use xous_api_websocket::{Deadlines, Request, Tls};
///
/// let request = Request::new("192.0.2.1", 8443)
///     .path("/events?since=0")
///     .tls(Tls::default())
///     .header("Authorization", "Bearer 0123456789")
///     .sub_protocol("events.v2")
///     .options(Deadlines::new().open(Duration::from_secs(10)).keepalive(Duration::from_secs(60)));
/// assert_eq!((&*request.host, request.port), ("192.0.2.1", 8443));
/// ```
///
/// # In a page
/// In the page of an `Open`, little-endian, the texts as 16 bits of length and UTF-8:
///
/// | at | |
/// |---|---|
/// | 0 | `WSO1` |
/// | 4 | u16 port |
/// | 6 | u8 flags: 1 TLS, 2 credentials, 4 they go into the query, 8 origin, 16 another address, 32 proxy, 64 its credentials, 128 what makes it last |
/// | 7 | u8 1 if pages are lent anew that come back with `Again`, else 0; and 16 times the number of redirections to follow |
/// | 8 | u32 milliseconds each: open, write, close, stall, keepalive (0: none), pong |
/// | 32 | u64 most bytes of a frame, u64 of a message, u32 most frames of a message |
/// | 52 | u32 longest frame to send, 0 for any |
/// | 56 | u8 number of sub-protocols, u8 number of headers, u16 seconds of the [`Lease`], 0 for no end |
/// | 60 | texts: host, path, user name and password if flagged, origin if flagged, the sub-protocols, name and value of each header |
/// | behind them | if flagged, a [`Tls`] |
/// | behind it | if flagged, text and u16: another address; text and u16: the proxy; its user name and password |
/// | behind them | if flagged, u8 with 1 for a [`Heartbeat`] (u8 1 for binary, u32 milliseconds, u32 length and bytes) and 2 for a [`Reconnect`] (u8 flags: 1 after a close, 2 sends wait, 4 attempts have an end, 8 before it was open, 16 asks, even if that is 0; u32 milliseconds: first, largest, stable, asks; u16 factor, u8 jitter, u32 attempts), and 4 for a [`Record`] (u8 1 with credentials; texts dict and key) |
///
/// All of it takes at most [`Request::MAX_BYTES`]: a composed handshake has 8 KiB, a certificate one or two.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Request<'a> {
    /// Name or address (IPv6 without brackets). A name has letters of ASCII: `ascii_host`, of the feature `idn`, makes one
    /// of any other, such as `xn--bcher-kva.example` of `bücher.example`. A link-local address may name its network:
    /// `fe80::1%eth0` (RFC 4007 section 11). The server is not told, and a device, which has one network, does not ask
    /// for it.
    pub host: Cow<'a, str>,
    /// 1 to 65535.
    pub port: u16,
    /// Begins with `/`; a query may follow.
    pub path: Cow<'a, str>,
    /// How the connection is secured (`wss`); plain (`ws`) by default. A connection that was asked to be secure is
    /// secure or does not exist.
    pub tls: Option<Tls<'a>>,
    /// None by default.
    pub credentials: Option<Credentials<'a>>,
    /// The `Origin` header, as a browser would send it; none by default.
    pub origin: Option<&'a str>,
    /// In order of preference, at most 32.
    pub sub_protocols: Vec<&'a str>,
    /// Name and value, at most 32.
    pub headers: Vec<(&'a str, &'a str)>,
    /// What the connection takes, how long it waits and how it sends.
    pub options: ConnectionOptions,
    /// What becomes of the connection when this process has ended.
    pub lease: Lease,
    /// The host and port that are connected to in place of the named ones. See [`Request::connect_to`].
    pub connect_to: Option<(&'a str, u16)>,
    /// None by default. See [`Request::proxy`].
    pub proxy: Option<Proxy<'a>>,
    /// How many redirections are followed at most. See [`Request::redirects`].
    pub redirects: u8,
    /// What the service sends by itself. None by default.
    pub heartbeat: Option<Heartbeat<'a>>,
    /// Whether it is opened again. It is not by default.
    pub reconnect: Option<Reconnect>,
    /// Whether it is recorded. It is not by default.
    pub record: Option<Record<'a>>,
}

impl<'a> Request<'a> {
    /// The longest request that the service takes, in bytes of its page.
    pub const MAX_BYTES: usize = MAX_REQUEST;
    /// The most redirections that are followed.
    pub const MAX_REDIRECTS: u8 = 10;

    /// A plain connection to `/` on this host, without anything special.
    pub fn new(host: impl Into<Cow<'a, str>>, port: u16) -> Self {
        Request {
            host: host.into(),
            port,
            path: "/".into(),
            tls: None,
            credentials: None,
            origin: None,
            sub_protocols: Vec::new(),
            headers: Vec::new(),
            options: ConnectionOptions::default(),
            lease: Lease::default(),
            redirects: 0,
            connect_to: None,
            proxy: None,
            heartbeat: None,
            reconnect: None,
            record: None,
        }
    }

    /// With this lease.
    pub fn lease(mut self, lease: Lease) -> Self {
        self.lease = lease;
        self
    }

    /// Opened again by the service when it has ended.
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = Some(reconnect);
        self
    }

    /// Recorded, for debugging, until it is granted to another process.
    pub fn record(mut self, record: Record<'a>) -> Self {
        self.record = Some(record);
        self
    }

    /// With this message, sent by the service at once and every so often.
    pub fn heartbeat(mut self, heartbeat: Heartbeat<'a>) -> Self {
        self.heartbeat = Some(heartbeat);
        self
    }

    /// Connecting to this host and port, while `Host`, TLS and everything else name those of the request. For a server
    /// whose name leads elsewhere, or nowhere. Where a redirection leads is not concerned.
    pub fn connect_to(mut self, host: &'a str, port: u16) -> Self {
        self.connect_to = Some((host, port));
        self
    }

    /// Through a tunnel of this HTTP proxy (`CONNECT`, RFC 9110 section 9.3.6), which resolves the host's name. What the
    /// proxy answers in place of 2xx is [`OpenError::Refused`](crate::error::OpenError::Refused), and is not followed.
    pub fn proxy(mut self, host: &'a str, port: u16) -> Self {
        self.proxy = Some(Proxy { host, port, credentials: None });
        self
    }

    /// Showing these to the proxy, in clear text. Without [`Request::proxy`] nobody sees them.
    pub fn proxy_credentials(mut self, username: &'a str, password: &'a str) -> Self {
        if let Some(proxy) = &mut self.proxy {
            proxy.credentials = Some((username, password));
        }
        self
    }

    /// Following up to `most` redirections, of at most [`Request::MAX_REDIRECTS`] (RFC 9110 section 15.4: 301, 302, 303,
    /// 307, 308), all within the open deadline. One that leads out of TLS is not followed. Credentials, the headers
    /// `Authorization`, `Cookie` and `Proxy-Authorization`, the own certificate and [`Tls::server_name`] are only for
    /// the host and port of this request, as long as no other one has been asked. Whatever is not followed is
    /// [`OpenError::Refused`](crate::error::OpenError::Refused), with the last answer.
    pub fn redirects(mut self, most: u8) -> Self {
        self.redirects = most.min(Self::MAX_REDIRECTS);
        self
    }

    /// With this path, and a query if it has one.
    pub fn path(mut self, path: impl Into<Cow<'a, str>>) -> Self {
        self.path = path.into();
        self
    }

    /// Over TLS (`wss`) as described: with `Tls::default()`, to a server that Mozilla's roots vouch for.
    pub fn tls(mut self, tls: Tls<'a>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// As this user.
    pub fn credentials(
        mut self,
        username: impl Into<Cow<'a, str>>,
        password: impl Into<Cow<'a, str>>,
        form: CredentialsForm,
    ) -> Self {
        self.credentials = Some(Credentials { username: username.into(), password: password.into(), form });
        self
    }

    /// With this `Origin`.
    pub fn origin(mut self, origin: &'a str) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Offering one more sub-protocol.
    pub fn sub_protocol(mut self, name: &'a str) -> Self {
        self.sub_protocols.push(name);
        self
    }

    /// With one more header.
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With these limits and deadlines. [`Limits`](crate::Limits) or [`Deadlines`](crate::Deadlines) alone will do.
    pub fn options(mut self, options: impl Into<ConnectionOptions>) -> Self {
        self.options = options.into();
        self
    }

    /// How many bytes the request takes in a page.
    pub fn encoded_len(&self) -> usize {
        len_of(|w| self.fields(w))
    }

    /// Writes the request into `page`. Returns the number of bytes.
    ///
    /// # Errors
    /// Those of [`RequestError`]. `TooLong` also if `page` is shorter than [`Request::encoded_len`].
    pub fn write(&self, page: &mut [u8]) -> Result<usize, RequestError> {
        if self.sub_protocols.len() > MAX_LISTED
            || self.headers.len() > MAX_LISTED
            || !self.tls.as_ref().is_none_or(Tls::is_within_limits)
        {
            return Err(RequestError::TooMany);
        }
        if self.encoded_len() > Self::MAX_BYTES {
            return Err(RequestError::TooLong);
        }
        let mut w = Writer::new(page);
        self.fields(&mut w);
        w.finish().ok_or(RequestError::TooLong)
    }

    /// Reads a request that another process wrote; `None` if it is malformed.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        if r.u32()? != MAGIC {
            return None;
        }
        let port = r.u16()?;
        let flags = r.u8()?;
        let more = r.u8()?;
        let (answers, redirects) = (more & 1 != 0, (more >> 4).min(Self::MAX_REDIRECTS));
        let options = ConnectionOptions::read(&mut r)?;
        let (protocols, headers) = (usize::from(r.u8()?), usize::from(r.u8()?));
        let lease = Lease::read(answers, r.u16()?);
        if protocols > MAX_LISTED || headers > MAX_LISTED {
            return None;
        }
        let (host, path) = (r.text()?.into(), r.text()?.into());
        let credentials = if flags & CREDENTIALS != 0 {
            let form = if flags & IN_QUERY != 0 { CredentialsForm::Query } else { CredentialsForm::Basic };
            Some(Credentials { username: r.text()?.into(), password: r.text()?.into(), form })
        } else {
            None
        };
        let origin = if flags & ORIGIN != 0 { Some(r.text()?) } else { None };
        let sub_protocols = (0..protocols).map(|_| r.text()).collect::<Option<_>>()?;
        let headers = (0..headers).map(|_| Some((r.text()?, r.text()?))).collect::<Option<_>>()?;
        let tls = if flags & TLS != 0 { Some(Tls::read(&mut r)?) } else { None };
        let connect_to = if flags & CONNECT_TO != 0 { Some((r.text()?, r.u16()?)) } else { None };
        let proxy = if flags & PROXY != 0 {
            let (host, port) = (r.text()?, r.u16()?);
            let shows = flags & PROXY_CREDENTIALS != 0;
            Some(Proxy { host, port, credentials: if shows { Some((r.text()?, r.text()?)) } else { None } })
        } else {
            None
        };
        let lasting = if flags & LASTING != 0 { r.u8()? } else { 0 };
        if lasting & !(HEARTBEAT | RECONNECT | RECORD) != 0 {
            return None;
        }
        let heartbeat = if lasting & HEARTBEAT != 0 { Some(Heartbeat::read(&mut r)?) } else { None };
        let reconnect = if lasting & RECONNECT != 0 { Some(Reconnect::read(&mut r)?) } else { None };
        let record = if lasting & RECORD != 0 { Some(Record::read(&mut r)?) } else { None };
        Some(Request {
            host,
            port,
            path,
            tls,
            credentials,
            origin,
            sub_protocols,
            headers,
            options,
            lease,
            redirects,
            connect_to,
            proxy,
            heartbeat,
            reconnect,
            record,
        })
    }

    /// In the order in which they travel.
    fn fields(&self, w: &mut Writer<'_>) {
        w.u32(MAGIC);
        w.u16(self.port);
        w.u8(self.flags());
        w.u8(u8::from(self.lease.answers) | self.redirects.min(Self::MAX_REDIRECTS) << 4);
        self.options.fields(w);
        w.u8(self.sub_protocols.len() as u8);
        w.u8(self.headers.len() as u8);
        w.u16(self.lease.seconds());
        self.texts().for_each(|text| w.text(text));
        self.tls.iter().for_each(|tls| tls.write(w));
        for (host, port) in
            self.connect_to.into_iter().chain(self.proxy.map(|proxy| (proxy.host, proxy.port)))
        {
            w.text(host);
            w.u16(port);
        }
        if let Some((username, password)) = self.proxy.and_then(|proxy| proxy.credentials) {
            w.text(username);
            w.text(password);
        }
        let lasting = self.lasting();
        if lasting != 0 {
            w.u8(lasting);
        }
        self.heartbeat.iter().for_each(|heartbeat| heartbeat.write(w));
        self.reconnect.iter().for_each(|reconnect| reconnect.write(w));
        self.record.iter().for_each(|record| record.write(w));
    }

    fn lasting(&self) -> u8 {
        (if self.heartbeat.is_some() { HEARTBEAT } else { 0 })
            | if self.reconnect.is_some() { RECONNECT } else { 0 }
            | if self.record.is_some() { RECORD } else { 0 }
    }

    fn flags(&self) -> u8 {
        let credentials = match self.credentials.as_ref().map(|credentials| credentials.form) {
            None => 0,
            Some(CredentialsForm::Basic) => CREDENTIALS,
            Some(CredentialsForm::Query) => CREDENTIALS | IN_QUERY,
        };
        (if self.tls.is_some() { TLS } else { 0 })
            | credentials
            | if self.origin.is_some() { ORIGIN } else { 0 }
            | if self.connect_to.is_some() { CONNECT_TO } else { 0 }
            | if self.lasting() != 0 { LASTING } else { 0 }
            | match self.proxy {
                None => 0,
                Some(Proxy { credentials: None, .. }) => PROXY,
                Some(Proxy { credentials: Some(_), .. }) => PROXY | PROXY_CREDENTIALS,
            }
    }

    /// The texts before TLS in the order in which they travel.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let credentials = self.credentials.iter().flat_map(|c| [&*c.username, &*c.password]);
        [&*self.host, &*self.path]
            .into_iter()
            .chain(credentials)
            .chain(self.origin)
            .chain(self.sub_protocols.iter().copied())
            .chain(self.headers.iter().flat_map(|&(name, value)| [name, value]))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Deadlines, Limits,
        tls::{Identity, Source},
    };

    fn full() -> Request<'static> {
        let identity = Identity {
            chain: vec![Source::Bytes(b"certificate"), Source::Pddb { dict: "tls", key: "issuer" }],
            key: Source::Bytes(b"key"),
        };
        let options = ConnectionOptions::new()
            .limits(Limits::new().frame(1).message(2).fragments(3))
            .deadlines(Deadlines::new().keepalive(Duration::from_secs(9)))
            .fragment_size(4096);
        Request::new("example.com", 8080)
            .path("/a?b=c")
            .tls(Tls::only(b"one").and(b"two").server_name("example.org").identity(identity))
            .credentials("me", "secret", CredentialsForm::Query)
            .origin("https://example.com")
            .sub_protocol("chat")
            .sub_protocol("superchat")
            .header("X-One", "1")
            .options(options)
            .redirects(7)
            .connect_to("192.0.2.1", 81)
            .proxy("proxy.example", 3128)
            .proxy_credentials("her", "word")
            .heartbeat(Heartbeat::text("still here", Duration::from_secs(9)))
            .reconnect(Reconnect::new().attempts(3).asks(Duration::from_secs(2)).before_open(true))
            .record(Record::new("recordings", "one").with_credentials())
    }

    #[test]
    fn a_request_goes_there_and_back() {
        for request in [
            Request::new("h", 1),
            Request::new("h", 1).tls(Tls::default()),
            Request::new("h", 1).proxy("p", 2),
            full(),
        ] {
            let mut page = vec![0; request.encoded_len()];
            assert_eq!(request.write(&mut page), Ok(page.len()));
            assert_eq!(Request::parse(&page), Some(request));
        }
    }

    #[test]
    fn every_cut_of_a_request_is_refused() {
        let mut page = vec![0; full().encoded_len()];
        full().write(&mut page).unwrap();
        for len in 0..page.len() {
            assert_eq!(Request::parse(&page[..len]), None, "cut at {len}");
        }
    }

    #[test]
    fn any_changed_byte_is_survived() {
        let mut page = vec![0; full().encoded_len()];
        full().write(&mut page).unwrap();
        for at in 0..page.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut page = page.clone();
                page[at] = value;
                let _ = Request::parse(&page);
            }
        }
    }

    #[test]
    fn lists_and_pages_have_an_end() {
        let many = (0..33).fold(Request::new("h", 1), |request, _| request.header("a", "b"));
        assert_eq!(many.write(&mut [0; 4096]), Err(RequestError::TooMany));
        let roots = (0..33).fold(Tls::default(), |tls, _| tls.and(b"root"));
        assert_eq!(Request::new("h", 1).tls(roots).write(&mut [0; 4096]), Err(RequestError::TooMany));
        assert_eq!(full().write(&mut [0; 80]), Err(RequestError::TooLong));
        let long = "x".repeat(Request::MAX_BYTES);
        assert_eq!(
            Request::new(&*long, 1).write(&mut vec![0; 2 * Request::MAX_BYTES]),
            Err(RequestError::TooLong)
        );
    }
}
