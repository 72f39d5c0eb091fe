//! How sockets end. In a strict network one that is closed lives on without an owner, until its peer has ended too.

use std::{collections::BTreeMap, net::Shutdown};

use super::{NOBODY, SocketId, Sockets, Stream};
use crate::net::host;

impl Sockets {
    /// Whether a stream's own side has not ended, nor has the connection.
    pub(in crate::net) fn may_send(&self, socket: SocketId) -> bool {
        match self.streams.get(&socket) {
            Some(Stream::Host(stream)) => host::may_send(stream),
            Some(Stream::Inside(stream)) => stream.may_write(),
            Some(Stream::Peer(_)) => true,
            None => false,
        }
    }

    /// Sends the FIN, if this side has not ended before.
    pub(in crate::net) fn send_end(&mut self, socket: SocketId) {
        if self.may_send(socket) {
            self.shut_down(socket, Shutdown::Write);
            self.event = true;
        }
    }

    /// Whether the peer of a stream that has sent its FIN has not.
    pub(in crate::net) fn is_open(&self, socket: SocketId) -> bool {
        match self.streams.get(&socket) {
            Some(Stream::Host(stream)) => !host::has_ended(stream),
            Some(Stream::Inside(stream)) => !stream.peer_has_ended(),
            Some(Stream::Peer(_)) | None => false,
        }
    }

    /// Gives a socket to nobody, by another number, so that its own is free.
    pub(in crate::net) fn disown(&mut self, socket: SocketId) -> Option<SocketId> {
        if !self.has(socket) {
            return None;
        }
        let orphan =
            (0..=u16::MAX).map(|number| SocketId { pid: NOBODY, number }).find(|id| !self.has(*id))?;
        rename(&mut self.streams, socket, orphan);
        rename(&mut self.local_ports, socket, orphan);
        rename(&mut self.options, socket, orphan);
        rename(&mut self.listening, socket, orphan);
        rename(&mut self.seen, socket, orphan);
        if self.accepted.remove(&socket) {
            self.accepted.insert(orphan);
        }
        Some(orphan)
    }

    /// Closes a stream or a listener; a port closes with its last listener.
    pub(in crate::net) fn close(&mut self, socket: SocketId) {
        self.event |= self.streams.remove(&socket).is_some();
        self.local_ports.remove(&socket);
        self.options.remove(&socket);
        self.seen.remove(&socket);
        self.accepted.remove(&socket);
        if let Some(closed) = self.listening.remove(&socket)
            && !self.listening.values().any(|other| other.port == closed.port)
        {
            self.ports.remove(&closed.port);
        }
    }

    /// Whether a stream holds bytes that its peer has no room for.
    pub(in crate::net) fn has_unsent(&self, socket: SocketId) -> bool {
        matches!(self.streams.get(&socket), Some(Stream::Inside(stream)) if stream.has_unsent())
    }

    /// Ends this side of accepted connections whose other side has ended.
    pub(super) fn answer_ends(&mut self) {
        let streams = &self.streams;
        self.accepted.retain(|socket| match streams.get(socket) {
            Some(Stream::Host(stream)) if host::has_ended(stream) => {
                drop(stream.shutdown(Shutdown::Write));
                false
            }
            Some(Stream::Inside(stream)) if stream.peer_has_ended() => {
                stream.end_writing();
                false
            }
            stream => stream.is_some(),
        });
    }
}

fn rename<V>(sockets: &mut BTreeMap<SocketId, V>, from: SocketId, to: SocketId) {
    if let Some(value) = sockets.remove(&from) {
        sockets.insert(to, value);
    }
}
