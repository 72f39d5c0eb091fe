//! Pages that a connection's owner has lent for what comes in.
//!
//! Who competes: the dispatcher parks pages and hands the connection to another owner, one reader takes pages, fills
//! them and gives them back. None there: the reader waits, and with it the peer, until the stall deadline. Full: further
//! pages are refused.

use std::collections::VecDeque;
use std::time::Duration;

use xous_api_websocket::wire::{ReceiveWord, Status};
use xous_api_websocket::{Code, Kind};

use super::begun::{Begun, LaidDown};
use super::outcome::Outcome;
use super::told::{Told, pieces, refuse, tell};
use super::watch::Watcher;
use crate::service::limits::{LAST_TURN, PARKED_RECEIVES};
use crate::service::message::{Asked, Lent};
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::{Condvar, Instant, Mutex};

/// The pages.
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
    /// How often the connection has been handed over. Changed under the lock.
    owner: AtomicU32,
    /// How often an owner has asked for a chunk. Changed under the lock.
    asked: AtomicU32,
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
    /// Who is told when a page is wanted.
    watcher: Option<Watcher>,
    /// The watcher was told, and no page has come since.
    is_watcher_told: bool,
    /// The owner is about to leave: the peer may know before the phase says so.
    closes: bool,
    /// What the owner is told before it gets anything else: pages wait only if there is none.
    told: VecDeque<Told>,
    phase: Phase,
}

enum Phase {
    /// Chunks go to the owner.
    Open,
    /// The owner has closed. Chunks go to who still asks for them; from the first that nobody wants they are dropped.
    Leaving {
        /// A page waited at the end or has come since: somebody receives.
        asked: bool,
    },
    /// The owner has stalled, or the connection ends: what still comes is dropped.
    Discarding,
    /// The connection has ended like this.
    Over(Outcome),
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

impl Inbox {
    pub(crate) fn new() -> Self {
        let state = State {
            pages: VecDeque::new(),
            begun: None,
            carried: None,
            gone_out: false,
            watched: None,
            watcher: None,
            is_watcher_told: false,
            closes: false,
            told: VecDeque::new(),
            phase: Phase::Open,
        };
        let (owner, asked) = (AtomicU32::new(0), AtomicU32::new(0));
        Inbox { state: Mutex::new(state), changed: Condvar::new(), owner, asked }
    }

    /// How often the connection has been handed over.
    pub(crate) fn owner(&self) -> u32 {
        self.owner.load(SeqCst)
    }

    /// How often an owner has asked for a chunk. It wraps around.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(SeqCst)
    }

    /// Keeps a page for the next chunk, or answers it at once if the connection has ended. That of an `Exchange` may come
    /// when the connection is another owner's.
    pub(crate) fn park(&self, page: Lent) {
        let mut state = self.state.lock();
        if page.exchanged().is_some_and(|exchange| exchange.owner != self.owner()) {
            drop(state);
            return drop(page);
        }
        if let Phase::Over(outcome) = &state.phase {
            let outcome = outcome.clone();
            drop(state);
            return outcome.tell(page);
        }
        state.is_watcher_told = false;
        if let Some(told) = state.told.pop_front() {
            self.asked.fetch_add(1, SeqCst);
            let watcher = if state.told.is_empty() { None } else { state.watcher_to_tell() };
            drop(state);
            // The reader may wait for a page already, and has the watcher told again.
            self.changed.notify_one();
            watcher.iter().for_each(Watcher::tell);
            return tell(page, told);
        }
        if state.pages.len() >= PARKED_RECEIVES {
            drop(state);
            return refuse(page, Code::BusyReceives);
        }
        state.pages.push_back(page);
        if let Phase::Leaving { asked } = &mut state.phase {
            *asked = true;
        }
        self.asked.fetch_add(1, SeqCst);
        drop(state);
        self.changed.notify_one();
    }

    /// Has somebody told whenever a page is wanted, and once at the beginning, as the reader may wait already; nobody with
    /// `None`.
    pub(crate) fn watch_by(&self, watcher: Option<Watcher>) {
        // Before anybody can end it.
        watcher.iter().for_each(Watcher::begin);
        let mut state = self.state.lock();
        let is_over = matches!(state.phase, Phase::Over(_));
        let kept = watcher.clone().filter(|_| !is_over);
        state.is_watcher_told = kept.is_some();
        let before = std::mem::replace(&mut state.watcher, kept);
        drop(state);
        if let Some(watcher) = watcher {
            watcher.tell();
            if is_over {
                watcher.end();
            }
        }
        before.iter().for_each(Watcher::end);
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
        let wanted = state.delivers() && owner == self.owner();
        if wanted { state.pages.pop_front() } else { None }
    }

    /// The next page of this `owner`; waits for it. Not for long if the owner has closed, and only if somebody receives.
    pub(crate) fn take(&self, owner: u32) -> Taken {
        let mut state = self.state.lock();
        let mut until = None;
        loop {
            if !state.delivers() {
                return Taken::Nothing;
            }
            if owner != self.owner() {
                return Taken::HandedOver;
            }
            if let Some(page) = state.pages.pop_front() {
                return Taken::Page(page);
            }
            if let Some(watcher) = state.watcher_to_tell() {
                drop(state);
                watcher.tell();
                state = self.state.lock();
                continue;
            }
            let Phase::Leaving { asked } = state.phase else {
                state = self.changed.wait(state);
                continue;
            };
            let now = Instant::now();
            let left = until.get_or_insert_with(|| now + LAST_TURN).saturating_duration_since(now);
            if !asked || left.is_zero() {
                // Nobody gets the end of a message whose beginning is lost.
                state.phase = Phase::Discarding;
                return Taken::Nothing;
            }
            state = self.changed.wait_timeout(state, left);
        }
    }

    /// Waits for room in a receiver of the service, or until nothing is delivered any more. The receiver bounds the wait.
    pub(crate) fn await_room(&self, has_room: impl Fn() -> bool) {
        let mut state = self.state.lock();
        while matches!(state.phase, Phase::Open) && !has_room() {
            state = self.changed.wait(state);
        }
    }

    /// The receiver has room, perhaps.
    pub(crate) fn has_room(&self) {
        drop(self.state.lock());
        self.changed.notify_one();
    }

    /// Waits until this `owner` has asked for more so `many` times since it had `asked` that often: then it is done with
    /// what it has got. Ends before when nothing is delivered any more, when the connection is handed over, and after about
    /// `limit`.
    pub(crate) fn await_owner(&self, owner: u32, asked: u32, many: u32, limit: Duration) {
        let start = Instant::now();
        let mut state = self.state.lock();
        let is_done = || self.asked().wrapping_sub(asked) >= many;
        // Not one that has closed, and that is told of the end alone.
        if matches!(state.phase, Phase::Open)
            && !state.closes
            && state.pages.is_empty()
            && let Some(watcher) = state.watcher_to_tell()
        {
            drop(state);
            watcher.tell();
            state = self.state.lock();
        }
        while matches!(state.phase, Phase::Open) && owner == self.owner() && !is_done() {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left);
        }
    }

    /// Tells the owner something, in order with what it receives. An owner that takes nothing is told the last end and
    /// the last beginning only.
    pub(crate) fn tell(&self, word: usize, bytes: Vec<u8>) {
        let told = (word, bytes);
        let mut state = self.state.lock();
        if let Some(page) = state.pages.pop_front() {
            drop(state);
            return tell(page, told);
        }
        if let Some(at) = state.told.iter().position(|(other, _)| *other == word) {
            state.told.truncate(at);
        }
        state.told.push_back(told);
        let watcher = state.watcher_to_tell();
        drop(state);
        watcher.iter().for_each(Watcher::tell);
    }

    /// What waits first of the word that the connection has ended or is open again is not told any more, if all of that
    /// `is_past`, which is asked under the lock.
    pub(crate) fn pass_over_word(&self, is_past: impl FnOnce() -> bool) {
        let mut state = self.state.lock();
        let is_word = |(word, _): &Told| {
            let word = ReceiveWord::from_word(*word).map(|word| word.status);
            matches!(word, Some(Status::Reconnecting | Status::Reopened))
        };
        if state.told.front().is_some_and(is_word) && is_past() {
            while state.told.front().is_some_and(is_word) {
                state.told.pop_front();
            }
        }
    }

    /// How many pages the owner gets before the reader has one.
    pub(crate) fn told(&self) -> usize {
        self.state.lock().told.len()
    }

    /// Gives the owner a whole message that the one before it has not got, ahead of what the reader has.
    pub(crate) fn pass_on(&self, kind: Kind, message: &[u8]) {
        let mut state = self.state.lock();
        if !state.delivers() {
            return;
        }
        let mut answered = Vec::new();
        for told in pieces(kind, message) {
            // Pages wait only if nothing is to be told.
            match state.pages.pop_front() {
                Some(page) => answered.push((page, told)),
                None => state.told.push_back(told),
            }
        }
        let watcher = if state.told.is_empty() { None } else { state.watcher_to_tell() };
        drop(state);
        answered.into_iter().for_each(|(page, told)| tell(page, told));
        watcher.iter().for_each(Watcher::tell);
    }

    /// The connection has ended and is opened again: what comes then goes to the owner.
    pub(crate) fn reopen(&self) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Discarding) {
            state.phase = Phase::Open;
        }
    }

    /// The owner closes, and is told of the end alone from now on, also if the peer answers before [`Inbox::leave`].
    pub(crate) fn closes(&self) {
        self.state.lock().closes = true;
    }

    /// The owner has closed.
    pub(crate) fn leave(&self) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Leaving {
                asked: state.begun.is_some() || !state.pages.is_empty() || state.watcher.is_some(),
            };
        }
        drop(state);
        self.changed.notify_one();
    }

    /// From now on nothing is delivered; the pages stay until it is known how the connection ended.
    pub(crate) fn discard(&self) {
        self.stop();
        self.changed.notify_one();
    }

    /// As [`Inbox::discard`], but a reader that waits for a page goes on waiting until that.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        if state.delivers() {
            state.phase = Phase::Discarding;
        }
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

    /// The owner has not closed, and nothing has ended.
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
        state.told.clear();
        let watcher = state.watcher.take();
        drop(state);
        self.changed.notify_one();
        pages.into_iter().for_each(|page| outcome.tell(page));
        last_word(watcher);
    }

    /// The connection has another owner, who first gets what `left` has. The pages of the former one are answered as if it
    /// had never been its own, the one that the reader has begun among them.
    pub(crate) fn hand_over(&self, left: Vec<Told>) {
        let mut state = self.state.lock();
        self.owner.fetch_add(1, SeqCst);
        state.told = left.into();
        let pages = std::mem::take(&mut state.pages);
        let mut begun = state.begun.take();
        if let Some(begun) = &mut begun {
            state.carried = begun.empty();
        }
        let watcher = state.watcher.take();
        drop(state);
        self.changed.notify_one();
        drop((pages, begun));
        last_word(watcher);
    }
}

impl State {
    /// Chunks still go to the owner.
    fn delivers(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Leaving { .. })
    }

    /// Who has to be told that a page is wanted. Once, until one has come.
    fn watcher_to_tell(&mut self) -> Option<Watcher> {
        if std::mem::replace(&mut self.is_watcher_told, true) { None } else { self.watcher.clone() }
    }
}

/// There is an end to be told of, and nothing behind it.
fn last_word(watcher: Option<Watcher>) {
    if let Some(watcher) = watcher {
        watcher.tell();
        watcher.end();
    }
}
