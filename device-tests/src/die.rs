//! Ends in the midst of what a connection or a listener can be doing: whatever waits for the process then is answered to
//! nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use xous_api_websocket::{Listen, Listener, Request, Route, Websocket};

use crate::words;

/// Machine time, in which each thread here has come to where it waits.
const SETTLED: Duration = Duration::from_millis(200);
const STACK: usize = 64 * 1024;

/// Ends with 0 while the state lasts. On the port is a peer that says nothing, or only accepts, as the state needs; a
/// program that listens does so there.
pub(crate) fn in_state(state: &str, port: &str) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    match state {
        // The peer never answers the handshake.
        "opening" => beside(move || drop(open(port))),
        "open" => std::mem::forget(open(port)?),
        "receiving" => {
            let ws = open(port)?;
            beside(move || drop(ws.receive_text(100)));
        }
        "exchanging" => {
            let ws = open(port)?;
            beside(move || drop(ws.exchange_text("?", 100)));
        }
        "sending" => send_until_full(open(port)?),
        // The peer does not answer a Close.
        "closing" => {
            let ws = open(port)?;
            beside(move || {
                ws.close(1000, "").ok();
            });
        }
        "accepting" => {
            let listener = listen(port)?;
            beside(move || drop(listener.accept()));
        }
        "accepted" => {
            let listener = listen(port)?;
            // A client of its own, which stays until the end.
            beside(move || std::mem::forget(open(port)));
            let accepted = listener.accept().map_err(words)?;
            beside(move || drop(accepted.websocket.receive_text(100)));
            std::mem::forget(listener);
        }
        _ => return Err(format!("no such state: {state}")),
    }
    // Both sides are busy or wait; nothing tells when the last of them does.
    thread::sleep(SETTLED);
    println!("dies {state}");
    // Without what main's end would do.
    std::process::exit(0);
}

/// The peer reads nothing: one of the messages never goes out.
fn send_until_full(ws: Websocket) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    beside(move || {
        while ws.send_text(&"x".repeat(60_000)).is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut before = usize::MAX;
    // A message takes a tenth of this, as long as there is room for it.
    while before != sent.load(Ordering::Relaxed) {
        before = sent.load(Ordering::Relaxed);
        thread::sleep(SETTLED);
    }
}

fn open(port: u16) -> Result<Websocket, String> {
    Websocket::open(&Request::new("127.0.0.1", port)).map_err(words)
}

fn listen(port: u16) -> Result<Listener, String> {
    let listener = Listener::listen(&Listen::new("127.0.0.1", port).exposed()).map_err(words)?;
    listener.add_route(&Route::receiver("/")).map_err(words)?;
    Ok(listener)
}

fn beside(work: impl FnOnce() + Send + 'static) {
    // A thread that cannot start is a trial that cannot be made.
    thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread starts");
}
