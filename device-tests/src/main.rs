//! A program of the tests, for the device: `trial NAME ARGUMENTS`.
//!
//! Each NAME does one thing that no example does. Exit code 0 says that it went as expected; what did not is in the log.

mod close;
mod die;
mod echo;
mod faults;
mod pass;
mod probe;
mod refuse;
mod secure;
mod serve;
mod store;

use std::process::ExitCode;

fn main() -> ExitCode {
    xous_api_log::init_wait().ok();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["secure", port, count] => secure::client(port, count),
        ["secure-server"] => secure::server(),
        ["handshakes", port, count] => secure::handshakes(port, count),
        ["echo", host, port, connections, length, count] => {
            echo::exchange([host, port, connections, length, count], false)
        }
        ["secure-echo", host, port, connections, length, count] => {
            echo::exchange([host, port, connections, length, count], true)
        }
        ["pass", way, port, length, count] => pass::pass(way, port, length, count),
        ["take", port, bell] => store::take(port, bell),
        ["store", count] => store::store(false, count),
        ["store-hashed", count] => store::store(true, count),
        ["connections", host, port, count] => echo::one_by_one(host, port, count),
        ["serve", port, path] => serve::serve(port, path, false),
        ["secure-serve", port, path] => serve::serve(port, path, true),
        ["refuse", port] => refuse::all(port),
        ["refused", host, port] => refuse::one(host, port),
        ["nameless", port] => refuse::nameless(port),
        ["probe", ref names @ ..] => probe::try_all(names),
        ["close"] => close::times(),
        ["close-held"] => close::held(),
        ["greedy", port] => faults::greedy(port),
        ["neighbour", gate, port] => faults::neighbour(gate, port),
        ["long-message", port] => faults::long_message(port, false),
        ["long-message", port, "more-heap"] => faults::long_message(port, true),
        ["loopback"] => faults::loopback(),
        ["die", state, port] => die::in_state(state, port),
        ["panic"] => panic!("as the test wants it"),
        ["overflow"] => Err(format!("{} levels of a stack that has an end", deep(0))),
        ["exit", code] => return code.parse::<u8>().map_or(ExitCode::FAILURE, ExitCode::from),
        _ => Err(format!("no such trial: {arguments:?}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("trial {arguments:?}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes a page of stack for each level, of which there are more than any stack has.
fn deep(level: usize) -> usize {
    let page = std::hint::black_box([level; 1024]);
    if level < 1000 { deep(level + 1).max(page[level]) } else { level }
}

/// An error's words.
fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
