//! The client role: a program on the device, a peer on the PC that is not ours.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use device::End;
use hosted::peer::Peer;

use crate::common::{free_port, inside, outside, programs};

#[test]
fn messages_go_to_tungstenite_and_back() {
    let peer = Peer::echo().unwrap();
    let arguments = [&peer.url("/"), "--send", "hello", "--count", "50"];
    let outcome = outside().program(programs().example("ws"), &arguments).run().unwrap();
    outcome.expect_success();
    assert!(outcome.log_text().contains("50 sent, 50 received"), "{}", outcome.log_text());
}

#[test]
fn nobody_listens() {
    let url = format!("ws://127.0.0.1:{}/", free_port());
    let outcome = outside().program(programs().example("ws"), &[&url, "--send", "hello"]).run().unwrap();
    assert_eq!(outcome.process("ws").unwrap().exit_code, Some(1), "{}", outcome.failure());
    assert!(outcome.faults.is_empty(), "{}", outcome.failure());
}

/// A refusal in HTTP/1.0, a server of another protocol that waits, and one that goes away: the same words as on a PC.
#[test]
fn what_opens_no_websocket_is_told_apart() {
    let ws = programs().example("ws");
    let answers = [
        ("HTTP/1.0 503 Later\r\nRetry-After: 7\r\n\r\nlater", "answered 503 instead of 101"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "does not answer in HTTP"),
        ("", "closed during the opening handshake"),
    ];
    for (answer, says) in answers {
        let peer = Peer::serve(move |mut stream| {
            let mut head = [0; 512];
            let _ = stream.read(&mut head).and_then(|_| stream.write_all(answer.as_bytes()));
            if !answer.starts_with("SSH") {
                let _ = stream.shutdown(Shutdown::Write);
            }
            while stream.read(&mut head).is_ok_and(|len| len > 0) {}
        });
        let url = peer.as_ref().unwrap().url("/");
        let outcome = outside().program(&ws, &[&url, "--send", "hello"]).run().unwrap();
        assert_eq!(outcome.process("ws").unwrap().exit_code, Some(1), "{}", outcome.failure());
        assert!(outcome.log_text().contains(says), "{says}: {}", outcome.log_text());
    }
}

/// Machine time until a connection to a server on the device has had its echo and is closed.
fn connected_after(host: &str) -> Duration {
    let trial = programs().trial;
    let machine = inside().service_with(&trial, &["serve", "8080", "/"]).named("server");
    let machine = machine.service_with(&trial, &["connections", host, "8080", "1"]).named("client");
    let outcome = machine.until("1 connections").run().unwrap();
    outcome.expect_success();
    assert_eq!(outcome.end, End::Logged, "{}", outcome.failure());
    outcome.machine_time()
}

/// Two passes would take 1.5 s, the whole deadline half a minute.
#[test]
fn a_name_whose_first_address_is_dead_costs_half_a_second() {
    let more = connected_after("two-homes.test").saturating_sub(connected_after("one-home.test"));
    assert!(more >= Duration::from_millis(450) && more < Duration::from_secs(1), "{more:?}");
}

/// The command line on both ends. A device has no standard input: its end comes at once.
#[test]
fn the_command_line_talks_to_itself() {
    let ws = programs().example("ws");
    let listens = inside().service_with(&ws, &["listen", "8080", "--echo", "--json"]).named("listens");
    let url = "ws://127.0.0.1:8080/";
    let outcome = listens
        .program(&ws, &[url, "--send", "00ff", "--binary", "--json", "--count", "3"])
        .program(&ws, &[url, "--wait", "0"])
        .run()
        .unwrap();
    outcome.expect_success();
    let log = outcome.log_text();
    assert!(log.contains("{\"event\":\"times\",\"sent\":3,\"received\":3,"), "{log}");
    assert_eq!(log.matches("\"hex\":\"00ff\",\"us\":").count(), 3, "{log}");
}
