//! `device.toml`: what the service cost on the device when the last commit was made.

use std::path::Path;
use std::process::ExitCode;

use toml_edit::{DocumentMut, Table, value};

use super::documents;
use super::measure::Figures;
use super::options::Measure;
use crate::Failure;

/// How much a figure may grow over the record, in percent, and besides, so that a small one may be rounded otherwise.
const GROWTH_LIMIT_PERCENT: f64 = 2.0;
const ROUNDING: f64 = 0.5;
pub(super) const NAME: &str = "device.toml";
const HEAD: &str = "\
# What the service costs on the emulated device; `cargo xtask device --record` rewrites this file and the tables of README.md
# and docs/xous-core.md, and `--check` fails when a figure has grown by more than 2 % or a table says something else.
#
# echo-BYTES-PROCESS: user and kernel instructions and system calls per echo between a client and a server on the device,
# whose connection has both its ends in the service. ram-*: KiB of each process. stack-pages: the most that a thread of the
# service has touched. heap-of-two-ends: KiB of the service's heap for an opened and an accepted connection together.
# tls-*: the same over TLS 1.3 with RustCrypto.
#
# message-WAY-BYTES: what a message between a program and somebody outside takes of all processes together; out, each waited
# for. by-N: a call to a socket moves no more than N bytes. tls: with ChaCha20-Poly1305. upload: of a file that comes by the
# service's route into the PDDB's stand-in; stored, stored-hashed: written there by a loop of a program.

";

/// Compares or records what was measured, and prints it.
pub(super) fn run(measure: Measure, rustc: &str, measured: &Figures) -> Result<ExitCode, Failure> {
    let root = ::device::prepare::workspace();
    let path = root.join(NAME);
    let text = written(rustc, measured);
    print!("{text}");
    if measure == Measure::Record {
        std::fs::write(&path, text)?;
        documents::write(root, measured)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (recorded_with, recorded) = read(&path)?;
    if recorded_with != rustc {
        println!("note: {NAME} was recorded with {recorded_with}; another compiler makes other figures");
    }
    let mut faults = faults(&recorded, measured);
    faults.extend(documents::faults(root, &recorded)?);
    for fault in &faults {
        println!("FAIL {fault}");
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn written(rustc: &str, measured: &Figures) -> String {
    let mut document = DocumentMut::new();
    document["rustc"] = value(rustc);
    for (name, figures) in measured {
        let table: Table = figures.iter().map(|(name, figure)| (name.as_str(), value(*figure))).collect();
        document[name] = toml_edit::Item::Table(table);
    }
    format!("{HEAD}{document}")
}

/// The compiler, and what was measured with it.
pub(super) fn read(path: &Path) -> Result<(String, Figures), Failure> {
    let document: DocumentMut = std::fs::read_to_string(path)?.parse()?;
    let rustc = document.get("rustc").and_then(|rustc| rustc.as_str()).unwrap_or_default();
    let tables = document.iter().filter_map(|(name, item)| Some((name.to_owned(), item.as_table()?)));
    let figures = |table: &Table| {
        table.iter().filter_map(|(name, figure)| Some((name.to_owned(), figure.as_float()?))).collect()
    };
    Ok((rustc.to_owned(), tables.map(|(name, table)| (name, figures(table))).collect()))
}

/// What has grown, is new, or is gone.
fn faults(recorded: &Figures, measured: &Figures) -> Vec<String> {
    let mut faults = Vec::new();
    let figure = |figures: &Figures, table: &str, name: &str| figures.get(table)?.get(name).copied();
    for (table, name, new) in flat(measured) {
        match figure(recorded, table, name) {
            None => faults.push(format!("{table}.{name}: not in {NAME}; run with --record")),
            Some(old) if has_grown(old, new) => faults.push(format!(
                "{table}.{name}: grew from {old} to {new}, more than {GROWTH_LIMIT_PERCENT} %; make it leaner, or run \
                 with --record and commit {NAME}"
            )),
            Some(_) => (),
        }
    }
    let gone = flat(recorded).filter(|(table, name, _)| figure(measured, table, name).is_none());
    faults.extend(
        gone.map(|(table, name, _)| format!("{table}.{name}: in {NAME} but not measured; run with --record")),
    );
    faults
}

fn flat(figures: &Figures) -> impl Iterator<Item = (&str, &str, f64)> {
    figures.iter().flat_map(|(table, figures)| {
        figures.iter().map(move |(name, figure)| (table.as_str(), name.as_str(), *figure))
    })
}

fn has_grown(old: f64, new: f64) -> bool {
    new > old * (1.0 + GROWTH_LIMIT_PERCENT / 100.0) + ROUNDING
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(user: f64) -> Figures {
        Figures::from([("echo-32-net".to_owned(), [("user".to_owned(), user)].into())])
    }

    #[test]
    fn two_percent_are_allowed() {
        for (new, allowed) in [(500.0, true), (1020.0, true), (1021.0, false)] {
            let faults = faults(&figures(1000.0), &figures(new));
            assert_eq!(faults.is_empty(), allowed, "{faults:?}");
        }
        // A page, or a call, is more than that.
        assert!(has_grown(9.0, 10.0) && !has_grown(9.0, 9.4));
    }

    #[test]
    fn what_is_new_or_gone_is_to_be_recorded() {
        for (old, new) in [(Figures::new(), figures(1.0)), (figures(1.0), Figures::new())] {
            let faults = faults(&old, &new);
            assert!(faults.len() == 1 && faults[0].contains("--record"), "{faults:?}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(NAME);
        std::fs::write(&path, written("rustc 1.96.0", &figures(12.5))).unwrap();
        let Ok(read) = read(&path) else { panic!("it cannot be read") };
        assert_eq!(read, ("rustc 1.96.0".to_owned(), figures(12.5)));
    }
}
