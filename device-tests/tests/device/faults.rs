//! What the device has shown and hosted mode cannot: its network, its window for messages, its heap, its clock.
//! That a close ends at once in a strict network is in `stand_ins.rs`.

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use device::{Network, Outcome};
use hosted::peer::Peer;
use tungstenite::Message;

use crate::common::{PATIENCE, WALL_LIMIT, inside, outside, pattern, programs};
use crate::death::Silent;

/// The longest message that `trial` receives whole.
const LONG: usize = 600 * 1024;
/// Calls of the service from its start to the end of an opening; without a clock, std makes millions in a second.
const CALLS: u64 = 2000;
const CONNECT: u8 = 17;
/// Pages that the stack of a worker or a port may have: by these they are known.
const RESERVED: u32 = 24;
/// What the stack of a reader takes that opens a connection by address, the first one after the start and others, and of
/// one that looks up a name. A look-up's frame is 10 pages, and begins at a page's boundary, wherever its caller's ends.
const FIRST_PAGES: u32 = 11;
const PAGES: u32 = 5;
const NAME_PAGES: u32 = 16;

/// Messages that are lent are mapped into a window of 4 MiB.
#[test]
fn pages_of_one_process_leave_room_for_others() {
    let (silent, echo) = (Silent::start(true), Peer::echo().unwrap());
    let gate = TcpListener::bind("127.0.0.1:0").unwrap();
    let gate_port = gate.local_addr().unwrap().port().to_string();
    let trial = programs().trial;
    let machine = outside()
        .service_with(&trial, &["greedy", &silent.port.to_string()])
        .named("greedy")
        .program(&trial, &["neighbour", &gate_port, &echo.address().port().to_string()])
        .named("neighbour");
    let mut running = machine.run_beside().unwrap();
    let line = running.wait_for("16 pages were asked for, ").unwrap();
    assert!(!line.text.contains(" 0 refused") && !line.text.contains(" 16 refused"), "{}", line.text);
    gate.accept().unwrap().0.write_all(b"!").unwrap();
    running.wait().expect_success();
}

/// Accepts one client and sends it a long message and a short one.
fn long_message(arguments: &[&str]) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let peer = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut ws = tungstenite::accept(stream).unwrap();
        ws.send(Message::binary(pattern(LONG))).unwrap();
        ws.send(Message::text("next")).unwrap();
        while ws.read().is_ok() {}
    });
    let arguments = [&["long-message", port.as_str()], arguments].concat();
    let outcome = outside().program(programs().trial, &arguments).run().unwrap();
    outcome.expect_success();
    peer.join().unwrap();
}

#[test]
fn a_message_beyond_the_heap_is_an_error() {
    long_message(&[]);
}

#[test]
fn a_message_within_a_heap_that_may_grow_is_received() {
    long_message(&["more-heap"]);
}

/// std's clock asks a server of the name service's process without end, and without rest.
#[test]
fn without_a_clock_tls_is_refused_at_once() {
    let programs = programs();
    let machine = programs
        .machine_without(&["dns", "timeserver"])
        .machine_limit(Duration::from_secs(10))
        .wall_limit(WALL_LIMIT)
        .service(&programs.secure_service)
        .program(&programs.trial, &["secure", "1", "1"]);
    let outcome = machine.run().unwrap();
    assert_eq!(outcome.process("trial").unwrap().exit_code, Some(1), "{}", outcome.failure());
    assert!(outcome.faults.is_empty(), "{}", outcome.failure());
    assert!(outcome.log_text().contains("clock"), "{}", outcome.log_text());
    let calls = &outcome.process("websocket").unwrap().system_calls;
    let connects = calls.iter().filter(|(number, _)| *number == CONNECT).map(|(_, count)| count).sum::<u64>();
    let all = calls.iter().map(|(_, count)| count).sum::<u64>();
    assert!(connects < 100 && all < CALLS, "{connects} of {all} are Connect");
}

/// std waits for the name service without end, and the worker with it.
#[test]
fn without_a_name_service_names_are_unknown_at_once() {
    let programs = programs();
    let machine = programs
        .machine_without(&["dns", "timeserver"])
        .machine_limit(Duration::from_secs(10))
        .wall_limit(WALL_LIMIT)
        .service(&programs.service)
        .network(Network::Inside)
        .service_with(&programs.trial, &["refuse", "8080"])
        .named("server");
    machine.program(&programs.trial, &["nameless", "8080"]).run().unwrap().expect_success();
}

/// Pages of the stacks of workers and ports, the deepest first.
fn stacks(outcome: &Outcome) -> Vec<u32> {
    let memory = outcome.process("websocket").unwrap().memory.as_ref().unwrap();
    let stacks = memory.stacks.iter().filter(|stack| stack.thread != 2 && stack.reserved == RESERVED);
    let mut pages: Vec<u32> = stacks.map(|stack| stack.pages).collect();
    pages.sort_unstable_by(|a, b| b.cmp(a));
    pages
}

/// std's look-up has a frame of 40 KiB, whether or not there is a name to look up.
#[test]
fn an_opening_by_address_takes_no_stack_for_a_look_up() {
    let trial = programs().trial;
    // With a server that is not the service's: the reader is the first that uses the network.
    let machine = inside().service_with(&trial, &["refuse", "8080"]).named("server");
    let outcome = machine.program(&trial, &["refused", "127.0.0.1", "8080"]).run().unwrap();
    outcome.expect_success();
    assert!(stacks(&outcome)[0] <= FIRST_PAGES, "{:?}", stacks(&outcome));
    // The port's thread is the first here, and its stack is the deepest.
    let connected = |host| {
        let machine = inside().service_with(&trial, &["serve", "8080", "/"]).named("server");
        let machine = machine.service_with(&trial, &["echo", host, "8080", "1", "32", "1"]).named("client");
        let outcome = machine.until("1 echoes").run().unwrap();
        outcome.expect_success();
        stacks(&outcome)
    };
    let pages = connected("127.0.0.1");
    assert!(pages.len() == 5 && pages[1] <= PAGES, "{pages:?}");
    let pages = connected("somewhere.example");
    assert!(pages.len() == 5 && (PAGES + 1..=NAME_PAGES).contains(&pages[0]), "{pages:?}");
}

#[test]
fn a_loopback_address_is_refused_unless_others_may_reach_it() {
    inside().program(programs().trial, &["loopback"]).run().unwrap().expect_success();
}
