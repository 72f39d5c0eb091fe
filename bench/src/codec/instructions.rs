//! Instructions per message, counted by callgrind: the same on a busy machine as on an idle one.

use std::path::Path;
use std::process::Command;

use super::case::{Case, Content, SIZES};
use super::codecs::{Codec, Work};
use crate::Failure;

/// Counted in this many messages at least, after as many that are not.
const LEAST_MESSAGES: usize = 16;
/// And in this many bytes at least.
const LEAST_BYTES: usize = 128 * 1024;

/// The rows that are counted.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for content in Content::ALL {
        cases.extend(SIZES.map(|size| Case::Decode { content, size, piece: 4096 }));
    }
    for masked in [true, false] {
        cases.extend(SIZES.map(|size| Case::Encode { masked, size }));
    }
    cases
}

/// Instructions per message: a row per case, a figure per codec, `None` where it cannot do the case.
///
/// # Errors
/// valgrind is not installed or has failed.
pub(crate) fn count(directory: &Path, codecs: &[Codec]) -> Result<Vec<Vec<Option<f64>>>, Failure> {
    let out = directory.join("callgrind.out");
    remove_old(directory)?;
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--compress-strings=no"])
        .args([
            "--toggle-collect=bench::codec::instructions::counted*",
            "--dump-before=bench::codec::instructions::done*",
        ])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .arg("instructions-inside")
        .arg(codecs.len().to_string())
        .status()
        .map_err(|error| Failure(format!("valgrind: {error} (Debian's package is called valgrind)")))?;
    if !status.success() {
        return Err(Failure(format!("valgrind ended with {status}")));
    }
    let mut dump = 0;
    let mut rows = Vec::new();
    for case in cases() {
        let mut row = Vec::new();
        for codec in codecs {
            row.push(if (codec.can)(case) {
                dump += 1;
                Some(total(&out.with_extension(format!("out.{dump}")))? / messages(case) as f64)
            } else {
                None
            });
        }
        rows.push(row);
    }
    Ok(rows)
}

/// What runs under callgrind: every case with the first `codecs` codecs.
pub(crate) fn inside(codecs: usize) {
    let all = Codec::all();
    for case in cases() {
        for codec in all.iter().take(codecs) {
            if let Some(mut work) = codec.prepare(case) {
                work.run(messages(case));
                counted(&mut work, messages(case));
                done();
            }
        }
    }
}

/// Its instructions are counted, and those of all that it calls.
#[inline(never)]
fn counted(work: &mut Work, messages: usize) {
    work.run(messages);
}

/// The count is written to a file and begins again from 0.
#[inline(never)]
fn done() {
    std::hint::black_box(());
}

fn messages(case: Case) -> usize {
    LEAST_MESSAGES.max(LEAST_BYTES / case.size())
}

fn remove_old(directory: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("callgrind.out")) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The sum that callgrind wrote.
fn total(path: &Path) -> Result<f64, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    let total =
        text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    match total.and_then(|total| total.trim().parse().ok()) {
        Some(total) => Ok(total),
        None => Err(Failure(format!("{}: no total", path.display()))),
    }
}
