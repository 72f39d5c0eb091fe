//! Programs that end in the midst of a connection: kernel and service go on and serve the others, until the service
//! answers a message that such a program waits with. Then kernel 0.9.37 panics in the service's name and ends it, since it
//! cannot wake a thread of a process that has ended. It tells nobody that a process has, so the service cannot know either.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tungstenite::Message;

use crate::by_hand::Client;
use crate::common::{Server, free_port, outside, programs, raw};

/// What the kernel says when it panics.
const KERNEL: &str = "was not running, so cannot wake thread";

/// A peer that accepts a WebSocket or not even that, and then neither reads nor writes.
pub(crate) struct Silent {
    pub(crate) port: u16,
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Silent {
    pub(crate) fn start(accepts: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let held = Arc::new(Mutex::new(Vec::new()));
        let holding = held.clone();
        // Ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if accepts {
                    raw::accept(&mut stream);
                }
                holding.lock().unwrap().push(stream);
            }
        });
        Silent { port, held }
    }

    /// Ends all connections.
    fn end(&self) {
        self.held.lock().unwrap().clear();
    }
}

/// A system in which the program has ended in this state.
fn dead(state: &str, port: u16) -> Server {
    let programs = programs();
    let builder = outside()
        .service_with(&programs.trial, &["die", state, &port.to_string()])
        .program(programs.example("echo_server"), &["--port", "0"]);
    let mut server = Server::of(builder);
    server.running.wait_for("trial has ended with 0").unwrap();
    server
}

/// The service is there for others.
fn echoes(server: Server) -> Server {
    let echo = || {
        let mut ws = tungstenite::connect(server.url("ws", "/echo"))?.0;
        ws.send(Message::text("alive"))?;
        assert_eq!(ws.read()?, Message::text("alive"));
        ws.close(None)?;
        while ws.read().is_ok() {}
        Ok::<(), tungstenite::Error>(())
    };
    match echo() {
        Ok(()) => server,
        Err(error) => panic!("{error}; {}", server.running.stop().failure()),
    }
}

/// Nothing waits for an answer: the end of its connection is nobody's matter.
#[test]
fn with_an_open_connection() {
    let peer = Silent::start(true);
    let server = echoes(dead("open", peer.port));
    peer.end();
    echoes(server).stop();
}

#[test]
fn while_it_opens_a_connection() {
    let peer = Silent::start(false);
    let mut server = echoes(dead("opening", peer.port));
    peer.end();
    server.running.wait_for(KERNEL).unwrap();
}

#[test]
fn while_it_receives() {
    let peer = Silent::start(true);
    let mut server = echoes(dead("receiving", peer.port));
    peer.end();
    server.running.wait_for(KERNEL).unwrap();
}

/// What it has sent is with the socket, and what comes would be its own.
#[test]
fn while_it_exchanges() {
    let peer = Silent::start(true);
    let mut server = echoes(dead("exchanging", peer.port));
    peer.end();
    server.running.wait_for(KERNEL).unwrap();
}

/// The service's writer is done with a message soon, if the peer's socket has room.
#[test]
fn while_it_sends() {
    let peer = Silent::start(true);
    let mut server = dead("sending", peer.port);
    peer.end();
    server.running.wait_for(KERNEL).unwrap();
}

#[test]
fn while_it_closes() {
    let peer = Silent::start(true);
    let mut server = echoes(dead("closing", peer.port));
    peer.end();
    server.running.wait_for(KERNEL).unwrap();
}

/// Its port is still open: nobody has told the service.
#[test]
fn while_it_waits_for_clients() {
    let port = free_port();
    let mut server = echoes(dead("accepting", port));
    let _client = Client::asks(port, "/");
    server.running.wait_for(KERNEL).unwrap();
}

#[test]
fn with_a_client_of_its_own() {
    echoes(dead("accepted", free_port())).stop();
}
