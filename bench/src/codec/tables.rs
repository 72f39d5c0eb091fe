//! The codec's tables.

use std::path::Path;

use super::case::Case;
use super::codecs::Codec;
use super::instructions;
use super::time::{Timed, measure};
use crate::report::{Cell, Spread, Table};
use crate::{Failure, progress};

/// Times, rates, allocations and instructions of all codecs.
///
/// # Errors
/// Those of valgrind.
pub(crate) fn tables(directory: &Path) -> Result<Vec<Table>, Failure> {
    let codecs = Codec::all();
    let names = || codecs.iter().map(|codec| codec.name);
    let heads = |last: Option<&'static str>| std::iter::once("").chain(names()).chain(last);

    let mut ns = Table::new("codec-ns", "Codec: time per message, ns", heads(Some("ours / best other")));
    let mut rate = Table::new("codec-gb", "Codec: payload, GB/s", heads(None));
    let mut allocations = Table::new("codec-allocations", "Codec: allocations per message", heads(None));
    progress::begin("codec: time and allocations");
    for case in Case::all() {
        let timed = measure(&codecs, case);
        let medians: Vec<Option<Spread>> = timed
            .iter()
            .map(|timed| timed.as_ref().map(|timed| Spread::of(timed.ns.iter().copied())))
            .collect();
        let mut row = marked(&codecs, &medians, Cell::median);
        row.push(against_best(&codecs, &timed).map_or(Cell::none(), Cell::ratio));
        ns.row(case.to_string(), row);
        if case.size() >= 4096 {
            let gb = |spread: &Option<Spread>| match spread {
                Some(spread) => Cell::median(spread.inverse().times(case.size() as f64)),
                None => Cell::none(),
            };
            rate.row(case.to_string(), medians.iter().map(gb));
        }
        let cell = |timed: &Option<Timed>| {
            timed.as_ref().map_or(Cell::none(), |timed| Cell::exact(timed.allocations))
        };
        allocations.row(case.to_string(), timed.iter().map(cell));
    }
    ns.note("One thread, in memory; processor time. Medians of interleaved turns; the last column is the median (min..max) of the ratios within a turn. The best of a row is set in bold.");
    ns.note("embedded-websocket takes whole frames only and does not check text. The reference finds the length and unmasks in place, and checks nothing.");
    Ok(vec![ns, rate, allocations, count(directory, &codecs)?])
}

fn count(directory: &Path, codecs: &[Codec]) -> Result<Table, Failure> {
    let heads = std::iter::once("").chain(codecs.iter().map(|codec| codec.name));
    progress::begin("codec: instructions, under valgrind");
    let mut table = Table::new("codec-instructions", "Codec: instructions per message (callgrind)", heads);
    for (case, row) in instructions::cases().into_iter().zip(instructions::count(directory, codecs)?) {
        let figures: Vec<Option<Spread>> = row
            .into_iter()
            .map(|figure| figure.map(|figure| Spread { median: figure, low: figure, high: figure }))
            .collect();
        table.row(case.to_string(), marked(codecs, &figures, |spread| Cell::exact(spread.median.round())));
    }
    Ok(table)
}

/// A cell per codec, the smallest in bold; the reference does not compete.
fn marked(codecs: &[Codec], figures: &[Option<Spread>], cell: impl Fn(Spread) -> Cell) -> Vec<Cell> {
    let competing = codecs.iter().zip(figures).filter(|(codec, _)| !codec.is_reference());
    let best =
        competing.filter_map(|(_, figure)| *figure).map(|figure| figure.median).fold(f64::MAX, f64::min);
    let one = |(codec, figure): (&Codec, &Option<Spread>)| match figure {
        None => Cell::none(),
        Some(figure) if figure.median <= best && !codec.is_reference() => cell(*figure).best(),
        Some(figure) => cell(*figure),
    };
    codecs.iter().zip(figures).map(one).collect()
}

/// Our time as part of the best other one's, round by round.
fn against_best(codecs: &[Codec], timed: &[Option<Timed>]) -> Option<Spread> {
    let ours = codecs.iter().zip(timed).find(|(codec, _)| codec.is_ours())?.1.as_ref()?;
    let others = || {
        let all = codecs.iter().zip(timed).filter(|(codec, _)| !codec.is_ours() && !codec.is_reference());
        all.filter_map(|(_, timed)| timed.as_ref())
    };
    let best =
        others().min_by(|a, b| crate::report::median(&a.ns).total_cmp(&crate::report::median(&b.ns)))?;
    Some(Spread::of_ratios(&ours.ns, &best.ns))
}
