//! A chat with rooms: `chat PORT`. Who connects to `ws://HOST:PORT/chat/ROOM?NAME` is in that room, and hears what is said
//! there. Each room is a channel, which begins with its first member and ends with its last: a message goes to the service
//! once, whatever the number of those who hear it, and nobody waits for a member that is slow.

use std::error::Error;
use std::sync::Arc;

use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::{Incoming, Kind, Limits, Listen, Listener, Route, serve::SlowMember};

/// Members at a time, each with a thread. A process has about thirty in its life in hosted mode.
const MEMBERS: usize = 12;
/// The longest that a member may say at a time, bytes; more closes its connection with 1009.
const MAX_MESSAGE: usize = 4096;
const PATH: &str = "/chat/";

fn main() -> Result<(), Box<dyn Error>> {
    xous_api_log::init_wait().ok();
    let port = std::env::args().nth(1).ok_or("usage: chat PORT")?.parse()?;
    let limits = Limits::new().message(MAX_MESSAGE as u64);
    let listen = Listen::new("127.0.0.1", port).exposed().options(limits).slow_members(SlowMember::Closed);
    let listener = Arc::new(Listener::listen(&listen)?);
    listener.add_route(&Route::receiver(PATH).prefix())?;
    println!("ws://127.0.0.1:{}{PATH} is ready", listener.port());
    let members: Vec<_> = (0..MEMBERS)
        .map(|_| {
            let listener = listener.clone();
            std::thread::Builder::new().stack_size(64 * 1024).spawn(move || take_members(&listener))
        })
        .collect::<Result<_, _>>()?;
    for member in members {
        member.join().map_err(|_| "a thread for members has ended")?;
    }
    Ok(())
}

/// Serves one member after the other.
fn take_members(listener: &Listener) {
    loop {
        let member = match listener.accept() {
            Ok(member) => member,
            Err(error) => return log::error!("{error}"),
        };
        if let Err(error) = meet(listener, &member) {
            log::info!("{} on {}: {error}", member.peer, member.path);
        }
    }
}

fn meet(listener: &Listener, member: &Incoming) -> Result<(), Box<dyn Error>> {
    let room = member.path.strip_prefix(PATH).filter(|room| !room.is_empty()).unwrap_or("lobby");
    let name = member.query.as_deref().unwrap_or("somebody");
    let say = |text: &str| listener.broadcast(room, Kind::Text, text.as_bytes());
    listener.join(&member.websocket, room)?;
    say(&format!("{name} has come"))?;
    let end = loop {
        match member.websocket.receive_text(MAX_MESSAGE) {
            Ok(text) => say(&format!("{name}: {text}"))?,
            // It is still there, and so are the others.
            Err(ReceiveError::NotText) => continue,
            Err(error) => break error,
        };
    };
    say(&format!("{name} has gone"))?;
    match end {
        ReceiveError::Closed(_) => Ok(()),
        error => Err(error.into()),
    }
}
