//! The shape of a Signal client: one server takes what is typed, what the network brings, and the clock's ticks.
//! `signal wss://USER:PASSWORD@HOST/v1/websocket/ [SECONDS]`, the time between two signs of life. Each message is bytes;
//! one that comes is answered with its first 8, its number. The service sends the signs of life, and opens the connection
//! again when it has ended.

use std::sync::mpsc::channel;
use std::time::Duration;

use xous::{Message, receive_message, send_message};
use xous_api_websocket::push::Assembler;
use xous_api_websocket::{Heartbeat, Kind, Payload, Reconnect, Url, Websocket, error::ReceiveError};

const NETWORK: usize = 0;
const TYPED: usize = 1;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url: Url = arguments.next().ok_or("usage: signal URL [SECONDS]")?.parse()?;
    let pause = Duration::from_secs(arguments.next().map_or(Ok(30), |seconds| seconds.parse())?);
    // What is sent while there is no connection waits for the next one.
    let reconnect = Reconnect::new().after_close(true).queues(true);
    let alive = Heartbeat::binary(b"keepalive", pause);
    let ws = Websocket::open(&url.request().reconnect(reconnect).heartbeat(alive))?;
    let sid = xous::create_server().map_err(|error| format!("{error:?}"))?;
    let cid = xous::connect(sid).map_err(|error| format!("{error:?}"))?;
    let (typist, typed) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            typist.send(line).ok();
            send_message(cid, Message::new_scalar(TYPED, 0, 0, 0, 0)).ok();
        }
    });
    ws.forward_to(cid, NETWORK)?;
    // Not waited for, as the server has more to do. What is lost is counted in the state.
    let send = |data: &[u8]| ws.send_async(Kind::Binary, data);
    let mut messages = Assembler::new(64 * 1024);
    loop {
        let envelope = receive_message(sid).map_err(|error| format!("{error:?}"))?;
        match envelope.body.id() {
            NETWORK => match messages.receive(&envelope) {
                Ok(Some(Payload::Binary(message))) => {
                    println!("{} bytes: {}", message.len(), String::from_utf8_lossy(&message));
                    send(message.get(..8).unwrap_or(&message))?;
                }
                Ok(_) => (),
                Err(ReceiveError::Closed(closed)) => return Err(closed.into()),
                Err(error) => eprintln!("{error}"),
            },
            _ => typed.try_iter().try_for_each(|line: String| send(line.as_bytes()))?,
        }
    }
}
