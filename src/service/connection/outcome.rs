//! How a connection ended, and who is told.

use xous_api_websocket::Code;
use xous_api_websocket::error::Closed;
use xous_api_websocket::wire::{ReceiveWord, Status};

use crate::proto::MAX_CLOSE_TEXT;
use crate::service::message::Lent;

/// The peer vanished without a Close frame (RFC 6455 section 7.1.5).
pub(crate) const ABNORMAL: u16 = 1006;

/// The peer's Close frame had no code.
pub(crate) const NO_CODE: u16 = 1005;

/// A close code and the reason that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The peer's code, 1005 if it gave none; ours if we failed the connection; 1006 if it broke.
    pub(crate) code: u16,
    /// The peer's text, at most 123 bytes, or ours.
    pub(crate) reason: Box<str>,
    /// Why this side gave it up, where there is a code for that.
    pub(crate) why: Option<Code>,
    /// The peer has closed it.
    pub(crate) by_peer: bool,
}

impl Outcome {
    pub(crate) fn new(code: u16, reason: &str) -> Self {
        Outcome { code, reason: reason.into(), why: None, by_peer: false }
    }

    /// As a program is told.
    pub(crate) fn told(self) -> Closed {
        Closed::new(self.code, self.reason)
    }

    /// The word that says so.
    pub(crate) fn word(&self) -> usize {
        ReceiveWord::new(Status::Closed { code: self.code }).to_word()
    }

    /// Answers a `Receive` or a `Close` with it.
    pub(crate) fn tell(&self, mut page: Lent) {
        let reason = self.reason.as_bytes();
        let space = page.pages_mut();
        let len = reason.len().min(space.len());
        space[..len].copy_from_slice(&reason[..len]);
        page.answer(self.word(), len);
    }
}

/// The beginning of a text, no longer than that of a Close frame may be.
pub(crate) fn cut(text: Box<str>) -> Box<str> {
    if text.len() <= MAX_CLOSE_TEXT {
        return text;
    }
    let end = (0..=MAX_CLOSE_TEXT).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text[..end].into()
}
