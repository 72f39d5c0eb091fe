//! Load that lasts, with both its ends on the device: no process grows, the kernel and the network among them. (The published
//! hosted kernel keeps the memory of every message for good.)

use std::time::Duration;

use device::{Builder, Network, Outcome};

use crate::common::{WALL_LIMIT, programs};

/// Bytes of messages: short ones, and as long as a program has heap for by far.
const SHORT: u32 = 100;
const LONG: u32 = 60_000;
/// Connections after which each worker has read for one, so that its stack is nearly as deep as it gets.
const WARM: u32 = 100;
/// Connections that are compared with those.
const MANY: u32 = 300;
/// Pages that a process may still settle by behind [`WARM`] connections: measured, the service grows by 4 until 300 of them
/// and by none from there to 800. Spread over 200 connections they are 102 bytes, and whatever a connection could
/// leave behind is larger.
const SETTLES: u32 = 5;
/// Of the PC's time, for what is run by command.
const HOUR: Duration = Duration::from_secs(3600);

/// A system with a server, in which this client runs until it has done what it says.
fn after(client: &[&str], done: &str, limit: Duration) -> Outcome {
    let programs = programs();
    let machine: Builder = programs.machine().machine_limit(limit).wall_limit(limit).network(Network::Inside);
    let machine = machine.service(&programs.service);
    let machine = machine.service_with(&programs.trial, &["serve", "8080", "/"]).named("server");
    let machine = machine.service_with(&programs.trial, client).named("client").until(done);
    let outcome = machine.run().unwrap();
    outcome.expect_success();
    outcome
}

fn after_echoes(length: u32, count: u32, limit: Duration) -> Outcome {
    let [length, count] = [length, count].map(|number| number.to_string());
    let client = ["echo", "127.0.0.1", "8080", "1", &length, &count];
    after(&client, &format!("{count} echoes"), limit)
}

fn after_connections(count: u32, limit: Duration) -> Outcome {
    let client = ["connections", "127.0.0.1", "8080", &count.to_string()];
    after(&client, &format!("{count} connections"), limit)
}

/// No process has more pages than before, or no more than these more.
fn expect_growth(before: &Outcome, after: &Outcome, most: u32) {
    for (before, after) in before.processes.iter().zip(&after.processes) {
        println!("{:16} {:5} pages, then {:5}", after.name, before.pages, after.pages);
        assert!(
            after.pages <= before.pages + most,
            "{} has grown from {} pages to {}",
            after.name,
            before.pages,
            after.pages
        );
    }
    println!("{} instructions, {:?} of machine time", after.instructions, after.machine_time());
}

#[test]
fn messages_leave_nothing_in_any_process() {
    for (length, few, many) in [(SHORT, 20, 500), (LONG, 3, 10)] {
        let few = after_echoes(length, few, WALL_LIMIT);
        expect_growth(&few, &after_echoes(length, many, WALL_LIMIT), 0);
    }
}

#[test]
fn connections_leave_nothing_in_any_process() {
    expect_growth(&after_connections(WARM, WALL_LIMIT), &after_connections(MANY, WALL_LIMIT), SETTLES);
}

#[test]
#[ignore = "takes minutes: cargo test -p device-tests soak -- --ignored --nocapture"]
fn a_long_load_leaves_nothing_in_any_process() {
    for (length, few, many) in [(SHORT, 20, 50_000), (LONG, 3, 500)] {
        let few = after_echoes(length, few, HOUR);
        expect_growth(&few, &after_echoes(length, many, HOUR), 0);
    }
    expect_growth(&after_connections(MANY, HOUR), &after_connections(3000, HOUR), 0);
}
