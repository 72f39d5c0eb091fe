//! The stand-ins as one program: `xous-stand-ins NAME [ARGUMENTS]`, started by the kernel.

use std::process::ExitCode;

use stand_ins::COMMANDS;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some((_, serve)) = COMMANDS.iter().find(|(command, _)| *command == name) else {
        let known: Vec<_> = COMMANDS.iter().map(|(command, _)| *command).collect();
        eprintln!("xous-stand-ins: no stand-in is called '{name}'; there are: {}", known.join(", "));
        return ExitCode::from(2);
    };
    let Err(error) = serve();
    eprintln!("xous-stand-ins: {name} cannot serve: {error:?}");
    ExitCode::FAILURE
}
