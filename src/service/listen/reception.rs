//! A port as admission knows it: where its clients are served, and refused when there is no place for them.
//!
//! The port's thread refuses, and so does the timer those that have waited for nothing. Neither tells a client anything
//! itself: what is said to it and to the log waits for others, and so is up to the thread for refused clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::admission::admission::{ClientSlot, Host};
use super::admission::places::{Full, Places};
use super::http_client;
use super::port::Port;
use super::shared::Shared;
use crate::net::TcpStream;
use crate::service::limits::REFUSED_WAIT;
use crate::service::thread::Permit;

/// A port, and what its clients need of the service.
pub(crate) struct Reception {
    pub(crate) port: Arc<Port>,
    pub(crate) shared: Arc<Shared>,
}

impl Host for Reception {
    fn places(&self) -> &Arc<Places> {
        &self.port.places
    }

    fn serve(&self, stream: TcpStream, address: SocketAddr, slot: Arc<ClientSlot>, permit: &mut Permit) {
        http_client::run(&self.port, &self.shared, stream, address, slot, permit);
    }

    fn refuse(&self, stream: TcpStream, address: SocketAddr, why: Full) {
        // As long as one that says nothing is heard: behind it there is room.
        if let Some(untold) = self.hand_on(stream, address, why, REFUSED_WAIT) {
            drop(untold);
            self.port.refusals.count(why.reason());
        }
    }

    fn refuse_now(&self, stream: TcpStream, address: SocketAddr, why: Full) -> Option<TcpStream> {
        self.hand_on(stream, address, why, Duration::ZERO)
    }
}

impl Reception {
    /// Gives the client back if nobody can tell it within `wait`.
    fn hand_on(&self, stream: TcpStream, peer: SocketAddr, why: Full, wait: Duration) -> Option<TcpStream> {
        let (secure, reason, refusals) = (self.port.is_secure(), why.reason(), self.port.refusals.clone());
        self.shared.lingering.refuse(stream, !secure, wait, move |request| {
            // Before the client knows, so that whoever has heard of it from there finds it counted.
            refusals.count(reason);
            http_client::no_room(secure, peer, reason, request)
        })
    }
}
