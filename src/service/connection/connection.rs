//! A connection as its threads share it.

mod ending;
mod figures;
mod opening;
mod owner;
mod pings;
mod succession;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use xous_api_websocket::state::Phase;
use xous_api_websocket::wire::Handle;
use xous_api_websocket::{Code, Deadlines, Lease};

use super::account::Account;
use super::closer::Closer;
use super::deadline::Deadline;
use super::failures::Failures;
use super::inbox::Inbox;
use super::lasting::Lasting;
use super::liveness::Liveness;
use super::opener::{Opener, OpeningResult};
use super::outbox::Outbox;
use super::outcome::{ABNORMAL, Outcome};
use super::recorder::Recorder;
use super::traffic::Past;
use crate::net::Socket;
use crate::proto::{CloseCode, Role};
use crate::service::message::Lent;
use crate::service::thread::{Timer, Wake, Watch};
use crate::sync::atomic::{
    AtomicBool,
    Ordering::{Relaxed, SeqCst},
};
use crate::sync::{Instant, Mutex};

/// The shared part. Reader, writer, dispatcher and timer each hold it; none holds a lock of it while it calls the
/// kernel, the socket or another thread.
pub(crate) struct Connection {
    role: Role,
    pub(crate) handle: Handle,
    pub(crate) deadlines: Deadlines,
    /// As the owner has agreed to; it is not known whether another one understands the service's question.
    silence: Option<Duration>,
    answers: AtomicBool,
    /// What the connection has in common with those that follow it.
    shared: Arc<Shared>,
    /// Which one it is of those that follow each other; 0 if it is not opened again.
    pub(super) session: usize,
    /// It is opened again.
    lasting: Option<Arc<Lasting>>,
    pub(crate) outbox: Outbox,
    pub(crate) account: Account,
    timer: Arc<Timer>,
    write: Watch,
    stall: Watch,
    state: Mutex<State>,
    /// The reader waits for the owner and hears nothing from the peer.
    held: AtomicBool,
    /// Both threads have ended: no deadline is waited for any more.
    finished: AtomicBool,
    /// Another one has taken its place. Set before the owner is told of this one's end.
    is_succeeded: AtomicBool,
}

/// What connections share that follow each other under one handle.
pub(crate) struct Shared {
    pub(crate) inbox: Inbox,
    liveness: Liveness,
    /// Of the owner.
    failures: Failures,
    past: Mutex<Past>,
    /// They were handed over, and nothing has come from the owner yet.
    untouched: AtomicBool,
    /// Its owner has asked for a recording.
    pub(crate) recorder: OnceLock<Recorder>,
}

/// What a connection is made of.
struct Parts {
    role: Role,
    handle: Handle,
    deadlines: Deadlines,
    lease: Lease,
    timer: Arc<Timer>,
    opener: Option<Lent>,
    shared: Arc<Shared>,
    session: usize,
    lasting: Option<Arc<Lasting>>,
    last: Option<Outcome>,
}

struct State {
    phase: Phase,
    /// To shut it down.
    socket: Option<Arc<Socket>>,
    opener: Opener,
    closers: Vec<Closer>,
    outcome: Option<Outcome>,
    /// Why the connection breaks off, unless it ends otherwise.
    cause: Box<str>,
    /// A code for that.
    why: Option<Code>,
    /// The owner asked for the end, so that nobody needs to be told of it later.
    closed_by_owner: bool,
    /// Messages have passed.
    was_open: bool,
    /// The one that has taken its place.
    next: Option<Arc<Connection>>,
    /// No other one will.
    is_last: bool,
    /// How the one before it ended.
    last: Option<Outcome>,
    /// Messages of the owner that came too late for this one, and wait for the next.
    late: Vec<Lent>,
}

impl std::ops::Deref for Connection {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Connection {
    /// A connection that is being opened; `opener` is answered when it is, or when it has failed.
    pub(crate) fn new(
        role: Role,
        handle: Handle,
        deadlines: Deadlines,
        lease: Lease,
        timer: Arc<Timer>,
        opener: Option<Lent>,
    ) -> Arc<Self> {
        Self::new_lasting(role, handle, deadlines, lease, timer, opener, None)
    }

    /// As [`Connection::new`], and it is opened again.
    pub(crate) fn new_lasting(
        role: Role,
        handle: Handle,
        deadlines: Deadlines,
        lease: Lease,
        timer: Arc<Timer>,
        opener: Option<Lent>,
        lasting: Option<Arc<Lasting>>,
    ) -> Arc<Self> {
        let deadlines = deadlines.bounded();
        let liveness = Liveness::new(&deadlines);
        let shared = Arc::new(Shared {
            inbox: Inbox::new(),
            liveness,
            failures: Failures::default(),
            past: Mutex::default(),
            untouched: AtomicBool::new(false),
            recorder: OnceLock::new(),
        });
        let session = usize::from(lasting.is_some());
        Self::make(Parts {
            role,
            handle,
            deadlines,
            lease,
            timer,
            opener,
            shared,
            session,
            lasting,
            last: None,
        })
    }

    fn make(parts: Parts) -> Arc<Self> {
        let Parts { role, handle, deadlines, lease, timer, opener, shared, session, lasting, last } = parts;
        Arc::new(Connection {
            role,
            handle,
            deadlines,
            silence: lease.silence,
            answers: AtomicBool::new(lease.answers),
            shared,
            session,
            lasting,
            outbox: Outbox::new(role),
            account: Account::default(),
            timer,
            write: Watch::default(),
            stall: Watch::default(),
            state: Mutex::new(State {
                phase: Phase::Opening,
                socket: None,
                opener: Opener::new(opener),
                closers: Vec::new(),
                outcome: None,
                cause: "".into(),
                why: None,
                closed_by_owner: false,
                was_open: false,
                next: None,
                is_last: false,
                last,
                late: Vec::new(),
            }),
            held: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            is_succeeded: AtomicBool::new(false),
        })
    }

    /// A client has opened it; its frames to the client are not masked.
    pub(crate) fn is_server(&self) -> bool {
        self.role == Role::Server
    }

    /// Where the connection stands for its owner, and how many moved sends have failed. It is closed when it is known
    /// how it ended, though its threads may still see to the socket.
    pub(crate) fn state(&self) -> (Phase, usize) {
        let state = self.state.lock();
        let phase = match &state.outcome {
            Some(outcome) if self.continues(&state, outcome) => Phase::Closing,
            Some(_) => Phase::Closed,
            // Its open deadline is over, and there will be another one.
            None if state.phase == Phase::Closed && self.keeps_what_waits(&state) => Phase::Opening,
            None => state.phase,
        };
        (phase, self.failures.sends())
    }

    /// Why this side has given it up, where there is a code for that.
    pub(crate) fn why(&self) -> Option<Code> {
        self.state.lock().why
    }

    /// The owner lends a page for what comes, perhaps for a time.
    pub(crate) fn receive(self: &Arc<Self>, page: Lent) {
        let until = page.until();
        self.inbox.park(page);
        self.watch_page(until);
    }

    /// A message of the owner is with the socket. The page of an `Exchange` now waits for what comes.
    pub(crate) fn sent(self: &Arc<Self>, mut send: Lent) {
        match send.exchanged() {
            None => send.answer(0, self.session),
            Some(_) => {
                send.becomes_receive(Outcome::new(ABNORMAL, "").word());
                // Word of an earlier end would look like the end of the connection that has just taken it.
                self.inbox.pass_over_word(|| !self.is_succeeded.load(SeqCst));
                self.receive(send);
            }
        }
    }

    /// A page in the inbox is wanted back then. While the reader had it, nobody looked after it.
    pub(crate) fn watch_page(self: &Arc<Self>, until: Option<Instant>) {
        if until.is_some_and(|until| self.inbox.watch(until)) {
            self.watch_pages();
        }
    }

    /// Has the timer see to the page that is wanted back first. One deadline for all of them is armed at most.
    fn watch_pages(self: &Arc<Self>) {
        if let Some(next) = self.next() {
            return next.watch_pages();
        }
        self.disarm(Some(Deadline::Receive));
        if let Some(until) = self.inbox.watched() {
            self.arm(Deadline::Receive, until.saturating_duration_since(Instant::now()));
        }
    }

    /// How the connection ended; that it broke, if nothing else is known.
    pub(crate) fn outcome(&self) -> Outcome {
        let state = self.state.lock();
        state.outcome.clone().unwrap_or_else(|| state.broken_off())
    }

    /// The owner has asked for the end.
    pub(crate) fn is_closed_by_owner(&self) -> bool {
        self.state.lock().closed_by_owner
    }

    /// Nobody has learnt of the connection, so nobody needs to be told of its end.
    pub(crate) fn end_silently(&self) {
        self.state.lock().closed_by_owner = true;
    }

    /// Both threads have ended. Tells everybody who has not been told; whether the owner knows.
    /// And what came of the opening, if nobody has asked yet.
    pub(crate) fn finish(self: &Arc<Self>) -> (Outcome, bool, Option<Box<OpeningResult>>) {
        self.finished.store(true, SeqCst);
        self.disarm(None);
        self.refuse(self.outbox.end());
        self.ends_for_good();
        let broken_off = self.state.lock().broken_off();
        let outcome = self.end(&broken_off);
        let mut state = self.state.lock();
        state.phase = Phase::Closed;
        let (socket, (opener, kept)) = (state.socket.take(), state.opener.end());
        let known = state.closed_by_owner || state.opener.is_refused();
        drop(state);
        drop((socket, opener));
        self.account.ended(&outcome);
        (outcome, known, kept)
    }

    /// Waits for the socket or the owner. The timer is told if the wait lasts.
    pub(crate) fn waiting<T>(self: &Arc<Self>, deadline: Deadline, wait: impl FnOnce() -> T) -> T {
        let Some((watch, limit)) = self.watch(deadline) else { return wait() };
        watch.begin(|| self.arm(deadline, limit));
        let result = if deadline == Deadline::Stall { self.holding(wait) } else { wait() };
        watch.end();
        result
    }

    /// Lets the reader wait for the owner. What the peer sends meanwhile is not heard.
    pub(crate) fn holding<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.held.store(true, Relaxed);
        let result = wait();
        self.held.store(false, Relaxed);
        result
    }

    /// A send has failed. It is counted if it was moved, and the sender is still the owner.
    pub(crate) fn count_failed(&self, send: &Lent) {
        self.failures.count(send, send.messages());
    }

    /// So many messages of a send have failed.
    pub(crate) fn count_some_failed(&self, send: &Lent, messages: usize) {
        self.failures.count(send, messages);
    }

    /// Answers sends that are not sent any more.
    fn refuse(&self, sends: Vec<Lent>) {
        for send in sends {
            self.count_failed(&send);
            send.not_sent(Code::Closed);
        }
    }

    /// A moved send has failed since this was last asked.
    pub(crate) fn take_send_failed(&self) -> bool {
        self.failures.take_new()
    }

    /// Sets the outcome, unless there is one, and tells everybody who waits for it.
    fn end(&self, outcome: &Outcome) -> Outcome {
        let mut state = self.state.lock();
        let outcome = state.outcome.get_or_insert_with(|| outcome.clone()).clone();
        if self.continues(&state, &outcome) {
            return outcome;
        }
        let told = self.tells_of_its_end();
        let closers = if told { std::mem::take(&mut state.closers) } else { Vec::new() };
        let late = std::mem::take(&mut state.late);
        drop(state);
        self.refuse(late);
        if told {
            self.inbox.end(&outcome);
        }
        closers.into_iter().for_each(|closer| closer.tell(&outcome));
        if let Some(lasting) = &self.lasting {
            lasting.wake();
        }
        outcome
    }

    /// Who records is told when what was recorded is kept, so that a program can end behind that; but not if the reader waits
    /// for the owner, perhaps for ever.
    fn tells_of_its_end(&self) -> bool {
        let is_told = self.finished.load(SeqCst) || self.held.load(Relaxed);
        is_told || self.recorder.get().is_none() || self.is_granted()
    }

    fn watch(&self, deadline: Deadline) -> Option<(&Watch, Duration)> {
        match deadline {
            Deadline::Write => Some((&self.write, self.deadlines.write)),
            Deadline::Stall => Some((&self.stall, self.deadlines.stall)),
            _ => None,
        }
    }

    fn arm(self: &Arc<Self>, deadline: Deadline, wait: Duration) {
        self.timer.arm(self.weak(), deadline as usize, wait);
        // What the deadline is for may have ended meanwhile.
        if self.finished.load(SeqCst) {
            self.disarm(None);
        }
    }

    fn disarm(self: &Arc<Self>, deadline: Option<Deadline>) {
        self.timer.disarm(&self.weak(), deadline.map(|deadline| deadline as usize));
    }

    fn weak(self: &Arc<Self>) -> Weak<dyn Wake> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }

    fn is_over(self: &Arc<Self>, deadline: Deadline) -> bool {
        self.watch(deadline).is_some_and(|(watch, limit)| watch.is_over(|| self.arm(deadline, limit)))
    }

    /// Tells those who wait for the end if the reader waits for a pushed page, as the owner may keep that page for
    /// ever.
    fn answer_closers(&self) {
        if self.held.load(Relaxed) && !self.state.lock().closers.is_empty() {
            let outcome = self.state.lock().broken_off();
            self.end(&outcome);
        }
    }
}

impl State {
    fn broken_off(&self) -> Outcome {
        let broken = || Outcome { why: self.why, ..Outcome::new(ABNORMAL, &self.cause) };
        // One that was never open ends as the one before it.
        self.last.clone().filter(|_| !self.was_open).unwrap_or_else(broken)
    }
}

impl Wake for Connection {
    fn wake(self: Arc<Self>, kind: usize, _timer: &Timer) {
        match Deadline::from_kind(kind) {
            Some(Deadline::Open) => self.opening_is_late(),
            Some(Deadline::Write) if self.is_over(Deadline::Write) => {
                self.is_late(|| format!("the peer took nothing within {:?}", self.deadlines.write));
            }
            Some(Deadline::Stall) if self.is_over(Deadline::Stall) => {
                self.give_up(CloseCode::GOING_AWAY, "the receiver stalled");
            }
            Some(Deadline::TakeUp) if self.untouched.load(Relaxed) => {
                self.give_up(CloseCode::GOING_AWAY, "nobody took the connection up");
            }
            Some(Deadline::Close) => {
                self.is_late(|| format!("the peer did not close within {:?}", self.deadlines.close));
                self.answer_closers();
            }
            Some(Deadline::Shutdown) => {
                self.break_off();
                self.answer_closers();
            }
            Some(Deadline::Keepalive) => self.keep_alive(),
            Some(Deadline::Heartbeat) => self.beat(),
            Some(Deadline::Receive) => {
                self.inbox.give_back(Instant::now());
                self.watch_pages();
            }
            _ => (),
        }
    }
}
