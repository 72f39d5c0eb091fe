//! Where connections, ports and the service stand.

pub use crate::stats::Stats;

/// Where a connection stands.
#[derive(num_derive::FromPrimitive, num_derive::ToPrimitive, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Phase {
    /// It has ended, or was never the caller's.
    Closed = 0,
    /// It is being opened.
    Opening = 1,
    /// Messages pass.
    Open = 2,
    /// A Close frame was sent or has come.
    Closing = 3,
}

/// What [`Websocket::state`](crate::Websocket::state) reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionState {
    /// Where the connection stands.
    pub phase: Phase,
    /// How many queued sends ([`Websocket::send_async`](crate::Websocket::send_async)) have failed.
    pub failed_sends: usize,
}

/// Where a port stands.
#[derive(num_derive::FromPrimitive, num_derive::ToPrimitive, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum PortState {
    /// It has been given up, or was never the caller's.
    Closed = 0,
    /// It cannot be bound at the moment, for example without a network. The service keeps trying.
    Waiting = 1,
    /// Clients can connect.
    Listening = 2,
}

/// What [`Listener::state`](crate::Listener::state) reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerState {
    /// Where the port stands.
    pub port: PortState,
    /// Open connections of the port, plain requests included.
    pub connections: usize,
}
