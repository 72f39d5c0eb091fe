//! `cargo xtask target`: build everything that runs on the device and watch its size.
//!
//! ```text
//! options --> toolchain (find or install) --> build (cargo) --> size (ELF sections) --> record (sizes.toml) --> table
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

mod build;
mod options;
mod record;
mod size;
mod symbols;
mod table;
mod toolchain;

use crate::{Command, Failure};
use options::Options;
use record::Record;

/// The device's target triple.
const TRIPLE: &str = "riscv32imac-unknown-xous-elf";

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "target",
    summary: "Build for the device and compare the sizes with sizes.toml",
    usage: options::USAGE,
    run: |arguments| match Options::parse(arguments.into_iter()) {
        Ok(options) => run(&options).map_err(Failure::Other),
        Err(fault) => Err(Failure::Usage(fault)),
    },
};

/// The exit code is a failure when a size or a budget of `sizes.toml` does not hold; an `Err` says why nothing
/// could be built or measured.
fn run(options: &Options) -> Result<ExitCode, String> {
    let root = workspace_root();
    options.tls.check(&root)?;

    let toolchain = toolchain::find_or_install()?;
    eprintln!("target: {toolchain}");
    let started = Instant::now();
    let programs = build::build(&root, &toolchain, options)?;
    eprintln!("target: {} programs built in {:.1} s", programs.len(), started.elapsed().as_secs_f32());

    let measured = size::measure_all(&programs)?;
    let path = root.join("sizes.toml");
    let mut record = Record::read(&path)?;
    let report = record.compare(options.tls.name(), &measured);
    print!("{}", table::render(&report));
    if options.top > 0 {
        print!("{}", symbols::render(&programs, options.top)?);
    }

    if options.record {
        record.set(options.tls.name(), &toolchain.version, &measured);
        record.write(&path)?;
        println!("recorded in sizes.toml");
    } else if let Some(other) = record.other_compiler(options.tls.name(), &toolchain.version) {
        println!("note: sizes.toml was recorded with {other}; another compiler makes other sizes");
    }
    let faults = if options.record { report.over_budget() } else { report.faults() };
    for fault in &faults {
        println!("FAIL {fault}");
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn workspace_root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
