//! Who has asked for the end of a connection, and how they are told.

use xous_api_websocket::Code;
use xous_api_websocket::state::Phase;

use super::outcome::Outcome;
use crate::service::message::{Lent, Scalar};

/// Who waits for the end of a connection.
pub(crate) enum Closer {
    /// A blocking scalar.
    Scalar(Scalar),
    /// A lent page.
    Page(Lent),
}

impl Closer {
    /// Somebody waits, and is counted among those who do.
    pub(crate) fn may_wait(&self) -> bool {
        match self {
            Closer::Scalar(scalar) => scalar.is_held(),
            Closer::Page(page) => page.is_held() && !page.is_moved(),
        }
    }

    /// Answers with how the connection ended.
    pub(crate) fn tell(self, outcome: &Outcome) {
        match self {
            Closer::Scalar(scalar) => scalar.answer2(usize::from(outcome.code), Phase::Closed as usize),
            Closer::Page(page) => page.answer(outcome.word(), 0),
        }
    }

    /// Answers that there is no such connection: close code 0 in a page.
    pub(crate) fn refuse(self) {
        match self {
            Closer::Scalar(scalar) => scalar.refuse(Code::Closed),
            Closer::Page(page) => page.answer(Outcome::new(0, "").word(), 0),
        }
    }
}
