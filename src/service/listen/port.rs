//! A port that is listened on: its settings, routes, certificate and clients.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use xous_api_websocket::{Deadlines, Limits, Listen, ListenLimits, PortState, SlowMember};

use super::pairing::Pairing;
use super::target::Target;
use crate::http::{NormalPath, Reason, Router, has_dot_segment, normalized};
use crate::net::{ServerTls, Socket, TlsError};
use crate::proto::handshake::Headers;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// What the first program that listens on a port has asked for.
pub(crate) struct Settings {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
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
    /// `None` for a plain port.
    tls: Option<Mutex<Certificate>>,
    /// Renewals that were asked for.
    renewals: AtomicU32,
    pub(crate) router: Mutex<Router<Target>>,
    /// `None` if everybody is let in.
    pub(crate) pairing: Option<Pairing>,
    state: Mutex<State>,
    changed: Condvar,
    clients: Mutex<ClientCounts>,
}

/// As whom clients are served, and which renewal it came with.
struct Certificate {
    tls: ServerTls,
    turn: u32,
}

struct State {
    bound: Option<SocketAddr>,
    /// Who waits for the first try to bind; `None` when it is over.
    waiting: Option<Vec<OnBound>>,
    /// Nobody listens any more: the thread shall end.
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

#[derive(Default)]
struct ClientCounts {
    all: u16,
    /// As many as there are clients at the most.
    per_peer: Vec<(IpAddr, u16)>,
}

/// Which limit a client meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The port has all the connections that it may have.
    Port,
    /// The client's address has its share of them.
    Peer,
    /// No worker is left for strangers.
    Workers,
}

impl Settings {
    /// Or what of it cannot be had.
    pub(crate) fn new(listen: &Listen<'_>) -> Result<Self, String> {
        let address = listen.address.parse();
        let origin =
            |one: &&str| normalized(one).ok_or_else(|| format!("no browser sends the origin {one:?}"));
        Ok(Settings {
            address: address.map_err(|_| format!("{} is no address to listen on", listen.address))?,
            port: listen.port,
            origins: listen.origins.iter().map(origin).collect::<Result<_, _>>()?,
            programs: listen.programs,
            limits: listen.limits,
            messages: listen.messages,
            deadlines: listen.deadlines,
            fragment_size: listen.fragment_size,
            slow_members: listen.slow_members,
            pairs: listen.pairing,
            checks_clients: listen.tls.as_ref().is_some_and(|tls| !tls.clients.is_empty()),
        })
    }
}

impl Port {
    pub(crate) fn new(settings: Settings, tls: Option<ServerTls>) -> Arc<Self> {
        Arc::new(Port {
            pairing: settings.pairs.then(Pairing::default),
            settings,
            tls: tls.map(|tls| Mutex::new(Certificate { tls, turn: 0 })),
            renewals: AtomicU32::new(0),
            router: Mutex::new(Router::new()),
            state: Mutex::new(State { bound: None, waiting: Some(Vec::new()), closed: false }),
            changed: Condvar::new(),
            clients: Mutex::new(ClientCounts::default()),
        })
    }

    /// Tells `tried` how the first try to bind went, now or when it is over.
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

    /// A renewal is asked for: its turn.
    pub(crate) fn next_renewal(&self) -> u32 {
        self.renewals.fetch_add(1, Relaxed) + 1
    }

    /// Uses another certificate from the next client on, unless one whose turn was later is in use already.
    pub(crate) fn renew(&self, tls: ServerTls, turn: u32) {
        let Some(used) = &self.tls else { return };
        let mut used = used.lock();
        if turn > used.turn {
            *used = Certificate { tls, turn };
        }
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
        (state, usize::from(self.clients().all))
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

    /// Tells who waits for it; `false` if nobody listens any more.
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

    /// Waits before the next try to bind, at most until the port is closed; whether a wait was needed.
    pub(crate) fn wait_closed(&self, wait: Duration) -> bool {
        let state = self.state.lock();
        let open = !state.closed;
        if open {
            drop(self.changed.wait_timeout(state, wait));
        }
        open
    }

    /// Where a request's path leads: the number of the route, and its target.
    pub(crate) fn resolve(&self, path: &NormalPath<'_>) -> Result<(u16, Target), NoTarget> {
        if has_dot_segment(path.as_str()) {
            return Err(NoTarget::DotSegment);
        }
        let router = self.router.lock();
        let found = router.find(path).map(|(number, target)| (number, target.clone()));
        found.ok_or(NoTarget::Unknown)
    }

    /// A request with these headers comes from somebody who was let in, if the port lets in some only.
    pub(crate) fn is_paired(&self, headers: &Headers<'_>) -> bool {
        self.pairing.as_ref().is_none_or(|pairing| pairing.knows(headers, self.number(), Instant::now()))
    }

    /// It could not be bound: who waits for the first try. The port is closed if that is given up.
    pub(crate) fn failed(&self, give_up: bool) -> Vec<OnBound> {
        let mut state = self.state.lock();
        let waiting = state.waiting.take();
        state.closed |= give_up && waiting.is_some();
        waiting.unwrap_or_default()
    }

    /// Counts a client of this address, as [`one_peer`](crate::net::one_peer) has it, or says which limit it meets.
    pub(crate) fn count_client(&self, peer: IpAddr) -> Result<(), Full> {
        let mut clients = self.clients();
        let ListenLimits { connections, per_peer, .. } = self.settings.limits;
        if clients.all >= connections {
            return Err(Full::Port);
        }
        match clients.per_peer.iter_mut().find(|(address, _)| *address == peer) {
            Some((_, count)) if *count >= per_peer => return Err(Full::Peer),
            Some((_, count)) => *count += 1,
            None if per_peer == 0 => return Err(Full::Peer),
            None => clients.per_peer.push((peer, 1)),
        }
        clients.all += 1;
        Ok(())
    }

    /// A client that was counted counts no more.
    pub(crate) fn uncount_client(&self, peer: IpAddr) {
        let mut clients = self.clients();
        clients.all -= 1;
        clients.per_peer.retain_mut(|(address, count)| {
            if *address == peer {
                *count -= 1;
            }
            *count > 0
        });
    }

    fn clients(&self) -> MutexGuard<'_, ClientCounts> {
        self.clients.lock()
    }
}

impl Full {
    /// What a client is told.
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Full::Peer => Reason::PeerFull,
            Full::Port | Full::Workers => Reason::Full,
        }
    }
}
