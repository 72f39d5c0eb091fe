//! The shape of a Signal client: one server takes what is typed, what the network brings, and the clock's ticks.
//! `signal wss://USER:PASSWORD@HOST/v1/websocket/ [SECONDS]`, the time between two signs of life. Each message is bytes;
//! one that comes is answered with its first 8, its number.

use std::sync::mpsc::channel;
use std::thread::{sleep, spawn};
use std::time::Duration;

use xous::{Message, receive_message, send_message};
use xous_api_websocket::{Payload, Url, Websocket, error::ReceiveError, push::Assembler};

const NETWORK: usize = 0;
const OPENED: usize = 1;
const TYPED: usize = 2;
const CLOCK: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url: Url = arguments.next().ok_or("usage: signal URL [SECONDS]")?.parse()?;
    let pause = Duration::from_secs(arguments.next().map_or(Ok(30), |seconds| seconds.parse())?);
    let sid = xous::create_server().map_err(|error| format!("{error:?}"))?;
    let cid = xous::connect(sid).map_err(|error| format!("{error:?}"))?;
    let tell = move |id| send_message(cid, Message::new_scalar(id, 0, 0, 0, 0)).is_ok();
    // An opening takes its time, in which the server goes on.
    let ((order, orders), (opener, opened), (typist, typed)) = (channel(), channel(), channel());
    spawn(move || {
        for wait in orders {
            sleep(wait);
            opener.send(Websocket::open(&url.request())).ok();
            tell(OPENED);
        }
    });
    spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            typist.send(line).ok();
            tell(TYPED);
        }
    });
    spawn(move || {
        while tell(CLOCK) {
            sleep(pause);
        }
    });
    let (mut ws, mut wait, mut messages) = (None::<Websocket>, Duration::ZERO, Assembler::new(64 * 1024));
    order.send(wait)?;
    loop {
        let envelope = receive_message(sid).map_err(|error| format!("{error:?}"))?;
        // What goes wrong with a message that is sent is told by the end of the connection.
        let send = |data: &[u8]| ws.as_ref().is_some_and(|ws| ws.send_binary(data).is_ok());
        let mut lost = None;
        match envelope.body.id() {
            NETWORK => match messages.receive(&envelope) {
                Ok(Some(Payload::Binary(message))) => {
                    println!("{} bytes: {}", message.len(), String::from_utf8_lossy(&message));
                    send(message.get(..8).unwrap_or(&message));
                }
                Ok(_) => (),
                Err(ReceiveError::Closed(closed)) => lost = Some(closed.to_string()),
                Err(error) => eprintln!("{error}"),
            },
            OPENED => match opened.recv()? {
                Ok(open) => drop(ws.insert(open).forward_to(cid, NETWORK)?),
                Err(error) if error.is_transient() => lost = Some(error.to_string()),
                Err(error) => return Err(error.into()),
            },
            CLOCK if send(b"keepalive") => wait = Duration::ZERO, // it was a good one
            _ => (),
        }
        if let Some(why) = lost {
            eprintln!("{why}");
            ws = None;
            wait = Duration::from_secs(60).min(wait * 2 + Duration::from_secs(1));
            order.send(wait)?;
        } else if let Some(ws) = &ws {
            // What was typed meanwhile has waited.
            typed.try_iter().try_for_each(|line: String| ws.send_binary(line.as_bytes())).ok();
        }
    }
}
