//! Runs cargo for the device.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ::device::prepare::toolchain::Toolchain;
use ::device::prepare::{Sources, TRIPLE, cargo, profile};
use serde_json::Value;

use super::options::{Options, Tls};

/// A linked program.
#[derive(Debug)]
pub(super) struct Program {
    /// `websocket`, or `examples/echo`.
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// Builds the service and, without TLS, the client crate and all examples, which TLS is no part of; returns the programs
/// in the order of their names.
///
/// Cargo's progress goes to standard error as usual.
pub(super) fn build(toolchain: &Toolchain, options: &Options, tls: Tls) -> Result<Vec<Program>, String> {
    let mut command = command(toolchain, options, tls);
    let mut cargo =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot start cargo: {error}"))?;
    let stdout = cargo.stdout.take().ok_or("cargo has no output")?;
    let mut programs = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(|error| format!("cargo's output: {error}"))?;
        programs.extend(parse_message(&line));
    }
    let status = cargo.wait().map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("the build for {TRIPLE} failed"));
    }
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

/// Builds the library of a package from elsewhere.
///
/// # Errors
/// For people.
pub(super) fn build_library(toolchain: &Toolchain, manifest: &Path) -> Result<(), String> {
    // Cargo runs in the workspace's directory.
    let manifest =
        std::path::absolute(manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let mut command = cargo("build", toolchain, Sources::Own);
    command.args(["--lib", "--manifest-path"]).arg(manifest);
    for setting in profile()? {
        command.arg("--config").arg(setting);
    }
    let status = command.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the build for {TRIPLE} failed")) }
}

fn command(toolchain: &Toolchain, options: &Options, tls: Tls) -> Command {
    let mut command = cargo("build", toolchain, Sources::Own);
    command
        .args(packages(tls))
        // The default is the TLS provider for a PC.
        .arg("--no-default-features")
        .arg("--message-format=json-render-diagnostics");
    let features = options.device.as_deref().into_iter().chain(tls.feature());
    for feature in features {
        command.arg("--features").arg(format!("websocket/{feature}"));
    }
    command
}

/// What is built.
fn packages(tls: Tls) -> &'static [&'static str] {
    match tls {
        Tls::None => {
            &["--package", "websocket", "--package", "xous-api-websocket", "--lib", "--bins", "--examples"]
        }
        Tls::Ring | Tls::Rustcrypto => &["--package", "websocket", "--bin", "websocket"],
    }
}

/// The program that a line of cargo's JSON output reports, if it reports one.
fn parse_message(line: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = PathBuf::from(message["executable"].as_str()?);
    let target = &message["target"];
    let name = target["name"].as_str()?;
    let name = match target["kind"][0].as_str()? {
        "bin" => name.to_owned(),
        "example" => format!("examples/{name}"),
        _ => return None,
    };
    Some(Program { name, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_programs_from_cargo_messages() {
        let line = |kind: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"kind":["{kind}"],"name":"echo"}},"executable":{executable}}}"#
            )
        };
        let name = |line: String| parse_message(&line).map(|program| program.name);
        assert_eq!(name(line("bin", r#""/t/echo""#)), Some("echo".to_owned()));
        assert_eq!(name(line("example", r#""/t/echo""#)), Some("examples/echo".to_owned()));
        assert_eq!(name(line("lib", "null")), None);
        assert_eq!(name(line("custom-build", r#""/t/build""#)), None);
        assert_eq!(name("not JSON".to_owned()), None);
    }
}
