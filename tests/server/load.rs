//! Many clients, at once and one after the other.

use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::{Listener, Websocket};

use crate::by_hand::{Client, masked, upgrade_request};
use crate::common::raw::{CLOSE, TEXT, close_payload};
use crate::common::{nothing_is_left, stats_when, system};
use crate::process::Process;
use crate::serve::{PAGE, listen, listener, pair, roomy};

/// Sends every message back, until the connection ends.
fn echo(ws: &Websocket) {
    loop {
        let sent = match ws.receive_whole(1 << 20) {
            Ok(message) => ws.send(&message),
            Err(ReceiveError::Closed(_)) => return,
            Err(error) => panic!("{error}"),
        };
        if sent.is_err() {
            return;
        }
    }
}

/// One of them never reads and one never finishes its head.
#[test]
fn ten_clients_of_twelve_finish_a_thousand_echoes_each() {
    const ECHOES: usize = 1000;
    system!().time_limit(Duration::from_secs(180)).run(|| {
        let limits = roomy().head_time(Duration::from_secs(600));
        let listener = listener(&listen().limits(limits));
        let finished = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..11 {
                scope.spawn(|| echo(&listener.accept().unwrap().websocket));
            }
            let request = upgrade_request("/ws", "");
            let headless = Client::with(listener.port(), &request[..request.len() - 2]);
            let mut greedy = Client::asks(listener.port(), "/ws");
            greedy.opened();
            let mut writing = greedy.second();
            // Takes nothing, and sends until nothing more of it is taken.
            let sending = scope.spawn(move || {
                let message = masked(TEXT, &[b'x'; 100_000]);
                while writing.try_send(&message) {}
            });
            let start = Instant::now();
            let clients: Vec<_> = (0..10)
                .map(|client| {
                    let (listener, finished) = (&listener, &finished);
                    scope.spawn(move || {
                        let mut socket = Client::asks(listener.port(), "/ws");
                        socket.opened();
                        for at in 0..ECHOES {
                            let text = format!("{client} sends {at}");
                            socket.send_text(&text);
                            assert_eq!(socket.text(), text);
                        }
                        finished.fetch_add(1, Relaxed);
                        socket.close();
                    })
                })
                .collect();
            clients.into_iter().for_each(|client| client.join().unwrap());
            let time = start.elapsed();
            println!("10 x {ECHOES} echoes in {time:?}: {:?} each", time / ECHOES as u32);
            // Both are still there: one connection, one head, when the others' threads have come to their end.
            stats_when(|stats| stats.connections == 1);
            while listener.state().unwrap().connections > 2 {}
            assert_eq!(listener.state().unwrap().connections, 2);
            greedy.shut_down(Shutdown::Both);
            sending.join().unwrap();
            drop((headless, greedy));
        });
        assert_eq!(finished.into_inner(), 10);
        nothing_is_left();
    });
}

/// As [`visit`], until the service has done with it.
fn visit_alone(listener: &Listener, kind: usize) {
    visit(listener, kind);
    stats_when(|stats| stats.workers_busy == 0);
}

/// A client of one of several kinds: all that a service sees in its life.
fn visit(listener: &Listener, kind: usize) {
    let port = listener.port();
    match kind % 8 {
        0..=3 => {
            let (mut client, incoming) = pair(listener);
            client.send_text("hello");
            assert_eq!(incoming.websocket.receive_text(9).unwrap(), "hello");
            incoming.websocket.send_text("hello").unwrap();
            assert_eq!(client.text(), "hello");
            listener.join(&incoming.websocket, "room").unwrap();
            if kind.is_multiple_of(2) {
                client.send_frame(CLOSE, &close_payload(1000, ""));
                assert!(matches!(incoming.websocket.receive_text(9), Err(ReceiveError::Closed(_))));
                client.ended_with(CLOSE);
            } else {
                drop(incoming);
                assert_eq!(client.closed().0, 1000);
            }
        }
        4 => {
            // It vanishes.
            let (client, incoming) = pair(listener);
            drop(client);
            assert!(matches!(incoming.websocket.receive_text(9), Err(ReceiveError::Closed(_))));
        }
        5 => {
            let mut client = Client::with(port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            assert_eq!(client.answer().body, PAGE.as_bytes());
            client.ended();
        }
        6 => assert_eq!(Client::asks(port, "/nothing").answer().status, 404),
        _ => {
            // It has gone before its head is complete.
            let mut client = Client::with(port, "GET / HT");
            client.shut_down(Shutdown::Write);
            client.ended();
        }
    }
}

#[test]
fn a_thousand_connections_leave_nothing_behind() {
    system!().time_limit(Duration::from_secs(120)).run(|| {
        let listener = listener(&listen());
        let service = Process::service();
        (0..10).for_each(|kind| visit_alone(&listener, kind));
        let stats = nothing_is_left();
        let before = service.figures();
        let start = Instant::now();
        (10..1000).for_each(|kind| visit_alone(&listener, kind));
        let time = start.elapsed();
        // A worker closes its socket after it has given everything else back.
        let after = {
            let figures = || (service.figures(), nothing_is_left());
            stats_when(|_| figures().0.files <= before.files);
            figures()
        };
        println!("990 connections in {time:?}: {before:?} {stats:?} became {:?} {:?}", after.0, after.1);
        assert_eq!(after.0.threads, before.threads);
        assert_eq!(after.1.workers, stats.workers);
        assert!(after.0.resident <= before.resident + 64, "{before:?}, {after:?}");
        assert_eq!(listener.state().unwrap().connections, 0);
    });
}
