//! `cargo xtask device`: programs on an emulated device, with its console on the terminal.

mod console;
mod documents;
pub(crate) mod gauge;
mod measure;
mod options;
mod record;
mod usage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::device::prepare::{Programs, prepare};
use ::device::{Builder, End, Network};

use console::Console;
use options::{Options, Program};

use crate::{Command, Failure, toolchain};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "device",
    summary: "Run the demonstration server, or other programs, on an emulated device",
    usage: "\
usage: cargo xtask device [--port N] [--plain] [--kernel FILE] [--profile] [--verbose] [PROGRAM ARGUMENTS [-- PROGRAM ARGUMENTS]...]
       cargo xtask device --check|--record

  cargo xtask device                        the demonstration server on http://127.0.0.1:8080/, until Ctrl-C
  cargo xtask device ws ws://127.0.0.1:9001/ --send hello --count 5
                                            an example, to a server on this machine
  cargo xtask device echo_server -- ws ws://127.0.0.1:8080/echo --send hello
                                            both on the device

A PROGRAM is the name of an example or an ELF file for riscv32imac-unknown-xous-elf. They run together, beside the service,
on the published kernel with stand-ins for the other servers; the system ends when all of them have ended but those that
serve for ever. What the device's sockets reach is this machine's loopback interface.

  --port N       the port of the demonstration server, if no PROGRAM is said
  --plain        the service without TLS
  --kernel FILE  the kernel of an xous-core build of today, or a copy of the published one
  --profile      also print who has spent the instructions and what for: what made the kernel run, and functions
  --check        measure what the service costs on the device, and compare with device.toml: more than 2 % is a failure;
                 so is a table of README.md or docs/xous-core.md that says something else than device.toml
  --record       the same, and rewrite device.toml and these tables
  --verbose      also show what kernel, servers and service log

At the end, what each process has used is printed. The exit code is 0 when all programs ended with 0, 1 when not or when
anything has failed, 2 for a wrong call.",
    run,
};

/// Examples that serve until they are stopped.
const SERVERS: [&str; 4] = ["echo_server", "meeting", "chat", "inbox"];

fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    let options = Options::parse(arguments)?;
    // So that preparing does not fail for what could be had.
    let toolchain = toolchain::find_or_install().map_err(Failure::Other)?;
    let programs = prepare()?;
    if let Some(measure) = options.measure {
        return record::run(measure, &toolchain.version, &measure::all(&programs)?);
    }
    let outcome = machine(&programs, &options)?.run()?;
    eprint!("{}", usage::table(&outcome));
    if options.profile {
        eprint!("\n{}", gauge::account_of(&outcome));
    }
    if outcome.end == End::ProgramsEnded && outcome.succeeded() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("xtask device: {}", outcome.failure());
    Ok(ExitCode::FAILURE)
}

fn machine(programs: &Programs, options: &Options) -> Result<Builder, Failure> {
    let mut machine = match &options.kernel {
        Some(kernel) => programs.machine_on(Path::new(kernel)),
        None => programs.machine(),
    };
    let mut console = Console::new(options.verbose);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
    machine = machine
        .argument_of("timeserver", &since_1970.as_millis().to_string())
        .service(if options.plain { &programs.service } else { &programs.secure_service })
        .network(Network::Loopback)
        // Until Ctrl-C.
        .machine_limit(Duration::MAX)
        .wall_limit(Duration::MAX)
        .watch(move |line| console.show(line));
    if options.profile {
        machine = machine.profile();
    }
    let serve_only = options.programs.iter().all(|program| serves(&program.name));
    for Program { name, arguments } in &options.programs {
        let path = find(programs, name)?;
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        machine = if serves(name) && !serve_only {
            machine.service_with(path, &arguments)
        } else {
            machine.program(path, &arguments)
        };
    }
    Ok(machine)
}

fn serves(name: &str) -> bool {
    SERVERS.contains(&name)
}

fn find(programs: &Programs, name: &str) -> Result<PathBuf, Failure> {
    let candidates = [programs.example(name), PathBuf::from(name)];
    let found = candidates.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| Failure::Usage(format!("there is no example '{name}', and no such file")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_serves_for_ever_is_an_example() {
        let examples = ::device::prepare::workspace().join("examples");
        for server in SERVERS {
            assert!(examples.join(server).with_extension("rs").is_file(), "{server}");
        }
    }
}
