//! A wire to a server that is cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Carries connections to a port of this machine, and ends all of them at one moment.
pub(crate) struct Wire {
    port: u16,
    state: Arc<State>,
}

struct State {
    server: u16,
    /// Bytes towards the server, of all connections, and after how many they are cut.
    carried: AtomicUsize,
    cut: usize,
    is_cut: AtomicBool,
    /// What does not come through from the server, and how often a connection was ended by that.
    needle: &'static [u8],
    cuts: AtomicUsize,
}

impl Wire {
    /// To `server`. The first connection that takes the bytes towards it past `cut` ends there.
    pub(crate) fn cut_after(server: u16, cut: usize) -> Self {
        Self::new(server, cut, "")
    }

    /// To `server`. A connection by which the server says this ends there, each time.
    pub(crate) fn cut_before(server: u16, text: &'static str) -> Self {
        Self::new(server, usize::MAX, text)
    }

    fn new(server: u16, cut: usize, needle: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (carried, cuts) = Default::default();
        let is_cut = AtomicBool::new(false);
        let state = Arc::new(State { server, carried, cut, is_cut, needle: needle.as_bytes(), cuts });
        let shared = state.clone();
        // Ends with the process.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                shared.connect(client.unwrap());
            }
        });
        Wire { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Bytes that have gone towards the server.
    pub(crate) fn carried(&self) -> usize {
        self.state.carried.load(Relaxed)
    }

    /// How often a connection was ended by what the server said.
    pub(crate) fn cuts(&self) -> usize {
        self.state.cuts.load(Relaxed)
    }
}

impl State {
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let server = TcpStream::connect(("127.0.0.1", self.server)).unwrap();
        let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let state = self.clone();
        std::thread::spawn(move || state.carry(client, server, true));
        let state = self.clone();
        std::thread::spawn(move || state.carry(back.0, back.1, false));
    }

    /// Until one side ends, or the cut; then both end.
    fn carry(&self, mut from: TcpStream, mut to: TcpStream, is_counted: bool) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            if is_counted
                && self.carried.fetch_add(len, Relaxed) + len > self.cut
                && !self.is_cut.swap(true, Relaxed)
            {
                break;
            }
            let needle = self.needle;
            if !is_counted && !needle.is_empty() && buffer[..len].windows(needle.len()).any(|at| at == needle)
            {
                self.cuts.fetch_add(1, Relaxed);
                break;
            }
            if to.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
    }
}
