//! The way to the service, and to a connection of it.

use std::sync::{Mutex, OnceLock};

use xous::CID;
use xous_api_names::XousNames;

use crate::error::{ControlError, SendError};
use crate::sync::lock;
use crate::wire::{Handle, Opcode, Pages, RestWord, SERVER_NAME, SendWord, message_id};
use crate::{Code, Kind, Part};

/// The receiver is gone (RFC 6455 section 7.4.1, "going away").
const GOING_AWAY: usize = 1001;

/// A connection by its name, and where the service is that has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address {
    pub(crate) cid: CID,
    pub(crate) handle: Handle,
}

impl Address {
    pub(crate) fn id(self, opcode: Opcode) -> usize {
        message_id(opcode, self.handle)
    }

    /// A blocking scalar with one argument and two words for an answer.
    pub(crate) fn ask(self, opcode: Opcode, argument: usize) -> Result<(usize, usize), ControlError> {
        let message = xous::Message::new_blocking_scalar(self.id(opcode), argument, 0, 0, 0);
        match xous::send_message(self.cid, message) {
            Ok(xous::Result::Scalar2(one, two)) => Ok((one, two)),
            Ok(xous::Result::Scalar1(one)) => Ok((one, 0)),
            _ => Err(ControlError::Kernel),
        }
    }

    /// Sends a message or a part of one, and returns the number of the session on which it went out. The rest of a message is
    /// sent on this `session` alone, unless that is 0.
    pub(crate) fn send(
        self,
        pages: &Pages,
        (kind, part): (Kind, Part),
        session: usize,
        len: usize,
    ) -> Result<usize, SendError> {
        let rest = RestWord::new(part, session).map(RestWord::to_word);
        let word = rest.unwrap_or_else(|| SendWord::Data(kind, part).to_word());
        self.lend_send(pages, word, len)
    }

    /// Lends a `Send`. Returns the number of the session on which it went out; 0 if there are no others.
    pub(crate) fn lend_send(self, pages: &Pages, word: usize, len: usize) -> Result<usize, SendError> {
        let returned =
            pages.lend(self.cid, self.id(Opcode::Send), word, len).map_err(|_| SendError::Kernel)?;
        match returned.offset {
            0 => Ok(returned.valid),
            code => Err(SendError::from_code(Code::from_word(code))),
        }
    }

    /// A scalar with two arguments that is not waited for. What has ended needs to hear nothing.
    pub(crate) fn tell(self, opcode: Opcode, one: usize, two: usize) {
        xous::send_message(self.cid, xous::Message::new_scalar(self.id(opcode), one, two, 0, 0)).ok();
    }

    /// Closes a connection that nobody receives, without waiting for it.
    pub(crate) fn going_away(self) {
        self.tell(Opcode::Close, GOING_AWAY, 0);
    }
}

/// The connection to the service. It is made once and kept, as a CID that is given back soon belongs to another
/// server.
pub(crate) fn service() -> Result<CID, xous::Error> {
    static SERVICE: OnceLock<(XousNames, CID)> = OnceLock::new();
    static CONNECTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = lock(&CONNECTING);
    if let Some(&(_, cid)) = SERVICE.get() {
        return Ok(cid);
    }
    let names = XousNames::new()?;
    let cid = names.request_connection_blocking(SERVER_NAME)?;
    SERVICE.set((names, cid)).ok();
    Ok(cid)
}
