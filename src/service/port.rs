//! A port that is listened on, and the thread that waits for its clients.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use xous::PID;
use xous_api_websocket::{Deadlines, Handle, Limits, Listen, ListenLimits, PortState, SlowMember};

use super::door::Door;
use super::limits::LINGER;
use super::server::Server;
use super::visit;
use crate::http::{Page, Router};
use crate::net::{BindError, bind, knock};

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
}

/// Where a path leads.
#[derive(Clone)]
pub(crate) struct Target {
    /// The listener whose route it is, and its owner.
    pub(crate) listener: Handle,
    pub(crate) owner: PID,
    pub(crate) kind: TargetKind,
}

/// What is there.
#[derive(Clone)]
pub(crate) enum TargetKind {
    /// A program that takes WebSockets.
    Receiver(Arc<Door>, Arc<[Box<str>]>),
    /// A page.
    Page(Arc<Page>),
}

/// The port.
pub(crate) struct Port {
    pub(crate) settings: Settings,
    pub(crate) router: Mutex<Router<Target>>,
    state: Mutex<State>,
    changed: Condvar,
    visitors: Mutex<Visitors>,
}

struct State {
    bound: Option<SocketAddr>,
    /// Nobody listens any more: the thread shall end.
    closed: bool,
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
        })
    }
}

impl Port {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Port {
            settings,
            router: Mutex::new(Router::new()),
            state: Mutex::new(State { bound: None, closed: false }),
            changed: Condvar::new(),
            visitors: Mutex::new(Visitors::default()),
        })
    }

    /// Binds, tells `first` how that went the first time, and serves clients until the port is closed. While it
    /// cannot be bound it is tried again, less and less often.
    pub(crate) fn run(self: Arc<Self>, server: &Arc<Server>, first: impl FnOnce(Result<u16, BindError>)) {
        let mut first = Some(first);
        let mut wait = RETRY.0;
        while !self.lock().closed {
            match bind(self.settings.address, self.settings.port) {
                Ok(listener) => {
                    wait = RETRY.0;
                    self.lock().bound = listener.local_addr().ok();
                    if let Some(first) = first.take() {
                        first(Ok(self.number()));
                    }
                    self.accept(server, &listener);
                    self.lock().bound = None;
                }
                Err(error) => {
                    match &error {
                        BindError::InUse => log::warn!("port {} is in use", self.settings.port),
                        BindError::NotNow(why) => {
                            log::warn!("port {} cannot be bound: {why}", self.settings.port)
                        }
                    }
                    let given_up = first.is_some() && matches!(error, BindError::InUse);
                    if let Some(first) = first.take() {
                        first(Err(error));
                    }
                    if given_up {
                        return;
                    }
                }
            }
            let state = self.lock();
            if !state.closed {
                drop(self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner));
                wait = (wait * 2).min(RETRY.1);
            }
        }
    }

    /// Where it stands, and how many clients it has.
    pub(crate) fn state(&self) -> (PortState, usize) {
        let state = match *self.lock() {
            State { closed: true, .. } => PortState::Closed,
            State { bound: Some(_), .. } => PortState::Listening,
            State { bound: None, .. } => PortState::Waiting,
        };
        (state, usize::from(self.visitors().all))
    }

    /// The port's number as it is bound; 0 if it is not.
    pub(crate) fn number(&self) -> u16 {
        self.lock().bound.map_or(0, |address| address.port())
    }

    /// Nobody listens any more. The address to knock at, so that the thread notices.
    pub(crate) fn close(&self) -> Option<SocketAddr> {
        let mut state = self.lock();
        state.closed = true;
        self.changed.notify_all();
        state.bound
    }

    /// Ends the wait of the port's thread for a client.
    pub(crate) fn knock(address: SocketAddr) {
        knock(address, LINGER);
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
            if self.lock().closed {
                return;
            }
            self.admit(server, stream, peer);
        }
    }

    /// Hands a client to a worker, or tells it why not.
    fn admit(self: &Arc<Self>, server: &Arc<Server>, stream: TcpStream, peer: SocketAddr) {
        let (visitor, permit) = match (self.visitor(peer.ip()), server.pool.reserve()) {
            (Ok(visitor), Some(permit)) => (visitor, permit),
            (Err(status), _) => return visit::refuse(server, stream, status),
            (Ok(_), None) => return visit::refuse(server, stream, 503),
        };
        let (port, server) = (self.clone(), server.clone());
        let started = permit.run(move |permit| {
            visit::run(&port, &server, stream, peer, visitor);
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn visitors(&self) -> MutexGuard<'_, Visitors> {
        self.visitors.lock().unwrap_or_else(PoisonError::into_inner)
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
