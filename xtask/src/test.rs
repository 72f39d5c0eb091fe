//! `cargo xtask test`: installs what the tests need, and runs them.
//!
//! ```text
//! options --> hosted::tools (what is missing?) --> provide (packages) --> left_out --> cargo test --> slowest
//! ```

mod left_out;
mod options;
mod provide;
mod slowest;

use std::process::ExitCode;

use hosted::tools::{TOOLS, Tool};

use options::Options;
use provide::Missing;

use crate::packages::ThisMachine;
use crate::{Command, Failure};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "test",
    summary: "Install what the tests need, and run them",
    usage: "\
usage: cargo xtask test [--without-peers] [--slowest] [-- ARGUMENTS OF CARGO TEST]
       cargo xtask test --list | --install

  cargo xtask test                            all tests
  cargo xtask test -- --test client           those of one test program, and what they need
  cargo xtask test -- --test client -- limits those of them whose names have `limits` in them

Other programs take part in some tests. What is missing is installed by apt, as root or through sudo; where that cannot
be done, nothing is built and the exit code is 2.

  --without-peers  then run the tests that need none of what is missing; what is left out is said, and the exit code is
                   not 0
  --slowest        at the end, list the ten tests that took longest
  --list           print which program which tests need, and whether it is there
  --install        install all of them, and what .ci/run needs besides; run nothing

Twice as many tests run at a time as there are processors, since most of them wait; RUST_TEST_THREADS and --test-threads
behind a second -- say otherwise. The exit code is that of cargo test; 3 when that is 0 and tests were left out, 2 for a
wrong call or when a program is missing.",
    run,
};

/// The exit code when what was run has passed, and not everything was run. Cargo's is another one.
const LEFT_OUT: u8 = 3;

fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    let options = Options::parse(arguments)?;
    if options.list {
        TOOLS.iter().for_each(|tool| println!("{}", line(tool)));
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = TOOLS.iter().filter(|tool| options.install || options.needs(tool));
    let missing: Vec<_> = wanted.filter(|tool| !tool.is_there()).collect();
    let missing = provide::provide(&mut ThisMachine, missing, options.without_peers || options.install);
    for Missing { tool, fault } in &missing {
        eprintln!("xtask test: {}", provide::explain(tool, fault));
    }
    if options.install {
        return Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if !missing.is_empty() && !options.without_peers {
        return Ok(ExitCode::from(2));
    }
    test(&options, &missing)
}

/// Runs `cargo test` without the tests that miss something.
fn test(options: &Options, missing: &[Missing]) -> Result<ExitCode, Failure> {
    let missing: Vec<_> = missing.iter().map(|missing| missing.tool).collect();
    let left_out = if missing.is_empty() {
        Vec::new()
    } else {
        left_out::find(&options.cargo, &options.tests, &missing)?
    };
    let mut command = hosted::cargo("test");
    command.arg("--locked").args(&options.cargo).arg("--").args(&options.tests);
    command.args(left_out::skips(&left_out));
    let threads = options.threads();
    command.env(options::THREADS, threads.to_string());
    let status = if options.slowest { slowest::run(&mut command, threads)? } else { command.status()? };
    let mut all = true;
    for (tool, names) in left_out.iter().filter(|(_, names)| !names.is_empty()) {
        println!("{} tests left out: {}", names.len(), tool.name);
        all = false;
    }
    match status.code() {
        Some(0) if all => Ok(ExitCode::SUCCESS),
        Some(0) => Ok(ExitCode::from(LEFT_OUT)),
        Some(code) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(1))),
        None => Ok(ExitCode::FAILURE),
    }
}

/// One line about a tool.
fn line(tool: &Tool) -> String {
    let there = if tool.is_there() { "there" } else { "missing" };
    let users = provide::users(tool);
    format!("{:13} {there:8} {:25} {}; {users}", tool.name, tool.packages.join(" "), tool.purpose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_and_the_script_know_the_exit_code_of_what_is_left_out() {
        assert!(COMMAND.usage.contains(&format!("{LEFT_OUT} when that is 0 and tests were left out")));
        assert!(include_str!("../../.ci/run").contains(&format!("[ \"$state\" = {LEFT_OUT} ]")));
    }
}
