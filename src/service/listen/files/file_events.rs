//! What a program is told of the files that come to its upload routes.
//!
//! Who competes: the dispatcher parks pages; the carrier, and workers that delete files, bring events. Nobody waits for the
//! program: events wait for its pages, up to [`FILE_EVENTS`]. Full: the oldest progress goes, or else the oldest event, and the
//! program is told how many it has missed. A question is never dropped; one that finds no room is answered with No.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use xous_api_websocket::{
    Code,
    files::{FileChange, FileEvent},
};

use crate::service::limits::{FILE_EVENTS, PARKED_ACCEPTS};
use crate::service::message::{Asked, Lent};
use crate::sync::Mutex;
use crate::upload::{Event, Watch, What};

/// Pages that wait for events, and events that wait for a page, of one listener.
#[derive(Default)]
pub(crate) struct FileEvents {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pages: VecDeque<Lent>,
    events: VecDeque<Known>,
    missed: u32,
    /// Questions that are not answered.
    asked: Vec<(u32, Weak<dyn Decided>)>,
    last: u32,
    closed: bool,
}

/// An event that is kept.
struct Known {
    change: FileChange,
    number: u32,
    length: u32,
    bytes: u32,
    sha256: Option<[u8; 32]>,
    dict: Box<str>,
    name: Box<str>,
    who: Box<str>,
    code: Box<str>,
}

/// Waits for a decision about a file, one at a time. Must not wait when it gets one.
pub(crate) trait Decided: Send + Sync {
    /// This is the number of its question, which is about to be asked.
    fn is_asked(&self, number: u32);

    /// The file of this question is taken, or not. What comes late is about no other file.
    fn decided(self: Arc<Self>, number: u32, takes: bool);
}

/// Tells a listener of the files of one dict.
pub(crate) struct Teller {
    events: Arc<FileEvents>,
    dict: Box<str>,
}

impl FileEvents {
    /// Keeps a page for the next event, or answers it with one.
    pub(crate) fn park(&self, mut page: Lent) {
        if page.pages_mut().is_empty() {
            return page.answer(Code::Malformed as usize, 0);
        }
        let mut state = self.state.lock();
        let code = match (state.closed, state.pages.len()) {
            (true, _) => Code::Closed,
            (false, PARKED_ACCEPTS..) => Code::BusyReceives,
            (false, _) => {
                state.pages.push_back(page);
                return give(state.next());
            }
        };
        drop(state);
        page.answer(code as usize, 0);
    }

    /// The program decides about a file; `false` if nobody waits for that.
    pub(crate) fn decide(&self, number: u32, takes: bool) -> bool {
        let mut state = self.state.lock();
        let Some(at) = state.asked.iter().position(|(asked, _)| *asked == number) else { return false };
        let (_, whom) = state.asked.swap_remove(at);
        drop(state);
        whom.upgrade().map(|whom| whom.decided(number, takes)).is_some()
    }

    /// The listener is given up. Tells everybody who waits.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let (pages, asked) = (std::mem::take(&mut state.pages), std::mem::take(&mut state.asked));
        state.events.clear();
        drop(state);
        pages.into_iter().for_each(|page| page.answer(Code::Closed as usize, 0));
        for (number, whom) in asked {
            if let Some(whom) = whom.upgrade() {
                whom.decided(number, false);
            }
        }
    }

    /// Gives a page back, if there is one, so that its lender shows that it is there.
    pub(crate) fn ask(&self) -> Asked {
        let page = self.state.lock().pages.pop_back();
        page.map_or(Asked::Nothing, |page| page.ask(Code::Again as usize))
    }

    /// A page waits.
    pub(crate) fn waits(&self) -> bool {
        !self.state.lock().pages.is_empty()
    }

    fn bring(&self, event: Known) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        if event.change == FileChange::Progress {
            // The last one counts.
            let same = |known: &Known| {
                known.change == FileChange::Progress && known.name == event.name && known.dict == event.dict
            };
            state.events.retain(|known| !same(known));
        }
        if state.events.len() >= FILE_EVENTS {
            let progress = state.events.iter().position(|known| known.change == FileChange::Progress);
            let oldest = || state.events.iter().position(|known| known.change != FileChange::Asked);
            match progress.or_else(oldest) {
                Some(at) => drop(state.events.remove(at)),
                None => return state.missed = state.missed.saturating_add(1),
            }
            state.missed = state.missed.saturating_add(1);
        }
        state.events.push_back(event);
        let filled = state.next();
        drop(state);
        give(filled);
    }
}

impl State {
    /// A page with the next event, if there are both.
    fn next(&mut self) -> Option<(Lent, usize)> {
        let mut page = self.pages.pop_front()?;
        let Some(known) = self.events.pop_front() else {
            self.pages.push_front(page);
            return None;
        };
        let mut event = FileEvent::new(known.change, &known.dict, &known.name);
        event.missed = std::mem::take(&mut self.missed);
        (event.number, event.length, event.bytes) = (known.number, known.length, known.bytes);
        event.sha256 = known.sha256;
        (event.sender, event.code) = (&known.who, &known.code);
        // A page holds the longest names.
        let len = event.write(page.pages_mut()).unwrap_or_default();
        Some((page, len))
    }
}

fn give(filled: Option<(Lent, usize)>) {
    if let Some((page, len)) = filled {
        page.answer(0, len);
    }
}

impl Teller {
    pub(crate) fn new(events: Arc<FileEvents>, dict: &str) -> Self {
        Teller { events, dict: dict.into() }
    }

    /// Asks the program about a file, in the place of the question before from the same one. `false` if it cannot be asked.
    pub(crate) fn asks(&self, name: &str, who: &str, length: u32, whom: Weak<dyn Decided>) -> bool {
        let mut state = self.events.state.lock();
        state.asked.retain(|(_, other)| other.strong_count() > 0 && !Weak::ptr_eq(other, &whom));
        if state.closed || state.asked.len() >= FILE_EVENTS {
            return false;
        }
        state.last = state.last.wrapping_add(1).max(1);
        let number = state.last;
        let asker = whom.upgrade();
        state.asked.push((number, whom));
        drop(state);
        if let Some(asker) = asker {
            asker.is_asked(number);
        }
        let known =
            Known { number, ..self.known(FileChange::Asked, Event { what: What::Began, name, who, length }) };
        self.events.bring(known);
        true
    }

    fn known(&self, change: FileChange, event: Event<'_>) -> Known {
        Known {
            change,
            number: 0,
            length: event.length,
            bytes: 0,
            sha256: None,
            dict: self.dict.clone(),
            name: event.name.into(),
            who: event.who.into(),
            code: Box::default(),
        }
    }
}

impl Watch for Teller {
    fn tell(&self, event: Event<'_>) {
        let known = match event.what {
            What::Began => self.known(FileChange::Began, event),
            What::Progress(bytes) => Known { bytes, ..self.known(FileChange::Progress, event) },
            What::Stored(digest) => {
                Known { bytes: event.length, sha256: Some(*digest), ..self.known(FileChange::Stored, event) }
            }
            What::Failed(code) => Known { code: code.into(), ..self.known(FileChange::Failed, event) },
            What::Deleted => self.known(FileChange::Deleted, event),
        };
        self.events.bring(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(teller: &Teller, name: &str, bytes: u32) {
        teller.tell(Event { what: What::Progress(bytes), name, who: "", length: 100 });
    }

    #[test]
    fn of_progress_the_last_is_kept_of_each_file() {
        let events = Arc::new(FileEvents::default());
        let [one, other] = ["one", "other"].map(|dict| Teller::new(events.clone(), dict));
        for bytes in [10, 20] {
            progress(&one, "a", bytes);
            progress(&one, "b", bytes);
            progress(&other, "a", bytes);
        }
        let state = events.state.lock();
        let kept: Vec<_> =
            state.events.iter().map(|known| (&*known.dict, &*known.name, known.bytes)).collect();
        assert_eq!(kept, [("one", "a", 20), ("one", "b", 20), ("other", "a", 20)]);
        assert_eq!(state.missed, 0);
    }

    #[test]
    fn a_full_queue_loses_progress_first_and_questions_never() {
        let events = Arc::new(FileEvents::default());
        let teller = Teller::new(events.clone(), "one");
        let question =
            teller.known(FileChange::Asked, Event { what: What::Began, name: "q", who: "", length: 1 });
        events.bring(question);
        progress(&teller, "p", 1);
        for number in 0..FILE_EVENTS {
            teller.tell(Event { what: What::Deleted, name: &number.to_string(), who: "", length: 0 });
        }
        let state = events.state.lock();
        assert_eq!((state.events.len(), state.missed), (FILE_EVENTS, 2));
        assert_eq!(state.events[0].change, FileChange::Asked);
        assert_eq!(&*state.events[1].name, "1", "the progress went first, and then the oldest");
    }
}
