//! What comes on a connection that is opened again.

use std::time::Duration;

use crate::error::Closed;
use crate::wire::{Reconnecting, Reply, Status};
use crate::{Code, Message};

/// What [`Websocket::receive_event`](crate::Websocket::receive_event) returns.
///
/// ```no_run
/// use xous_api_websocket::{Event, Websocket};
///
/// fn show(ws: &Websocket) -> Result<(), Box<dyn std::error::Error>> {
///     loop {
///         match ws.receive_event()? {
///             Event::Message(message) => println!("{}", message.into_text(4096)?),
///             Event::Reconnecting { closed, wait, .. } => println!("{closed}; again in {wait:?}"),
///             Event::Reopened { .. } => ws.send_text("subscribe")?,
///             _ => (),
///         }
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The next message.
    Message(Message<'a>),
    /// The connection has ended, or an attempt to open it again has failed, and there will be another one.
    Reconnecting {
        /// Why: of an attempt the code with which an opening fails; of a connection that was open
        /// [`NoPong`](Code::NoPong) or [`Closed`](Code::Closed).
        why: Code,
        /// How it ended, and a text for people.
        closed: Closed,
        /// How long it is until the next attempt.
        wait: Duration,
        /// Which one it is in a row, from 1.
        attempt: u32,
        /// The service waits then for [`Websocket::reconnect_with`](crate::Websocket::reconnect_with)
        /// ([`Reconnect::asks`](crate::Reconnect::asks)).
        asks: bool,
    },
    /// The connection is open again.
    Reopened {
        /// The sub-protocol that the server chose.
        sub_protocol: Option<String>,
        /// The server's status line and headers, at most 4 KiB.
        head: Vec<u8>,
    },
}

impl Event<'_> {
    /// From the page that came with this status; `None` if it is no such thing.
    pub(crate) fn parse(status: Status, page: &[u8]) -> Option<Self> {
        match status {
            Status::Reconnecting => {
                let Reconnecting { code, close, wait, attempt, asks, reason } = Reconnecting::parse(page)?;
                Some(Event::Reconnecting {
                    why: code,
                    closed: Closed::new(close, reason),
                    wait,
                    attempt,
                    asks,
                })
            }
            Status::Reopened => {
                let Reply { sub_protocol, head, .. } = Reply::parse(page)?;
                Some(Event::Reopened { sub_protocol: sub_protocol.map(str::to_owned), head: head.to_vec() })
            }
            _ => None,
        }
    }
}
