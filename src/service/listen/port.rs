//! A port that is listened on, and the thread that waits for its clients.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use xous_api_websocket::{Deadlines, Limits, Listen, ListenLimits, PortState, SlowMember};

use super::http_client;
use super::shared::Server;
use super::target::Target;
use crate::http::Router;
use crate::net::{BindError, ServerTls, Socket, TlsError, bind};
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// The first and the longest wait between two tries to bind.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What the first program that listens on a port has asked for.
pub(crate) struct Settings {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) origins: Vec<Box<str>>,
    pub(crate) limits: ListenLimits,
    pub(crate) messages: Limits,
    pub(crate) deadlines: Deadlines,
    pub(crate) fragment_size: u32,
    pub(crate) slow_members: SlowMember,
    /// Only clients with a certificate are let in.
    pub(crate) checks_clients: bool,
}

/// The port.
pub(crate) struct Port {
    pub(crate) settings: Settings,
    /// `None` for a plain port.
    tls: Option<Mutex<Certificate>>,
    /// Renewals that were asked for.
    renewals: AtomicU32,
    pub(crate) router: Mutex<Router<Target>>,
    state: Mutex<State>,
    changed: Condvar,
    visitors: Mutex<Visitors>,
}

/// As whom clients are served, and which renewal it came with.
struct Certificate {
    tls: ServerTls,
    turn: u32,
}

struct State {
    bound: Option<SocketAddr>,
    /// Who waits for the first try to bind; `None` when it is over.
    waiting: Option<Vec<Tried>>,
    /// Nobody listens any more: the thread shall end.
    closed: bool,
}

/// Is told the port's number when it is bound, or that it is not.
pub(crate) type Tried = Box<dyn FnOnce(Result<u16, Unbound>) + Send>;

/// Why a port is not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unbound {
    /// Another program has it. It is not tried again.
    InUse,
    /// It is tried again.
    Yet,
    /// No thread is free for it.
    NoThread,
}

#[derive(Default)]
struct Visitors {
    all: u16,
    /// As many as there are clients at the most.
    per_peer: Vec<(IpAddr, u16)>,
}

/// A client that is counted, until it is dropped.
pub(crate) struct Visitor {
    port: Arc<Port>,
    peer: IpAddr,
}

impl Settings {
    /// `None` if the address is none.
    pub(crate) fn new(listen: &Listen<'_>) -> Option<Self> {
        Some(Settings {
            address: listen.address.parse().ok()?,
            port: listen.port,
            origins: listen.origins.iter().map(|&origin| origin.into()).collect(),
            limits: listen.limits,
            messages: listen.messages,
            deadlines: listen.deadlines,
            fragment_size: listen.fragment_size,
            slow_members: listen.slow_members,
            checks_clients: listen.tls.as_ref().is_some_and(|tls| !tls.clients.is_empty()),
        })
    }
}

impl Port {
    pub(crate) fn new(settings: Settings, tls: Option<ServerTls>) -> Arc<Self> {
        Arc::new(Port {
            settings,
            tls: tls.map(|tls| Mutex::new(Certificate { tls, turn: 0 })),
            renewals: AtomicU32::new(0),
            router: Mutex::new(Router::new()),
            state: Mutex::new(State { bound: None, waiting: Some(Vec::new()), closed: false }),
            changed: Condvar::new(),
            visitors: Mutex::new(Visitors::default()),
        })
    }

    /// Tells `tried` how the first try to bind went, now or when it is over.
    pub(crate) fn when_tried(&self, tried: Tried) {
        let mut state = self.state.lock();
        if let Some(waiting) = &mut state.waiting {
            return waiting.push(tried);
        }
        let result = match (state.closed, state.bound) {
            (true, _) => Err(Unbound::InUse),
            (false, None) => Err(Unbound::Yet),
            (false, Some(address)) => Ok(address.port()),
        };
        drop(state);
        tried(result);
    }

    /// Binds, and serves clients until the port is closed. While it cannot be bound it is tried again, less and less
    /// often. If another program has it at the first try the port is closed, and those are returned who shall be
    /// told.
    pub(crate) fn run(self: &Arc<Self>, server: &Arc<Server>) -> Vec<Tried> {
        let mut wait = RETRY.0;
        while !self.is_closed() {
            match bind(self.settings.address, self.settings.port) {
                Ok(listener) => {
                    wait = RETRY.0;
                    if self.bound(&listener) {
                        self.accept(server, &listener);
                    }
                    self.state.lock().bound = None;
                }
                Err(error) => {
                    log::warn!("port {} cannot be bound: {error}", self.settings.port);
                    let in_use = matches!(error, BindError::InUse);
                    let waiting = self.failed(in_use);
                    if self.is_closed() {
                        return waiting;
                    }
                    waiting.into_iter().for_each(|tried| tried(Err(Unbound::Yet)));
                }
            }
            let state = self.state.lock();
            if !state.closed {
                drop(self.changed.wait_timeout(state, wait));
                wait = (wait * 2).min(RETRY.1);
            }
        }
        Vec::new()
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
        (state, usize::from(self.visitors().all))
    }

    /// The port's number as it is bound; 0 if it is not.
    pub(crate) fn number(&self) -> u16 {
        self.state.lock().bound.map_or(0, |address| address.port())
    }

    /// Nobody listens any more. The address to knock at, so that the thread notices.
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
    fn bound(&self, listener: &TcpListener) -> bool {
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

    /// It could not be bound: who waits for the first try. The port is closed if that is given up.
    pub(crate) fn failed(&self, give_up: bool) -> Vec<Tried> {
        let mut state = self.state.lock();
        let waiting = state.waiting.take();
        state.closed |= give_up && waiting.is_some();
        waiting.unwrap_or_default()
    }

    fn accept(self: &Arc<Self>, server: &Arc<Server>, listener: &TcpListener) {
        loop {
            let (stream, peer) = match listener.accept() {
                Ok(client) => client,
                Err(error) => {
                    log::warn!("port {}: {error}", self.settings.port);
                    return;
                }
            };
            if self.is_closed() {
                return;
            }
            self.admit(server, stream, peer);
        }
    }

    /// Hands a client to a worker, or tells it why not.
    fn admit(self: &Arc<Self>, server: &Arc<Server>, stream: TcpStream, peer: SocketAddr) {
        let (visitor, permit) = match (self.visitor(peer.ip()), server.pool.reserve()) {
            (Ok(visitor), Some(permit)) => (visitor, permit),
            (Err(status), _) => return http_client::refuse(server, stream, self.is_secure(), status),
            (Ok(_), None) => return http_client::refuse(server, stream, self.is_secure(), 503),
        };
        let (port, server) = (self.clone(), server.clone());
        let started = permit.run(move |permit| {
            http_client::run(&port, &server, stream, peer, visitor);
            drop(permit);
        });
        if let Err(error) = started {
            log::error!("no thread for a client: {error}");
        }
    }

    /// Counts a client, or the status that says which limit it meets.
    fn visitor(self: &Arc<Self>, peer: IpAddr) -> Result<Visitor, u16> {
        let mut visitors = self.visitors();
        if visitors.all >= self.settings.limits.connections {
            return Err(503);
        }
        let most = self.settings.limits.per_peer;
        match visitors.per_peer.iter_mut().find(|(address, _)| *address == peer) {
            Some((_, count)) if *count >= most => return Err(429),
            Some((_, count)) => *count += 1,
            None if most == 0 => return Err(429),
            None => visitors.per_peer.push((peer, 1)),
        }
        visitors.all += 1;
        Ok(Visitor { port: self.clone(), peer })
    }

    fn visitors(&self) -> MutexGuard<'_, Visitors> {
        self.visitors.lock()
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let mut visitors = self.port.visitors();
        visitors.all -= 1;
        visitors.per_peer.retain_mut(|(address, count)| {
            if *address == self.peer {
                *count -= 1;
            }
            *count > 0
        });
    }
}
