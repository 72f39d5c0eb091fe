//! A connection as its threads share it.

mod opening;

use std::net::Shutdown;
use std::sync::{Arc, Weak};
use std::time::Duration;

use xous::PID;
use xous_api_websocket::state::Phase;
use xous_api_websocket::wire::Handle;
use xous_api_websocket::{Code, Deadlines, Lease};

use super::closer::Closer;
use super::deadline::{Deadline, SHUTDOWN_AGAIN};
use super::failures::Failures;
use super::inbox::Inbox;
use super::opener::{Opener, OpeningResult};
use super::outbox::Outbox;
use super::outcome::{ABNORMAL, NO_CODE, Outcome, cut};
use crate::net::{Socket, TlsError};
use crate::proto::{CloseCode, CloseReason, CloseStep, Keepalive, KeepaliveStep, Role, Violation};
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
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    timer: Arc<Timer>,
    write: Watch,
    stall: Watch,
    state: Mutex<State>,
    /// Something came from the peer since the timer last looked.
    heard: AtomicBool,
    /// The reader waits for the owner and hears nothing from the peer.
    held: AtomicBool,
    /// Both threads have ended: no deadline is waited for any more.
    finished: AtomicBool,
    /// It was handed over, and nothing has come from its owner yet.
    untouched: AtomicBool,
    /// Of the owner.
    failures: Failures,
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
    keepalive: Option<Keepalive>,
    /// The owner asked for the end, so that nobody needs to be told of it later.
    closed_by_owner: bool,
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
        let deadlines = deadlines.bounded();
        Arc::new(Connection {
            role,
            handle,
            deadlines,
            silence: lease.silence,
            answers: AtomicBool::new(lease.answers),
            inbox: Inbox::new(),
            outbox: Outbox::new(role),
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
                keepalive: deadlines.keepalive.map(|interval| Keepalive::new(interval, deadlines.pong)),
                closed_by_owner: false,
            }),
            heard: AtomicBool::new(false),
            held: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            untouched: AtomicBool::new(false),
            failures: Failures::default(),
        })
    }

    /// It is this process's.
    pub(crate) fn belongs_to(&self, owner: PID) {
        self.failures.belong_to(owner);
    }

    /// Makes `heir` the owner. Nothing that the former one has begun, lent or failed at is the heir's: its pages go back,
    /// and a message that it has sent in parts ends.
    pub(crate) fn hand_over(self: &Arc<Self>, heir: PID) {
        self.outbox.hand_over();
        self.belongs_to(heir);
        self.untouched.store(true, Relaxed);
        self.answers.store(false, Relaxed);
        self.answer_opener(Opener::cancel);
        self.inbox.hand_over();
        self.disarm(Some(Deadline::TakeUp));
        self.arm(Deadline::TakeUp, self.deadlines.stall);
    }

    /// What becomes of it when its owner has ended.
    pub(crate) fn lease(&self) -> Lease {
        let lease = Lease::new().answers(self.answers.load(Relaxed));
        self.silence.map_or(lease, |silence| lease.silence(silence))
    }

    /// The owner has asked for something.
    pub(crate) fn touch(self: &Arc<Self>) {
        if self.untouched.load(Relaxed) && self.untouched.swap(false, Relaxed) {
            self.disarm(Some(Deadline::TakeUp));
        }
    }

    /// A client has opened it; its frames to the client are not masked.
    pub(crate) fn is_server(&self) -> bool {
        self.role == Role::Server
    }

    /// Where the connection stands for its owner, and how many moved sends have failed. It is closed when it is known
    /// how it ended, though its threads may still see to the socket.
    pub(crate) fn state(&self) -> (Phase, usize) {
        let state = self.state.lock();
        let phase = if state.outcome.is_some() { Phase::Closed } else { state.phase };
        (phase, self.failures.sends())
    }

    /// The owner lends a page for what comes, perhaps for a time.
    pub(crate) fn receive(self: &Arc<Self>, page: Lent) {
        let until = page.until();
        self.inbox.park(page);
        self.watch_page(until);
    }

    /// A page in the inbox is wanted back then. While the reader had it, nobody looked after it.
    pub(crate) fn watch_page(self: &Arc<Self>, until: Option<Instant>) {
        if until.is_some_and(|until| self.inbox.watch(until)) {
            self.watch_pages();
        }
    }

    /// Has the timer see to the page that is wanted back first. One deadline for all of them is armed at most.
    fn watch_pages(self: &Arc<Self>) {
        self.disarm(Some(Deadline::Receive));
        if let Some(until) = self.inbox.watched() {
            self.arm(Deadline::Receive, until.saturating_duration_since(Instant::now()));
        }
    }

    /// The owner closes it; `closer` is told how it ended, now or later.
    pub(crate) fn close(self: &Arc<Self>, reason: Option<CloseReason<'_>>, closer: Option<Closer>) {
        let mut state = self.state.lock();
        let again = std::mem::replace(&mut state.closed_by_owner, true);
        if let Some(outcome) = state.outcome.clone() {
            drop(state);
            match closer {
                Some(closer) if again => closer.refuse(),
                Some(closer) => closer.tell(&outcome),
                None => (),
            }
            return;
        }
        state.closers.extend(closer);
        let opening = state.phase == Phase::Opening;
        state.phase = if opening { Phase::Closed } else { Phase::Closing };
        drop(state);
        self.answer_opener(Opener::cancel);
        self.inbox.discard();
        if opening {
            // Nobody waits for the worker, which may be in a look-up that cannot be cut short.
            self.end(&Outcome::new(ABNORMAL, "the opening was given up"));
            // By the timer: to shut a socket down is a message to another server, which is waited for.
            self.refuse(self.outbox.end());
            self.arm(Deadline::Shutdown, Duration::ZERO);
        } else if self.outbox.close_after_sends(reason) {
            self.arm(Deadline::Close, self.deadlines.close);
        }
    }

    /// The peer broke the protocol (RFC 6455 section 7.1.7): a Close frame at once, nothing delivered any more.
    pub(crate) fn fail(self: &Arc<Self>, violation: Violation) {
        let outcome = Outcome::new(violation.close_code().value(), violation.text());
        self.closing(&outcome, || self.outbox.fail(violation));
    }

    /// This side gives the connection up; as [`Connection::fail`].
    pub(crate) fn give_up(self: &Arc<Self>, code: CloseCode, text: &str) {
        let outcome = Outcome::new(code.value(), text);
        self.closing(&outcome, || self.outbox.close_now(CloseReason::new(code, text)));
    }

    /// The peer's Close frame has come; it is answered, unless ours has gone before it.
    pub(crate) fn peer_closed(self: &Arc<Self>, reason: Option<CloseReason<'_>>) {
        let (code, text) = reason.map_or((NO_CODE, ""), |reason| (reason.code().value(), reason.text()));
        self.closing(&Outcome::new(code, text), || self.outbox.peer_closed(reason));
        self.half_close();
    }

    /// When both Close frames have passed there is nothing left to send. On a PC this also
    /// ends peers that wait for the other side to end the transport first; see `platform::SHUTDOWN_SENDS_FIN` for the device.
    pub(crate) fn half_close(&self) {
        if matches!(self.outbox.close_step(), CloseStep::AwaitEnd | CloseStep::ShutDown) {
            let socket = self.state.lock().socket.clone();
            if let Some(socket) = socket {
                socket.shutdown(Shutdown::Write);
            }
        }
    }

    fn closing(self: &Arc<Self>, outcome: &Outcome, close: impl FnOnce() -> Vec<Lent>) {
        self.state.lock().phase = Phase::Closing;
        self.inbox.discard();
        self.refuse(close());
        self.end(outcome);
        self.arm(Deadline::Close, self.deadlines.close);
    }

    /// A read has failed. What TLS says about it is how the connection ended, and the peer is told with an alert. An
    /// error of the socket is the cause only if there is none yet: on the device, a local shutdown is one.
    pub(crate) fn broken(self: &Arc<Self>, error: &std::io::Error) {
        self.breaks(|| format!("the connection was lost: {error}"));
        if error.get_ref().is_some_and(|error| error.is::<TlsError>()) {
            log::info!("the connection is broken: {error}");
            self.end(&Outcome::new(ABNORMAL, &error.to_string()));
            if self.outbox.transport_failed() {
                self.arm(Deadline::Close, self.deadlines.close);
            }
        }
    }

    /// Nothing comes any more. If the peer has vanished, nothing goes either; else the writer sends its Close frame,
    /// or a last alert.
    pub(crate) fn reader_ended(self: &Arc<Self>) {
        if matches!(self.outbox.close_step(), CloseStep::Send) || self.outbox.is_failing() {
            return;
        }
        self.break_off();
    }

    /// Remembers why the connection breaks off, which is told together with 1006. The first cause counts.
    pub(crate) fn breaks<T: Into<Box<str>>>(&self, cause: impl FnOnce() -> T) {
        let mut state = self.state.lock();
        if state.cause.is_empty() {
            state.cause = cut(cause().into());
        }
    }

    /// A deadline is over: as [`Connection::break_off`].
    fn is_late(self: &Arc<Self>, cause: impl FnOnce() -> String) {
        self.breaks(cause);
        self.break_off();
    }

    /// Nothing can be sent or received any more: both threads come to their end.
    pub(crate) fn break_off(self: &Arc<Self>) {
        self.refuse(self.outbox.end());
        self.inbox.discard();
        let socket = self.state.lock().socket.clone();
        if let Some(socket) = socket {
            socket.shutdown(Shutdown::Both);
            self.arm(Deadline::Shutdown, SHUTDOWN_AGAIN);
        }
    }

    /// How the connection ended; that it broke, if nothing else is known.
    pub(crate) fn outcome(&self) -> Outcome {
        let state = self.state.lock();
        state.outcome.clone().unwrap_or_else(|| Outcome::new(ABNORMAL, &state.cause))
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
        let cause = self.state.lock().cause.clone();
        let outcome = self.end(&Outcome::new(ABNORMAL, &cause));
        let mut state = self.state.lock();
        state.phase = Phase::Closed;
        let (socket, (opener, kept)) = (state.socket.take(), state.opener.end());
        let known = state.closed_by_owner || state.opener.is_refused();
        drop(state);
        drop((socket, opener));
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

    /// Something came from the peer.
    pub(crate) fn heard(&self) {
        if self.deadlines.keepalive.is_some() {
            self.heard.store(true, Relaxed);
        }
    }

    /// A send has failed. It is counted if it was moved, and the sender is still the owner.
    pub(crate) fn count_failed(&self, send: &Lent) {
        self.failures.count(send);
    }

    /// Answers sends that are not sent any more.
    fn refuse(&self, sends: Vec<Lent>) {
        for send in sends {
            self.count_failed(&send);
            send.answer(Code::Closed as usize, 0);
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
        let closers = std::mem::take(&mut state.closers);
        drop(state);
        self.inbox.end(&outcome);
        closers.into_iter().for_each(|closer| closer.tell(&outcome));
        outcome
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
            self.end(&Outcome::new(ABNORMAL, ""));
        }
    }

    fn keep_alive(self: &Arc<Self>) {
        let (heard, held) = (self.heard.swap(false, Relaxed), self.held.load(Relaxed));
        let step = self.state.lock().keepalive.as_mut().map(|keepalive| keepalive.tick(heard, held));
        match step {
            None => (),
            Some(KeepaliveStep::Wait(wait)) => self.arm(Deadline::Keepalive, wait),
            Some(KeepaliveStep::Ping(wait)) => {
                self.outbox.ping();
                self.arm(Deadline::Keepalive, wait);
            }
            Some(KeepaliveStep::Dead) => {
                log::info!("no answer to a ping: the connection is given up");
                self.is_late(|| format!("no answer to a ping within {:?}", self.deadlines.pong));
            }
        }
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
            Some(Deadline::Receive) => {
                self.inbox.give_back(Instant::now());
                self.watch_pages();
            }
            _ => (),
        }
    }
}
