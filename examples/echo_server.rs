//! A WebSocket server on Xous: `echo_server [--listen ADDRESS] [--port N]` answers on `/echo` with what it gets, and shows a page for
//! the browser on `/`. With `--certificate FILE --key FILE`, both in PEM, it does so over TLS.
//!
//! The text `Trigger async` is answered a second time, later and from another thread.
//!
//! `/status` shows what passes.
//!
//! It also takes files: `/upload.html` is a page that sends them to `/upload`, and `/files/` lists and gives them.

mod shared;
mod upload_page;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::{Kind, Listener, Part, Route, Websocket};

/// Clients at a time. The threads are started once: a process has about thirty in its life in hosted mode.
const CLIENTS: usize = 12;
const TRIGGER: &[u8] = b"Trigger async";
const STACK: usize = 64 * 1024;

fn main() -> ExitCode {
    shared::run("echo_server", serve)
}

fn serve(arguments: &shared::Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let listener = Arc::new(Listener::listen(&arguments.listen())?);
    let page = shared::page(include_str!("echo_server.html"), &[]);
    listener.add_route(&Route::page("/", "text/html; charset=utf-8", page.as_bytes()))?;
    listener.add_route(&Route::receiver("/echo").sub_protocol("echo"))?;
    listener.add_route(&Route::status("/status"))?;
    upload_page::add_routes(&listener)?;
    arguments.announce(&listener)?;
    println!("{}{} takes files", arguments.url(listener.port()), upload_page::PATH);

    let (later, triggered) = channel();
    std::thread::Builder::new().stack_size(STACK).spawn(move || send_later(&triggered))?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (listener, later) = (listener.clone(), later.clone());
        clients.push(
            std::thread::Builder::new().stack_size(STACK).spawn(move || take_clients(&listener, &later))?,
        );
    }
    for client in clients {
        client.join().map_err(|_| "a thread for clients has ended")?;
    }
    Ok(())
}

/// Serves one client after the other.
fn take_clients(listener: &Listener, later: &Sender<Websocket>) {
    loop {
        match listener.accept() {
            Ok(client) => {
                log::info!("{} on {}", client.peer, client.path);
                let ws = &client.websocket;
                let result = echo(ws, |kind, chunk| {
                    if kind == Kind::Text && chunk == TRIGGER {
                        later.send(ws.clone()).ok();
                    }
                });
                if let Err(error) = result {
                    log::info!("{}: {error}", client.peer);
                }
            }
            Err(error) => return log::error!("{error}"),
        }
    }
}

/// Sends every message back until the connection has ended, chunk by chunk: a message may be of any size. `first` sees
/// the first chunk of each.
fn echo(ws: &Websocket, mut first: impl FnMut(Kind, &[u8])) -> Result<(), Box<dyn std::error::Error>> {
    loop {
        let mut message = match ws.receive() {
            Ok(message) => message,
            Err(ReceiveError::Closed(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let kind = message.kind();
        first(kind, message.chunk()?);
        let mut begins = true;
        loop {
            let len = message.chunk()?.len();
            let ends = message.is_last();
            let part = match (begins, ends) {
                (true, true) => Part::Whole,
                (true, false) => Part::First,
                (false, false) => Part::Middle,
                (false, true) => Part::Last,
            };
            ws.send_fragment(kind, part, message.chunk()?)?;
            message.consume(len);
            if ends {
                break;
            }
            begins = false;
        }
    }
}

/// What was triggered, in a thread of its own: it does not wait for the send.
fn send_later(triggered: &Receiver<Websocket>) {
    for ws in triggered {
        if let Err(error) = ws.send_async(Kind::Text, b"Async data") {
            log::info!("{error}");
        }
    }
}
