//! `cargo xtask bench`: builds the benchmarks and what they measure, and runs them.

mod device;

use std::process::{Command as Process, ExitCode};

use crate::{Command, Failure};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "bench",
    summary: "Measure codec, service, uploads, memory and the emulated device beside others",
    usage: "\
usage: cargo xtask bench [codec|service|upload|memory] [--json FILE] [--readme] [--all-cores] [--against SERVICE]...
       cargo xtask bench codec --check | --save
       cargo xtask bench device [--readme | --account NAME]

Prints tables in Markdown, all groups without a name, and writes them and the plots to target/bench/. The codec's
instructions are counted by valgrind, which must be installed.

`device` is not among them: it counts what a message costs on the emulated device, beside tungstenite in the program, and
says where the instructions of some messages go. Its figures are exact, and `cargo xtask device --check` holds them.

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
    if let Some((group, more)) = arguments.split_first()
        && group == "device"
    {
        return device::run(more);
    }
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
