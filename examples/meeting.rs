//! A meeting on Xous: `meeting [--port N]`. What one member says on `/meeting` goes to all members, and who listens on
//! `/hub` gets a summary: how many members there are and how many messages there were. A page on `/` shows both.
//!
//! Each path has a channel of its own, and every connection joins that of its path. A message goes to a channel once,
//! whatever the number of those who get it.

mod shared;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use xous_api_websocket::{Incoming, Kind, Limits, Listener, Route, Websocket, serve::SlowMember};

/// Members and listeners at a time. The threads are started once: a process has about thirty in its life in hosted
/// mode.
const CLIENTS: usize = 12;
const STACK: usize = 64 * 1024;
/// The longest that a member may say at a time, bytes; more closes its connection with 1009.
const MAX_MESSAGE: usize = 4096;

/// Names of channels.
const MEETING: &str = "meeting";
const HUB: &str = "hub";

fn main() -> ExitCode {
    shared::run("meeting", serve)
}

/// The meeting, shared by the threads that serve its clients.
struct Meeting {
    listener: Arc<Listener>,
    /// The number of the route to the meeting; the other one leads to the hub.
    route: u16,
    /// Held while the hub is told, so that what it is told last is how things are.
    summary: Mutex<Summary>,
}

#[derive(Default)]
struct Summary {
    members: u32,
    messages: u32,
    /// Members so far, each of whom has a number.
    guests: u32,
}

fn serve(arguments: &shared::Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let limits = Limits::new().message(MAX_MESSAGE as u64);
    // Who does not read is let go of: the page comes back by itself.
    let listen = arguments.listen().options(limits).slow_members(SlowMember::Closed);
    let listener = Arc::new(Listener::listen(&listen)?);
    let page = shared::page(include_str!("meeting.html"), &[]);
    listener.add_route(&Route::page("/", "text/html; charset=utf-8", page.as_bytes()))?;
    let route = listener.add_route(&Route::receiver("/meeting"))?;
    listener.add_route(&Route::receiver("/hub"))?;
    arguments.announce(&listener)?;

    let meeting = Arc::new(Meeting { listener, route, summary: Mutex::default() });
    let mut threads = Vec::new();
    for _ in 0..CLIENTS {
        let meeting = meeting.clone();
        threads.push(std::thread::Builder::new().stack_size(STACK).spawn(move || meeting.take_clients())?);
    }
    for thread in threads {
        thread.join().map_err(|_| "a thread for clients has ended")?;
    }
    Ok(())
}

impl Meeting {
    /// Serves one client after the other.
    fn take_clients(&self) {
        loop {
            let client = match self.listener.accept() {
                Ok(client) => client,
                Err(error) => return log::error!("{error}"),
            };
            let result = if client.route == self.route { self.meet(&client) } else { self.inform(&client) };
            if let Err(error) = result {
                log::info!("{} on {}: {error}", client.peer, client.path);
            }
        }
    }

    /// A member: what it says goes to everybody, itself included.
    fn meet(&self, client: &Incoming) -> Result<(), Box<dyn std::error::Error>> {
        let ws = &client.websocket;
        self.listener.join(ws, MEETING)?;
        let number = self.update(|summary| {
            summary.members += 1;
            summary.guests += 1;
            summary.guests
        });
        self.say(&format!("Guest {number} has come"));
        let end = self.listen_to(ws, number);
        self.update(|summary| summary.members -= 1);
        self.say(&format!("Guest {number} has gone"));
        end
    }

    fn listen_to(&self, ws: &Websocket, number: u32) -> Result<(), Box<dyn std::error::Error>> {
        loop {
            let text = ws.receive_text(MAX_MESSAGE)?;
            self.update(|summary| summary.messages += 1);
            self.say(&format!("Guest {number}: {text}"));
        }
    }

    /// A hub: it gets the summary now and whenever it changes. What it says is not listened to.
    fn inform(&self, client: &Incoming) -> Result<(), Box<dyn std::error::Error>> {
        let ws = &client.websocket;
        {
            let summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
            ws.send_text(&summary.to_json())?;
            self.listener.join(ws, HUB)?;
        }
        loop {
            ws.receive()?.discard()?;
        }
    }

    fn say(&self, text: &str) {
        self.broadcast(MEETING, text);
    }

    /// Changes the summary and tells the hub.
    fn update<T>(&self, change: impl FnOnce(&mut Summary) -> T) -> T {
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut summary);
        self.broadcast(HUB, &summary.to_json());
        result
    }

    fn broadcast(&self, channel: &str, text: &str) {
        if let Err(error) = self.listener.broadcast(channel, Kind::Text, text.as_bytes()) {
            log::warn!("{channel}: {error}");
        }
    }
}

impl Summary {
    fn to_json(&self) -> String {
        format!("{{\"members\":{},\"messages\":{}}}", self.members, self.messages)
    }
}
