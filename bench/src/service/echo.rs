//! Round trips of one connection.

use std::time::Duration;

use super::arms::{Homes, alternate};
use crate::report::{Cell, Spread, Table, percentile};
use crate::{Failure, progress};

/// Bytes of a message.
const SIZES: [usize; 2] = [32, 4096];
/// Turns of every arm.
const ROUNDS: usize = 60;
/// Round trips in a turn.
const BLOCK: usize = 20;

/// p50 and p99 of every way, and the ratio of each to the floor.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn table(homes: &mut Homes) -> Result<Table, Failure> {
    let columns = ["echo, us", "p50", "p99", "p50 / floor"];
    let mut table = Table::new("service-echo", "Service: echo round trip", columns);
    progress::begin("service: round trips");
    let mut arms = homes.connect()?;
    for size in SIZES {
        let turns = alternate(&mut arms, ROUNDS, |peer| Ok(Block::of(peer.echo(size, BLOCK)?)))?;
        let medians: Vec<Vec<f64>> =
            turns.iter().map(|blocks| blocks.iter().map(|block| block.median).collect()).collect();
        for ((arm, blocks), own) in arms.iter().zip(turns).zip(&medians) {
            let mut all: Vec<f64> = blocks.into_iter().flat_map(|block| block.all).collect();
            all.sort_unstable_by(f64::total_cmp);
            table.row(
                format!("{size} B, {}", arm.name),
                [
                    Cell::median(Spread::of(all.iter().copied())),
                    Cell::exact(percentile(&all, 99)),
                    Cell::ratio(Spread::of_ratios(own, &medians[1])),
                ],
            );
        }
    }
    table.note(format!(
        "Turns of {BLOCK} round trips alternate; the ratio is the median (min..max) of the ratios of {ROUNDS} \
         pairs of medians. Absolute times drift with the machine by a third."
    ));
    Ok(table)
}

struct Block {
    median: f64,
    /// In microseconds.
    all: Vec<f64>,
}

impl Block {
    fn of(times: Vec<Duration>) -> Self {
        let all: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1e6).collect();
        Self { median: Spread::of(all.iter().copied()).median, all }
    }
}
