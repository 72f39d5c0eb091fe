//! What the owner of a connection can do while it is opened again.

use crate::error::{ControlError, ReceiveError, RequestError};
use crate::sync::lock;
use crate::wire::{Opcode, Pages};
use crate::{Code, Event, Request, Websocket};

impl Websocket {
    /// Waits for the next message, or for word that the connection is opened again or open again, in the order in which
    /// that happened. For connections with [`Request::reconnect`]; [`Websocket::receive`] and its like pass over such word.
    ///
    /// # Errors
    /// `Closed` when the connection has ended for good.
    pub fn receive_event(&self) -> Result<Event<'_>, ReceiveError> {
        Event::next(&self.link, lock(&self.link.incoming))
    }

    /// Makes the next attempt to open the connection again now.
    ///
    /// # Errors
    /// `Closed` if no attempt is waited for.
    pub fn reconnect_now(&self) -> Result<(), ControlError> {
        self.control(Opcode::ReconnectNow)
    }

    /// Stops opening the connection again. If it is not open at the moment, it is closed, and the receiver is told how it ended
    /// last.
    ///
    /// # Errors
    /// `Closed` if it is no connection that is opened again.
    pub fn reconnect_stop(&self) -> Result<(), ControlError> {
        self.control(Opcode::ReconnectStop)
    }

    /// Uses this request from the next attempt on, for example with new headers or credentials. If
    /// the service has asked for it, this is the answer. What the request says of limits and deadlines, of the lease and of
    /// opening again is not changed.
    ///
    /// # Errors
    /// `Closed` if it is no connection that is opened again, or not any more; `Refused` with the code: `BadRequest` if it cannot
    /// be sent, `Reconnecting` while an attempt is on. The request before stays then, and the service still waits for the answer.
    pub fn reconnect_with(&self, request: &Request<'_>) -> Result<(), ControlError> {
        let mut pages = Pages::new(request.encoded_len());
        let len = request.write(pages.bytes_mut()).map_err(|error| match error {
            RequestError::TooMany => ControlError::Refused(Code::BadRequest),
            RequestError::TooLong => ControlError::Refused(Code::TooLong),
        })?;
        let returned = pages
            .lend(self.link.address().cid, self.link.address().id(Opcode::ReconnectWith), 0, len)
            .map_err(|_| ControlError::Kernel)?;
        match returned.offset {
            0 => Ok(()),
            code => Err(ControlError::from_code(Code::from_word(code))),
        }
    }

    fn control(&self, opcode: Opcode) -> Result<(), ControlError> {
        match self.link.address().ask(opcode, 0)? {
            (usize::MAX, code) => Err(ControlError::from_code(Code::from_word(code))),
            _ => Ok(()),
        }
    }
}
