//! Benchmarks of the WebSocket service. `cargo xtask bench` builds and runs them; its help names the arguments.
//!
//! ```text
//! codec    the codec and those of others, in this process; instructions under valgrind
//! service  peers in this process -- sockets -- service, floor -- programs   in a hosted system
//! upload   a sender in this process -- socket -- service, bare loop -- database   in a hosted system
//! memory   as service, with a service whose allocator counts
//! ```

#![cfg_attr(not(feature = "others"), allow(dead_code, unused_imports, reason = "only the codec is built"))]

mod arguments;
mod codec;
mod core;
mod inside;
mod progress;
mod raw;
mod report;
#[cfg(feature = "others")]
mod service;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arguments::{Action, Arguments, Group};
use report::{Plot, Table};

/// Why something was not measured.
#[derive(Debug)]
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match inside::run(&words) {
        Some(result) => result.map(|()| ExitCode::SUCCESS),
        None => Arguments::parse(&words).and_then(|arguments| run(&arguments)),
    };
    match result {
        Ok(code) => code,
        Err(Failure(text)) => {
            eprintln!("bench: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let directory = directory()?;
    std::fs::create_dir_all(&directory)?;
    if !arguments.all_cores {
        core::stay_on_one()?;
    }
    match &arguments.action {
        Action::Check => check(&directory),
        Action::Save => {
            println!("{}", codec::save(&directory)?.display());
            Ok(ExitCode::SUCCESS)
        }
        Action::Measure => {
            let (tables, plots) = measure(arguments, &directory)?;
            publish(arguments, &directory, &tables, &plots)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// `bench/` in cargo's target directory, by where cargo puts this program.
fn directory() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or(Failure("the program lies nowhere".to_owned()))?;
    Ok(target.join("bench"))
}

fn check(directory: &Path) -> Result<ExitCode, Failure> {
    let grown = codec::check(directory)?;
    for line in &grown {
        eprintln!("bench: grown by more than 3 %: {line}");
    }
    Ok(if grown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(feature = "others")]
fn measure(arguments: &Arguments, directory: &Path) -> Result<(Vec<Table>, Vec<Plot>), Failure> {
    let (mut tables, mut plots) = (Vec::new(), Vec::new());
    if arguments.wants(Group::Codec) {
        tables.extend(codec::tables(directory)?);
    }
    if arguments.wants(Group::Service) {
        let (service, drawn) = match &arguments.against[..] {
            [] => service::tables()?,
            against => (service::compare(against)?, Vec::new()),
        };
        tables.extend(service);
        plots.extend(drawn);
    }
    if arguments.wants(Group::Upload) {
        tables.extend(service::upload_tables()?);
    }
    if arguments.wants(Group::Memory) {
        tables.push(service::memory_table()?);
    }
    Ok((tables, plots))
}

#[cfg(not(feature = "others"))]
fn measure(arguments: &Arguments, directory: &Path) -> Result<(Vec<Table>, Vec<Plot>), Failure> {
    if [Group::Service, Group::Upload, Group::Memory].iter().any(|group| arguments.wants(*group)) {
        return Err(Failure("built without the feature `others`: only the codec can be measured".into()));
    }
    Ok((codec::tables(directory)?, Vec::new()))
}

/// Prints the tables, and writes them and the plots to where they are wanted.
fn publish(arguments: &Arguments, directory: &Path, tables: &[Table], plots: &[Plot]) -> Result<(), Failure> {
    let setting = report::setting();
    let goals = report::goals(tables);
    let all = || std::iter::once(&goals).chain(tables);
    let results: String = all().map(|table| table.to_markdown() + "\n").collect();
    let results = format!("Measured {setting}.\n\n{results}");
    println!("{results}");
    std::fs::write(directory.join("results.md"), &results)?;
    report::write_json(&directory.join("results.json"), &setting, tables)?;
    if let Some(path) = &arguments.json {
        report::write_json(path, &setting, tables)?;
    }
    for plot in plots {
        let path = directory.join(plot.id).with_extension("svg");
        std::fs::write(&path, plot.to_svg())?;
        println!("{}", path.display());
    }
    if arguments.readme {
        write_readme(&results, &setting, &goals, plots)?;
    }
    Ok(())
}

/// Everything into the benchmarks' README, the goals into the project's.
fn write_readme(results: &str, setting: &str, goals: &Table, plots: &[Plot]) -> Result<(), Failure> {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut drawn = String::new();
    for plot in plots {
        let file = format!("{}.svg", plot.id);
        std::fs::write(bench.join(&file), plot.to_svg())?;
        drawn += &format!("![{}]({file})\n\n", plot.title);
    }
    report::update_readme(&bench.join("README.md"), &format!("{results}{drawn}"))?;
    let goals = format!("Measured {setting}.\n\n{}", goals.to_markdown());
    report::update_readme(&bench.join("../README.md"), &goals)
}
