//! `cargo xtask bench device`: what a message costs on the emulated device, on the terminal and in the documents.

#[path = "../../../bench/src/report/marks.rs"]
mod marks;

use std::path::Path;
use std::process::ExitCode;

use ::device::prepare::{prepare, workspace};
use marks::replaced;

use crate::device::gauge;
use crate::{Failure, toolchain};

/// What is between these lines is measured.
const BEGIN: &str = "<!-- bench device: begin -->";
const END: &str = "<!-- bench device: end -->";

/// Measures, prints, and writes what was asked for.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let is_for_readme = match arguments {
        [] => false,
        [option] if option == "--readme" => true,
        [option, name] if option == "--account" => return account(name),
        _ => return Err(Failure::usage("behind `device` there may be --readme or --account NAME")),
    };
    let toolchain = toolchain::find_or_install().map_err(Failure::Other)?;
    let gauge::Tables { goals, accounts } = gauge::tables(&prepare()?)?;
    let goals = format!("Instructions of all processes, {}, kernel 0.9.37.\n\n{goals}", toolchain.version);
    let all = format!("{goals}\n{accounts}");
    println!("{all}");
    if is_for_readme {
        for (file, text) in [("README.md", &goals), ("bench/README.md", &all)] {
            update(&workspace().join(file), text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the instructions of one message go that `device.toml` has.
fn account(name: &str) -> Result<ExitCode, Failure> {
    let task = gauge::Task::named(name)?;
    toolchain::find_or_install().map_err(Failure::Other)?;
    println!("{}", gauge::account_of_task(task, &prepare()?)?);
    Ok(ExitCode::SUCCESS)
}

fn update(path: &Path, results: &str) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path)?;
    let text = replaced(&text, [BEGIN, END], results)
        .ok_or_else(|| Failure::Other(format!("{}: no lines {BEGIN} and {END}", path.display())))?;
    Ok(std::fs::write(path, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_have_the_marks() {
        for file in ["README.md", "bench/README.md"] {
            let text = std::fs::read_to_string(workspace().join(file)).unwrap();
            assert!(replaced(&text, [BEGIN, END], "").is_some(), "{file}");
        }
    }
}
