//! A port that is wanted, and how that travels.

use std::time::Duration;

use crate::Request;
use crate::error::RequestError;
use crate::settings::{ConnectionOptions, Lease, read_wait, write_wait};
use crate::tls::ServerTls;
use crate::wire::fields::{Reader, Writer, len_of};

/// The most origins in a request.
const MAX_ORIGINS: usize = 32;
/// The first four bytes of the page, and with them its version.
const MAGIC: u32 = u32::from_le_bytes(*b"WSL1");
/// Flags.
const CLOSED: u8 = 1;
const TLS: u8 = 1 << 1;
const EXPOSED: u8 = 1 << 2;
const ANSWERS: u8 = 1 << 5;
const AS_IT_IS: u8 = 1 << 6;
const ALONE: u8 = 1 << 7;
const PROGRAMS: u8 = 1 << 3;
const PAIRING: u8 = 1 << 4;

/// Limits of a port: by default 16 connections, half of them from one address.
///
/// The first program that listens on the port sets them. A request that meets one is answered with the status beside it, so
/// that its sender knows which. [`Listen`] has an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct ListenLimits {
    /// Connections of any kind at a time (503), those not counted that have had their last answer. When all are taken,
    /// the one that has said nothing, or is idle between two requests, for longest makes room. The service's own limit
    /// of 12 WebSockets counts besides.
    pub connections: u16,
    /// Connections from one address at a time (429). A /64 of IPv6 is one address. Its WebSockets that programs have taken
    /// on other ports count when another is to be taken, as they stay. Behind a reverse proxy all clients have the
    /// proxy's: give it all of `connections`.
    pub per_peer: u16,
    /// Bytes of a request's head, at most 64 KiB (431).
    pub head_bytes: u32,
    /// Lines of a request's head, at most 100 (431).
    pub head_lines: u16,
    /// How long a TLS handshake may take, and how long a head may take, counted from the connection or from the last
    /// answer (408, or closed if not a byte came).
    pub head_time: Duration,
    /// How long a head waits for a program that takes the connection (503).
    pub accept_time: Duration,
}

impl Default for ListenLimits {
    fn default() -> Self {
        ListenLimits {
            connections: 16,
            per_peer: 8,
            head_bytes: 8 * 1024,
            head_lines: 64,
            head_time: Duration::from_secs(10),
            accept_time: Duration::from_secs(5),
        }
    }
}

impl ListenLimits {
    /// The usual ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows this many connections at a time.
    pub fn connections(mut self, connections: u16) -> Self {
        self.connections = connections;
        self
    }

    /// Allows this many connections from one address at a time.
    pub fn per_peer(mut self, connections: u16) -> Self {
        self.per_peer = connections;
        self
    }

    /// Takes heads of at most this many bytes.
    pub fn head_bytes(mut self, bytes: u32) -> Self {
        self.head_bytes = bytes;
        self
    }

    /// Takes heads of at most this many lines.
    pub fn head_lines(mut self, lines: u16) -> Self {
        self.head_lines = lines;
        self
    }

    /// Waits this long for a TLS handshake, and for a head.
    pub fn head_time(mut self, time: Duration) -> Self {
        self.head_time = time;
        self
    }

    /// Lets a head wait this long for a program that takes the connection.
    pub fn accept_time(mut self, time: Duration) -> Self {
        self.accept_time = time;
        self
    }
}

/// What happens to a member of a channel whose queue is full when a broadcast comes. The broadcast does not wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlowMember {
    /// It leaves the channel and stays connected.
    Leaves,
    /// Its connection is closed with 1013.
    Closed,
}

/// A port to listen on.
///
/// ```
/// use std::time::Duration;
/// use xous_api_websocket::{Deadlines, Listen, serve::ListenLimits};
///
/// let listen = Listen::new("0.0.0.0", 8080)
///     .origin("https://example.com")
///     .limits(ListenLimits::new().connections(4).per_peer(2))
///     .options(Deadlines::new().keepalive(Duration::from_secs(30)));
/// ```
///
/// # In a page
/// In the page of a `Listen`, little-endian, texts as 16 bits of length and UTF-8:
///
/// | at | |
/// |---|---|
/// | 0 | `WSL1` |
/// | 4 | u16 port, u8 flags (1 slow members are closed, 2 TLS, 4 exposed, 8 programs, 16 pairing, 32 pages are lent anew that come back with `Again`, 64 a port as it is, 128 alone), u8 number of origins |
/// | 8 | u16 connections, u16 per peer, u32 head bytes, u16 head lines, u16 seconds of the [`Lease`], 0 for no end |
/// | 20 | u32 milliseconds each: head, accept |
/// | 28 | as in a [`Request`]: deadlines (24 bytes), limits (20), u32 longest frame to send |
/// | 76 | texts: address, the origins |
/// | behind them | if flagged, a [`ServerTls`] |
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Listen<'a> {
    /// The address of an interface: `127.0.0.1` for this machine only, `0.0.0.0` for all interfaces. On the device a
    /// port is open on all interfaces, whatever the address; see [`Listen::exposed`](Listen::exposed()).
    pub address: &'a str,
    /// The port; 0 for any free one.
    pub port: u16,
    /// Which web pages may open a WebSocket. Without an entry: pages of this very host and port, and programs that
    /// send no `Origin`. With entries: pages of these origins only; `*` stands for any origin.
    ///
    /// An origin is a scheme and an authority, in any case, with the scheme's own port or without (RFC 6454 section
    /// 6.2), such as `https://example.com`; also `null` and `file://`, which some send. Anything else is refused
    /// (`BadRequest`), as no browser would ever be let in by it.
    ///
    /// A page's host must be an address, `localhost`, or in the list: the owner of any other name could let it lead
    /// here (DNS rebinding). Over TLS any name will do. The same applies to files that are shown.
    pub origins: Vec<&'a str>,
    /// Programs, which send no `Origin`, are let in also beside a list of origins.
    pub programs: bool,
    /// Only those are let in who have shown a code, to routes without [`credentials`](crate::Route::credentials()).
    pub pairing: bool,
    /// Limits of the port.
    pub limits: ListenLimits,
    /// What each connection takes, how long it waits and how it sends. The deadline `open` is not used.
    pub options: ConnectionOptions,
    /// What happens to slow members of channels.
    pub slow_members: SlowMember,
    /// The port's certificate, for `wss` and `https` instead of `ws` and `http`. A client without TLS is dropped.
    pub tls: Option<ServerTls<'a>>,
    /// The program knows that a loopback address may be open to the network.
    pub exposed: bool,
    /// If the port is listened on already: whatever its origins, limits, deadlines and certificate are.
    pub as_it_is: bool,
    /// What becomes of the listener and its connections when this process has ended.
    pub lease: Lease,
    /// No other program may join.
    pub alone: bool,
}

impl<'a> Listen<'a> {
    /// A port of this address with the usual limits.
    pub fn new(address: &'a str, port: u16) -> Self {
        Listen {
            address,
            port,
            origins: Vec::new(),
            programs: false,
            pairing: false,
            limits: ListenLimits::default(),
            options: ConnectionOptions::default(),
            slow_members: SlowMember::Leaves,
            tls: None,
            exposed: false,
            as_it_is: false,
            lease: Lease::default(),
            alone: false,
        }
    }

    /// With this lease.
    pub fn lease(mut self, lease: Lease) -> Self {
        self.lease = lease;
        self
    }

    /// Joins a port that another program listens on whatever its settings are. Without this, a program
    /// that joins must ask for the same origins, limits, deadlines and certificate, or is refused (`BadRequest`). Whether
    /// the port speaks TLS must be the same in either case; the certificate is used only if this program opens the port.
    pub fn as_it_is(mut self) -> Self {
        self.as_it_is = true;
        self
    }

    /// Keeps the port for this process: no other program may join (`PortInUse`).
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Also on a loopback address that others reach. The device's network keeps the port of a listening socket and
    /// drops its address, so that everybody in its network reaches `127.0.0.1` too; without this, such an address is
    /// refused there (`BadRequest`). On a PC it changes nothing.
    pub fn exposed(mut self) -> Self {
        self.exposed = true;
        self
    }

    /// Over TLS.
    pub fn tls(mut self, tls: ServerTls<'a>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Also for web pages of this origin, such as `https://example.com`; `*` for all.
    pub fn origin(mut self, origin: &'a str) -> Self {
        self.origins.push(origin);
        self
    }

    /// Also for programs, which send no `Origin`, though origins are listed.
    pub fn programs(mut self) -> Self {
        self.programs = true;
        self
    }

    /// Only for people who have shown the port a code: [`Listener::pairing_code`](crate::Listener::pairing_code) gives it
    /// to the program, which shows it, and a page of the service takes it from clients. A code is good for
    /// five minutes, for one use and for a few wrong tries. It gets its browser a cookie for this port, good for twelve
    /// hours and out of the reach of scripts and other sites, which opens pages, files, uploads and WebSockets. Pages try
    /// codes if they are the port's own or may open WebSockets there.
    pub fn pairing(mut self) -> Self {
        self.pairing = true;
        self
    }

    /// With these limits.
    pub fn limits(mut self, limits: ListenLimits) -> Self {
        self.limits = limits;
        self
    }

    /// With connections that have these limits and deadlines. [`Limits`](crate::Limits) or
    /// [`Deadlines`](crate::Deadlines) alone will do.
    pub fn options(mut self, options: impl Into<ConnectionOptions>) -> Self {
        self.options = options.into();
        self
    }

    /// Treating slow members of channels like this.
    pub fn slow_members(mut self, policy: SlowMember) -> Self {
        self.slow_members = policy;
        self
    }

    /// How many bytes it takes in a page.
    pub fn encoded_len(&self) -> usize {
        len_of(|w| self.fields(w))
    }

    /// Writes it into `page`. Returns the number of bytes.
    ///
    /// # Errors
    /// `TooMany`: more than 32 origins. `TooLong`: more than
    /// [`Request::MAX_BYTES`](crate::Request::MAX_BYTES), or `page` is shorter than [`Listen::encoded_len`].
    pub fn write(&self, page: &mut [u8]) -> Result<usize, RequestError> {
        if self.origins.len() > MAX_ORIGINS {
            return Err(RequestError::TooMany);
        }
        if self.tls.as_ref().is_some_and(|tls| !tls.is_within_limits()) {
            return Err(RequestError::TooMany);
        }
        if self.encoded_len() > Request::MAX_BYTES {
            return Err(RequestError::TooLong);
        }
        let mut w = Writer::new(page);
        self.fields(&mut w);
        w.finish().ok_or(RequestError::TooLong)
    }

    /// Reads what another process wrote; `None` if it is not a `Listen`.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        if r.u32()? != MAGIC {
            return None;
        }
        let port = r.u16()?;
        // All eight have a meaning.
        let flags = r.u8()?;
        let slow_members = if flags & CLOSED != 0 { SlowMember::Closed } else { SlowMember::Leaves };
        let origins = usize::from(r.u8()?);
        let (connections, per_peer) = (r.u16()?, r.u16()?);
        let (head_bytes, head_lines) = (r.u32()?, r.u16()?);
        let lease = Lease::read(flags & ANSWERS != 0, r.u16()?);
        let (head_time, accept_time) = (read_wait(&mut r)?, read_wait(&mut r)?);
        let limits = ListenLimits { connections, per_peer, head_bytes, head_lines, head_time, accept_time };
        let options = ConnectionOptions::read(&mut r)?;
        if origins > MAX_ORIGINS {
            return None;
        }
        let address = r.text()?;
        let origins = (0..origins).map(|_| r.text()).collect::<Option<_>>()?;
        let tls = if flags & TLS != 0 { Some(ServerTls::read(&mut r)?) } else { None };
        Some(Listen {
            address,
            port,
            origins,
            programs: flags & PROGRAMS != 0,
            pairing: flags & PAIRING != 0,
            limits,
            options,
            slow_members,
            tls,
            exposed: flags & EXPOSED != 0,
            lease,
            as_it_is: flags & AS_IT_IS != 0,
            alone: flags & ALONE != 0,
        })
    }

    /// In the order in which they travel.
    fn fields(&self, w: &mut Writer<'_>) {
        w.u32(MAGIC);
        w.u16(self.port);
        let slow_members = if self.slow_members == SlowMember::Closed { CLOSED } else { 0 };
        let exposed = if self.exposed { EXPOSED } else { 0 };
        let as_it_is = if self.as_it_is { AS_IT_IS } else { 0 };
        let alone = if self.alone { ALONE } else { 0 };
        let programs = if self.programs { PROGRAMS } else { 0 };
        let pairing = if self.pairing { PAIRING } else { 0 };
        let answers = if self.lease.answers { ANSWERS } else { 0 };
        w.u8(slow_members
            | exposed
            | programs
            | pairing
            | answers
            | as_it_is
            | alone
            | if self.tls.is_some() { TLS } else { 0 });
        w.u8(self.origins.len() as u8);
        w.u16(self.limits.connections);
        w.u16(self.limits.per_peer);
        w.u32(self.limits.head_bytes);
        w.u16(self.limits.head_lines);
        w.u16(self.lease.seconds());
        write_wait(w, self.limits.head_time);
        write_wait(w, self.limits.accept_time);
        self.options.fields(w);
        self.texts().for_each(|text| w.text(text));
        if let Some(tls) = &self.tls {
            tls.write_behind(w);
        }
    }

    fn texts(&self) -> impl Iterator<Item = &'a str> + '_ {
        std::iter::once(self.address).chain(self.origins.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use crate::tls::{Identity, Source};

    use super::*;

    #[test]
    fn a_listen_goes_there_and_back_and_no_cut_of_it_does() {
        let mut identity = Identity::in_pddb("tls", "chain", "key");
        identity.chain.push(Source::Bytes(b"two"));
        let tls = ServerTls::new(identity).clients(b"roots");
        let listen = Listen::new("127.0.0.1", 8080)
            .origin("https://a")
            .tls(tls)
            .slow_members(SlowMember::Closed)
            .exposed()
            .lease(Lease::new().silence(Duration::from_secs(77)))
            .as_it_is()
            .alone()
            .programs()
            .pairing();
        let mut page = vec![0; listen.encoded_len()];
        assert_eq!(listen.write(&mut page), Ok(page.len()));
        assert_eq!(Listen::parse(&page), Some(listen));
        for len in 0..page.len() {
            assert_eq!(Listen::parse(&page[..len]), None, "cut at {len}");
        }
    }
}
