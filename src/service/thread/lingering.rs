//! One thread for sockets that nobody waits for.
//!
//! Who competes: the ports' threads and the timer bring clients that are refused. Their requests are read first, as some
//! clients do not survive an answer that comes before they have asked, and their sockets are kept open for a while so that
//! they can read why. Workers bring sockets for the second part of that. The dispatcher brings addresses whose `accept` is
//! to end, as many as there are ports. Full: a port's thread waits a moment for room, and lets go of its client if there is
//! none; the timer keeps its own and comes again. The socket that came first is closed, before another client is heard. On
//! the device that may take as long as its peer likes; then no more are taken.
//!
//! Only this thread calls what waits: the log, `net`, a peer.

use std::collections::VecDeque;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::timer::{Timer, Wake};
use crate::net::{Socket, TcpStream, wake_accept};
use crate::platform::SHUTDOWN_SENDS_FIN;
use crate::service::limits::{LINGER, LINGERING, MAX_LINGERING, REFUSED, REFUSED_WAIT};
use crate::sync::{Condvar, Instant, Mutex, MutexGuard};

/// On the device a connection and a panic take 16 and 32 KiB of stack.
const STACK: usize = 64 * 1024;

/// Bytes of a refused request that are read: those of the default limit.
const MAX_REQUEST: usize = 8 * 1024;

/// A read is ended again after this: on the device a shutdown only ends a call that waits already.
const AGAIN: Duration = Duration::from_millis(10);

/// The thread's work.
pub(crate) struct Lingering {
    timer: Arc<Timer>,
    state: Mutex<State>,
    more: Condvar,
    /// Of those that are refused, one is being heard.
    room: Condvar,
}

#[derive(Default)]
struct State {
    /// Where a port's thread waits in `accept` and is to be woken.
    accepting: Vec<SocketAddr>,
    refused: VecDeque<Refused>,
    /// Each with the time at which it is closed.
    lingering: VecDeque<(Instant, Arc<Socket>)>,
    /// When that began which the thread does.
    busy: Option<Instant>,
}

/// Makes an answer of a request.
type Answer = Box<dyn FnOnce(&[u8]) -> Vec<u8> + Send>;

/// A client that is refused, and what it is answered, made of what it has sent.
struct Refused {
    stream: TcpStream,
    answer: Answer,
    /// It is known how its request ends.
    is_http: bool,
    /// Until when it may send that. Its time begins when it comes, so that those who wait for one another to be heard wait
    /// no longer than one of them.
    until: Instant,
}

/// A client's time to send its request.
struct Patience(Weak<Socket>);

impl Wake for Patience {
    fn wake(self: Arc<Self>, kind: usize, timer: &Timer) {
        if let Some(socket) = self.0.upgrade() {
            socket.shutdown(Shutdown::Read);
            let weak: Weak<Self> = Arc::downgrade(&self);
            timer.arm(weak, kind, AGAIN);
        }
    }
}

enum Work {
    WakeAccept(SocketAddr),
    Refuse(Refused),
    Close(Arc<Socket>),
}

impl Lingering {
    /// Starts the thread.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(timer: Arc<Timer>) -> std::io::Result<Arc<Self>> {
        let (state, more, room) = (Mutex::default(), Condvar::new(), Condvar::new());
        let lingering = Arc::new(Lingering { timer, state, more, room });
        let own = lingering.clone();
        std::thread::Builder::new()
            .name("ws-lingering".into())
            .stack_size(STACK)
            .spawn(move || own.work())?;
        Ok(lingering)
    }

    /// Answers a client behind its request, `is_http` if it is one in plain text, and ends its connection. Nothing was
    /// written to its socket before, so that writing does not wait. `answer` makes the answer of what the client has
    /// sent, on another thread. If there is no room within `wait`, gives the client back. With no `wait`, this waits for
    /// nothing.
    pub(crate) fn refuse(
        &self,
        stream: TcpStream,
        is_http: bool,
        wait: Duration,
        answer: impl FnOnce(&[u8]) -> Vec<u8> + Send + 'static,
    ) -> Option<TcpStream> {
        let Some(mut state) = self.await_room(wait) else { return Some(stream) };
        let until = Instant::now() + REFUSED_WAIT;
        state.refused.push_back(Refused { stream, answer: Box::new(answer), is_http, until });
        drop(state);
        self.more.notify_one();
        None
    }

    fn await_room(&self, wait: Duration) -> Option<MutexGuard<'_, State>> {
        let until = Instant::now() + wait;
        let mut state = self.state.lock();
        while state.refused.len() >= REFUSED {
            let wait = until.saturating_duration_since(Instant::now());
            if wait.is_zero() || state.is_stuck() {
                return None;
            }
            state = self.room.wait_timeout(state, wait);
        }
        Some(state)
    }

    fn say(&self, socket: &Arc<Socket>, answer: &[u8]) {
        if socket.write_all(answer).is_ok() {
            socket.shutdown(Shutdown::Write);
            self.linger(socket.clone());
        }
    }

    /// Reads a request as far as it comes, and answers it.
    fn hear(&self, refused: Refused) {
        let Refused { stream, answer, is_http, until } = refused;
        let socket = Arc::new(Socket::new(stream));
        let patience = Arc::new(Patience(Arc::downgrade(&socket)));
        let weak: Weak<Patience> = Arc::downgrade(&patience);
        let weak: Weak<dyn Wake> = weak;
        // What has come is read in any case.
        let wait =
            if self.is_pressed() { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
        self.timer.arm(weak.clone(), 0, wait);
        let request = request(&socket, is_http);
        self.timer.disarm(&weak, None);
        self.say(&socket, &answer(&request));
    }

    /// So many are to be heard that nobody is waited for.
    fn is_pressed(&self) -> bool {
        self.state.lock().refused.len() >= REFUSED / 2
    }

    /// Keeps a socket open for a client that has been sent its last answer. One that is closed with bytes unread is
    /// reset, and the answer may be lost. On the device closing resets nothing, and only it tells the client of the end.
    /// When there are too many, lets go of the socket at once.
    pub(crate) fn linger(&self, socket: Arc<Socket>) {
        let wait = if SHUTDOWN_SENDS_FIN { LINGER } else { Duration::ZERO };
        let mut state = self.state.lock();
        if !state.takes_sockets() {
            // Closing may wait.
            drop(state);
            return drop(socket);
        }
        state.lingering.push_back((Instant::now() + wait, socket));
        drop(state);
        self.more.notify_one();
    }

    /// Ends a call that waits for a client on `address`, by connecting to it.
    pub(crate) fn wake_accept(&self, address: SocketAddr) {
        self.state.lock().accepting.push(address);
        self.more.notify_one();
    }

    fn work(&self) {
        loop {
            match self.next() {
                Work::WakeAccept(address) => wake_accept(address, LINGER),
                Work::Refuse(refused) => self.hear(refused),
                // On the device this waits until what was sent has arrived.
                Work::Close(socket) => {
                    socket.discard_unread();
                    drop(socket);
                }
            }
        }
    }

    fn next(&self) -> Work {
        let mut state = self.state.lock();
        state.busy = None;
        loop {
            if let Some(work) = state.next() {
                state.busy = Some(Instant::now());
                if matches!(work, Work::Refuse(_)) {
                    self.room.notify_one();
                }
                return work;
            }
            let wait = state.until_close();
            state = match wait {
                Some(wait) => self.more.wait_timeout(state, wait),
                None => self.more.wait(state),
            };
        }
    }
}

impl State {
    fn next(&mut self) -> Option<Work> {
        if let Some(address) = self.accepting.pop() {
            return Some(Work::WakeAccept(address));
        }
        // Before others are heard, who bring a socket each to be closed and may come without end.
        if self.until_close().is_some_and(|wait| wait.is_zero()) {
            return self.lingering.pop_front().map(|(_, socket)| Work::Close(socket));
        }
        self.refused.pop_front().map(Work::Refuse)
    }

    /// A socket that does not close, or the log, holds the thread up.
    fn is_stuck(&self) -> bool {
        self.busy.is_some_and(|since| since.elapsed() > LINGER)
    }

    /// Whether another socket is taken to be closed later.
    fn takes_sockets(&self) -> bool {
        self.lingering.len() < if self.is_stuck() { LINGERING } else { MAX_LINGERING }
    }

    /// How long the first of the lingering sockets stays open.
    fn until_close(&self) -> Option<Duration> {
        let (until, _) = self.lingering.front()?;
        let is_full = self.lingering.len() > LINGERING;
        Some(if is_full { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) })
    }
}

/// What a client sends, up to the end of a head if it is one, or a bound.
fn request(socket: &Socket, is_http: bool) -> Vec<u8> {
    let mut request = Vec::new();
    let mut piece = [0; 512];
    while let Ok(len @ 1..) = socket.read(&mut piece) {
        request.extend_from_slice(piece.get(..len).unwrap_or_default());
        let is_whole = request.windows(4).any(|end| end == b"\r\n\r\n");
        if is_whole || !is_http || request.len() >= MAX_REQUEST {
            break;
        }
    }
    request
}
