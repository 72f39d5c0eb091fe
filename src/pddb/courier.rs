//! The thread that sends this process's messages to the PDDB, so that nobody waits without a deadline.
//!
//! The real PDDB shows dialogs inside its only server loop and has no limit for the answer. The courier is then stuck in
//! that one message, and everybody else decides for themselves how long to go on waiting behind it: [`SILENCE`] if
//! they cannot do anything better, longer if they are [patient](super::patience).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use xous::{CID, Message};
use xous_api_names::XousNames;
use xous_api_websocket::wire::Pages;

use super::error::PddbError;
use super::patience::Patience;
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};
use crate::sync::{Condvar, Instant, Mutex, thread};

/// The PDDB's name (`SERVER_NAME_PDDB` in `services/pddb/src/api.rs`).
pub(super) const NAME: &str = "_Plausibly Deniable Database_";
/// On the device a name look-up takes 20 KiB of stack, a log line 16 and a panic 32.
const STACK: usize = 64 * 1024;
/// How many sets of pages are kept for the next request, and how large they may be.
const SPARE: usize = 2;
const SPARE_BYTES: usize = 16 * 1024;

/// A request that has been under way for this long is taken for one that waits for the user. Others that have no patience
/// fail from then on, at once. The real PDDB takes seconds for some requests all the same; then the others come back.
pub(super) const SILENCE: Duration = Duration::from_secs(2);

/// A message to the PDDB.
pub(super) enum Request {
    /// Lends the first `lent` bytes to be written, with `valid`.
    Lend { id: usize, pages: Pages, valid: usize, lent: usize },
    /// A blocking scalar.
    Ask { id: usize, arguments: [usize; 3] },
}

/// What came back.
pub(super) enum Answer {
    /// The pages, `offset` and `valid`.
    Lent { pages: Pages, offset: usize, valid: usize },
    /// One word.
    One(usize),
    /// Two words.
    Two(usize, usize),
}

/// The way to the PDDB. The first request starts its one thread. The thread ends when this is dropped, unless it is
/// stuck in a message.
pub(super) struct Courier {
    shared: Arc<Shared>,
    spare: Mutex<Vec<Pages>>,
    before_thread: BeforeThread,
}

/// Called before the thread is started, as a process on the device has 29 threads at a time.
pub(super) type BeforeThread = Box<dyn Fn() + Send + Sync>;

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    started: bool,
    /// Since when a request is under way.
    underway: Option<Instant>,
    closed: bool,
}

enum Job {
    /// Somebody waits for the answer.
    Call(Call),
    /// A scalar that nobody answers.
    Tell(usize),
}

struct Call {
    request: Request,
    slot: Arc<Slot>,
    chain: Option<Chain>,
    sent: Instant,
}

/// Requests that make sense only as long as each of them succeeds: when one is refused, those behind it are not sent.
#[derive(Clone, Default)]
pub(super) struct Chain {
    broken: Arc<AtomicBool>,
}

/// How long an answer is awaited.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    /// From when it is sent.
    pub(super) limit: Duration,
    /// How long another request may be under way before this one gives up behind it.
    pub(super) behind: Duration,
}

/// A request that was sent. It is carried out even if nobody waits for it.
#[must_use]
pub(super) struct Ticket {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
    sent: Instant,
    wait: Wait,
}

struct Slot {
    outcome: Mutex<Outcome>,
    done: Condvar,
}

enum Outcome {
    Queued,
    Underway,
    Done(Result<Answer, PddbError>),
    /// The caller has stopped waiting.
    Abandoned,
}

impl Courier {
    pub(super) fn new(before_thread: BeforeThread) -> Self {
        let shared = Shared { state: Mutex::default(), work: Condvar::new() };
        Courier { shared: Arc::new(shared), spare: Mutex::default(), before_thread }
    }

    /// Cleared pages for at least `bytes`.
    pub(super) fn pages(&self, bytes: usize) -> Pages {
        let mut spare = self.spare.lock();
        let fits = spare.iter().position(|pages| pages.bytes().len() >= bytes);
        fits.map(|index| spare.swap_remove(index)).unwrap_or_else(|| Pages::new(bytes))
    }

    /// Takes back pages that are not needed any more. What they hold may be secret.
    pub(super) fn recycle(&self, mut pages: Pages) {
        pages.clear();
        let mut spare = self.spare.lock();
        if spare.len() < SPARE && pages.bytes().len() <= SPARE_BYTES {
            spare.push(pages);
        }
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// As [`Ticket::wait`], and `NoServer`.
    pub(super) fn call(&self, request: Request, wait: Wait) -> Result<Answer, PddbError> {
        self.send(request, wait, None)?.wait()
    }

    /// Sends a request, whose answer is to be awaited like that.
    ///
    /// # Errors
    /// `NoServer`; `NoAnswer` while another request is under way for longer than is waited for one.
    pub(super) fn send(
        &self,
        request: Request,
        wait: Wait,
        chain: Option<&Chain>,
    ) -> Result<Ticket, PddbError> {
        let sent = Instant::now();
        let slot = Arc::new(Slot { outcome: Mutex::new(Outcome::Queued), done: Condvar::new() });
        let call = Call { request, slot: slot.clone(), chain: chain.cloned(), sent };
        self.enqueue(Job::Call(call), |silence| silence >= wait.behind)?;
        Ok(Ticket { slot, shared: self.shared.clone(), sent, wait })
    }

    /// Sends a scalar without arguments that is not answered, after all requests so far.
    pub(super) fn tell(&self, id: usize) {
        // Without a thread there was no request, so there is nothing to tell.
        self.enqueue(Job::Tell(id), |_| false).ok();
    }

    /// How long the request that is under way has been so; zero if there is none.
    pub(super) fn silence(&self) -> Duration {
        self.shared.state.lock().silence()
    }

    fn enqueue(&self, job: Job, gives_up: impl FnOnce(Duration) -> bool) -> Result<(), PddbError> {
        let mut state = self.shared.state.lock();
        if state.underway.is_some() && gives_up(state.silence()) {
            return Err(PddbError::NoAnswer);
        }
        if !state.started {
            (self.before_thread)();
            let shared = self.shared.clone();
            let thread = thread::Builder::new().name("pddb-courier".into()).stack_size(STACK);
            if let Err(error) = thread.spawn(move || Route::default().run(&shared)) {
                log::error!("no thread for the PDDB: {error}");
                return Err(PddbError::NoAnswer);
            }
            state.started = true;
        }
        state.jobs.push_back(job);
        self.shared.work.notify_one();
        Ok(())
    }
}

impl State {
    fn silence(&self) -> Duration {
        self.underway.map(|since| since.elapsed()).unwrap_or_default()
    }
}

impl Ticket {
    /// Waits for the answer.
    ///
    /// # Errors
    /// `NoAnswer` when the time is over, or when another request has been under way for too long. A request that was
    /// not begun then never will be. `NoServer`. `Malformed` for the kernel's errors. `NotSent` for one that was not sent
    /// because another of its chain was refused.
    pub(super) fn wait(self) -> Result<Answer, PddbError> {
        let mut outcome = self.slot.outcome.lock();
        let mut tells_after = Patience::tells_after();
        let mut began = None;
        loop {
            match std::mem::replace(&mut *outcome, Outcome::Abandoned) {
                Outcome::Done(result) => return result,
                waiting => {
                    let now = Instant::now();
                    let rest = self.rest(&waiting, now);
                    if rest.is_zero() {
                        return Err(PddbError::NoAnswer);
                    }
                    *outcome = waiting;
                    // It may have been sent long before it is waited for.
                    let waited = now.saturating_duration_since(*began.get_or_insert(now));
                    let until_told = tells_after.map(|after| after.saturating_sub(waited));
                    if until_told.is_some_and(|left| left.is_zero()) {
                        tells_after = None;
                        drop(outcome);
                        Patience::tell();
                        outcome = self.slot.outcome.lock();
                        continue;
                    }
                    let rest = until_told.map_or(rest, |left| rest.min(left));
                    outcome = self.slot.done.wait_timeout(outcome, rest);
                }
            }
        }
    }

    /// How long it is still waited for.
    fn rest(&self, waiting: &Outcome, now: Instant) -> Duration {
        let rest = self.wait.limit.saturating_sub(now.saturating_duration_since(self.sent));
        if matches!(waiting, Outcome::Underway) {
            return rest;
        }
        let other = self.shared.state.lock().underway;
        let silent = other.map(|since| now.saturating_duration_since(since)).unwrap_or_default();
        rest.min(self.wait.behind.saturating_sub(silent))
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.work.notify_one();
    }
}

impl Shared {
    /// The next job, and whether the courier has waited for it; `None` when there will be none.
    fn next(&self) -> Option<(Job, bool)> {
        let mut state = self.state.lock();
        let mut waited = false;
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some((job, waited));
            }
            waited = true;
            if state.closed {
                return None;
            }
            state = self.work.wait(state);
        }
    }
}

/// The thread's side: its connection to the PDDB.
#[derive(Default)]
struct Route {
    /// Kept as long as the connection, as std shares the last one to the name server.
    names: Option<XousNames>,
    cid: Option<CID>,
}

impl Route {
    fn run(mut self, shared: &Shared) {
        while let Some((job, waited)) = shared.next() {
            match job {
                Job::Call(Call { request, slot, chain, sent }) => {
                    let is_broken = chain.as_ref().is_some_and(|chain| chain.broken.load(Relaxed));
                    if is_broken {
                        slot.finish(Err(PddbError::NotSent));
                    }
                    // Before it is begun, so that nobody who sees that misses it.
                    let since = if waited { sent } else { Instant::now() };
                    shared.state.lock().underway = Some(since);
                    let result = (!is_broken && slot.begin()).then(|| self.send(request));
                    // Before it is done: who waited for it sends the next request, and finds none under way.
                    shared.state.lock().underway = None;
                    if let Some(result) = result {
                        if let Some(chain) = chain.filter(|_| !is_done(&result)) {
                            chain.broken.store(true, Relaxed);
                        }
                        slot.finish(result);
                    }
                }
                Job::Tell(id) => {
                    if let Some(cid) = self.cid
                        && let Err(error) = xous::send_message(cid, Message::new_scalar(id, 0, 0, 0, 0))
                    {
                        log::debug!("the PDDB could not be told: {error:?}");
                    }
                }
            }
        }
        // The process keeps its connection to the name server, which std uses as well.
        std::mem::forget(self.names);
    }

    /// A model's database answers.
    #[cfg(all(test, feature = "shuttle"))]
    fn send(&mut self, request: Request) -> Result<Answer, PddbError> {
        super::interleavings::serve(request)
    }

    #[cfg(not(all(test, feature = "shuttle")))]
    fn send(&mut self, request: Request) -> Result<Answer, PddbError> {
        let cid = self.connect()?;
        match request {
            Request::Lend { id, mut pages, valid, lent } => {
                let returned = pages.lend_mut(cid, id, 0, valid, lent).map_err(refused)?;
                Ok(Answer::Lent { pages, offset: returned.offset, valid: returned.valid })
            }
            Request::Ask { id, arguments: [one, two, three] } => {
                let message = Message::new_blocking_scalar(id, one, two, three, 0);
                match xous::send_message(cid, message).map_err(refused)? {
                    xous::Result::Scalar1(one) => Ok(Answer::One(one)),
                    xous::Result::Scalar2(one, two) => Ok(Answer::Two(one, two)),
                    _ => Err(PddbError::Malformed),
                }
            }
        }
    }

    #[cfg(not(all(test, feature = "shuttle")))]
    fn connect(&mut self) -> Result<CID, PddbError> {
        static SERVER: crate::starting::Starting = crate::starting::Starting::new();
        if let Some(cid) = self.cid {
            return Ok(cid);
        }
        if self.names.is_none() {
            self.names = XousNames::new().ok();
        }
        let names = self.names.as_ref().ok_or(PddbError::NoServer)?;
        // Not the blocking way: it would wait for ever on a system without a PDDB.
        let cid = SERVER.wait_for(|| names.request_connection(NAME).ok()).ok_or(PddbError::NoServer)?;
        self.cid = Some(cid);
        Ok(cid)
    }
}

impl Slot {
    /// Whether somebody still waits.
    fn begin(&self) -> bool {
        let mut outcome = self.outcome.lock();
        if matches!(*outcome, Outcome::Abandoned) {
            return false;
        }
        *outcome = Outcome::Underway;
        true
    }

    fn finish(&self, result: Result<Answer, PddbError>) {
        let mut outcome = self.outcome.lock();
        if !matches!(*outcome, Outcome::Abandoned) {
            *outcome = Outcome::Done(result);
            self.done.notify_one();
        }
    }
}

/// Whether the PDDB has done it, as far as its answer says.
fn is_done(result: &Result<Answer, PddbError>) -> bool {
    matches!(result, Ok(Answer::Lent { offset: 0, .. } | Answer::One(_) | Answer::Two(..)))
}

#[cfg(not(all(test, feature = "shuttle")))]
fn refused(error: xous::Error) -> PddbError {
    log::warn!("a message to the PDDB was refused: {error:?}");
    PddbError::Malformed
}
