//! One-way throughput of one connection, in both directions.

use super::arms::{Arm, Homes, alternate};
use super::peer::Peer;
use crate::report::{Cell, Spread, Table};
use crate::{Failure, progress};

/// Bytes of a message.
pub(crate) const SIZES: [usize; 2] = [4096, 16 * 1024];
/// Of a short one, of which several go in one page.
const SHORT: usize = 16;
/// Turns of every arm.
const ROUNDS: usize = 15;
/// Bytes of a turn, unless they are too many messages.
const BLOCK: usize = 2 << 20;
/// The most messages of a turn.
const MOST: usize = 8192;

/// Which way messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToProgram,
    FromProgram,
}

impl Direction {
    pub(crate) const BOTH: [Direction; 2] = [Direction::ToProgram, Direction::FromProgram];

    /// For tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Direction::ToProgram => "to the program",
            Direction::FromProgram => "from the program",
        }
    }

    /// Sends this many messages; seconds.
    ///
    /// # Errors
    /// The program is gone.
    pub(crate) fn run(self, peer: &mut Peer, size: usize, messages: usize) -> Result<f64, Failure> {
        Ok(match self {
            Direction::ToProgram => peer.send(size, messages)?,
            Direction::FromProgram => peer.take(size, messages)?,
        }
        .as_secs_f64())
    }
}

/// Throughput of every way, and the ratio of each to the floor.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn table(homes: &mut Homes) -> Result<Table, Failure> {
    let columns = ["one way", "MB/s", "/ floor"];
    let mut table = Table::new("service-flow", "Service: one-way throughput", columns);
    progress::begin("service: throughput");
    let mut arms = homes.connect()?;
    for direction in Direction::BOTH {
        for size in [SHORT].into_iter().chain(SIZES) {
            let rates = rates(&mut arms, direction, size, ROUNDS)?;
            for (arm, own) in arms.iter().zip(&rates) {
                table.row(
                    format!("{}, {size} B, {}", direction.name(), arm.name),
                    [
                        Cell::median(Spread::of(own.iter().copied())),
                        Cell::ratio(Spread::of_ratios(own, &rates[1])),
                    ],
                );
            }
        }
    }
    table.note(format!(
        "Turns of {} MiB, of {MOST} messages at most, alternate; as above, the ratio is that of pairs.",
        BLOCK >> 20
    ));
    Ok(table)
}

/// MB/s of every arm, round by round.
///
/// # Errors
/// Those of a turn.
pub(crate) fn rates(
    arms: &mut [Arm],
    direction: Direction,
    size: usize,
    rounds: usize,
) -> Result<Vec<Vec<f64>>, Failure> {
    let messages = (BLOCK / size).min(MOST);
    alternate(arms, rounds, |peer| Ok((messages * size) as f64 / direction.run(peer, size, messages)? / 1e6))
}
