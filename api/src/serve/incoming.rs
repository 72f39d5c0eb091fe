//! A client that has come to a port, as the program takes it.

use xous::{CID, MessageEnvelope};

use crate::certificate::Subject;
use crate::error::AcceptError;
use crate::link::Link;
use crate::link::address::{Address, service};
use crate::wire::{Accepted, Handle, Opcode, Pages, lent, message_id};
use crate::{Code, Websocket, serve::Decision};

/// A connection that a client has opened.
///
/// ```no_run
/// use xous_api_websocket::{Listener, error::AcceptError};
///
/// fn greet(listener: &Listener) -> Result<(), AcceptError> {
///     loop {
///         let client = listener.accept()?;
///         println!("{} asks for {}", client.peer, client.path);
///         if client.websocket.send_text("welcome").is_err() {
///             println!("and is gone");
///         }
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "the connection closes when it is dropped"]
pub struct Incoming {
    /// The connection. This process owns it.
    pub websocket: Websocket,
    /// The number of the route that it came by.
    pub route: u16,
    /// The peer's address and port.
    pub peer: String,
    /// The path of the request as it was sent. Percent-encoding is undone only to find the route.
    pub path: String,
    /// The query, behind the `?`, if there was one.
    pub query: Option<String>,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// The subject of the client's certificate as a [`Subject`] has it, if the port asks for one.
    pub subject: Option<Vec<u8>>,
}

impl Incoming {
    /// Takes up a connection from the page of an answered `Accept`, or of a client that was
    /// [forwarded](crate::Listener::forward_to). Returns `None` if the page holds no connection or the service is not
    /// running. A page stands for one connection: take it up once.
    pub fn from_page(page: &[u8]) -> Option<Incoming> {
        Self::from_page_if(page, |_| Decision::accept()).ok()?
    }

    /// As [`Incoming::from_page`], but `decide` is asked about a client whose route [decides](crate::Route::decides()).
    /// Returns `None` also for one that is not let in or has gone.
    ///
    /// # Errors
    /// See [`AcceptError`]; `Refused(BadRequest)` for a decision that cannot be sent.
    pub fn from_page_if<'d>(
        page: &[u8],
        decide: impl FnMut(&Accepted<'_>) -> Decision<'d>,
    ) -> Result<Option<Incoming>, AcceptError> {
        let Some(accepted) = Accepted::parse(page) else { return Ok(None) };
        Self::decided(service().map_err(|_| AcceptError::Kernel)?, &accepted, decide)
    }

    /// As [`Incoming::from_page`], for a client that was [forwarded](crate::Listener::forward_to) to a server of this
    /// process.
    ///
    /// # Errors
    /// `Closed` if the message says that the listener has been given up: nothing more comes. `Busy` or `Refused` if it says
    /// that forwarding has ended for another reason.
    pub fn from_envelope(envelope: &MessageEnvelope) -> Result<Option<Incoming>, AcceptError> {
        match lent(envelope) {
            Some((0, page)) => Ok(Self::from_page(page)),
            Some((code, _)) => Err(AcceptError::from_code(Code::from_word(code))),
            None => Ok(None),
        }
    }

    /// The common name in the client's certificate, which the service has checked.
    pub fn certificate_name(&self) -> Option<&str> {
        Subject(self.subject.as_deref()?).common_name()
    }

    /// Has `decide` decide, if nothing is decided. `None` if the client is not let in or has gone.
    pub(crate) fn decided<'d>(
        cid: CID,
        accepted: &Accepted<'_>,
        mut decide: impl FnMut(&Accepted<'_>) -> Decision<'d>,
    ) -> Result<Option<Incoming>, AcceptError> {
        if !accepted.undecided {
            return Ok(Some(Self::new(cid, accepted)));
        }
        let decision = decide(accepted);
        let code = match tell(cid, accepted.handle, &decision) {
            // The client gets an answer at once, and not when the service has waited for one.
            Err(AcceptError::Refused(code)) => {
                tell(cid, accepted.handle, &Decision::refuse(500, "")).ok();
                return Err(AcceptError::Refused(code));
            }
            told => told?,
        };
        match code {
            None if decision.is_accept() => Ok(Some(Self::new(cid, accepted))),
            // It has gone, or no worker was free for it.
            None | Some(Code::Closed | Code::NoWorker) => Ok(None),
            Some(code) => Err(AcceptError::from_code(code)),
        }
    }

    fn new(cid: CID, accepted: &Accepted<'_>) -> Incoming {
        let link =
            Link::new(Address { cid, handle: accepted.handle }, 101, accepted.sub_protocol, accepted.head);
        Incoming {
            websocket: Websocket::adopt(link),
            route: accepted.route,
            peer: accepted.peer.to_owned(),
            path: accepted.path.to_owned(),
            query: accepted.query.map(str::to_owned),
            origin: accepted.origin.map(str::to_owned),
            subject: accepted.subject.map(|Subject(name)| name.to_vec()),
        }
    }
}

/// Sends a decision. Returns why the service has not carried it out.
///
/// # Errors
/// It cannot be sent to the service.
fn tell(cid: CID, connection: Handle, decision: &Decision<'_>) -> Result<Option<Code>, AcceptError> {
    let mut pages = Pages::new(decision.encoded_len().min(Decision::MAX_LEN));
    let written = decision.write(pages.bytes_mut());
    let len = written.map_err(|_| AcceptError::Refused(Code::TooLong))?;
    let id = message_id(Opcode::Decide, connection);
    let returned = pages.lend(cid, id, 0, len).map_err(|_| AcceptError::Kernel)?;
    Ok((returned.offset != 0).then(|| Code::from_word(returned.offset)))
}
