//! Cargo, started by a program that cargo runs.

use std::process::Command;

/// What cargo tells the programs that it runs about themselves.
const ABOUT_THE_PROGRAM: [&str; 4] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_", "CARGO_BIN_"];

/// A cargo command that builds as one from a shell would. With what cargo has told this program about itself, build
/// scripts that look at it would take it for a change, and half of the crates would be compiled anew each time.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand);
    for (name, _) in std::env::vars_os() {
        if ABOUT_THE_PROGRAM.iter().any(|about| name.as_encoded_bytes().starts_with(about.as_bytes())) {
            command.env_remove(&name);
        }
    }
    command
}
