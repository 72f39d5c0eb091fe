//! The programs that a system is made of, installed on first use.
//!
//! Kernel, log and ticktimer come from the crate registry, the stand-ins are built from `stand-ins/`. Everything lies below
//! `target/hosted/`, in a directory per version, so that a later use finds it there without asking cargo.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hasher;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::lock::{LIMIT, LockError, lock};

/// What is installed from the crate registry: name, version and features.
const PUBLISHED: [(&str, &str, &[&str]); 3] = [
    ("xous-kernel", "0.9.37", &[]),
    ("xous-log", "0.1.27", &["--features", "hosted"]),
    ("xous-ticktimer", "0.1.31", &["--features", "hosted"]),
];
/// What a first use consists of: these, and the stand-ins.
const STEPS: usize = PUBLISHED.len() + 1;
/// The program with the stand-ins.
const STAND_INS: &str = "xous-stand-ins";
/// The package that the stand-ins are built from.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../stand-ins");

/// The programs, ready to be started.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The kernel, `xous-kernel`.
    pub kernel: PathBuf,
    /// The log server, `xous-log`.
    pub log: PathBuf,
    /// The ticktimer server, `xous-ticktimer`.
    pub ticktimer: PathBuf,
    /// The stand-ins, `xous-stand-ins`.
    pub stand_ins: PathBuf,
}

/// Why the programs are not there.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A file below `target/hosted/` could not be read or written: see to the directory.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Cargo could not be started: see that `cargo` is on the `PATH`.
    #[error("cannot start `{command}`: {source}; is cargo on the PATH?")]
    Start {
        /// The command.
        command: String,
        /// What went wrong.
        source: io::Error,
    },
    /// Cargo failed; what it said is on stderr. Without a network the first use cannot succeed: run it again with one.
    #[error("`{command}` failed, see above; it needs the crate registry once, afterwards no network is used")]
    Failed {
        /// The command, to be run by hand.
        command: String,
    },
    /// Another process has been installing for too long: end it, then try again.
    #[error("{lock}: another process has held this lock for {} minutes; end it and try again", LIMIT.as_secs() / 60)]
    Busy {
        /// The lock that it holds.
        lock: PathBuf,
    },
}

/// Installs what is missing, with cargo's progress on stderr, and says where the programs are.
///
/// Any number of processes may call this at once: one installs, the others wait for it.
///
/// # Errors
/// [`PrepareError`]; a later call tries again.
pub fn prepare() -> Result<Programs, PrepareError> {
    static DONE: OnceLock<Programs> = OnceLock::new();
    if let Some(programs) = DONE.get() {
        return Ok(programs.clone());
    }
    let root = directory();
    let stamp = sources_stamp()?;
    let programs = Programs::below(&root);
    if !programs.complete(&root, &stamp) {
        fs::create_dir_all(&root).map_err(|source| file_error(&root, source))?;
        let path = root.join("lock");
        let _lock = lock(&path, LIMIT).map_err(|error| match error {
            LockError::File(error) => file_error(&path, error),
            LockError::Busy => PrepareError::Busy { lock: path.clone() },
        })?;
        install(&root, &programs, &stamp)?;
    }
    Ok(DONE.get_or_init(|| programs).clone())
}

/// `hosted/` in cargo's target directory: all that this crate writes is below it.
pub fn directory() -> PathBuf {
    target_directory().join("hosted")
}

/// Cargo's target directory for this workspace.
pub fn target_directory() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.parent().unwrap_or(package);
    // A relative path is one from where cargo was started; cargo runs tests and programs from inside the workspace.
    workspace.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

impl Programs {
    fn below(root: &Path) -> Self {
        let [kernel, log, ticktimer] = PUBLISHED.map(|(name, version, _)| installed(root, name, version));
        Self { kernel, log, ticktimer, stand_ins: root.join("stand-ins").join(STAND_INS) }
    }

    fn complete(&self, root: &Path, stamp: &str) -> bool {
        [&self.kernel, &self.log, &self.ticktimer, &self.stand_ins].iter().all(|program| program.is_file())
            && fs::read_to_string(stamp_file(root)).is_ok_and(|found| found == stamp)
    }
}

/// Installs what another process has not installed meanwhile.
fn install(root: &Path, programs: &Programs, stamp: &str) -> Result<(), PrepareError> {
    // They have much in common, so it is built in one place, which is not needed afterwards.
    let build = root.join("build");
    for (step, (name, version, features)) in (1..).zip(PUBLISHED) {
        if !installed(root, name, version).is_file() {
            eprintln!("hosted: [{step}/{STEPS}] installing {name} {version} (first use)");
            let mut command = cargo("install");
            command.args(["--locked", "--root"]).arg(install_root(root, name, version));
            command.arg("--target-dir").arg(&build).args(features);
            run(command.args(["--version", version, name]))?;
        }
    }
    fs::remove_dir_all(&build).ok();
    if !programs.complete(root, stamp) {
        build_stand_ins(root, &programs.stand_ins, stamp)?;
    }
    Ok(())
}

/// Builds the stand-ins and puts them in place in one step, for a system may be running the old ones.
fn build_stand_ins(root: &Path, program: &Path, stamp: &str) -> Result<(), PrepareError> {
    eprintln!("hosted: [{STEPS}/{STEPS}] building the stand-ins");
    // In the workspace's own target directory, where they, or what they consist of, mostly are already: with the features
    // of `xtask`, which are those of all else that is built for a PC.
    let build = target_directory();
    let mut command = cargo("build");
    command.args(["--locked", "--package", "stand-ins", "--package", "xtask", "--bin", STAND_INS]);
    command.arg("--manifest-path").arg(Path::new(SOURCES).join("Cargo.toml"));
    run(command.arg("--target-dir").arg(&build))?;
    let put = || {
        fs::create_dir_all(root.join("stand-ins"))?;
        let fresh = program.with_extension("new");
        fs::copy(build.join("debug").join(STAND_INS), &fresh)?;
        fs::rename(&fresh, program)?;
        fs::write(stamp_file(root), stamp)
    };
    put().map_err(|source| file_error(program, source))
}

fn install_root(root: &Path, name: &str, version: &str) -> PathBuf {
    root.join("installed").join(format!("{name}-{version}"))
}

fn installed(root: &Path, name: &str, version: &str) -> PathBuf {
    install_root(root, name, version).join("bin").join(name)
}

fn stamp_file(root: &Path) -> PathBuf {
    root.join("stand-ins").join("stamp")
}

/// A cargo command that is not swayed by the settings of the cargo that started this process: the same programs come
/// out whatever flags, profile or target the tests are built with. Settings about registries and network stay.
fn cargo(subcommand: &str) -> Command {
    const OUTER: [&str; 8] = [
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_BOOTSTRAP",
        "MAKEFLAGS",
        "MFLAGS",
    ];
    const KEPT: [&str; 9] = [
        "CARGO_HOME",
        // No part of what comes out, but by it cargo would build everything once more.
        "CARGO_INCREMENTAL",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
        "CARGO_CACHE_",
    ];
    let mut command = crate::cargo(subcommand);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if OUTER.contains(&&*text)
            || text.starts_with("CARGO") && !KEPT.iter().any(|kept| text.starts_with(kept))
        {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // Its progress is for somebody who looks on.
    if !io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    command
}

fn run(command: &mut Command) -> Result<(), PrepareError> {
    let spelled = || {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    };
    let spelled = spelled();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(PrepareError::Failed { command: spelled }),
        Err(source) => Err(PrepareError::Start { command: spelled, source }),
    }
}

/// A fingerprint of what the stand-ins are built from.
fn sources_stamp() -> Result<String, PrepareError> {
    let root = Path::new(SOURCES);
    let mut files = vec![root.join("Cargo.toml")];
    let mut directories = vec![root.join("src")];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        for entry in entries.map_err(|source| file_error(&directory, source))? {
            let path = entry.path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        let text = fs::read(&file).map_err(|source| file_error(&file, source))?;
        hasher.write(file.as_os_str().as_encoded_bytes());
        hasher.write(&text);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn file_error(path: &Path, source: io::Error) -> PrepareError {
    PrepareError::File { path: path.to_owned(), source }
}
