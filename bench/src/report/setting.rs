//! Where and when something was measured.

use std::path::Path;
use std::process::Command;

/// Asks for what has changed beside that which the benchmarks write themselves.
const UNCHANGED: [&str; 8] = [
    "status",
    "--porcelain",
    "--untracked-files=no",
    "--",
    ":/",
    ":(top,exclude)README.md",
    ":(top,exclude)bench/README.md",
    ":(top,exclude,glob)bench/*.svg",
];

/// Date, machine and commit, in one line.
pub(crate) fn setting() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let cpu =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    format!(
        "{}, {} with {cores} cores, {}, commit {}{}",
        said("date", &["-u", "+%Y-%m-%d"]),
        cpu.unwrap_or("a processor without a name"),
        said("rustc", &["--version"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
        if said("git", &UNCHANGED).is_empty() { "" } else { " and changes" },
    )
}

/// What a command prints; "unknown" if there is no such command.
fn said(command: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(command).args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).output();
    match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => "unknown".into(),
    }
}
