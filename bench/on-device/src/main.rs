//! A program with a library in it, for the device: `with-tungstenite WAY PORT LENGTH COUNT as-it-comes|tuned`.
//!
//! It opens a connection to 127.0.0.1, and passes so many messages of this length: `echo` sends each and waits for it to come
//! back, `out` sends each, `collected` sends them through the library's own buffer, `in` receives them. Then it says
//! so, and keeps the connection.

#[cfg(target_os = "xous")]
mod random;

use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use tungstenite::client::client_with_config;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Bytes, Message, WebSocket};

/// For a message of 1 MiB, its copy in the library's buffer, and what these grow by.
const HEAP: usize = 10 << 20;
/// Longer than whoever measures lets the machine run.
const REST: Duration = Duration::from_secs(3600);
/// Bytes of its buffer for what it reads, which it clears for every read: 128 KiB without this.
const READ_BUFFER: usize = 4096;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        [way, port, length, count, "as-it-comes"] => {
            pass(way, [port, length, count], WebSocketConfig::default())
        }
        [way, port, length, count, "tuned"] => {
            let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
            pass(way, [port, length, count], config)
        }
        _ => Err(format!("not understood: {arguments:?}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("with-tungstenite {arguments:?}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn pass(way: &str, [port, length, count]: [&str; 3], config: WebSocketConfig) -> Result<(), String> {
    let port: u16 = port.parse().map_err(words)?;
    let length: usize = length.parse().map_err(words)?;
    let count: u32 = count.parse().map_err(words)?;
    xous_api_websocket::allow_heap(HEAP).map_err(|error| format!("{error:?}"))?;
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(words)?;
    stream.set_nodelay(true).map_err(words)?;
    let url = format!("ws://127.0.0.1:{port}/");
    let (mut ws, _) = client_with_config(url, stream, Some(config)).map_err(words)?;
    let message = Bytes::from(vec![b'x'; length]);
    // Chosen once: to compare words costs as much as to copy a short message.
    type Socket = WebSocket<TcpStream>;
    let one: fn(&mut Socket, &Bytes) -> Result<(), String> = match way {
        "echo" => |ws, message| {
            ws.send(Message::Binary(message.clone())).map_err(words)?;
            receive(ws, message.len())
        },
        "out" => |ws, message| ws.send(Message::Binary(message.clone())).map_err(words),
        "collected" => |ws, message| ws.write(Message::Binary(message.clone())).map_err(words),
        "in" => |ws, message| receive(ws, message.len()),
        _ => return Err(format!("no such way: {way}")),
    };
    for _ in 0..count {
        one(&mut ws, &message)?;
    }
    ws.flush().map_err(words)?;
    println!("all messages have passed");
    std::thread::sleep(REST);
    Ok(())
}

fn receive(ws: &mut WebSocket<TcpStream>, length: usize) -> Result<(), String> {
    let message = ws.read().map_err(words)?;
    if message.len() == length { Ok(()) } else { Err(format!("a message of {} bytes", message.len())) }
}

/// An error's words.
fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
