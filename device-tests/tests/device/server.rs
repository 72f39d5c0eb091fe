//! The server role: the demonstration on the device, clients on the PC.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Error, Message, WebSocket};

use crate::by_hand::Client;
use crate::common::browser::{Browser, ENTER};
use crate::common::{Server, outside, pattern, port_told, programs};
use crate::tools::python;

/// What a process on the device has of threads.
const THREADS: usize = 29;
/// Connections that the service serves at once.
const CONNECTIONS: usize = 12;

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

#[test]
fn the_page_echoes_in_a_browser() {
    let server = Server::start();
    let browser = Browser::start();
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

/// Two programs, a port each. They keep nothing in the PDDB, whose client would take the place of a worker.
#[test]
fn twelve_connections_on_two_ports_take_all_threads_and_the_next_is_told() {
    let program = programs().trial;
    let two = outside().program(&program, &["serve"]).program(&program, &["serve"]);
    let mut server = Server::of(two);
    let other = port_told(&mut server.running);
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        let mut ws = open(if number % 2 == 0 { server.port } else { other });
        echo(&mut ws, Message::text(format!("number {number}")));
        held.push(ws);
    }
    assert_eq!(server.memory().stacks.len(), THREADS);
    for port in [server.port, other] {
        assert_eq!(Client::asks(port, "/echo").answer().status, 503);
    }
    // Those who are in are not disturbed.
    for ws in &mut held {
        echo(ws, Message::binary(pattern(5000)));
    }
    close(held.remove(0));
    let start = Instant::now();
    // The worker is free when the connection has ended on the device, which the client does not see.
    while let Err(error) = tungstenite::connect(format!("ws://127.0.0.1:{other}/echo")) {
        assert!(matches!(&error, Error::Http(answer) if answer.status() == 503), "{error}");
        assert!(start.elapsed() < Duration::from_secs(3), "a connection that has ended still counts");
    }
    server.stop();
}

#[test]
fn three_hundred_connections_leave_nothing() {
    const FIRST: usize = 30;
    const ALL: usize = 300;
    let mut server = Server::start();
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
