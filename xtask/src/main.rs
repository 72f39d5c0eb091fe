//! Developer commands.

use std::process::ExitCode;

mod target;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let outcome = match args.next().as_deref() {
        Some("target") => target::run(args),
        _ => Err("usage: cargo xtask target [--help]".to_owned()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}
