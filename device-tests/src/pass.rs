//! Clients that pass messages and do nothing else: what a message costs is measured from outside. Whoever is at the other
//! end checks what comes; here only lengths are, which costs nothing.

use std::io::Read;
use std::thread;
use std::time::Duration;

use xous_api_websocket::{Kind, Request, Websocket, allow_heap};

use crate::{secure, words};

/// Longer than whoever measures lets the machine run.
const REST: Duration = Duration::from_secs(3600);
/// A message longer than this has no room on the heap that a program has by itself.
const SHORT: usize = 128 * 1024;
/// Heap for longer ones.
const HEAP: usize = 4 << 20;
/// What is read at a time of a message that is not received whole.
const PIECE: usize = 4096;

/// Passes a message like this, and receives into the vector or elsewhere.
type One = fn(&Websocket, &[u8], &mut Vec<u8>) -> Result<(), String>;

/// Passes so many messages of this length with the port of 127.0.0.1, says so, and keeps the connection: `echo` (and
/// `secure-echo`, over TLS) sends each and waits for it to come back, `exchange` does so in one request to the service,
/// `out` sends each, `collected` queues them, `in` receives them, `into` does so into one vector, or where they lie.
pub(crate) fn pass(way: &str, port: &str, length: &str, count: &str) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    let length: usize = length.parse().map_err(words)?;
    let count: u32 = count.parse().map_err(words)?;
    if length > SHORT {
        allow_heap(HEAP).map_err(|error| format!("{error:?}"))?;
    }
    let message = vec![b'x'; length];
    let request = Request::new("127.0.0.1", port);
    let request = if way == "secure-echo" { request.tls(secure::tls()) } else { request };
    let ws = Websocket::open(&request).map_err(words)?;
    // Chosen once: to compare words costs as much as to copy a short message.
    let one: One = match way {
        "echo" | "secure-echo" => |ws, message, _| {
            ws.send_binary(message).map_err(words)?;
            receive(ws, message.len())
        },
        "exchange" => |ws, message, _| {
            let back = ws.exchange(Kind::Binary, message).map_err(words)?;
            check(back.into_payload(message.len()).map_err(words)?.into_bytes().len(), message.len())
        },
        "out" => |ws, message, _| ws.send_binary(message).map_err(words),
        "collected" => |ws, message, _| ws.queue(Kind::Binary, message).map(|_| ()).map_err(words),
        "in" => |ws, message, _| receive(ws, message.len()),
        "into" if length <= SHORT => |ws, message, bytes| {
            ws.receive_into(bytes, message.len()).map_err(words)?;
            check(bytes.len(), message.len())
        },
        "into" => |ws, message, _| receive_in_place(ws, message.len()),
        _ => return Err(format!("no such way: {way}")),
    };
    let mut bytes = Vec::new();
    for _ in 0..count {
        one(&ws, &message, &mut bytes)?;
    }
    ws.flush().map_err(words)?;
    println!("all messages have passed");
    thread::sleep(REST);
    Ok(())
}

/// Receives a message; a long one piece by piece, as a program would that has no use for all of it at once.
fn receive(ws: &Websocket, length: usize) -> Result<(), String> {
    let received = if length <= SHORT {
        ws.receive_whole(length).map_err(words)?.into_bytes().len()
    } else {
        let mut message = ws.receive().map_err(words)?;
        let mut piece = [0; PIECE];
        let mut received = 0;
        loop {
            match message.read(&mut piece).map_err(words)? {
                0 => break received,
                read => received += read,
            }
        }
    };
    check(received, length)
}

/// Receives a long message as a program would that reads it where it lies.
fn receive_in_place(ws: &Websocket, length: usize) -> Result<(), String> {
    let mut message = ws.receive().map_err(words)?;
    let mut received = 0;
    loop {
        match message.chunk().map_err(words)?.len() {
            0 => return check(received, length),
            len => {
                message.consume(len);
                received += len;
            }
        }
    }
}

fn check(received: usize, length: usize) -> Result<(), String> {
    if received == length { Ok(()) } else { Err(format!("a message of {received} bytes")) }
}
