//! `cargo xtask mutants`: changes the sources one expression at a time, and sees which changes no test notices.

use std::path::Path;
use std::process::ExitCode;

use crate::{Command, Failure};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "mutants",
    summary: "Change the sources a little and see whether tests notice",
    usage: "\
usage: cargo xtask mutants [PART | FILE]... [-- ARGUMENTS OF CARGO MUTANTS]

  cargo xtask mutants                          all parts; takes hours
  cargo xtask mutants http                     one: proto, http, upload, api, threads
  cargo xtask mutants src/proto/mask.rs        one file
  cargo xtask mutants http -- --list           what would be changed

Every part has the tests that fit: those that need no kernel; for `threads`, the models. Changes that no test notices
are listed as MISSED; docs/tests.md says which are known and why. Outputs are in target/mutants/PART/mutants.out. The
sources are copied, so that they can be worked on meanwhile. cargo-mutants is installed if it is missing.

The exit code is that of cargo mutants: 2 when a change was missed, 3 when one took too long.",
    run,
};

/// Sources, and the tests that are to notice what is changed in them.
struct Part {
    name: &'static str,
    package: &'static str,
    /// Patterns of paths.
    files: &'static [&'static str],
    /// Files among them that none of these tests is about.
    without: &'static [&'static str],
    /// For cargo test.
    tests: &'static [&'static str],
}

const SERVICE: &str = "websocket";
const PARTS: &[Part] = &[
    Part {
        name: "proto",
        package: SERVICE,
        files: &["src/proto/**"],
        without: &[],
        tests: &["--lib", "--test", "proto_*"],
    },
    Part {
        name: "http",
        package: SERVICE,
        files: &["src/http/**"],
        without: &[],
        tests: &["--lib", "http::"],
    },
    Part {
        name: "upload",
        package: SERVICE,
        files: &["src/upload/**"],
        // The store that is messages to the database: its tests need a kernel.
        without: &["src/upload/files/pddb.rs", "src/upload/tests/**"],
        tests: &["--lib", "--test", "upload_parts", "upload"],
    },
    Part {
        name: "api",
        package: "xous-api-websocket",
        files: &["api/src/**"],
        // Calls of the service and programs as processes: tests/client and tests/server.
        without: &[
            "api/src/connection/websocket.rs",
            "api/src/serve/listener.rs",
            "api/src/messages/message.rs",
            "api/src/link/inbox.rs",
            "api/src/push/forward.rs",
            "api/src/heap.rs",
        ],
        tests: &["--lib"],
    },
    Part {
        name: "threads",
        package: SERVICE,
        files: &[
            "src/service/connection/inbox.rs",
            "src/service/connection/outbox.rs",
            "src/service/listen/admission/accept_queue.rs",
            "src/service/thread/pool.rs",
            "src/service/thread/timer.rs",
            "src/pddb/courier.rs",
            "src/upload/files/claims.rs",
            "src/upload/files/files.rs",
            "src/upload/files/replace.rs",
        ],
        without: &[],
        tests: &["--lib", "--features", "shuttle", "interleavings"],
    },
];

fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    let mut own = arguments.splitn(2, |argument| argument == "--");
    let wanted = own.next().unwrap_or_default();
    let more = own.next().unwrap_or_default();
    let wanted = if wanted.is_empty() {
        PARTS.iter().map(|part| (part, None)).collect()
    } else {
        wanted.iter().map(|name| select(name)).collect::<Result<Vec<_>, _>>()?
    };
    install()?;
    let mut worst = 0;
    for (part, file) in wanted {
        let code = mutate(part, file, more)?;
        worst = worst.max(code);
    }
    Ok(ExitCode::from(worst))
}

/// A part by its name, or by a file of it.
fn select(name: &str) -> Result<(&'static Part, Option<&str>), Failure> {
    if let Some(part) = PARTS.iter().find(|part| part.name == name) {
        return Ok((part, None));
    }
    let unknown = || Failure::Usage(format!("'{name}' is no part and no file of one"));
    // What is modelled has its models, whatever else it belongs to.
    let part = PARTS.iter().rev().find(|part| part.has(name)).ok_or_else(unknown)?;
    Ok((part, Some(name)))
}

impl Part {
    /// Whether a file belongs to it.
    fn has(&self, file: &str) -> bool {
        let matches = |pattern: &str| match pattern.strip_suffix("**") {
            Some(folder) => file.starts_with(folder),
            None => file == pattern,
        };
        self.files.iter().any(|pattern| matches(pattern))
            && !self.without.iter().any(|pattern| matches(pattern))
    }
}

/// Runs cargo-mutants for a part, or for one file of it.
fn mutate(part: &Part, file: Option<&str>, more: &[String]) -> Result<u8, Failure> {
    println!("{}: the tests are cargo test {}", part.name, part.tests.join(" "));
    let output = hosted::target_directory().join("mutants").join(part.name);
    std::fs::create_dir_all(&output)?;
    let mut command = hosted::cargo("mutants");
    command.args(["--package", part.package, "--no-shuffle", "--output"]).arg(&output);
    match file {
        Some(file) => command.args(["--file", file]),
        None => command.args(part.files.iter().flat_map(|files| ["--file", files])),
    };
    command.args(part.without.iter().flat_map(|files| ["--exclude", files]));
    command.args(more).arg("--").arg("--locked").args(part.tests);
    // What is not ours is built once for all parts.
    command.env("CARGO_TARGET_DIR", built(&output));
    let status = command.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn built(output: &Path) -> std::path::PathBuf {
    output.with_file_name("build")
}

/// Installs cargo-mutants unless it is there.
fn install() -> Result<(), Failure> {
    if hosted::cargo("mutants").arg("--version").output()?.status.success() {
        return Ok(());
    }
    eprintln!("xtask mutants: installing cargo-mutants");
    match hosted::cargo("install").args(["--locked", "cargo-mutants"]).status()?.success() {
        true => Ok(()),
        false => Err(Failure::Other("cargo-mutants cannot be installed, see above".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part_of(file: &str) -> Option<&'static str> {
        select(file).ok().map(|(part, _)| part.name)
    }

    #[test]
    fn a_file_is_tested_as_its_part_is() {
        assert_eq!(part_of("src/proto/handshake/key.rs"), Some("proto"));
        assert_eq!(part_of("src/upload/files/record.rs"), Some("upload"));
        assert_eq!(part_of("src/upload/files/claims.rs"), Some("threads"));
        assert_eq!(part_of("src/upload/files/pddb.rs"), None);
        assert_eq!(part_of("src/main.rs"), None);
        assert_eq!(part_of("http"), Some("http"));
    }

    #[test]
    fn the_files_are_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for name in PARTS.iter().flat_map(|part| part.files.iter().chain(part.without)) {
            assert!(root.join(name.trim_end_matches("**")).exists(), "{name}");
        }
    }
}
