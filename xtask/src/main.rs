//! Developer commands: `cargo xtask COMMAND`.

// What tests print is captured only if std prints it.
#[cfg(not(test))]
#[macro_use]
mod printing;

mod autobahn;
mod bench;
mod device;
mod faults;
mod mutants;
mod packages;
mod replay;
mod run;
mod soak;
mod target;
mod test;
mod toolchain;
mod ws;

use std::process::ExitCode;

/// One command of this program.
struct Command {
    name: &'static str,
    /// One line for the list of commands.
    summary: &'static str,
    /// How it is called and what its options do.
    usage: &'static str,
    /// Runs it with the arguments behind its name.
    run: fn(Vec<String>) -> Result<ExitCode, Failure>,
}

/// Every command, in the order in which they are listed.
const COMMANDS: &[Command] = &[
    run::COMMAND,
    ws::COMMAND,
    replay::COMMAND,
    device::COMMAND,
    test::COMMAND,
    soak::COMMAND,
    faults::COMMAND,
    mutants::COMMAND,
    autobahn::COMMAND,
    bench::COMMAND,
    target::COMMAND,
];

/// Why a command did not do its work.
#[derive(Debug)]
enum Failure {
    /// It was called in a way that it does not know; its usage is shown.
    Usage(String),
    /// Something else, which the message says.
    Other(String),
}

impl Failure {
    /// The command line is at fault.
    fn usage(fault: impl std::fmt::Display) -> Self {
        Self::Usage(fault.to_string())
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.to_string())
    }
}

fn main() -> ExitCode {
    let mut arguments = Vec::new();
    for argument in std::env::args_os().skip(1) {
        match argument.into_string() {
            Ok(argument) => arguments.push(argument),
            Err(argument) => {
                eprintln!("xtask: the argument {argument:?} is not UTF-8");
                return ExitCode::from(2);
            }
        }
    }
    let mut arguments = arguments.into_iter();
    let Some(name) = arguments.next() else {
        eprint!("{}", overview());
        return ExitCode::from(2);
    };
    if is_help(&name) {
        print!("{}", overview());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprint!("xtask: there is no command '{name}'\n\n{}", overview());
        return ExitCode::from(2);
    };
    execute(command, arguments.collect())
}

fn execute(command: &Command, arguments: Vec<String>) -> ExitCode {
    if arguments.first().is_some_and(|first| is_help(first)) {
        println!("{}\n\n{}", command.summary, command.usage);
        return ExitCode::SUCCESS;
    }
    match (command.run)(arguments) {
        Ok(code) => code,
        Err(Failure::Usage(fault)) => {
            eprintln!("xtask {}: {fault}\n\n{}", command.name, command.usage);
            ExitCode::from(2)
        }
        Err(Failure::Other(fault)) => {
            eprintln!("xtask {}: {fault}", command.name);
            ExitCode::FAILURE
        }
    }
}

fn is_help(argument: &str) -> bool {
    matches!(argument, "--help" | "-h" | "help")
}

fn overview() -> String {
    let lines: String =
        COMMANDS.iter().map(|command| format!("  {:12}{}\n", command.name, command.summary)).collect();
    format!("usage: cargo xtask COMMAND [ARGUMENTS]\n\n{lines}\n`cargo xtask COMMAND --help` says more.\n")
}
