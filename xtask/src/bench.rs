//! `cargo xtask bench`: builds the benchmarks and what they measure, and runs them.

use std::process::{Command as Process, ExitCode};

use crate::{Command, Failure};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "bench",
    summary: "Measure codec, service, uploads and memory beside others",
    usage: "\
usage: cargo xtask bench [codec|service|upload|memory] [--json FILE] [--readme] [--all-cores] [--against SERVICE]...
       cargo xtask bench codec --check | --save

Prints tables in Markdown, all groups without a name, and writes them and the plots to target/bench/. The codec's
instructions are counted by valgrind, which must be installed.

  --json FILE        write the figures there, too
  --readme           write tables and plots to bench/README.md and beside it, and the goals to README.md
  --all-cores        do not keep everything on one core
  --against SERVICE  compare echo and throughput with another build of the service, by its path
  --check            compare our codec's instructions and allocations with bench/baseline.toml; 1 if one has grown
                     by more than 3 %
  --save             replace that file",
    run,
};

fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    // The check is of our codec alone: it needs neither the others nor the service.
    let alone = arguments.iter().any(|argument| argument == "--check" || argument == "--save");
    build(if alone {
        &["--no-default-features"]
    } else {
        &["--package", "websocket", "--bin", "websocket"]
    })?;
    let bench = hosted::target_directory().join("release/bench");
    let status = Process::new(bench).args(arguments).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build(more: &[&str]) -> Result<(), Failure> {
    let mut command = hosted::cargo("build");
    command.args(["--profile", "bench", "--package", "bench", "--bin", "bench"]).args(more);
    match command.status()?.success() {
        true => Ok(()),
        false => Err(Failure::Other("the benchmarks do not build, see above".into())),
    }
}
