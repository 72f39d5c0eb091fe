//! The service over TLS beside the service without.

use super::arms::{Homes, alternate};
use super::flow::{self, Direction};
use super::link::Way;
use crate::report::{Cell, Spread, Table, median};
use crate::{Failure, progress};

/// Turns of either.
const ROUNDS: usize = 15;
/// Round trips in a turn.
const BLOCK: usize = 20;

/// Round trips and throughput over TLS, and the ratio of each to those without.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn table(homes: &mut Homes) -> Result<Table, Failure> {
    progress::begin("service: TLS");
    let columns = ["", "plain", "TLS", "TLS / plain"];
    let mut table = Table::new("service-tls", "Service: over TLS", columns);
    let mut arms = homes.connect_as(&[Way::Service, Way::Secure])?;
    for size in [32, 4096] {
        let turns = alternate(&mut arms, ROUNDS, |peer| {
            let times = peer.echo(size, BLOCK)?;
            Ok(median(&times.iter().map(|time| time.as_secs_f64() * 1e6).collect::<Vec<_>>()))
        })?;
        table.row(format!("echo of {size} B, p50, us"), cells(&turns));
    }
    for direction in Direction::BOTH {
        for size in flow::SIZES {
            let rates = flow::rates(&mut arms, direction, size, ROUNDS)?;
            table.row(format!("{size} B {}, MB/s", direction.name()), cells(&rates));
        }
    }
    table.note(
        "TLS 1.3 with ring, the default on a PC. The peer's own encryption, on the same core, is in the figures.",
    );
    Ok(table)
}

fn cells(turns: &[Vec<f64>]) -> [Cell; 3] {
    let [plain, secure] = [0, 1].map(|arm| turns.get(arm).map_or(&[][..], Vec::as_slice));
    [
        Cell::median(Spread::of(plain.iter().copied())),
        Cell::median(Spread::of(secure.iter().copied())),
        Cell::ratio(Spread::of_ratios(secure, plain)),
    ]
}
