//! Where connections, ports and the service stand.
//!
//! ```no_run
//! use xous_api_websocket::Websocket;
//! use xous_api_websocket::state::{Phase, Stats};
//!
//! fn look(ws: &Websocket) -> Result<(), Box<dyn std::error::Error>> {
//!     let state = ws.state()?;
//!     if state.phase == Phase::Open {
//!         println!("{} messages wait to be sent", state.queued_sends);
//!     }
//!     let stats = Stats::now()?;
//!     println!("{} of {} threads are busy", stats.workers_busy, stats.workers);
//!     Ok(())
//! }
//! ```

pub(crate) mod statistics;
mod stats;

use std::time::Duration;

pub use statistics::{PortStatistics, Refused, Statistics, Traffic};
pub use stats::Stats;

use crate::Code;

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
    /// Messages and parts that wait for the socket, waited for or not, by whichever thread.
    pub queued_sends: usize,
    /// Their bytes; of messages that are queued together, those of the pages that they fill.
    pub queued_bytes: usize,
    /// How many messages have failed that nobody waited for ([`Websocket::send_async`](crate::Websocket::send_async)), and of
    /// those that were [queued](crate::Websocket::queue) when the connection was closed.
    pub failed_sends: usize,
    /// Why the service has given the connection up, where there is a code for that: [`Code::NoPong`].
    pub end: Option<Code>,
    /// How long pings and their pongs take; `None` as long as no pong has come.
    pub round_trip: Option<RoundTrip>,
}

/// How long it takes until a pong answers a ping: of those that the service sends
/// ([`Deadlines::keepalive`](crate::Deadlines::keepalive)) and of [`Websocket::ping`](crate::Websocket::ping). In
/// microseconds; a device's clock has milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrip {
    /// The last one.
    pub last: Duration,
    /// The shortest.
    pub least: Duration,
    /// The mean of all.
    pub mean: Duration,
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

impl RoundTrip {
    /// These times.
    pub fn new(last: Duration, least: Duration, mean: Duration) -> Self {
        RoundTrip { last, least, mean }
    }
}

impl ConnectionState {
    /// From the five words that answer [`Opcode::Liveness`](crate::wire::Opcode::Liveness).
    pub(crate) fn from_words([phase, failed_sends, last, least, mean]: [usize; 5]) -> Self {
        let time = |word: usize| Duration::from_micros(word as u64);
        let end = (phase >> 8) & 0xff;
        ConnectionState {
            phase: num_traits::FromPrimitive::from_usize(phase & 0xff).unwrap_or(Phase::Closed),
            queued_sends: 0,
            queued_bytes: 0,
            failed_sends,
            end: (end > 0).then(|| Code::from_word(end)),
            round_trip: (last > 0).then(|| RoundTrip {
                last: time(last),
                least: time(least),
                mean: time(mean),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_read_as_they_are_documented() {
        let state = ConnectionState::from_words([2, 7, 0, 0, 0]);
        assert_eq!((state.phase, state.failed_sends), (Phase::Open, 7));
        assert_eq!((state.end, state.round_trip), (None, None));
        let state = ConnectionState::from_words([(Code::NoPong as usize) << 8, 0, 3000, 1000, 2000]);
        assert_eq!((state.phase, state.end), (Phase::Closed, Some(Code::NoPong)));
        let [last, least, mean] = [3, 1, 2].map(Duration::from_millis);
        assert_eq!(state.round_trip, Some(RoundTrip { last, least, mean }));
    }
}
