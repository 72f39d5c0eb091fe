//! Lines in are messages out, and messages in are lines out, each at its own pace.
//!
//! The main thread opens the connection, receives, and hears when it is lost and open again. A second thread reads the input
//! and sends. It is never in a call to the service when the program ends, as a kernel of the hosted mode does not bear that.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use xous_api_websocket::error::{Closed, SendError};
use xous_api_websocket::{CloseCode, Code, Event, Kind, Websocket};

use crate::arguments::Arguments;
use crate::connect::Opener;
use crate::input::{Lines, send};
use crate::output::{Beside, Output};
use crate::{Failure, is_well};

/// Of the thread that reads the input.
const STACK: usize = 64 * 1024;
/// At the end of the input, a peer that never stops talking is waited for this many times as long as one that does.
const TALKATIVE: u32 = 10;

pub(crate) fn run(arguments: &Arguments, output: &Output, opener: &Opener<'_>) -> Result<(), Failure> {
    let shared = Arc::new(Shared::default());
    let input = Input {
        shared: shared.clone(),
        kind: arguments.kind(),
        wait: arguments.wait(),
        closes: arguments.count.is_none(),
    };
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || input.read())
        .map_err(|error| format!("no thread for the input: {error}"))?;
    let result = receive(arguments, output, opener, &shared);
    let ended = shared.end();
    // A program may not end while the kernel owes one of its threads an answer, and to wake another thread is a call, too.
    // Only the input is no call, and may never come.
    if !shared.lock().reading {
        thread.join().ok();
    }
    ended.and(result)
}

/// Receives until the end of the connection.
fn receive(
    arguments: &Arguments,
    output: &Output,
    opener: &Opener<'_>,
    shared: &Shared,
) -> Result<(), Failure> {
    let (ws, is_open) = opener.open()?;
    shared.begin(ws.clone(), is_open);
    let closed = match messages(&ws, output, opener, shared, arguments.count) {
        Err(Failure::Closed(closed)) => closed,
        other => {
            let code = ws.close(CloseCode::NORMAL, "").unwrap_or(CloseCode::ABNORMAL);
            output.closed(None, &Closed::new(code, ""), true);
            return other;
        }
    };
    shared.connected(false);
    let by_us = shared.lock().closed;
    output.closed(None, &closed, by_us);
    if by_us && closed.code == CloseCode::ABNORMAL {
        return Err(Failure::Other(closed.to_string()));
    }
    if by_us || is_well(&closed) { Ok(()) } else { Err(Failure::Closed(closed)) }
}

/// Prints messages until so many have come, if there is such a number, and follows the connection.
fn messages(
    ws: &Websocket,
    output: &Output,
    opener: &Opener<'_>,
    shared: &Shared,
    mut left: Option<u64>,
) -> Result<(), Failure> {
    while left != Some(0) {
        match ws.receive_event().map_err(Failure::of_receive)? {
            Event::Message(mut message) => {
                let whole = output.message(message.kind(), &mut message, Beside::default())?;
                left = left.map(|left| left - u64::from(whole));
                shared.heard();
            }
            event => {
                if let Some(is_open) = opener.told(&event) {
                    shared.connected(is_open);
                }
            }
        }
    }
    Ok(())
}

/// What the two threads tell each other.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The connection, whether it is open, and how often it has been opened.
    ws: Option<Websocket>,
    is_open: bool,
    number: u64,
    /// Messages that have come.
    heard: u64,
    /// The other thread may be in a call to the service.
    busy: bool,
    /// The other thread waits for input.
    reading: bool,
    /// Nothing more is to be sent.
    over: bool,
    /// The other thread has closed the connection.
    closed: bool,
    /// What was wrong with the input.
    fault: Option<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn changed_in<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// There is a connection.
    fn begin(&self, ws: Websocket, is_open: bool) {
        self.lock().ws = Some(ws);
        self.connected(is_open);
    }

    /// The connection is open, or lost.
    fn connected(&self, is_open: bool) {
        let mut state = self.lock();
        state.is_open = is_open;
        state.number += u64::from(is_open);
        drop(state);
        self.changed.notify_all();
    }

    fn heard(&self) {
        self.lock().heard += 1;
        self.changed.notify_all();
    }

    /// Has the other thread do nothing more. Returns when it is in no call to the service.
    fn end(&self) -> Result<(), Failure> {
        let mut state = self.lock();
        state.over = true;
        state.ws = None;
        self.changed.notify_all();
        while state.busy {
            state = self.changed(state);
        }
        state.fault.take().map_or(Ok(()), |fault| Err(Failure::Other(fault)))
    }
}

/// The thread that reads the input.
struct Input {
    shared: Arc<Shared>,
    kind: Kind,
    wait: Duration,
    /// The end of the input is the end of the connection.
    closes: bool,
}

impl Input {
    fn read(&self) {
        let fault = self.send_lines().err();
        self.finish(fault);
    }

    /// # Errors
    /// What is wrong with the input.
    fn send_lines(&self) -> Result<(), String> {
        let mut lines = Lines::new(self.kind);
        while self.is_reading(true) {
            let data = lines.next();
            if !self.is_reading(false) {
                break;
            }
            let Some(data) = data else { break };
            if !self.send(&data?)? {
                break;
            }
        }
        Ok(())
    }

    /// Returns whether there may be something to send.
    fn is_reading(&self, reading: bool) -> bool {
        let mut state = self.shared.lock();
        state.reading = reading && !state.over;
        !state.over
    }

    /// Sends when the connection is open, and again if it is lost meanwhile. Returns whether there is one.
    fn send(&self, data: &[u8]) -> Result<bool, String> {
        let mut last = 0;
        while let Some((number, ws)) = self.connection(last) {
            let sent = send(&ws, self.kind, data);
            drop(ws);
            self.is_busy(false);
            match sent {
                Ok(()) => return Ok(true),
                // A long message has gone out in part, which nobody gets.
                Err(SendError::Closed | SendError::Refused(Code::Reconnecting | Code::MessageOpen)) => {
                    last = number;
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(false)
    }

    /// Waits until the connection is open with a higher number. This thread is busy from then on. `None` when there will be none.
    fn connection(&self, last: u64) -> Option<(u64, Websocket)> {
        let mut state = self.shared.lock();
        loop {
            if state.over {
                return None;
            }
            match &state.ws {
                Some(ws) if state.is_open && state.number > last => {
                    let found = (state.number, ws.clone());
                    state.busy = true;
                    return Some(found);
                }
                _ => state = self.shared.changed(state),
            }
        }
    }

    fn is_busy(&self, busy: bool) {
        self.shared.lock().busy = busy;
        self.shared.changed.notify_all();
    }

    /// Waits until the peer has nothing more to say, and closes, if that is this thread's to do. A connection that is lost is
    /// not waited for: nothing is left that could be sent.
    fn finish(&self, fault: Option<String>) {
        let mut state = self.shared.lock();
        // What was sent before may be answered; a fault ends it at once, whoever else waits for something.
        let quick = fault.is_some();
        state.fault = fault;
        if !quick && !self.closes {
            return;
        }
        let mut stops = true;
        let ws = loop {
            if state.over {
                return;
            }
            let number = state.number;
            match state.ws.clone() {
                Some(ws) if state.is_open => {
                    if !quick {
                        state = self.listen(state);
                    }
                    if quick || state.is_open && state.number == number && !state.over {
                        break ws;
                    }
                }
                Some(ws) if std::mem::take(&mut stops) => {
                    state = self.call(state, || ws.reconnect_stop().ok());
                }
                _ => state = self.shared.changed(state),
            }
        };
        state.closed = true;
        drop(self.call(state, || ws.close(CloseCode::NORMAL, "").ok()));
    }

    /// Calls the service, while the state is not held.
    fn call<'a, T>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        call: impl FnOnce() -> T,
    ) -> MutexGuard<'a, State> {
        state.busy = true;
        drop(state);
        call();
        self.is_busy(false);
        self.shared.lock()
    }

    /// Waits until nothing has come for a time, or the connection is lost.
    fn listen<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let end = Instant::now() + self.wait * TALKATIVE;
        let mut heard = state.heard;
        let mut until = Instant::now() + self.wait;
        loop {
            let now = Instant::now();
            if state.heard != heard {
                heard = state.heard;
                until = end.min(now + self.wait);
            }
            if now >= until || state.over || !state.is_open {
                return state;
            }
            state = self.shared.changed_in(state, until - now);
        }
    }
}
