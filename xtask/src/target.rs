//! `cargo xtask target`: build everything that runs on the device and watch its size.
//!
//! ```text
//! options --> toolchain (find or install) --> build (cargo) --> size (ELF sections) --> record (sizes.toml) --> table
//! ```

use std::process::ExitCode;
use std::time::Instant;

mod build;
mod options;
mod record;
mod size;
mod symbols;
mod table;

use ::device::prepare::toolchain::Toolchain;
use ::device::prepare::{directory, lock};
use build::Program;
use options::{Options, Tls};
use record::Record;

use crate::{Command, Failure, toolchain};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "target",
    summary: "Build everything for the device and compare its size with sizes.toml",
    usage: "\
usage: cargo xtask target [--tls ring|rustcrypto|none] [--features precursor|renode] [--record] [--top N]
       cargo xtask target --manifest FILE

Builds the service, the client crate and every example for riscv32imac-unknown-xous-elf without TLS, then the service
with TLS by rustcrypto. Fails when .text + .rodata of a program grew by more than 2 % over sizes.toml or is over its
budget there, or when a program is not in that record.

  --tls NAME        only the build with this TLS provider; ring where it is patched (docs/tls.md)
  --features NAME   device feature of the service
  --record          rewrite sizes.toml with the sizes of these builds
  --manifest FILE   only the library of this package, such as one that cargo has unpacked; without a size
  --top N           also list code size per crate, the N largest functions and the N largest stack frames of the service",
    run,
};

/// The exit code is a failure when a size or a budget of `sizes.toml` does not hold; a `Failure` says why nothing
/// could be built or measured.
fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    let options = Options::parse(arguments).map_err(Failure::Usage)?;
    build_and_compare(&options).map_err(Failure::Other)
}

fn build_and_compare(options: &Options) -> Result<ExitCode, String> {
    let root = ::device::prepare::workspace();
    options.builds.iter().try_for_each(|tls| tls.check(root))?;

    let toolchain = toolchain::find_or_install()?;
    eprintln!("target: {toolchain}");
    let _lock = lock(&directory()).map_err(|error| error.to_string())?;
    if let Some(manifest) = &options.manifest {
        return build::build_library(&toolchain, manifest).map(|()| ExitCode::SUCCESS);
    }
    let path = root.join("sizes.toml");
    let mut record = Record::read(&path)?;
    let mut faults = Vec::new();
    for &tls in &options.builds {
        let started = Instant::now();
        let programs = build::build(&toolchain, options, tls)?;
        eprintln!("target: {} programs built in {:.1} s", programs.len(), started.elapsed().as_secs_f32());
        faults.extend(compare(&toolchain, options, tls, &programs, &mut record)?);
    }
    if options.record {
        record.write(&path)?;
        println!("recorded in sizes.toml");
    }
    for fault in &faults {
        println!("FAIL {fault}");
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the sizes of one build, and records them if that is wanted; what must not be committed as it is.
fn compare(
    toolchain: &Toolchain,
    options: &Options,
    tls: Tls,
    programs: &[Program],
    record: &mut Record,
) -> Result<Vec<String>, String> {
    let measured = size::measure_all(programs)?;
    let report = record.compare(tls.name(), &measured);
    println!("TLS: {}", tls.name());
    print!("{}", table::render(&report));
    if options.top > 0 {
        print!("{}", symbols::render(programs, options.top)?);
    }
    let faults = if options.record {
        record.set(tls.name(), &toolchain.version, &measured);
        report.over_budget()
    } else {
        if let Some(other) = record.other_compiler(tls.name(), &toolchain.version) {
            println!("note: sizes.toml was recorded with {other}; another compiler makes other sizes");
        }
        report.faults()
    };
    Ok(faults.into_iter().map(|fault| format!("TLS {}: {fault}", tls.name())).collect())
}
