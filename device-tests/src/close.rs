//! How long a server takes to end a connection, as a client sees it that waits for the server's end of TCP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use xous_api_websocket::{Listen, Listener, Route};

use crate::words;

/// Machine time for the end of a connection.
const LIMIT: Duration = Duration::from_millis(100);

const STACK: usize = 64 * 1024;

/// Measures a WebSocket, and an answer of HTTP.
pub(crate) fn times() -> Result<(), String> {
    let listener = Listener::listen(&Listen::new("127.0.0.1", 0).exposed()).map_err(words)?;
    listener.add_route(&Route::receiver("/ws")).map_err(words)?;
    listener.add_route(&Route::page("/", "text/plain", b"a page")).map_err(words)?;
    let port = listener.port();
    let serve = move || {
        let client = listener.accept().map_err(words)?.websocket;
        // Until the client's Close.
        while client.receive_whole(100).is_ok() {}
        Ok::<_, String>(listener)
    };
    let server = thread::Builder::new().stack_size(STACK).spawn(serve).map_err(words)?;
    web_socket(port)?;
    // The port is open as long as this lives.
    let _listener = server.join().map_err(|_| "the server has ended")??;
    page(port)
}

fn web_socket(port: u16) -> Result<(), String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(words)?;
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    write!(stream, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{upgrade}\r\n").map_err(words)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).map_err(words)?;
        head.extend(byte);
    }
    // A Close of 1000 with a mask of zeros.
    stream.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]).map_err(words)?;
    let answer = until_end("a WebSocket", stream)?;
    if answer != [0x88, 2, 0x03, 0xe8] {
        return Err(format!("{answer:?} instead of a Close"));
    }
    Ok(())
}

fn page(port: u16) -> Result<(), String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(words)?;
    let request = "GET / HTTP/1.1\r\nConnection: close\r\n";
    write!(stream, "{request}Host: 127.0.0.1:{port}\r\n\r\n").map_err(words)?;
    let answer = until_end("an answer", stream)?;
    if answer.starts_with(b"HTTP/1.1 200 ") { Ok(()) } else { Err("another answer".to_owned()) }
}

/// What comes until the end, which comes soon.
fn until_end(what: &str, mut stream: TcpStream) -> Result<Vec<u8>, String> {
    let start = Instant::now();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(words)?;
    let took = start.elapsed();
    println!("{what} ended after {took:?}");
    if took > LIMIT { Err(format!("{what} took {took:?} to end")) } else { Ok(bytes) }
}
