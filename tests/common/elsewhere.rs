//! Clients at other addresses of this machine: crowds of strangers, and somebody who means well.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::Scope;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// How often a stranger looks whether it is over.
const LOOK: Duration = Duration::from_millis(50);

/// Connects from this address to a port of 127.0.0.1.
pub(crate) fn connect_from(own: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((own, 0)).into())?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket.into())
}

/// One who comes again and again until it is told to stop.
pub(crate) struct Crowd {
    stop: AtomicBool,
    /// Connections that were made.
    pub(crate) came: AtomicUsize,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        Crowd { stop: AtomicBool::new(false), came: AtomicUsize::new(0) }
    }

    /// `size` clients from `address`: each sends `begin`, then one of `drops` every `pause`, over and over if there are any, reads what comes (one byte in each pause if it is `slow`), and connects anew when the connection has ended.
    pub(crate) fn gather<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        size: usize,
        address: Ipv4Addr,
        port: u16,
        way: Way,
    ) {
        for _ in 0..size {
            scope.spawn(move || {
                while !self.is_over() {
                    self.visit(address, port, way).ok();
                }
            });
        }
    }

    /// It ends.
    pub(crate) fn disperse(&self) {
        self.stop.store(true, Relaxed);
    }

    fn is_over(&self) -> bool {
        self.stop.load(Relaxed)
    }

    fn visit(&self, address: Ipv4Addr, port: u16, way: Way) -> io::Result<()> {
        let mut stream = connect_from(address, port)?;
        self.came.fetch_add(1, Relaxed);
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(way.begin.as_bytes())?;
        let mut drops = way.drops.as_bytes().iter().cycle();
        let mut buffer = vec![0; if way.slow { 16 } else { 4096 }];
        while !self.is_over() {
            if let Some(byte) = drops.next() {
                stream.write_all(&[*byte])?;
            }
            if way.slow {
                // A pace, not a wait for anything.
                std::thread::sleep(LOOK);
            }
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => (),
                Err(error)
                    if [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind()) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What a stranger does.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    /// Sends this at once.
    pub(crate) begin: &'static str,
    /// And these bytes one by one, over and over.
    pub(crate) drops: &'static str,
    /// Takes what it gets slowly.
    pub(crate) slow: bool,
}

impl Way {
    /// Says nothing.
    pub(crate) const SILENT: Way = Way { begin: "", drops: "", slow: false };
}
