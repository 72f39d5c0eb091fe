//! A port that is listened on: its settings, routes, certificate and clients.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use xous::PID;
use xous_api_websocket::state::PortState;
use xous_api_websocket::{
    Deadlines, Limits, Listen,
    serve::{ListenLimits, SlowMember},
};

use super::admission::places::Places;
use super::expiry::Expiry;
use super::pairing::Pairing;
use super::refusals::Refusals;
use super::target::Target;
use crate::clock;
use crate::http::{NormalPath, Router, has_dot_segment, normalized};
use crate::net::{ServerTls, Socket, TcpListener, TcpStream, TlsError};
use crate::proto::handshake::Headers;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::sync::{Condvar, Mutex};

/// What the first program that listens on a port has asked for. Programs that join get the same.
pub(crate) struct Settings {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// In order.
    pub(crate) origins: Vec<Box<str>>,
    /// Programs are let in though there are origins.
    pub(crate) programs: bool,
    pub(crate) limits: ListenLimits,
    pub(crate) messages: Limits,
    pub(crate) deadlines: Deadlines,
    pub(crate) fragment_size: u32,
    pub(crate) slow_members: SlowMember,
    /// Only clients with a certificate are let in.
    pub(crate) checks_clients: bool,
    /// Only those are let in who have shown a code.
    pub(crate) pairs: bool,
}

/// The port.
pub(crate) struct Port {
    pub(crate) settings: Settings,
    /// No other process may join.
    alone: bool,
    /// `None` for a plain port.
    tls: Option<Mutex<Certificate>>,
    /// Renewals that were asked for.
    renewals: AtomicU32,
    pub(crate) router: Mutex<Router<Target>>,
    /// `None` if everybody is let in.
    pub(crate) pairing: Option<Pairing>,
    state: Mutex<State>,
    changed: Condvar,
    pub(crate) places: Arc<Places>,
    pub(crate) refusals: Arc<Refusals>,
}

/// As whom clients are served, and which renewal it came with.
struct Certificate {
    tls: ServerTls,
    fingerprint: Fingerprint,
    turn: u32,
    expiry: Expiry,
}

/// The digest of a request for a certificate, so that another one can be told to be the same.
pub(crate) type Fingerprint = [u8; 32];

struct State {
    /// The process whose port it is, for as long as it listens. Then it is that of the next one that asks for the very port,
    /// and was no guest.
    opener: Option<PID>,
    /// Processes that have joined the port of another one.
    guests: Vec<PID>,
    bound: Option<SocketAddr>,
    /// Who waits for the first try to bind; `None` when it is over.
    waiting: Option<Vec<OnBound>>,
    /// Nobody listens any more, and the thread is to end.
    closed: bool,
}

/// Told the port's number when it is bound, or why it is not.
pub(crate) type OnBound = Box<dyn FnOnce(Result<u16, NotBound>) + Send>;

/// Why a port is not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotBound {
    /// Another program has it. It is not tried again.
    InUse,
    /// It is tried again.
    Retrying,
    /// No thread is free for it.
    NoThread,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTarget {
    /// It has a `.` or `..`, which no route has.
    DotSegment,
    /// There is no route.
    Unknown,
}

impl Settings {
    /// Or what of it cannot be had.
    pub(crate) fn new(listen: &Listen<'_>) -> Result<Self, String> {
        let address = listen.address.parse();
        let limits = listen
            .limits
            .head_time(listen.limits.head_time.min(Deadlines::MAX_WAIT))
            .accept_time(listen.limits.accept_time.min(Deadlines::MAX_WAIT));
        let origin =
            |one: &&str| normalized(one).ok_or_else(|| format!("no browser sends the origin {one:?}"));
        let mut origins: Vec<_> = listen.origins.iter().map(origin).collect::<Result<_, _>>()?;
        origins.sort_unstable();
        origins.dedup();
        Ok(Settings {
            address: address.map_err(|_| format!("{} is no address to listen on", listen.address))?,
            port: listen.port,
            origins,
            programs: listen.programs,
            limits,
            messages: listen.options.limits,
            deadlines: listen.options.deadlines.bounded(),
            fragment_size: listen.options.fragment_size,
            slow_members: listen.slow_members,
            pairs: listen.pairing,
            checks_clients: listen.tls.as_ref().is_some_and(|tls| !tls.clients.is_empty()),
        })
    }
}

impl Settings {
    /// Clients without an `Origin` are let in.
    fn welcomes_programs(&self) -> bool {
        self.programs || self.origins.is_empty() || self.origins.iter().any(|origin| **origin == *"*")
    }

    /// What of this a port with these `settings` does not give.
    pub(crate) fn differs_from(&self, settings: &Settings) -> Option<&'static str> {
        let differences = [
            (
                self.origins != settings.origins,
                "the port is open already, and lets clients of other origins in",
            ),
            (
                self.welcomes_programs() != settings.welcomes_programs(),
                "the port is open already, and lets programs in or does not",
            ),
            (self.limits != settings.limits, "the port is open already, with other limits"),
            (self.messages != settings.messages, "the port is open already, with other limits of messages"),
            (self.deadlines != settings.deadlines, "the port is open already, with other deadlines"),
            (
                self.fragment_size != settings.fragment_size,
                "the port is open already, with another longest frame",
            ),
            (
                self.slow_members != settings.slow_members,
                "the port is open already, and does otherwise with slow members",
            ),
            (self.pairs != settings.pairs, "the port is open already, and its clients show a code or do not"),
        ];
        differences.into_iter().find_map(|(differs, what)| differs.then_some(what))
    }
}

impl Certificate {
    fn new(tls: ServerTls, fingerprint: Fingerprint, turn: u32) -> Self {
        Certificate { expiry: Expiry::new(tls.expires()), tls, fingerprint, turn }
    }
}

impl Port {
    /// A port that `opener` opens; `alone`, if no other process may join it.
    pub(crate) fn new(
        settings: Settings,
        opener: PID,
        alone: bool,
        tls: Option<(ServerTls, Fingerprint)>,
    ) -> Arc<Self> {
        Arc::new(Port {
            places: Places::new(settings.limits.connections, settings.limits.per_peer),
            pairing: settings.pairs.then(Pairing::default),
            settings,
            alone,
            tls: tls.map(|(tls, fingerprint)| Mutex::new(Certificate::new(tls, fingerprint, 0))),
            renewals: AtomicU32::new(0),
            router: Mutex::new(Router::new()),
            state: Mutex::new(State {
                opener: Some(opener),
                guests: Vec::new(),
                bound: None,
                waiting: Some(Vec::new()),
                closed: false,
            }),
            changed: Condvar::new(),
            refusals: Arc::default(),
        })
    }

    /// Tells `tried` the result of the first try to bind, now or when it is over.
    pub(crate) fn when_bound(&self, tried: OnBound) {
        let mut state = self.state.lock();
        if let Some(waiting) = &mut state.waiting {
            return waiting.push(tried);
        }
        let result = match (state.closed, state.bound) {
            (true, _) => Err(NotBound::InUse),
            (false, None) => Err(NotBound::Retrying),
            (false, Some(address)) => Ok(address.port()),
        };
        drop(state);
        tried(result);
    }

    /// Clients speak TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// No other process may join.
    pub(crate) fn is_alone(&self) -> bool {
        self.alone
    }

    /// This process may not join.
    pub(crate) fn is_kept_from(&self, process: PID) -> bool {
        self.alone && self.opener() != Some(process)
    }

    /// The process whose port it is, unless that has given up all its listeners.
    pub(crate) fn opener(&self) -> Option<PID> {
        self.state.lock().opener
    }

    /// A process listens as well. It becomes the opener if there is none and it `may`.
    pub(crate) fn joined_by(&self, process: PID, may: bool) {
        let mut state = self.state.lock();
        let is_guest = state.guests.contains(&process);
        if state.opener.is_none() && may && !is_guest {
            state.opener = Some(process);
        } else if state.opener != Some(process) && !is_guest {
            state.guests.push(process);
        }
    }

    /// A process has no listener any more.
    pub(crate) fn left_by(&self, process: PID) {
        self.state.lock().opener.take_if(|opener| *opener == process);
    }

    /// Clients see the certificate that was asked for with this fingerprint.
    pub(crate) fn shows(&self, fingerprint: &Fingerprint) -> bool {
        self.tls.as_ref().is_none_or(|used| used.lock().fingerprint == *fingerprint)
    }

    /// A renewal is asked for: its turn.
    pub(crate) fn next_renewal(&self) -> u32 {
        self.renewals.fetch_add(1, Relaxed) + 1
    }

    /// Uses another certificate from the next client on, unless one whose turn was later is in use already.
    pub(crate) fn renew(&self, tls: ServerTls, fingerprint: Fingerprint, turn: u32) {
        let Some(used) = &self.tls else { return };
        let mut used = used.lock();
        if turn > used.turn {
            *used = Certificate::new(tls, fingerprint, turn);
        }
    }

    /// What to say in the log if the certificate expires soon, at most once a day.
    pub(crate) fn expiry_warning(&self) -> Option<String> {
        let now = clock::now();
        let warning = self.tls.as_ref()?.lock().expiry.warning(now)?;
        Some(format!("port {}: {warning}", self.number()))
    }

    /// When the certificate expires, in seconds since 1970.
    pub(crate) fn expires(&self) -> Option<u64> {
        self.tls.as_ref()?.lock().expiry.seconds()
    }

    /// The socket of a client, whose TLS handshake, if the port has any, has not begun.
    pub(crate) fn socket(&self, stream: TcpStream) -> Result<Socket, TlsError> {
        match &self.tls {
            None => Ok(Socket::new(stream)),
            Some(tls) => {
                let tls = tls.lock().tls.clone();
                Ok(Socket::secure(stream, tls.accept()?))
            }
        }
    }

    /// Where it stands, and how many clients it has.
    pub(crate) fn state(&self) -> (PortState, usize) {
        let state = match *self.state.lock() {
            State { closed: true, .. } => PortState::Closed,
            State { bound: Some(_), .. } => PortState::Listening,
            State { bound: None, .. } => PortState::Waiting,
        };
        (state, usize::from(self.places.taken()))
    }

    /// The port's number as it is bound; 0 if it is not.
    pub(crate) fn number(&self) -> u16 {
        self.state.lock().bound.map_or(0, |address| address.port())
    }

    /// Nobody listens any more. The address whose `accept` is to be ended, so that the thread notices.
    pub(crate) fn close(&self) -> Option<SocketAddr> {
        let mut state = self.state.lock();
        state.closed = true;
        self.changed.notify_all();
        state.bound
    }

    /// Nobody listens any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// It is the port that `wanted` asks for.
    pub(crate) fn is_at(&self, wanted: &Settings) -> bool {
        let own = [self.settings.port, self.number()];
        wanted.port != 0 && self.settings.address == wanted.address && own.contains(&wanted.port)
    }

    /// Tells those who wait for it. Returns `false` if nobody listens any more.
    pub(crate) fn bound(&self, listener: &TcpListener) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return false;
        }
        state.bound = listener.local_addr().ok();
        let number = state.bound.map_or(0, |address| address.port());
        let waiting = state.waiting.take();
        drop(state);
        waiting.into_iter().flatten().for_each(|tried| tried(Ok(number)));
        true
    }

    /// Its listening socket has gone.
    pub(crate) fn unbound(&self) {
        self.state.lock().bound = None;
    }

    /// Waits before the next try to bind, at most until the port is closed. Returns whether a wait was needed.
    pub(crate) fn wait_closed(&self, wait: Duration) -> bool {
        let state = self.state.lock();
        let open = !state.closed;
        if open {
            drop(self.changed.wait_timeout(state, wait));
        }
        open
    }

    /// Where a request's path leads: the number of the route, and its target, which `found` sees before it can be removed.
    pub(crate) fn resolve(
        &self,
        path: &NormalPath<'_>,
        found: &dyn Fn(&Target),
    ) -> Result<(u16, Target), NoTarget> {
        if has_dot_segment(path.as_str()) {
            return Err(NoTarget::DotSegment);
        }
        let router = self.router.lock();
        let (number, target) = router.find(path).ok_or(NoTarget::Unknown)?;
        found(target);
        Ok((number, target.clone()))
    }

    /// A request with these headers comes from somebody who was let in, if the port lets in some only.
    pub(crate) fn is_paired(&self, headers: &Headers<'_>) -> bool {
        self.pairing.as_ref().is_none_or(|pairing| pairing.knows(headers, self.number(), Instant::now()))
    }

    /// It could not be bound. Returns those who wait for the first try. Closes the port if that is given up.
    pub(crate) fn failed(&self, give_up: bool) -> Vec<OnBound> {
        let mut state = self.state.lock();
        let waiting = state.waiting.take();
        state.closed |= give_up && waiting.is_some();
        waiting.unwrap_or_default()
    }
}
