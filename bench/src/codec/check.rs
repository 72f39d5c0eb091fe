//! The committed figures of our own codec, which must not grow unseen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::codecs::Codec;
use super::{instructions, time};
use crate::Failure;

/// What a figure may grow by.
const TOLERANCE: f64 = 1.03;

/// Figures by case.
type Figures = BTreeMap<String, f64>;

/// What is committed.
struct Baseline {
    instructions: Figures,
    allocations: Figures,
}

/// Compares with the committed figures; what has grown, one line each.
///
/// # Errors
/// Those of valgrind and of the file.
pub(crate) fn check(directory: &Path) -> Result<Vec<String>, Failure> {
    let committed = read()?;
    let now = measure(directory)?;
    let mut grown = Vec::new();
    for (what, committed, now) in [
        ("instructions", &committed.instructions, &now.instructions),
        ("allocations", &committed.allocations, &now.allocations),
    ] {
        for (case, now) in now {
            let Some(before) = committed.get(case) else {
                grown.push(format!("{what}, {case}: {now} per message and no committed figure"));
                continue;
            };
            let change =
                if *before > 0.0 { format!("{:+.1} %", 100.0 * (now / before - 1.0)) } else { String::new() };
            println!("{what:12} {case:32} {now:10.1} committed {before:10.1} {change}");
            if *now > before * TOLERANCE {
                grown.push(format!("{what}, {case}: {now} per message instead of {before} ({change})"));
            }
        }
    }
    Ok(grown)
}

/// Replaces the committed figures by those of now.
///
/// # Errors
/// Those of valgrind and of the file.
pub(crate) fn save(directory: &Path) -> Result<PathBuf, Failure> {
    let now = measure(directory)?;
    let mut text = String::from(
        "# Figures of the codec per message; `cargo xtask bench codec --check` fails when one grows by more than 3 %.\n\
         # Written by `cargo xtask bench codec --save`. They depend on the compiler and hardly on the machine.\n",
    );
    for (name, figures) in [("instructions", &now.instructions), ("allocations", &now.allocations)] {
        text += &format!("\n[{name}]\n");
        for (case, figure) in figures {
            text += &format!("{case} = {figure:.1}\n");
        }
    }
    std::fs::write(path(), text)?;
    Ok(path())
}

fn measure(directory: &Path) -> Result<Baseline, Failure> {
    let ours: Vec<Codec> = Codec::all().into_iter().filter(Codec::is_ours).collect();
    let rows = instructions::count(directory, &ours)?;
    let mut now = Baseline { instructions: Figures::new(), allocations: Figures::new() };
    for (case, row) in instructions::cases().into_iter().zip(rows) {
        now.instructions.extend(row.into_iter().flatten().map(|figure| (case.key(), round(figure))));
        let allocations = ours.iter().filter_map(|codec| time::allocations_of(codec, case));
        now.allocations.extend(allocations.map(|figure| (case.key(), figure)));
    }
    Ok(now)
}

fn round(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.toml")
}

fn read() -> Result<Baseline, Failure> {
    let text =
        std::fs::read_to_string(path()).map_err(|error| Failure(format!("{}: {error}", path().display())))?;
    let mut tables: BTreeMap<String, Figures> = toml::from_str(&text)?;
    let mut take = |name: &str| tables.remove(name).unwrap_or_default();
    Ok(Baseline { instructions: take("instructions"), allocations: take("allocations") })
}
