//! Lines in are messages out, and messages in are lines out, each at its own pace.
//!
//! The main thread has the connection: it opens it, receives, and opens it again. A second thread reads the input and
//! sends. It is never in a call to the service when the program ends, as a kernel of the hosted mode does not bear that.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use xous_api_websocket::error::{Closed, SendError};
use xous_api_websocket::{CloseCode, Kind, Websocket};

use crate::arguments::Arguments;
use crate::connect::Opener;
use crate::input::{Lines, send};
use crate::output::{Beside, Output};
use crate::{Failure, is_well};

/// Of the thread that reads the input.
const STACK: usize = 64 * 1024;
/// At the end of the input, a peer that never stops talking is waited for this many times as long as one that does.
const TALKATIVE: u32 = 10;

pub(crate) fn run(arguments: &Arguments, output: &Output, mut opener: Opener<'_>) -> Result<(), Failure> {
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
    let result = receive(arguments, output, &mut opener, &shared);
    let ended = shared.end();
    // A program may not end while the kernel owes one of its threads an answer, and to wake another thread is a call, too.
    // Only the input is no call, and may never come.
    if !shared.lock().reading {
        thread.join().ok();
    }
    ended.and(result)
}

/// Receives until the end of the last connection.
fn receive(
    arguments: &Arguments,
    output: &Output,
    opener: &mut Opener<'_>,
    shared: &Shared,
) -> Result<(), Failure> {
    let wait = |time| shared.wait(time);
    let Some(mut ws) = opener.open(wait)? else {
        return Err(Failure::Other("the input has ended before there was a connection".into()));
    };
    let mut left = arguments.count;
    loop {
        shared.connected(Some(ws.clone()));
        let closed = match messages(&ws, output, shared, &mut left) {
            Err(Failure::Closed(closed)) => closed,
            other => {
                close(&ws, output);
                return other;
            }
        };
        shared.connected(None);
        if shared.lock().closed {
            output.closed(None, &closed, true);
            return if closed.code == CloseCode::ABNORMAL {
                Err(Failure::Other(closed.to_string()))
            } else {
                Ok(())
            };
        }
        match opener.open_again(&closed, wait)? {
            Some(again) => ws = again,
            None => {
                output.closed(None, &closed, false);
                return if is_well(&closed) { Ok(()) } else { Err(Failure::Closed(closed)) };
            }
        }
    }
}

fn close(ws: &Websocket, output: &Output) {
    let code = ws.close(CloseCode::NORMAL, "").unwrap_or(CloseCode::ABNORMAL);
    output.closed(None, &Closed::new(code, ""), true);
}

/// Prints messages until so many have come, if there is such a number.
fn messages(ws: &Websocket, output: &Output, shared: &Shared, left: &mut Option<u64>) -> Result<(), Failure> {
    while *left != Some(0) {
        let mut message = ws.receive().map_err(Failure::of_receive)?;
        output.message(message.kind(), &mut message, Beside::default())?;
        *left = left.map(|left| left - 1);
        shared.heard();
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
    /// The connection, if there is one, and its number.
    ws: Option<Websocket>,
    number: u64,
    /// Messages that have come.
    heard: u64,
    /// The other thread may be in a call to the service.
    busy: bool,
    /// The other thread waits for input.
    reading: bool,
    /// Nothing more is to be sent.
    over: bool,
    /// The other thread has nothing left to send, and will close the connection if there is one.
    ended: bool,
    /// It has closed the connection.
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

    /// There is another connection, or none.
    fn connected(&self, ws: Option<Websocket>) {
        let mut state = self.lock();
        state.number += u64::from(ws.is_some());
        let last = std::mem::replace(&mut state.ws, ws);
        drop(state);
        self.changed.notify_all();
        // Its end is a call to the service.
        drop(last);
    }

    fn heard(&self) {
        self.lock().heard += 1;
        self.changed.notify_all();
    }

    /// Waits for this time between two connections. Returns whether there may be something left to send.
    fn wait(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut state = self.lock();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return !state.ended;
            }
            state = self.changed_in(state, left);
        }
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

    /// Sends over the connection that there is, or the next one. Returns whether there is one.
    fn send(&self, data: &[u8]) -> Result<bool, String> {
        let mut last = 0;
        while let Some((number, ws)) = self.connection(last) {
            let sent = send(&ws, self.kind, data);
            drop(ws);
            self.is_busy(false);
            match sent {
                Ok(()) => return Ok(true),
                Err(SendError::Closed) => last = number,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(false)
    }

    /// Waits for a connection with a higher number. This thread is busy from then on. `None` when there will be none.
    fn connection(&self, last: u64) -> Option<(u64, Websocket)> {
        let mut state = self.shared.lock();
        loop {
            if state.over {
                return None;
            }
            match &state.ws {
                Some(ws) if state.number > last => {
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

    /// Waits until the peer has nothing more to say, and closes, if that is this thread's to do: this connection, or the
    /// one that is being opened.
    fn finish(&self, fault: Option<String>) {
        let mut state = self.shared.lock();
        // What was sent before may be answered; a fault ends it at once, whoever else waits for something.
        let quick = fault.is_some();
        state.fault = fault;
        if !quick && !self.closes {
            return;
        }
        state.ended = true;
        self.shared.changed.notify_all();
        let ws = loop {
            if state.over {
                return;
            }
            let number = state.number;
            match state.ws.clone() {
                None => state = self.shared.changed(state),
                Some(ws) if quick => break ws,
                Some(ws) => {
                    state = self.listen(state);
                    if state.ws.is_some() && state.number == number && !state.over {
                        break ws;
                    }
                }
            }
        };
        (state.closed, state.busy) = (true, true);
        drop(state);
        ws.close(CloseCode::NORMAL, "").ok();
        drop(ws);
        self.is_busy(false);
    }

    /// Waits until nothing has come for a time.
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
            if now >= until || state.over {
                return state;
            }
            state = self.shared.changed_in(state, until - now);
        }
    }
}
