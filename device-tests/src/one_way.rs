//! Clients that only send or only receive, and print nothing meanwhile: what a message costs is measured from outside.

use std::io::Read;
use std::thread;
use std::time::Duration;

use xous_api_websocket::{Request, Websocket, allow_heap};

use crate::words;

/// Longer than whoever measures lets the machine run.
const REST: Duration = Duration::from_secs(3600);
/// A message longer than this has no room on the heap that a program has by itself.
const SHORT: usize = 128 * 1024;
/// Heap for longer ones.
const HEAP: usize = 4 << 20;
/// What is read at a time of a message that is not received whole.
const PIECE: usize = 4096;

/// Sends so many messages of this length to the port, says so, and keeps the connection.
pub(crate) fn send(port: &str, length: &str, count: &str) -> Result<(), String> {
    let length: usize = length.parse().map_err(words)?;
    if length > SHORT {
        allow_heap(HEAP).map_err(|error| format!("{error:?}"))?;
    }
    let message = vec![b'x'; length];
    pass(port, count, |ws| ws.send_binary(&message).map_err(words))
}

/// Receives so many messages of this length from the port, says so, and keeps the connection. Long ones it reads piece
/// by piece, as a program would that has no use for all of it at once.
pub(crate) fn receive(port: &str, length: &str, count: &str) -> Result<(), String> {
    let length: usize = length.parse().map_err(words)?;
    let mut piece = [0; PIECE];
    pass(port, count, |ws| {
        let received = if length <= SHORT {
            ws.receive_whole(length).map_err(words)?.into_bytes().len()
        } else {
            let mut message = ws.receive().map_err(words)?;
            let mut received = 0;
            loop {
                match message.read(&mut piece).map_err(words)? {
                    0 => break received,
                    read => received += read,
                }
            }
        };
        if received == length { Ok(()) } else { Err(format!("a message of {received} bytes")) }
    })
}

fn pass(
    port: &str,
    count: &str,
    mut one: impl FnMut(&Websocket) -> Result<(), String>,
) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    let count: u32 = count.parse().map_err(words)?;
    let ws = Websocket::open(&Request::new("127.0.0.1", port)).map_err(words)?;
    for _ in 0..count {
        one(&ws)?;
    }
    println!("all messages have passed");
    thread::sleep(REST);
    Ok(())
}
