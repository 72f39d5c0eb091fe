//! What a connection's writer has to send: messages in the order in which they came, and control frames, which
//! go first and never wait for room.
//!
//! Who competes: the dispatcher (messages, the owner's Close), the reader (pongs, the answer to a Close, word that
//! TLS has something to send), a worker (answers to uploads), the timer (pings, a Close), and one writer, which takes. Full:
//! messages are refused, the oldest pong is dropped; who brings answers is told when there is room.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use xous_api_websocket::Code;

use crate::proto::{ClosePayload, CloseReason, CloseStep, Closing, Role, Violation};
use crate::service::limits::{QUEUED_BROADCAST_BYTES, QUEUED_BROADCASTS, QUEUED_PONGS, QUEUED_SENDS};
use crate::service::message::Lent;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::{Instant, Mutex, MutexGuard, Signal};

/// The queue.
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// There is work for the writer.
    work: Signal,
    /// How often the owner has sent. Changed under the lock.
    sent: AtomicU32,
}

/// What the writer does next.
pub(crate) enum Work {
    /// A Ping to send.
    Ping,
    /// The message that goes out every so often.
    Heartbeat,
    /// A Pong with this payload.
    Pong(Box<[u8]>),
    /// A message or a part of one.
    Send(Lent),
    /// A frame that is ready to be sent, shared with other connections.
    Share(Arc<[u8]>),
    /// The connection has another owner: a message in parts ends here.
    HandOver,
    /// Nothing of its own. What the transport has to send goes out with it.
    Flush,
    /// The Close frame; nothing is sent after it. Apart, as work of every kind would be moved about with room for one.
    Close(Box<ClosePayload>),
}

struct State {
    pongs: VecDeque<Box<[u8]>>,
    ping: bool,
    /// When the last Ping was with the socket, unless there has been another one since then.
    pinged: Option<Instant>,
    /// A heartbeat is due.
    heartbeat: bool,
    flush: bool,
    /// Messages of the owner and broadcasts, in the order in which they came.
    items: VecDeque<Item>,
    sends: usize,
    broadcasts: usize,
    /// Of the broadcasts.
    broadcast_bytes: usize,
    /// A message in parts has begun: broadcasts wait until it ends.
    mid_message: bool,
    closing: Closing,
    /// Our Close frame is with the socket.
    close_written: bool,
    phase: Phase,
    /// To be called when there is room for a frame that is shared, or never will be, by whoever makes it. Must not wait.
    room: Option<Box<dyn FnOnce() + Send>>,
    /// Messages that are refused until the connection is open.
    refuses: Option<fn(&Lent) -> bool>,
}

enum Item {
    Send(Lent),
    Share(Arc<[u8]>),
    HandOver,
}

/// A broadcast is not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShareError {
    /// Too many wait.
    Full,
    /// The connection has ended.
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Everything is taken.
    Open,
    /// The owner or the peer has closed: what is queued goes out, then the Close frame.
    Draining,
    /// The Close frame goes out next, or has gone.
    Closing,
    /// The transport has failed. Its last records go out, then the writer ends.
    Failed,
    /// The writer shall end.
    Over,
}

impl Outbox {
    pub(crate) fn new(role: Role) -> Self {
        let state = State {
            pongs: VecDeque::new(),
            ping: false,
            pinged: None,
            heartbeat: false,
            flush: false,
            items: VecDeque::new(),
            sends: 0,
            broadcasts: 0,
            broadcast_bytes: 0,
            mid_message: false,
            closing: Closing::new(role),
            close_written: false,
            phase: Phase::Open,
            room: None,
            refuses: None,
        };
        Outbox { state: Mutex::new(state), work: Signal::new(), sent: AtomicU32::new(0) }
    }

    /// Queues a message, or gives it back with the reason.
    pub(crate) fn send(&self, message: Lent) -> Result<(), (Lent, Code)> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err((message, Code::Closed));
        }
        if state.refuses.is_some_and(|refuses| refuses(&message)) {
            return Err((message, Code::Reconnecting));
        }
        if state.sends >= QUEUED_SENDS {
            return Err((message, Code::BusyQueue));
        }
        self.sent.fetch_add(u32::try_from(message.messages()).unwrap_or(1), SeqCst);
        state.items.push_back(Item::Send(message));
        state.sends += 1;
        self.work.notify(state);
        Ok(())
    }

    /// How often the owner has sent a message or a part of one. It wraps around.
    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(SeqCst)
    }

    /// Messages of the owner that wait, and their bytes.
    pub(crate) fn queued(&self) -> (usize, usize) {
        let state = self.state.lock();
        let sends = state.items.iter().filter_map(|item| match item {
            Item::Send(send) => Some(send.counts()),
            Item::Share(_) | Item::HandOver => None,
        });
        sends.fold((0, 0), |(count, bytes), (messages, len)| (count + messages, bytes + len))
    }

    /// Sends that still have a place, but for one, which a message that is lent takes.
    pub(crate) fn room(&self) -> usize {
        (QUEUED_SENDS - 1).saturating_sub(self.state.lock().sends)
    }

    /// What is queued from now on is another owner's, who begins with a message of its own.
    pub(crate) fn hand_over(&self) {
        let mut state = self.state.lock();
        // One is enough between two messages, so that this is bounded as they are.
        if state.phase == Phase::Open && !matches!(state.items.back(), Some(Item::HandOver)) {
            state.items.push_back(Item::HandOver);
            self.work.notify(state);
        }
    }

    /// Takes none of these messages before the connection is open.
    pub(crate) fn refuse_until_open(&self, refused: fn(&Lent) -> bool) {
        self.state.lock().refuses = Some(refused);
    }

    /// The connection is open.
    pub(crate) fn opens(&self) {
        self.state.lock().refuses = None;
    }

    /// Queues a broadcast.
    pub(crate) fn share(&self, frame: Arc<[u8]>) -> Result<(), ShareError> {
        let mut state = self.state.lock();
        state.share(&frame)?;
        self.work.notify(state);
        Ok(())
    }

    /// As [`Outbox::share`], for a frame that must not be lost: `told` is called when there is room where there was none, or
    /// when the connection has ended. One waits at a time, for as long as the caller lets it.
    pub(crate) fn share_or_tell(
        &self,
        frame: &Arc<[u8]>,
        told: impl FnOnce() + Send + 'static,
    ) -> Result<(), ShareError> {
        let mut state = self.state.lock();
        let shared = state.share(frame);
        match shared {
            Ok(()) => self.work.notify(state),
            Err(ShareError::Full) => state.room = Some(Box::new(told)),
            Err(ShareError::Closed) => (),
        }
        shared
    }

    /// Queues a Pong with at most 125 bytes. After a Close frame no Pong is sent (RFC 6455 section 5.5.1).
    pub(crate) fn pong(&self, payload: &[u8]) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Open | Phase::Draining) {
            if state.pongs.len() >= QUEUED_PONGS {
                state.pongs.pop_front();
            }
            state.pongs.push_back(payload.into());
            self.work.notify(state);
        }
    }

    /// Queues a Ping.
    pub(crate) fn ping(&self) {
        let mut state = self.state.lock();
        state.pinged = None;
        if state.phase == Phase::Open {
            state.ping = true;
            self.work.notify(state);
        }
    }

    /// The Ping that [`Work::Ping`] asked for is with the socket, since `when`.
    pub(crate) fn ping_written(&self, when: Instant) {
        self.state.lock().pinged = Some(when);
    }

    /// Since when the last Ping is with the socket; `None` if it waits, or is being written.
    pub(crate) fn pinged(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.pinged.filter(|_| !state.ping)
    }

    /// Has the writer send the message that goes out every so often. `false` if nothing is sent any more.
    pub(crate) fn heartbeat(&self) -> bool {
        let mut state = self.state.lock();
        let open = state.phase == Phase::Open;
        state.heartbeat |= open;
        self.work.notify(state);
        open
    }

    /// The transport has something to send that no write carries yet.
    pub(crate) fn flush(&self) {
        let mut state = self.state.lock();
        state.flush = true;
        self.work.notify(state);
    }

    /// The transport has failed: the writer finds that out when it has sent why. `false` if there is no writer any
    /// more, or it is about to find out with a Close frame.
    pub(crate) fn transport_failed(&self) -> bool {
        let mut state = self.state.lock();
        let found_out = matches!(state.phase, Phase::Open | Phase::Draining);
        if found_out {
            state.phase = Phase::Failed;
            state.flush = true;
            self.work.notify(state);
        }
        found_out
    }

    /// The writer is about to find out that the transport has failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.state.lock().phase == Phase::Failed
    }

    /// The owner closes: after what is queued. `false` if a Close frame is on its way already.
    pub(crate) fn close_after_sends(&self, reason: Option<CloseReason<'_>>) -> bool {
        let mut state = self.state.lock();
        let first = state.closing.start(reason);
        if first {
            state.drain();
            self.work.notify(state);
        }
        first
    }

    /// This side closes at once. What is queued comes back, to be answered.
    pub(crate) fn close_now(&self, reason: Option<CloseReason<'_>>) -> Vec<Lent> {
        self.closing(|closing| {
            closing.start(reason);
        })
    }

    /// The peer's Close frame has come. It is answered after what is queued; nothing more is taken.
    pub(crate) fn peer_closed(&self, reason: Option<CloseReason<'_>>) {
        let mut state = self.state.lock();
        state.closing.received(reason);
        state.drain();
        self.work.notify(state);
    }

    /// The peer broke the protocol; as [`Outbox::close_now`].
    pub(crate) fn fail(&self, violation: Violation) -> Vec<Lent> {
        self.closing(|closing| closing.fail(violation))
    }

    /// What remains to be done of the closing handshake: `Send` until our frame is with the socket.
    pub(crate) fn close_step(&self) -> CloseStep {
        let state = self.state.lock();
        match state.closing.next() {
            CloseStep::None => CloseStep::None,
            _ if !state.close_written => CloseStep::Send,
            step => step,
        }
    }

    /// This end ends the transport when its Close frame is out.
    pub(crate) fn ends_transport(&self) -> bool {
        self.state.lock().closing.ends_transport()
    }

    /// The Close frame that [`Work::Close`] asked for is with the socket.
    pub(crate) fn close_written(&self) {
        self.state.lock().close_written = true;
    }

    /// Ends the writer. What is queued comes back, to be answered.
    pub(crate) fn end(&self) -> Vec<Lent> {
        {
            let mut state = self.state.lock();
            state.phase = Phase::Over;
            self.work.notify(state);
        }
        self.refuse_sends()
    }

    /// Waits for the next piece of work. `None` when the writer is to end. `mid_message` says that a message in parts
    /// has begun and not ended.
    pub(crate) fn next(&self, mid_message: bool) -> Option<Work> {
        self.work.prepare();
        let mut state = self.state.lock();
        state.mid_message = mid_message;
        loop {
            if state.phase == Phase::Over {
                return None;
            }
            if let Some(work) = take(&mut state) {
                tell_of_room(state, &work);
                return Some(work);
            }
            if state.phase == Phase::Failed {
                return None;
            }
            state = self.work.wait(&self.state, state);
        }
    }

    /// The next piece of work if there is one.
    pub(crate) fn try_next(&self, mid_message: bool) -> Option<Work> {
        let mut state = self.state.lock();
        state.mid_message = mid_message;
        let work = if state.phase == Phase::Over { None } else { take(&mut state) }?;
        tell_of_room(state, &work);
        Some(work)
    }

    /// A control frame that may go between two frames of a message: never a Close of the owner, as what it has
    /// queued before goes first.
    pub(crate) fn try_control(&self) -> Option<Work> {
        let mut state = self.state.lock();
        if state.phase == Phase::Over { None } else { take_control(&mut state) }
    }

    /// A Close frame waits to be sent instead of the rest of a message.
    pub(crate) fn is_closing_now(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Closing | Phase::Failed | Phase::Over)
    }

    fn closing(&self, step: impl FnOnce(&mut Closing)) -> Vec<Lent> {
        {
            let mut state = self.state.lock();
            step(&mut state.closing);
            if !matches!(state.phase, Phase::Failed | Phase::Over) {
                state.phase = Phase::Closing;
            }
            self.work.notify(state);
        }
        self.refuse_sends()
    }

    /// To be answered outside of the lock, as each answer is a call to the kernel.
    fn refuse_sends(&self) -> Vec<Lent> {
        let (refused, told) = {
            let mut state = self.state.lock();
            (state.sends, state.broadcasts, state.broadcast_bytes) = (0, 0, 0);
            (std::mem::take(&mut state.items), state.room.take())
        };
        if let Some(told) = told {
            told();
        }
        let sends = refused.into_iter().filter_map(|item| match item {
            Item::Send(send) => Some(send),
            Item::Share(_) | Item::HandOver => None,
        });
        sends.collect()
    }
}

impl State {
    /// A writer that is to end, or to find out that the transport has failed, still does.
    fn drain(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Draining;
        }
    }

    fn share(&mut self, frame: &Arc<[u8]>) -> Result<(), ShareError> {
        if self.phase != Phase::Open {
            return Err(ShareError::Closed);
        }
        let bytes = self.broadcast_bytes + frame.len();
        if self.broadcasts >= QUEUED_BROADCASTS || bytes > QUEUED_BROADCAST_BYTES {
            return Err(ShareError::Full);
        }
        self.broadcast_bytes = bytes;
        self.broadcasts += 1;
        self.items.push_back(Item::Share(frame.clone()));
        Ok(())
    }
}

/// Who waits for room has some, if a frame is taken that is shared. It is told outside of the lock.
fn tell_of_room(mut state: MutexGuard<'_, State>, taken: &Work) {
    if !matches!(taken, Work::Share(_)) {
        return;
    }
    if let Some(told) = state.room.take() {
        drop(state);
        told();
    }
}

fn take_control(state: &mut State) -> Option<Work> {
    if let Some(payload) = state.pongs.pop_front() {
        return Some(Work::Pong(payload));
    }
    std::mem::take(&mut state.ping).then(|| {
        // The one before it may have been written behind the wish for this one.
        state.pinged = None;
        Work::Ping
    })
}

fn take(state: &mut State) -> Option<Work> {
    if std::mem::take(&mut state.flush) {
        return Some(Work::Flush);
    }
    match state.phase {
        Phase::Closing => return take_close(state),
        Phase::Failed => return None,
        _ => (),
    }
    take_control(state)
        .or_else(|| take_heartbeat(state))
        .or_else(|| take_item(state))
        .or_else(|| take_close(state))
}

fn take_close(state: &mut State) -> Option<Work> {
    Some(Work::Close(Box::new(state.closing.take_due()?)))
}

/// Never within a message, and none that came to be due before the end was wanted.
fn take_heartbeat(state: &mut State) -> Option<Work> {
    let due = state.heartbeat && !state.mid_message && state.phase == Phase::Open;
    state.heartbeat &= !due;
    due.then_some(Work::Heartbeat)
}

fn take_item(state: &mut State) -> Option<Work> {
    let next = |item: &Item| !state.mid_message || !matches!(item, Item::Share(_));
    let at = state.items.iter().position(next)?;
    match state.items.remove(at)? {
        Item::Send(send) => {
            state.sends -= 1;
            Some(Work::Send(send))
        }
        Item::HandOver => Some(Work::HandOver),
        Item::Share(frame) => {
            state.broadcasts -= 1;
            state.broadcast_bytes -= frame.len();
            Some(Work::Share(frame))
        }
    }
}
