//! Who waits for an opening, and what came of it until somebody asks.

use xous_api_websocket::Code;
use xous_api_websocket::wire::{Handle, Reply};

use super::failure::Failure;
use crate::service::limits::HEAD_KEPT;
use crate::service::message::Lent;

/// Of a connection that is being opened. All of it is under the connection's lock; what is to be answered is handed out, to
/// be answered outside of it.
#[derive(Default)]
pub(super) struct Opener {
    /// The `Open` or `WaitOpen` that waits to be answered.
    page: Option<Lent>,
    /// The owner has the handle and will ask what came of it.
    later: bool,
    /// That, until then.
    kept: Option<Box<OpeningResult>>,
    /// Whom the opening waits for.
    place: String,
    /// The owner knows that the opening has failed.
    refused: bool,
    /// The server has refused. The worker says so as soon as it has what comes with it.
    answered: bool,
}

/// What came of an opening.
pub(crate) enum OpeningResult {
    Open {
        sub_protocol: Option<String>,
        head: Vec<u8>,
    },
    /// It has failed, and others follow: there is a handle and nothing else.
    Later,
    Failed(Failure),
}

/// A page and what it is to be answered with.
pub(super) type Told = Option<(Lent, Box<OpeningResult>)>;

impl Opener {
    pub(super) fn new(page: Option<Lent>) -> Self {
        Opener { page, ..Opener::default() }
    }

    /// The owner has its answer, and asks later what came of the opening.
    pub(super) fn asks_later(&mut self) {
        self.later = true;
    }

    /// The opening waits for whom this names.
    pub(super) fn waits_for(&mut self, place: String) {
        self.place = place;
    }

    /// It is known what came of it: who waits is told, or who asks later will be. The first result counts.
    pub(super) fn tell(&mut self, result: OpeningResult) -> Told {
        let result = Box::new(result);
        if let Some(page) = self.page.take() {
            self.refused |= matches!(*result, OpeningResult::Failed(_));
            self.later = false;
            return Some((page, result));
        }
        if self.later && self.kept.is_none() {
            self.kept = Some(result);
        }
        None
    }

    /// Somebody asks what came of it, and may have to wait.
    pub(super) fn wait(&mut self, page: Lent) -> Told {
        if let Some(kept) = self.kept.take() {
            self.later = false;
            return Some((page, kept));
        }
        let (code, text) = match (self.later, &self.page) {
            (true, None) => {
                self.page = Some(page);
                return None;
            }
            (true, Some(_)) => (Code::BusyReceives, "somebody waits for the opening"),
            (false, _) => (Code::Closed, "nothing is being opened"),
        };
        Some((page, Box::new(OpeningResult::Failed(Failure::new(code, format_args!("{text}"))))))
    }

    /// The owner wants it no more.
    pub(super) fn cancel(&mut self) -> Told {
        (self.later, self.kept) = (false, None);
        let failure = || Failure::new(Code::Closed, format_args!("the opening was given up"));
        Some((self.page.take()?, Box::new(OpeningResult::Failed(failure()))))
    }

    /// The page of an `Open` that has succeeded, if somebody waits.
    pub(super) fn take(&mut self) -> Option<Lent> {
        self.later &= self.page.is_none();
        self.page.take()
    }

    /// The threads have ended. What nobody has asked for yet.
    pub(super) fn end(&mut self) -> (Option<Lent>, Option<Box<OpeningResult>>) {
        let kept = self.kept.take().map(|mut kept| {
            kept.shorten();
            kept
        });
        (self.page.take(), kept)
    }

    /// For the next attempt: who waits, waits on. What came of this attempt is not of that one.
    pub(super) fn hand_on(&mut self) -> Self {
        let handed = std::mem::take(self);
        Opener { answered: false, refused: false, ..handed }
    }

    /// The server has refused.
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whom the opening waits for, in words.
    pub(super) fn place(&self) -> String {
        self.place.clone()
    }
}

impl OpeningResult {
    /// Answers a page with it.
    pub(crate) fn tell(&self, handle: Handle, mut page: Lent) {
        let reply = match self {
            OpeningResult::Open { sub_protocol, head } => {
                let mut reply = Reply::new(handle, 101);
                (reply.sub_protocol, reply.head) = (sub_protocol.as_deref(), head);
                reply
            }
            OpeningResult::Later => Reply::new(handle, 0),
            OpeningResult::Failed(failure) => {
                let (code, refusal) = failure.told();
                return page.refuse_with(code, &refusal, failure.shown.as_deref());
            }
        };
        match reply.write(page.pages_mut()) {
            Some(len) => page.answer(0, len),
            None => page.answer(Code::Malformed as usize, 0),
        }
    }

    /// Keeps no more than a page of the server's head.
    fn shorten(&mut self) {
        let head = match self {
            OpeningResult::Open { head, .. } => head,
            OpeningResult::Failed(failure) => &mut failure.head,
            OpeningResult::Later => return,
        };
        head.truncate(HEAD_KEPT);
        head.shrink_to_fit();
    }
}
