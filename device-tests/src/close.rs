//! How long a server takes to end a connection, as a client sees it that waits for the server's end of TCP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use xous_api_websocket::state::Stats;
use xous_api_websocket::{Listen, Listener, Route};

use crate::words;

/// Machine time for the end of a connection.
const LIMIT: Duration = Duration::from_millis(100);

/// Machine time in which the service lets go of a connection that has ended.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longer than any of the service's deadlines for an end.
const QUIET: Duration = Duration::from_secs(20);

/// Clients of [`held`], one after the other: more than the service has workers, or a port takes of one address.
const CLIENTS: usize = 40;

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

/// Clients that answer the service's Close and never end TCP, which a strict network has the service wait for. It is there
/// for others meanwhile, and lets go of them when other things happen on the network.
pub(crate) fn held() -> Result<(), String> {
    let listener = Listener::listen(&Listen::new("127.0.0.1", 0).exposed()).map_err(words)?;
    listener.add_route(&Route::receiver("/ws")).map_err(words)?;
    let port = listener.port();
    let serve = move || {
        for _ in 0..CLIENTS {
            let client = listener.accept().map_err(words)?.websocket;
            while client.receive_whole(100).is_ok() {}
        }
        Ok::<_, String>(listener)
    };
    let server = thread::Builder::new().stack_size(STACK).spawn(serve).map_err(words)?;
    let before = Stats::now().map_err(words)?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(closed_web_socket(port)?);
    }
    let _listener = server.join().map_err(|_| "the server has ended")??;
    let busy = stats_at_once()?;
    thread::sleep(QUIET);
    let quiet = stats_at_once()?;
    println!("{} workers are held, and {} after {QUIET:?}", busy.workers_busy, quiet.workers_busy);
    if quiet.workers_busy <= before.workers_busy || quiet.timers > before.timers {
        return Err(format!("{quiet:?} after {before:?}"));
    }
    let start = Instant::now();
    while stats_at_once()?.workers_busy > before.workers_busy {
        if start.elapsed() > PATIENCE {
            return Err(format!("{:?} after {before:?}", stats_at_once()?));
        }
        // Nobody listens there: something happens on the network, and that is all.
        drop(TcpStream::connect(("127.0.0.1", 9)));
    }
    println!("none is held any more");
    // They would wait for the network as well, where nothing happens now.
    std::mem::forget(clients);
    Ok(())
}

/// The service's figures, which it gives without a delay.
fn stats_at_once() -> Result<Stats, String> {
    let start = Instant::now();
    let stats = Stats::now().map_err(words)?;
    let took = start.elapsed();
    if took > LIMIT { Err(format!("the service has answered after {took:?}")) } else { Ok(stats) }
}

fn web_socket(port: u16) -> Result<(), String> {
    closed_web_socket(port).map(drop)
}

/// A client that has ended its WebSocket, and seen the server end TCP, but has not itself.
fn closed_web_socket(port: u16) -> Result<TcpStream, String> {
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
    let answer = until_end("a WebSocket", &mut stream)?;
    if answer != [0x88, 2, 0x03, 0xe8] {
        return Err(format!("{answer:?} instead of a Close"));
    }
    Ok(stream)
}

fn page(port: u16) -> Result<(), String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(words)?;
    let request = "GET / HTTP/1.1\r\nConnection: close\r\n";
    write!(stream, "{request}Host: 127.0.0.1:{port}\r\n\r\n").map_err(words)?;
    let answer = until_end("an answer", &mut stream)?;
    if answer.starts_with(b"HTTP/1.1 200 ") { Ok(()) } else { Err("another answer".to_owned()) }
}

/// What comes until the end, which comes soon.
fn until_end(what: &str, stream: &mut TcpStream) -> Result<Vec<u8>, String> {
    let start = Instant::now();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(words)?;
    let took = start.elapsed();
    println!("{what} ended after {took:?}");
    if took > LIMIT { Err(format!("{what} took {took:?} to end")) } else { Ok(bytes) }
}
