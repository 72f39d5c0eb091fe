//! Runs cargo for the device.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::TRIPLE;
use super::options::{Options, Tls};
use super::toolchain::{LINKER_VARIABLE, Toolchain};

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
pub(super) fn build(
    root: &Path,
    toolchain: &Toolchain,
    options: &Options,
    tls: Tls,
) -> Result<Vec<Program>, String> {
    let mut command = command(root, toolchain, options, tls);
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

/// The cargo that runs this command, else the one on the path.
pub(super) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn command(root: &Path, toolchain: &Toolchain, options: &Options, tls: Tls) -> Command {
    let target_dir = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let mut command = Command::new(cargo());
    command
        .current_dir(root)
        .args(["build", "--profile", "device", "--target", TRIPLE])
        // optimize_for_size replaces std's default features; what goes besides is unwinding and symbolised
        // backtraces, which a program with panic = "abort" on Xous cannot use. Panic messages stay.
        .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"])
        .args(packages(tls))
        // The default is the TLS provider for a PC.
        .arg("--no-default-features")
        .arg("--message-format=json-render-diagnostics")
        .arg("--target-dir")
        .arg(target_dir.join("device"))
        .env("RUSTC", &toolchain.rustc)
        .env(LINKER_VARIABLE, &toolchain.linker)
        // Instead of RUSTFLAGS and of what a configuration file may say: they would change the sizes.
        .env("CARGO_ENCODED_RUSTFLAGS", rustc_flags(toolchain))
        .env_remove("RUSTFLAGS")
        // -Z options on a stable compiler.
        .env("RUSTC_BOOTSTRAP", "1");
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

/// Compiler flags, separated as cargo wants them.
fn rustc_flags(toolchain: &Toolchain) -> OsString {
    // Stack sizes go into a section that is not loaded; `--top` reads them. `relax` lets the linker use short calls,
    // which is 7 % less code; the compiler warns for every crate that this may change, so warnings are off: those
    // of the sources are clippy's to find.
    let mut flags = OsString::from("-Zemit-stack-sizes\x1f-Ctarget-feature=+relax\x1f-Awarnings");
    // Panic messages name source files: without this machine's directories they are shorter, and the sizes the
    // same everywhere.
    let registry = cargo_home().map(|home| home.join("registry/src"));
    let sources = [(Some(toolchain.library.clone()), "library"), (registry, "registry")];
    for (path, name) in sources.into_iter().filter_map(|(path, name)| Some((path?, name))) {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(path);
        flags.push("=");
        flags.push(name);
    }
    flags
}

fn cargo_home() -> Option<PathBuf> {
    let told = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    told.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
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
