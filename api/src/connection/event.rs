//! What comes on a connection that is opened again.

use std::sync::MutexGuard;
use std::time::Duration;

use crate::error::{Closed, ReceiveError};
use crate::link::Link;
use crate::link::inbox::Inbox;
use crate::messages::message::{Next, receive};
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
        /// The time until the next attempt.
        wait: Duration,
        /// The number of the attempt since the connection was lost, from 1.
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

impl<'a> Event<'a> {
    /// Waits for the next message, or for what else comes.
    pub(crate) fn next(link: &'a Link, mut inbox: MutexGuard<'a, Inbox>) -> Result<Self, ReceiveError> {
        match receive(link, &mut inbox, None)? {
            Next::Chunk(kind, last, end) => Ok(Event::Message(Message::of(link, inbox, kind, last, end))),
            Next::Else(came) => {
                let page = inbox.bytes().get(..came.len).unwrap_or_default();
                Event::parse(came.word.status, page).ok_or(ReceiveError::Kernel)
            }
        }
    }

    /// From the page that came with this status; `None` if it is no such thing.
    fn parse(status: Status, page: &[u8]) -> Option<Self> {
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
