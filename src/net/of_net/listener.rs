//! A socket that listens.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;

use xous::CID;
use xous_api_websocket::wire::{PAGE_SIZE, Pages};

use super::message::{self, ACCEPT, LISTEN};
use super::stream::TcpStream;
use super::{net, no_net};

/// Listens on all addresses of the device, whichever it was told (xous-core, `std_tcp_listen`).
pub(crate) struct TcpListener {
    net: CID,
    address: SocketAddr,
    /// Becomes the connection's when one comes, so that another one has to listen. There is none while that has failed.
    socket: Cell<Option<TcpStream>>,
}

impl TcpListener {
    /// Listens on a port, or on any if it is 0.
    pub(crate) fn bind(mut address: SocketAddr) -> io::Result<Self> {
        let net = net()?;
        let (socket, port) = listen(net, &address)?;
        address.set_port(port);
        Ok(TcpListener { net, address, socket: Cell::new(Some(socket)) })
    }

    /// Where it listens.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    /// Waits for a connection, and listens anew. While it does not, others are refused.
    pub(crate) fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let listening = match self.socket.take() {
            Some(socket) => socket,
            None => listen(self.net, &self.address)?.0,
        };
        let mut pages = Pages::new(PAGE_SIZE);
        if let Some(waits) = pages.bytes_mut().first_mut() {
            *waits = 1;
        }
        listening.ask(&mut pages, ACCEPT)?;
        message::accepted(pages.bytes())?;
        // It fails again when somebody asks for the next.
        self.socket.set(listen(self.net, &self.address).ok().map(|(socket, _)| socket));
        Ok((listening, message::peer(pages.bytes())?))
    }
}

fn listen(net: CID, address: &SocketAddr) -> io::Result<(TcpStream, u16)> {
    let mut pages = Pages::new(PAGE_SIZE);
    message::write_listen(pages.bytes_mut(), address);
    pages.lend_mut(net, LISTEN, 0, PAGE_SIZE, PAGE_SIZE).map_err(no_net)?;
    let (socket, port) = message::listening(pages.bytes())?;
    Ok((TcpStream::of(net, socket), port))
}
