//! Pages that a connection's owner has lent for what comes in.
//!
//! Who competes: the dispatcher parks pages and hands the connection to another owner, one reader takes pages, fills
//! them and gives them back. None there: the reader waits, and with it the peer, until the stall deadline. Full: further
//! pages are refused.

use std::collections::VecDeque;
use std::time::Duration;

use xous_api_websocket::wire::{ReceiveWord, Status};
use xous_api_websocket::{Code, Kind};

use super::outcome::Outcome;
use crate::service::limits::{CARRIED, PARKED_RECEIVES};
use crate::service::message::{Asked, Lent};
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::{Condvar, Instant, Mutex};

/// The pages.
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
    /// How often the connection has been handed over. Changed under the lock.
    owner: AtomicU32,
}

struct State {
    pages: VecDeque<Lent>,
    /// What the reader has begun to fill and left here while it waits for the socket.
    begun: Option<Begun>,
    /// The beginning of a message of which the former owner has got nothing.
    carried: Option<Vec<u8>>,
    /// What was begun has gone to the owner, who did not want to wait any longer.
    gone_out: bool,
    /// When the timer looks for pages that are wanted back.
    watched: Option<Instant>,
    phase: Phase,
}

enum Phase {
    /// Chunks go to the owner.
    Open,
    /// The owner has closed or stalled: what still comes is dropped.
    Discarding,
    /// The connection has ended like this.
    Over(Outcome),
}

/// A page that holds a piece of a message.
pub(crate) struct Begun {
    pub(crate) page: Lent,
    /// Bytes of it that are filled.
    pub(crate) len: usize,
    pub(crate) kind: Kind,
    /// The piece begins the message.
    pub(crate) first: bool,
}

/// What comes of asking for a page.
pub(crate) enum Taken {
    /// A page of the owner.
    Page(Lent),
    /// The connection was handed over meanwhile: ask again.
    HandedOver,
    /// Nothing is delivered any more.
    Nothing,
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
        /// See [`State`].
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

impl Inbox {
    pub(crate) fn new() -> Self {
        let state = State {
            pages: VecDeque::new(),
            begun: None,
            carried: None,
            gone_out: false,
            watched: None,
            phase: Phase::Open,
        };
        Inbox { state: Mutex::new(state), changed: Condvar::new(), owner: AtomicU32::new(0) }
    }

    /// How often the connection has been handed over.
    pub(crate) fn owner(&self) -> u32 {
        self.owner.load(SeqCst)
    }

    /// Keeps a page for the next chunk, or answers it at once if the connection has ended.
    pub(crate) fn park(&self, page: Lent) {
        let mut state = self.state.lock();
        if let Phase::Over(outcome) = &state.phase {
            let outcome = outcome.clone();
            drop(state);
            return outcome.tell(page);
        }
        if state.pages.len() >= PARKED_RECEIVES {
            drop(state);
            return refuse(page, Code::BusyReceives);
        }
        state.pages.push_back(page);
        drop(state);
        self.changed.notify_one();
    }

    /// Keeps a page of this `owner` that was taken and not needed, whatever has been parked meanwhile.
    pub(crate) fn put_back(&self, page: Lent, owner: u32) {
        let mut state = self.state.lock();
        if owner != self.owner() {
            drop(state);
            return drop(page);
        }
        if let Phase::Over(outcome) = &state.phase {
            let outcome = outcome.clone();
            drop(state);
            return outcome.tell(page);
        }
        state.pages.push_front(page);
    }

    /// Keeps a page of this `owner` while the reader waits for the socket, so that it goes back at once if the
    /// connection is handed over; gives it back if it has been.
    pub(crate) fn lay_down(&self, begun: Begun, owner: u32) -> Option<Begun> {
        let mut state = self.state.lock();
        if owner != self.owner() {
            return Some(begun);
        }
        state.begun = Some(begun);
        None
    }

    /// What was laid down for this `owner`.
    pub(crate) fn pick_up(&self, owner: u32) -> LaidDown {
        let mut state = self.state.lock();
        let gone_out = std::mem::take(&mut state.gone_out);
        match state.begun.take() {
            Some(begun) => LaidDown::Page(begun.page),
            None if gone_out && owner == self.owner() => LaidDown::GoneOut,
            None => LaidDown::HandedOver { owner: self.owner(), carried: state.carried.take() },
        }
    }

    /// A page is wanted back then. Whether the timer has to know.
    pub(crate) fn watch(&self, until: Instant) -> bool {
        let mut state = self.state.lock();
        let earlier = state.watched.is_none_or(|watched| until < watched);
        if earlier {
            state.watched = Some(until);
        }
        earlier
    }

    /// When the timer has to look for pages that are wanted back.
    pub(crate) fn watched(&self) -> Option<Instant> {
        self.state.lock().watched
    }

    /// Gives the pages back that are wanted back by now: one that is begun with what it holds.
    pub(crate) fn give_back(&self, now: Instant) {
        let mut state = self.state.lock();
        let is_over = |page: &Lent| page.until().is_some_and(|until| until <= now);
        let begun = state.begun.take_if(|begun| is_over(&begun.page));
        state.gone_out |= begun.is_some();
        let mut over = Vec::new();
        while let Some(at) = state.pages.iter().position(is_over) {
            over.extend(state.pages.remove(at));
        }
        let pages = state.pages.iter().chain(state.begun.as_ref().map(|begun| &begun.page));
        state.watched = pages.filter_map(Lent::until).min();
        drop(state);
        match begun {
            Some(Begun { page, len: len @ 1.., kind, first }) => {
                let status = Status::Chunk { kind, first, last: false };
                page.answer(ReceiveWord::new(status).to_word(), len);
            }
            Some(Begun { page, .. }) => refuse(page, Code::NothingCame),
            None => (),
        }
        over.into_iter().for_each(|page| refuse(page, Code::NothingCame));
    }

    /// A page of this `owner` if there is one and chunks still go there.
    pub(crate) fn try_take(&self, owner: u32) -> Option<Lent> {
        let mut state = self.state.lock();
        let wanted = matches!(state.phase, Phase::Open) && owner == self.owner();
        if wanted { state.pages.pop_front() } else { None }
    }

    /// The next page of this `owner`; waits for it.
    pub(crate) fn take(&self, owner: u32) -> Taken {
        let mut state = self.state.lock();
        loop {
            if !matches!(state.phase, Phase::Open) {
                return Taken::Nothing;
            }
            if owner != self.owner() {
                return Taken::HandedOver;
            }
            if let Some(page) = state.pages.pop_front() {
                return Taken::Page(page);
            }
            state = self.changed.wait(state);
        }
    }

    /// Waits until this `owner` asks for more: it is done with what it has got. Ends before when nothing is delivered any
    /// more, when the connection is handed over, and after about `limit`.
    pub(crate) fn await_owner(&self, owner: u32, limit: Duration) {
        let start = Instant::now();
        let mut state = self.state.lock();
        while matches!(state.phase, Phase::Open) && owner == self.owner() && state.pages.is_empty() {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left);
        }
    }

    /// From now on nothing is delivered; the pages stay until it is known how the connection ended.
    pub(crate) fn discard(&self) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Discarding;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Gives a page back, if there is one, so that the owner shows that it is there.
    pub(crate) fn ask(&self) -> Asked {
        let page = self.state.lock().pages.pop_back();
        let word = ReceiveWord::new(Status::Refused(Code::Again as u8)).to_word();
        page.map_or(Asked::Nothing, |page| page.ask(word))
    }

    /// A page of the owner is here.
    pub(crate) fn waits(&self) -> bool {
        let state = self.state.lock();
        state.begun.is_some() || !state.pages.is_empty()
    }

    /// Chunks still go to the owner.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Open)
    }

    /// Tells everybody who waits how the connection ended.
    pub(crate) fn end(&self, outcome: &Outcome) {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Over(_)) {
            state.phase = Phase::Over(outcome.clone());
        }
        let pages = std::mem::take(&mut state.pages);
        drop(state);
        self.changed.notify_one();
        pages.into_iter().for_each(|page| outcome.tell(page));
    }

    /// The connection has another owner. The pages of the former one are answered as if it had never been its own, the
    /// one that the reader has begun among them.
    pub(crate) fn hand_over(&self) {
        let mut state = self.state.lock();
        self.owner.fetch_add(1, SeqCst);
        let pages = std::mem::take(&mut state.pages);
        let mut begun = state.begun.take();
        if let Some(begun) = &mut begun {
            state.carried = begun.empty();
        }
        drop(state);
        self.changed.notify_one();
        drop((pages, begun));
    }
}

/// Answers a `Receive` with a code.
pub(crate) fn refuse(page: Lent, code: Code) {
    page.answer(ReceiveWord::new(Status::Refused(code as u8)).to_word(), 0);
}
