//! The threads that wait for clients, one per port.
//!
//! The thread of a port that is given up ends only when it notices. Until then the thread is taken and the address
//! bound. So a port that is asked for meanwhile follows on the same thread.

use std::sync::Arc;
use std::time::Duration;

use super::admission::admission::Host;
use super::certificates::warn_of_expiry;
use super::port::{NotBound, OnBound, Port};
use super::reception::Reception;
use super::shared::Shared;
use crate::net::{BindError, TcpListener, bind};
use crate::service::limits::PORT_THREADS;
use crate::service::thread::{Note, Permit, Pool, note};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The first and the longest wait between two tries to bind.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The threads.
pub(crate) struct Acceptors {
    pool: Arc<Pool>,
    /// Threads that workers have made room for.
    extra: AtomicUsize,
    running: Mutex<Vec<Running>>,
}

struct Running {
    port: Arc<Port>,
    /// Comes after it.
    next: Option<Arc<Port>>,
}

impl Acceptors {
    /// For at most `most` ports.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Acceptors { pool: Pool::new(most), extra: AtomicUsize::new(0), running: Mutex::default() })
    }

    /// Has a thread bind the port and wait for its clients. It is a free thread, or one whose port is closed.
    pub(crate) fn start(self: &Arc<Self>, shared: &Arc<Shared>, port: Arc<Port>) {
        let mut running = self.running.lock();
        if let Some(before) = running.iter_mut().find(|one| one.ends() && one.port.is_at(&port.settings)) {
            before.next = Some(port);
            return;
        }
        if let Some(permit) = self.pool.reserve() {
            running.push(Running { port: port.clone(), next: None });
            // The thread stays, so that its room does not come back.
            if running.len() > PORT_THREADS + self.extra.load(Relaxed) {
                self.extra.fetch_add(1, Relaxed);
                shared.pool.shrink();
            }
            drop(running);
            return self.run(shared, port, permit);
        }
        if let Some(before) = running.iter_mut().find(|one| one.ends()) {
            before.next = Some(port);
            return;
        }
        drop(running);
        refuse(&port);
    }

    fn run(self: &Arc<Self>, shared: &Arc<Shared>, port: Arc<Port>, permit: Permit) {
        let (own, shared, started) = (self.clone(), shared.clone(), port.clone());
        let result = permit.run(move |permit| own.work(&shared, started, permit));
        if result.is_err() {
            note(Note::NoThread);
            self.running.lock().retain(|one| !Arc::ptr_eq(&one.port, &port));
            refuse(&port);
        }
    }

    fn work(&self, shared: &Arc<Shared>, mut port: Arc<Port>, permit: Permit) {
        shared.port_threads.store(self.pool.counts().1, Relaxed);
        let mut permit = Some(permit);
        loop {
            let in_use = serve(&port, shared);
            let next = self.next(&port, &mut permit);
            // Who learns of it may count on the thread.
            in_use.into_iter().for_each(|tried| tried(Err(NotBound::InUse)));
            match next {
                Some(next) => port = next,
                None => return,
            }
        }
    }

    /// What comes after `port`; with nothing the thread is free, before anybody else can look.
    fn next(&self, port: &Arc<Port>, permit: &mut Option<Permit>) -> Option<Arc<Port>> {
        let mut running = self.running.lock();
        let at = running.iter().position(|one| Arc::ptr_eq(&one.port, port));
        if let Some(one) = at.and_then(|at| running.get_mut(at))
            && let Some(next) = one.next.take()
        {
            one.port = next.clone();
            return Some(next);
        }
        if let Some(at) = at {
            running.swap_remove(at);
        }
        permit.take();
        None
    }
}

impl Running {
    /// Whether its thread is about to end and nothing follows yet.
    fn ends(&self) -> bool {
        self.next.is_none() && self.port.is_closed()
    }
}

/// Binds a port, and serves its clients until it is closed. While it cannot be bound, tries again, less and less
/// often. If another program has it at the first try, closes the port and returns those who are to be told.
fn serve(port: &Arc<Port>, shared: &Arc<Shared>) -> Vec<OnBound> {
    let mut wait = RETRY.0;
    while !port.is_closed() {
        match bind(port.settings.address, port.settings.port) {
            Ok(listener) => {
                wait = RETRY.0;
                if port.bound(&listener) {
                    warn_of_expiry(port);
                    accept(port, shared, &listener);
                }
                port.unbound();
            }
            Err(error) => {
                log::warn!("port {} cannot be bound: {error}", port.settings.port);
                let in_use = matches!(error, BindError::InUse);
                let waiting = port.failed(in_use);
                if port.is_closed() {
                    return waiting;
                }
                waiting.into_iter().for_each(|tried| tried(Err(NotBound::Retrying)));
            }
        }
        if port.wait_closed(wait) {
            wait = (wait * 2).min(RETRY.1);
        }
    }
    Vec::new()
}

fn accept(port: &Arc<Port>, shared: &Arc<Shared>, listener: &TcpListener) {
    let host: Arc<dyn Host> = Arc::new(Reception { port: port.clone(), shared: shared.clone() });
    loop {
        let (stream, peer) = match listener.accept() {
            Ok(client) => client,
            Err(error) => {
                log::warn!("port {}: {error}", port.settings.port);
                return;
            }
        };
        if port.is_closed() {
            return;
        }
        shared.admission.arrive(&host, stream, peer);
    }
}

fn refuse(port: &Port) {
    port.failed(true).into_iter().for_each(|tried| tried(Err(NotBound::NoThread)));
}
