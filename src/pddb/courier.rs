//! The thread that sends this process's messages to the PDDB, so that nobody waits without a deadline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use xous::{CID, Message};
use xous_api_names::XousNames;
use xous_api_websocket::wire::Pages;

use super::error::PddbError;
use crate::sync::{Condvar, Instant, Mutex, thread};

/// The PDDB's name (`SERVER_NAME_PDDB` in `services/pddb/src/api.rs`).
pub(super) const NAME: &str = "_Plausibly Deniable Database_";
/// On the device a name look-up takes 20 KiB of stack, a log line 16 and a panic 32.
const STACK: usize = 64 * 1024;
/// How many sets of pages are kept for the next request, and how large they may be.
const SPARE: usize = 2;
const SPARE_BYTES: usize = 16 * 1024;

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
    /// A request has outlived its deadline and is still under way.
    overdue: bool,
    closed: bool,
}

enum Job {
    /// Somebody waits for the answer.
    Call(Request, Arc<Slot>),
    /// A scalar that nobody answers.
    Tell(usize),
}

/// A request that was sent. Somebody has to wait for it, as nobody else notices that it is overdue.
#[must_use]
pub(super) struct Ticket {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
    deadline: Instant,
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

    /// Sends a request and waits for its answer, at most for `limit`.
    ///
    /// # Errors
    /// As [`Ticket::wait`], and `NoServer`.
    pub(super) fn call(&self, request: Request, limit: Duration) -> Result<Answer, PddbError> {
        self.send(request, limit)?.wait()
    }

    /// Sends a request. Its answer is to be awaited until `limit` is over.
    ///
    /// # Errors
    /// `NoServer`; `NoAnswer` while another request is overdue.
    pub(super) fn send(&self, request: Request, limit: Duration) -> Result<Ticket, PddbError> {
        let deadline = Instant::now() + limit;
        let slot = Arc::new(Slot { outcome: Mutex::new(Outcome::Queued), done: Condvar::new() });
        self.enqueue(Job::Call(request, slot.clone()))?;
        Ok(Ticket { slot, shared: self.shared.clone(), deadline })
    }

    /// Sends a scalar without arguments that is not answered, after all requests so far.
    pub(super) fn tell(&self, id: usize) {
        // Without a thread there was no request, so there is nothing to tell.
        self.enqueue(Job::Tell(id)).ok();
    }

    fn enqueue(&self, job: Job) -> Result<(), PddbError> {
        let mut state = self.shared.state.lock();
        if state.overdue && matches!(job, Job::Call(..)) {
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

impl Ticket {
    /// Waits for the answer.
    ///
    /// # Errors
    /// `NoAnswer` when the time is over, or at once behind an overdue request. A request that was not begun then
    /// never will be. `NoServer`. `Malformed` for the kernel's errors.
    pub(super) fn wait(self) -> Result<Answer, PddbError> {
        let mut outcome = self.slot.outcome.lock();
        loop {
            match std::mem::replace(&mut *outcome, Outcome::Abandoned) {
                Outcome::Done(result) => return result,
                waiting => {
                    let rest = self.deadline.saturating_duration_since(Instant::now());
                    let begun = matches!(waiting, Outcome::Underway);
                    if rest.is_zero() || !begun && self.shared.state.lock().overdue {
                        if begun {
                            self.shared.state.lock().overdue = true;
                        }
                        return Err(PddbError::NoAnswer);
                    }
                    *outcome = waiting;
                    let done = &self.slot.done;
                    outcome = done.wait_timeout(outcome, rest);
                }
            }
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.work.notify_one();
    }
}

impl Shared {
    /// The next job; `None` when there will be none.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
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
        while let Some(job) = shared.next() {
            match job {
                Job::Call(request, slot) => {
                    if !slot.begin() {
                        continue;
                    }
                    let result = self.send(request);
                    slot.finish(result, shared);
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
        if let Some(cid) = self.cid {
            return Ok(cid);
        }
        if self.names.is_none() {
            self.names = XousNames::new().ok();
        }
        let names = self.names.as_ref().ok_or(PddbError::NoServer)?;
        // Not the blocking way: it would wait for ever on a system without a PDDB.
        let cid = names.request_connection(NAME).map_err(|_| PddbError::NoServer)?;
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

    fn finish(&self, result: Result<Answer, PddbError>, shared: &Shared) {
        let mut outcome = self.outcome.lock();
        if matches!(*outcome, Outcome::Abandoned) {
            shared.state.lock().overdue = false;
            return;
        }
        *outcome = Outcome::Done(result);
        self.done.notify_one();
    }
}

#[cfg(not(all(test, feature = "shuttle")))]
fn refused(error: xous::Error) -> PddbError {
    log::warn!("a message to the PDDB was refused: {error:?}");
    PddbError::Malformed
}
