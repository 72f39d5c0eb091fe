//! A wire between a client and a server that has one fault, behind so many bytes of one way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use socket2::SockRef;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both connections end.
    Cut,
    /// Both connections are reset.
    Reset,
    /// Nothing passes any more this way, and nothing of it is read.
    Stall,
    /// This way ends; the other goes on.
    HalfClose,
}

/// Every fault.
pub(crate) const FAULTS: [Fault; 4] = [Fault::Cut, Fault::Reset, Fault::Stall, Fault::HalfClose];

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// Both.
pub(crate) const WAYS: [Way; 2] = [Way::ToServer, Way::ToClient];

/// A fault behind so many bytes of a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) way: Way,
    pub(crate) after: usize,
    pub(crate) fault: Fault,
}

/// The wire, for one connection. When it is dropped both ends of it are closed.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    wire: Arc<Wire>,
    carrying: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Wire {
    plan: Option<Plan>,
    /// What has passed, to the server and to the client.
    passed: [Mutex<Vec<u8>>; 2],
    sockets: Mutex<Vec<TcpStream>>,
    /// Somebody has connected.
    is_taken: AtomicBool,
    is_reset: AtomicBool,
    is_over: AtomicBool,
}

impl Proxy {
    /// A wire to a port of this machine, with a fault or without.
    pub(crate) fn start(server: u16, plan: Option<Plan>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Arc::new(Wire { plan, ..Wire::default() });
        let carrying = std::thread::spawn({
            let wire = wire.clone();
            move || {
                let (client, _) = listener.accept().unwrap();
                wire.is_taken.store(true, SeqCst);
                drop(listener);
                wire.connect(client, server);
            }
        });
        Proxy { port, wire, carrying: Some(carrying) }
    }

    /// What has passed so far.
    pub(crate) fn passed(&self) -> [Vec<u8>; 2] {
        WAYS.map(|way| lock(&self.wire.passed[way as usize]).clone())
    }

    /// What has passed when both sides have ended.
    pub(crate) fn passed_in_all(&mut self) -> [Vec<u8>; 2] {
        self.carrying.take().map(JoinHandle::join);
        self.passed()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let Some(carrying) = self.carrying.take() else { return };
        self.wire.is_over.store(true, SeqCst);
        self.wire.end(Shutdown::Both);
        if !self.wire.is_taken.load(SeqCst) {
            // Nobody has connected.
            TcpStream::connect(("127.0.0.1", self.port)).ok();
        }
        carrying.join().unwrap();
    }
}

impl Wire {
    /// Carries until both ways have ended.
    fn connect(&self, client: TcpStream, server: u16) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
        for socket in [&client, &server] {
            socket.set_nodelay(true).unwrap();
            // A peer that does not read holds nobody up for ever.
            socket.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        }
        *lock(&self.sockets) = [&client, &server].map(|socket| socket.try_clone().unwrap()).into();
        if self.is_over.load(SeqCst) {
            self.end(Shutdown::Both);
        }
        std::thread::scope(|scope| {
            scope.spawn(|| self.carry(Way::ToServer, &client, &server));
            self.carry(Way::ToClient, &server, &client);
        });
        lock(&self.sockets).clear();
    }

    fn carry(&self, way: Way, mut from: &TcpStream, mut to: &TcpStream) {
        let plan = self.plan.filter(|plan| plan.way == way);
        let mut buffer = vec![0; 16 * 1024];
        let mut passed = 0;
        loop {
            let rest = plan.map_or(usize::MAX, |plan| plan.after - passed);
            if let Some(plan) = plan
                && rest == 0
            {
                return self.strike(plan.fault, from, to);
            }
            let most = buffer.len().min(rest);
            match from.read(&mut buffer[..most]) {
                Ok(len @ 1..) => {
                    passed += len;
                    // Before they are there, as whoever has them may look.
                    lock(&self.passed[way as usize]).extend(&buffer[..len]);
                    if to.write_all(&buffer[..len]).is_err() {
                        return self.end(Shutdown::Both);
                    }
                }
                Ok(0) | Err(_) if self.is_reset.load(SeqCst) => return,
                Ok(0) => {
                    to.shutdown(Shutdown::Write).ok();
                    return;
                }
                Err(_) => return self.end(Shutdown::Both),
            }
        }
    }

    fn strike(&self, fault: Fault, from: &TcpStream, to: &TcpStream) {
        match fault {
            Fault::Cut => self.end(Shutdown::Both),
            Fault::Reset => {
                // A socket that is closed like this sends a reset, and no end before it.
                for socket in [from, to] {
                    SockRef::from(socket).set_linger(Some(Duration::ZERO)).ok();
                }
                self.is_reset.store(true, SeqCst);
                // Sends nothing, and ends the other way's wait.
                self.end(Shutdown::Read);
            }
            Fault::Stall => {
                // Until one of both has gone.
                let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
                let mut sockets = [from, to].map(|socket| PollFd::new(socket, gone));
                while poll(&mut sockets, None) == Err(rustix::io::Errno::INTR) {}
                self.end(Shutdown::Both);
            }
            Fault::HalfClose => {
                to.shutdown(Shutdown::Write).ok();
                // What still comes this way goes nowhere.
                std::io::copy(&mut { from }, &mut std::io::sink()).ok();
            }
        }
    }

    fn end(&self, how: Shutdown) {
        lock(&self.sockets).iter().for_each(|socket| drop(socket.shutdown(how)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
