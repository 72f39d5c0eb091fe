//! The programs that a system on the emulated device is made of, built on first use.
//!
//! Kernel and log server come from the crate registry, the rest is the workspace's own. All are built with the
//! toolchain, flags and target directory of `cargo xtask target` (`target/device/`), so that std is built once for all
//! of them; cargo decides what is built anew when sources have changed. What a system is made of is then put below
//! `target/device/prepared/`, where a build that runs meanwhile does not touch it.

mod cargo;
mod error;
mod files;
pub mod toolchain;

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

pub use self::{
    cargo::{Sources, cargo, directory, profile, workspace},
    error::PrepareError,
    files::lock,
};
use self::{
    cargo::{built, flags},
    files::{examples, put},
    toolchain::Toolchain,
};
use crate::{Builder, Generation, Machine, boot::Image};

/// The device's target triple.
pub const TRIPLE: &str = "riscv32imac-unknown-xous-elf";
/// What is installed from the crate registry: name and version.
const PUBLISHED: [(&str, &str); 2] = [("xous-kernel", "0.9.37"), ("xous-log", "0.1.27")];
/// The board: register layouts of a Precursor as it is sold.
const BOARD: &str = "precursor,utralib/precursor-pvt";
/// What the workspace is built as: what it is called, what cargo is told, and where its programs go below `prepared/`.
const OWN: [Own; 4] = [
    Own {
        what: "the service and the examples",
        arguments: &[
            "--package",
            "websocket",
            "--package",
            "xous-api-websocket",
            "--lib",
            "--bins",
            "--examples",
            "--no-default-features",
        ],
        to: "plain",
        program: SERVICE,
        examples: true,
    },
    Own {
        what: "the service with TLS",
        arguments: &[
            "--package",
            "websocket",
            "--bin",
            "websocket",
            "--no-default-features",
            "--features",
            "websocket/tls-rustcrypto",
        ],
        to: "rustcrypto",
        program: SERVICE,
        examples: false,
    },
    Own {
        what: "the stand-ins",
        arguments: &["--package", "stand-ins", "--bin", STAND_INS],
        to: "stand-ins",
        program: STAND_INS,
        examples: false,
    },
    Own {
        what: "the program of the tests",
        arguments: &["--package", "device-tests", "--bin", TRIAL],
        to: "tests",
        program: TRIAL,
        examples: false,
    },
];
/// A program with a library in it instead of the service, for those who measure alone: see [`prepare_library`].
const LIBRARY: Own = Own {
    what: "the program with tungstenite in it",
    arguments: &[
        "--package",
        "bench-on-device",
        "--bin",
        WITH_LIBRARY,
        // Random numbers are the program's own to give. Flags for all packages would have std built once more.
        "-Zprofile-rustflags",
        "--config",
        r#"profile.device.package.getrandom.rustflags = ['--cfg', 'getrandom_backend="custom"']"#,
    ],
    to: "library",
    program: WITH_LIBRARY,
    examples: false,
};
const STEPS: usize = PUBLISHED.len() + OWN.len();
const SERVICE: &str = "websocket";
const STAND_INS: &str = "xous-stand-ins";
const TRIAL: &str = "trial";
const WITH_LIBRARY: &str = "with-tungstenite";

/// One build of the workspace.
struct Own {
    what: &'static str,
    arguments: &'static [&'static str],
    to: &'static str,
    program: &'static str,
    examples: bool,
}

/// The programs, ready to be booted.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The kernel, `xous-kernel`.
    pub kernel: PathBuf,
    /// The log server, `xous-log`.
    pub log: PathBuf,
    /// The stand-ins, `xous-stand-ins`: one program, whose first argument says which.
    pub stand_ins: PathBuf,
    /// The program of `device-tests`: its first argument says what it does.
    pub trial: PathBuf,
    /// The service, `websocket`, without TLS.
    pub service: PathBuf,
    /// The same with TLS by RustCrypto.
    pub secure_service: PathBuf,
    examples: PathBuf,
}

impl Programs {
    fn below(root: &Path, toolchain: &Toolchain) -> Self {
        let [kernel, log] = PUBLISHED.map(|(name, version)| installed(root, toolchain, name, version));
        let own = OWN.each_ref().map(|own| root.join("prepared").join(own.to).join(own.program));
        let [service, secure_service, stand_ins, trial] = own;
        let examples = root.join("prepared").join(OWN[0].to).join("examples");
        Self { kernel, log, stand_ins, trial, service, secure_service, examples }
    }

    /// The program that an example of the service is built to.
    pub fn example(&self, name: &str) -> PathBuf {
        self.examples.join(name)
    }
}

/// The stand-ins of a system, in the order in which they start.
const STAND_IN_NAMES: [&str; 8] =
    ["ticktimer", "names", "susres", "trng", "net", "dns", "timeserver", "pddb"];

impl Programs {
    /// A machine with the published kernel, the log server and all stand-ins, by the names of `STAND_IN_NAMES`.
    pub fn machine(&self) -> Builder {
        self.machine_with(&self.kernel, Generation::Published)
    }

    /// The same without some of the stand-ins, as a device may lack some of these services.
    pub fn machine_without(&self, names: &[&str]) -> Builder {
        let machine = Machine::builder(&self.kernel).service(&self.log);
        self.with_stand_ins(machine, names)
    }

    /// The same with another kernel: one from an xous-core build of today, or the published one that lies elsewhere. That
    /// one is known by what it puts into memory, whatever else is in its file.
    pub fn machine_on(&self, kernel: &Path) -> Builder {
        let image = |path| std::fs::read(path).ok().and_then(|file| Image::parse(&file).ok());
        let is_published = image(&*self.kernel).is_some_and(|published| image(kernel) == Some(published));
        let generation = if is_published { Generation::Published } else { Generation::Current };
        self.machine_with(kernel, generation)
    }

    fn machine_with(&self, kernel: &Path, generation: Generation) -> Builder {
        let machine = Machine::builder(kernel).generation(generation).service(&self.log);
        self.with_stand_ins(machine, &[])
    }

    fn with_stand_ins(&self, machine: Builder, left_out: &[&str]) -> Builder {
        let names = STAND_IN_NAMES.iter().filter(|name| !left_out.contains(name));
        names.fold(machine, |machine, name| machine.service_with(&self.stand_ins, &[name]).named(name))
    }
}

/// Builds what is missing or older than its sources, with cargo's progress on standard error, and says where the
/// programs are.
///
/// Any number of processes may call this at once: one builds, the others wait for it.
///
/// # Errors
/// [`PrepareError`]; a later call tries again.
pub fn prepare() -> Result<Programs, PrepareError> {
    static DONE: Mutex<Option<Programs>> = Mutex::new(None);
    // Held while it builds: the other threads have nothing to do before it is done.
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(programs) = &*done {
        return Ok(programs.clone());
    }
    let toolchain = Toolchain::find().map_err(PrepareError::Missing)?;
    let root = directory();
    let _lock = lock(&root)?;
    let programs = Programs::below(&root, &toolchain);
    for (step, (name, version)) in (1..).zip(PUBLISHED) {
        install(step, &root, &toolchain, name, version)?;
    }
    for (step, own) in (PUBLISHED.len() + 1..).zip(&OWN) {
        build(&format!("[{step}/{STEPS}]"), &root, &toolchain, own)?;
    }
    *done = Some(programs.clone());
    Ok(programs)
}

/// Builds the program of `bench/on-device` as [`prepare`] does the others, and says where it is.
///
/// # Errors
/// [`PrepareError`]; a later call tries again.
pub fn prepare_library() -> Result<PathBuf, PrepareError> {
    let toolchain = Toolchain::find().map_err(PrepareError::Missing)?;
    let root = directory();
    let _lock = lock(&root)?;
    build("besides:", &root, &toolchain, &LIBRARY)?;
    Ok(root.join("prepared").join(LIBRARY.to).join(LIBRARY.program))
}

/// Installs a program of the registry that is not there yet, or was built in another way.
fn install(
    step: usize,
    root: &Path,
    toolchain: &Toolchain,
    name: &str,
    version: &str,
) -> Result<(), PrepareError> {
    let profile = profile().map_err(PrepareError::Profile)?;
    let to = install_root(root, toolchain, name, version);
    // What is installed is not built anew by itself.
    let way = format!("{BOARD}\n{}\n{}\n", flags(Sources::Published).join("\n"), profile.join("\n"));
    let stamp = to.join("built-with");
    if installed(root, toolchain, name, version).is_file() && holds(&stamp, &way) {
        return Ok(());
    }
    tell(&format!("[{step}/{STEPS}] installing {name} {version} for the device (first use)"));
    let mut command = cargo("install", toolchain, Sources::Published);
    command.args(["--locked", "--force", "--features", BOARD, "--root"]).arg(&to);
    for setting in profile {
        command.arg("--config").arg(setting);
    }
    run(command.args(["--version", version, name]))?;
    std::fs::write(&stamp, way).map_err(PrepareError::file(stamp))
}

/// Whether the file has this text.
fn holds(path: &Path, text: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|found| found == text)
}

/// Builds programs of the workspace and puts them in place.
fn build(step: &str, root: &Path, toolchain: &Toolchain, own: &Own) -> Result<(), PrepareError> {
    let mut command = cargo("build", toolchain, Sources::Own);
    // Mostly there is nothing to do, which takes a second and is not worth a word.
    if io::stderr().is_terminal() || !root.join("prepared").join(own.to).join(own.program).is_file() {
        tell(&format!("{step} building {} for the device", own.what));
    }
    run(command.arg("--locked").args(own.arguments))?;
    let to = root.join("prepared").join(own.to);
    put(&built(own.program), &to.join(own.program))?;
    if own.examples {
        for (name, path) in examples(&built("examples"))? {
            put(&path, &to.join("examples").join(name))?;
        }
    }
    Ok(())
}

/// Tells somebody who looks on; if nobody does, that is no reason to stop.
fn tell(what: &str) {
    writeln!(io::stderr(), "device: {what}").ok();
}

/// A directory for each compiler.
fn install_root(root: &Path, toolchain: &Toolchain, name: &str, version: &str) -> PathBuf {
    let compiler = toolchain.version.replace(' ', "-");
    root.join("installed").join(format!("{name}-{version}-{compiler}"))
}

fn installed(root: &Path, toolchain: &Toolchain, name: &str, version: &str) -> PathBuf {
    install_root(root, toolchain, name, version).join("bin").join(name)
}

fn run(command: &mut Command) -> Result<(), PrepareError> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // Its progress is for somebody who looks on.
    if !io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let spelled = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(PrepareError::Failed { command: spelled }),
        Err(source) => Err(PrepareError::Start { command: spelled, source }),
    }
}
