//! A page that the reader has begun to fill, and leaves in the inbox while it waits for the socket.

use xous_api_websocket::Kind;

use crate::service::limits::CARRIED;
use crate::service::message::Lent;

/// A page that holds a piece of a message.
pub(crate) struct Begun {
    pub(crate) page: Lent,
    /// Bytes of it that are filled.
    pub(crate) len: usize,
    pub(crate) kind: Kind,
    /// The piece begins the message.
    pub(crate) first: bool,
}

/// What the reader finds where it has left a page.
pub(crate) enum LaidDown {
    /// The page.
    Page(Lent),
    /// Nothing: the owner has it, with what it held.
    GoneOut,
    /// Nothing: the connection was handed over.
    HandedOver {
        /// How often it has been.
        owner: u32,
        /// The beginning of a message of which the former owner has got nothing.
        carried: Option<Vec<u8>>,
    },
}

impl Begun {
    /// Empties the page of an owner who has handed the connection over. What it held goes to the next one if it begins
    /// a message and is no more than is carried.
    pub(crate) fn empty(&mut self) -> Option<Vec<u8>> {
        let bytes = self.page.pages_mut().get_mut(..self.len).unwrap_or_default();
        let carried = (self.first && bytes.len() <= CARRIED).then(|| bytes.to_vec());
        bytes.fill(0);
        carried
    }
}
