//! The stand-ins, by programs that use them as std does, and the network as strict as xous-core's.

use device::{Builder, End, FaultKind};
use tungstenite::Message;

use crate::common::{Server, inside, outside, pattern, programs};

/// A system without the service, in which this is tried.
fn probe(names: &[&str]) -> Builder {
    let arguments: Vec<&str> = ["probe"].iter().chain(names).copied().collect();
    programs().machine().program(programs().trial, &arguments)
}

#[test]
fn std_is_served() {
    probe(&[]).run().unwrap().expect_success();
}

/// All but a read that times out, which none does on a quiet network, and of whose reason std learns nothing on any.
#[test]
fn std_is_served_by_a_strict_network() {
    let names = ["sleep", "condition", "resolve", "echo", "refused", "clock"];
    probe(&names).strict_network().run().unwrap().expect_success();
    let outcome = probe(&["timeout"]).strict_network().run().unwrap();
    assert_eq!(outcome.process("trial").unwrap().exit_code, None, "{}", outcome.log_text());
}

/// A shutdown tells the peer nothing there; a service that relies on it takes 5 s.
#[test]
fn a_connection_ends_at_once_in_a_strict_network() {
    for system in [inside(), inside().strict_network()] {
        system.program(programs().trial, &["close"]).run().unwrap().expect_success();
    }
}

/// The service's close waits there for the peer's, or for other things to happen.
#[test]
fn peers_that_never_end_tcp_hold_nobody_up_in_a_strict_network() {
    inside().strict_network().program(programs().trial, &["close-held"]).run().unwrap().expect_success();
}

#[test]
fn long_messages_pass_a_strict_network() {
    let echo_server = programs().example("echo_server");
    let server = Server::of(outside().strict_network().program(echo_server, &["--port", "0"]));
    let mut ws = tungstenite::connect(server.url("ws", "/echo")).unwrap().0;
    for len in [0, 1530, 65_536, 300_000] {
        ws.send(Message::binary(pattern(len))).unwrap();
        assert_eq!(ws.read().unwrap(), Message::binary(pattern(len)));
    }
    ws.close(None).unwrap();
    while ws.read().is_ok() {}
    server.stop();
}

/// Kernel 0.9.37 panics at an answer to a process that has ended, in the name of the server that answers.
#[test]
fn a_program_that_dies_waiting_takes_the_server_with_it() {
    for (state, server) in [("die-asleep", "ticktimer"), ("die-reading", "net")] {
        // It is busy for longer.
        let other = ["probe", "sleep", "mutex", "condition"];
        let outcome = probe(&[state]).program(programs().trial, &other).run().unwrap();
        assert_eq!(outcome.end, End::Failed, "{}", outcome.log_text());
        let fault = &outcome.faults[0];
        assert_eq!((fault.kind, fault.pid), (FaultKind::Panic, Some(outcome.process(server).unwrap().pid)));
    }
}
