//! A connection that is being opened, and can be given up meanwhile.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::certificate::Shown;
use crate::connection::answer::{ANSWER, ask};
use crate::error::{OpenError, Unopened};
use crate::link::Link;
use crate::link::address::{Address, service};
use crate::wire::{Handle, Opcode, Pages};
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
/// taken, the opening ends, wherever it stands: look-up, TCP, TLS or handshake. The drop does not wait for that. A look-up
/// cannot be cut short, so the service keeps two threads for it until it returns.
#[derive(Debug)]
#[must_use = "the opening is given up when it is dropped"]
pub struct Opening {
    address: Address,
    /// There is nothing left to give up: the connection was taken, or there is none.
    over: AtomicBool,
}

impl Websocket {
    /// Begins to open a connection and returns at once, so that the opening can be given up: by dropping it, or by
    /// another thread.
    ///
    /// # Errors
    /// Those that are known before anybody is asked, such as `NoWorker`. [`Opening::wait`] has all others.
    pub fn opening(request: &Request<'_>) -> Result<Opening, OpenError> {
        Opening::begin(request)
    }
}

impl Opening {
    fn begin(request: &Request<'_>) -> Result<Self, OpenError> {
        let cid = service().map_err(OpenError::Service)?;
        let mut pages = Pages::new(request.encoded_len());
        let len = request.write(pages.bytes_mut()).map_err(OpenError::Request)?;
        let whole = Address { cid, handle: Handle::SOLE };
        let reply = ask(whole, Opcode::Open, &mut pages, AT_ONCE, len).map_err(|unopened| unopened.error)?;
        Ok(Opening { address: Address { cid, handle: reply.handle }, over: AtomicBool::new(false) })
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
        let result = ask(self.address, Opcode::WaitOpen, &mut pages, 0, 0);
        let busy = [Code::BusyMessages, Code::BusyService, Code::BusyReceives];
        let goes_on = matches!(
            &result,
            Err(Unopened { error: OpenError::Failed { code, .. }, .. }) if busy.contains(code)
        );
        if !goes_on {
            self.over.store(true, SeqCst);
        }
        let reply = result?;
        Ok(Websocket::adopt(Link::new(self.address, reply.status, reply.sub_protocol, reply.head)))
    }

    /// Gives the opening up. A thread that waits for it is told so at once. Does nothing once `wait` has returned.
    pub fn cancel(&self) {
        if !self.over.swap(true, SeqCst) {
            self.address.tell(Opcode::Close, 0, 0);
        }
    }

    /// The connection's name in raw messages.
    pub fn handle(&self) -> Handle {
        self.address.handle
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.cancel();
    }
}
