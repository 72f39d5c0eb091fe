//! A connection that is being opened, and can be given up meanwhile.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use xous::CID;

use crate::certificate::Shown;
use crate::connection::link::{Link, service};
use crate::connection::websocket::ANSWER;
use crate::error::{OpenError, Unopened};
use crate::wire::{Handle, Opcode, Pages, Refusal, Reply, message_id};
use crate::{Code, Request, Websocket};

/// In the `offset` of an `Open`: answer with the handle, before the connection is there.
const AT_ONCE: usize = 1;

/// A connection that is being opened.
///
/// ```no_run
/// use std::{sync::Arc, thread};
/// use xous_api_websocket::{Request, Websocket, error::OpenError};
///
/// fn open(button: impl FnOnce() + Send + 'static) -> Result<Websocket, OpenError> {
///     let opening = Arc::new(Websocket::opening(&Request::new("example.com", 80))?);
///     let other = Arc::clone(&opening);
///     thread::spawn(move || {
///         button(); // waits for the user
///         other.cancel();
///     });
///     opening.wait()
/// }
/// ```
///
/// Threads may share it: one waits, another gives the opening up. When it is dropped before the connection was
/// taken, the opening ends, wherever it stands: look-up, TCP, TLS or handshake. Nobody waits for that end. A look-up
/// cannot be cut short, so the service keeps two threads for it until it returns.
#[derive(Debug)]
#[must_use = "the opening is given up when it is dropped"]
pub struct Opening {
    cid: CID,
    handle: Handle,
    /// There is nothing left to give up: the connection was taken, or there is none.
    over: AtomicBool,
}

impl Opening {
    pub(crate) fn begin(request: &Request<'_>) -> Result<Self, OpenError> {
        let cid = service().map_err(OpenError::Service)?;
        let mut pages = Pages::new(request.encoded_len());
        let len = request.write(pages.bytes_mut()).map_err(OpenError::Request)?;
        let reply = ask(cid, &mut pages, message_id(Opcode::Open, Handle::SOLE), AT_ONCE, len)
            .map_err(|unopened| unopened.error)?;
        Ok(Opening { cid, handle: reply.handle, over: AtomicBool::new(false) })
    }

    /// Waits until the connection is open, has failed, was given up, or the request's open deadline is over.
    ///
    /// # Errors
    /// As [`Websocket::open`], and `Failed` with [`Code::Closed`] if the opening was given up, or if this has
    /// returned the connection or the error before. With `BusyMessages`, `BusyService` or `BusyReceives` (another
    /// thread waits) the opening goes on.
    pub fn wait(&self) -> Result<Websocket, OpenError> {
        self.wait_with(ANSWER).map_err(|unopened| unopened.error)
    }

    /// As [`Opening::wait`], and the error has what the server showed: see [`Websocket::open_or_show`].
    ///
    /// # Errors
    /// Those of [`Opening::wait`].
    pub fn wait_or_show(&self) -> Result<Websocket, Unopened> {
        self.wait_with(Shown::PAGE_BYTES)
    }

    fn wait_with(&self, room: usize) -> Result<Websocket, Unopened> {
        let mut pages = Pages::new(room);
        let id = message_id(Opcode::WaitOpen, self.handle);
        let result = ask(self.cid, &mut pages, id, 0, 0);
        let busy = [Code::BusyMessages, Code::BusyService, Code::BusyReceives];
        let goes_on = matches!(
            &result,
            Err(Unopened { error: OpenError::Failed { code, .. }, .. }) if busy.contains(code)
        );
        if !goes_on {
            self.over.store(true, SeqCst);
        }
        let reply = result?;
        Ok(Websocket::adopt(Link::new(self.cid, self.handle, reply.status, reply.sub_protocol, reply.head)))
    }

    /// Gives the opening up. A thread that waits for it is told so at once. Does nothing once `wait` has returned.
    pub fn cancel(&self) {
        if !self.over.swap(true, SeqCst) {
            let id = message_id(Opcode::Close, self.handle);
            xous::send_message(self.cid, xous::Message::new_scalar(id, 0, 0, 0, 0)).ok();
        }
    }

    /// The connection's name in raw messages.
    pub fn handle(&self) -> Handle {
        self.handle
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Lends all of the pages, whose first `len` bytes are the question, and reads the answer of an `Open`.
pub(crate) fn ask(
    cid: CID,
    pages: &mut Pages,
    id: usize,
    offset: usize,
    len: usize,
) -> Result<Reply<'_>, Unopened> {
    let lent = pages.bytes().len();
    let returned = pages.lend_mut(cid, id, offset, len, lent).map_err(OpenError::Service)?;
    let page = &pages.bytes()[..returned.valid];
    if returned.offset != 0 {
        let code = Code::from_word(returned.offset);
        let error = Refusal::parse(page).map_or(OpenError::code(code), |refusal| refusal.into_error(code));
        return Err(Unopened { error, shown: Shown::parse(page) });
    }
    Ok(Reply::parse(page).ok_or(OpenError::code(Code::Malformed))?)
}
