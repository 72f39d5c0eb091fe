//! The server role: the demonstration on the device, clients on the PC.

use std::net::TcpStream;
use std::time::Duration;

use device::Builder;
use hosted::packages::python_with_websockets;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Error, Message, WebSocket};

use crate::by_hand::{Client, masked};
use crate::common::browser::{Browser, ENTER};
use crate::common::raw::{CLOSE, TEXT};
use crate::common::{Server, free_port, outside, pattern, port_told, programs};
use crate::tools::python;

/// What a process on the device has of threads.
const THREADS: usize = 29;
/// And of connections to servers, without those to `dns`, the server of the time of day, and the PDDB's two, which come later.
const TO_SERVERS: u32 = 32 - 4;
/// Connections that the service serves at once.
const CONNECTIONS: usize = 12;
/// Machine time: less than the 5 s for which an end is awaited that does not come.
const FREE_AGAIN: Duration = Duration::from_secs(3);

fn open(port: u16) -> WebSocket<MaybeTlsStream<TcpStream>> {
    tungstenite::connect(format!("ws://127.0.0.1:{port}/echo")).unwrap().0
}

fn echo(ws: &mut WebSocket<MaybeTlsStream<TcpStream>>, message: Message) {
    ws.send(message.clone()).unwrap();
    assert_eq!(ws.read().unwrap(), message);
}

fn close(mut ws: WebSocket<MaybeTlsStream<TcpStream>>) {
    ws.close(None).unwrap();
    while ws.read().is_ok() {}
}

#[test]
fn python_websockets() {
    // Which may take longer than the device is given.
    python_with_websockets();
    let server = Server::start();
    assert_eq!(python("echo.py", &server.url("ws", "/echo")), "ok\n");
    server.stop();
}

#[test]
fn tungstenite_sends_up_to_a_mebibyte() {
    let server = Server::start();
    let mut ws = open(server.port);
    for len in [0, 1, 125, 126, 4096, 65_536, 1 << 20] {
        echo(&mut ws, Message::binary(pattern(len)));
    }
    close(ws);
    server.stop();
}

/// On one processor the reader may come to the fault before the program has run; byte by byte it comes while the program
/// works at its answer.
#[test]
fn what_came_before_a_fault_is_answered() {
    const RESERVED: u8 = 0x83;
    let server = Server::start();
    let bytes = [masked(TEXT, b"question"), masked(RESERVED, b"")].concat();
    for piece in [bytes.len(), 1, 7] {
        let mut client = Client::asks(server.port, "/echo");
        client.opened();
        for bytes in bytes.chunks(piece) {
            client.send(bytes);
        }
        assert_eq!(client.text(), "question", "in pieces of {piece}");
        let close = client.frame();
        assert_eq!((close.first, close.close().0), (CLOSE, 1002));
    }
    server.stop();
}

#[test]
fn the_page_echoes_in_a_browser() {
    let browser = Browser::start();
    let server = Server::start();
    browser.go(&server.url("http", "/"));
    browser.wait_for("document.getElementById('state').classList.contains('open')");
    for (typed, text) in [("", "hello"), ("from a page", "from a page")] {
        browser.type_text(&format!("{typed}{ENTER}"));
        browser.wait_for(&format!(
            "[...document.querySelectorAll('#log li')].some(line => line.textContent === 'received: {text}')"
        ));
    }
    drop(browser);
    server.stop();
}

/// Two ports, and three programs, as the last connection is for a program that has none. They keep nothing in the PDDB,
/// whose client would take the place of a worker.
#[test]
fn twelve_connections_on_two_ports_take_all_threads_and_the_next_is_told() {
    let program = programs().trial;
    let (one, two) = (free_port(), free_port());
    let serve =
        |machine: Builder, port: u16, path| machine.program(&program, &["serve", &port.to_string(), path]);
    let machine = serve(serve(serve(outside(), one, "/echo"), two, "/echo"), one, "/third");
    let mut server = Server::of(machine);
    for _ in 1..3 {
        port_told(&mut server.running);
    }
    let mut held = Vec::new();
    for number in 1..CONNECTIONS {
        let mut ws = open(if number % 2 == 0 { one } else { two });
        echo(&mut ws, Message::text(format!("number {number}")));
        held.push(ws);
    }
    assert!(is_full(one) && is_full(two), "the last place is another program's");
    held.push(tungstenite::connect(format!("ws://127.0.0.1:{one}/third")).unwrap().0);
    echo(&mut held[CONNECTIONS - 1], Message::text("the last"));
    let memory = server.memory();
    assert_eq!(memory.stacks.len(), THREADS);
    assert!(memory.connections <= TO_SERVERS, "{memory:?}");
    for path in ["/echo", "/third"] {
        assert_eq!(Client::asks(one, path).answer().status, 503);
    }
    // Those who are in are not disturbed.
    for ws in &mut held {
        echo(ws, Message::binary(pattern(5000)));
    }
    held.drain(..2).for_each(close);
    // The workers are free when the connections have ended on the device, which the clients do not see.
    let end = server.running.machine_time().unwrap() + FREE_AGAIN;
    loop {
        // Before the client comes, who may be answered late by a PC that is busy.
        let is_late = server.running.machine_time().unwrap() > end;
        if !is_full(two) {
            break;
        }
        assert!(!is_late, "connections that have ended still count");
    }
    server.stop();
}

fn is_full(port: u16) -> bool {
    match tungstenite::connect(format!("ws://127.0.0.1:{port}/echo")) {
        Ok(_) => false,
        Err(Error::Http(answer)) if answer.status() == 503 => true,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn three_hundred_connections_leave_nothing() {
    const FIRST: usize = 30;
    const ALL: usize = 300;
    /// A client may come before the threads of the last ones are free again; then further threads are started.
    const AT_ONCE: usize = 4;
    let mut server = Server::start();
    let mut held: Vec<_> = (0..AT_ONCE).map(|_| open(server.port)).collect();
    for ws in &mut held {
        echo(ws, Message::text("all of these at once"));
    }
    held.into_iter().for_each(close);
    let serve = |server: &Server, count: usize| {
        for number in 0..count {
            let mut ws = open(server.port);
            echo(&mut ws, Message::text(format!("connection {number}")));
            close(ws);
        }
    };
    serve(&server, FIRST);
    let before = server.memory();
    serve(&server, ALL - FIRST);
    let after = server.memory();
    assert_eq!((after.heap, after.stacks.len()), (before.heap, before.stacks.len()));
    assert!(after.mapped <= before.mapped, "{before:?} {after:?}");
    server.stop();
}
