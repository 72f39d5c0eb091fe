//! `cargo xtask faults`: the tests that disturb a conversation behind each of its bytes.

use std::process::ExitCode;

use crate::{Command, Failure};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "faults",
    summary: "Cut, reset, stall and half-close conversations behind each of their bytes",
    usage: "\
usage: cargo xtask faults [FILTER]...

  cargo xtask faults                 both roles, plain and over TLS 1.2 and 1.3; takes half an hour or more
  cargo xtask faults client::        the service as the client
  cargo xtask faults server::every_byte
                                     the service as the server, without TLS and over it

A FILTER is a part of the names of tests. Each stage of a conversation is disturbed by the tests that always run
(`cargo test --test faults`). The exit code is that of cargo test.",
    run,
};

fn run(filters: Vec<String>) -> Result<ExitCode, Failure> {
    if let Some(option) = filters.iter().find(|filter| filter.starts_with('-')) {
        return Err(Failure::Usage(format!("unknown option '{option}'")));
    }
    run_ignored("faults", &filters, &[])
}

/// Runs tests of a test program that are left out otherwise, one after the other, and shows what they print.
pub(crate) fn run_ignored(
    target: &str,
    filters: &[String],
    environment: &[(&str, String)],
) -> Result<ExitCode, Failure> {
    let mut command = hosted::cargo("test");
    command.args(["--locked", "--package", "websocket", "--test", target, "--"]);
    command.args(["--ignored", "--nocapture", "--test-threads=1"]).args(filters);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    match command.status()?.code() {
        Some(code) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(1))),
        None => Ok(ExitCode::FAILURE),
    }
}
