//! What a message costs from 16 bytes to 16 MiB.

use super::arms::{Homes, alternate};
use super::flow::Direction;
use super::link::Way;
use crate::report::{Cell, Line, Plot, Scale, Spread, Table, median};
use crate::{Failure, progress};

const SIZES: [usize; 6] = [16, 256, 4096, 64 << 10, 1 << 20, 16 << 20];
const ROUNDS: usize = 5;
/// Bytes of a turn, where that is no more than so many messages.
const BLOCK: usize = 2 << 20;
const MAX_MESSAGES: usize = 200;

/// Cost per message of the service and the floor, as a table and a plot.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn table(homes: &mut Homes) -> Result<(Table, Plot), Failure> {
    let columns = ["one message", "service, us", "service, ns/B", "time / floor's"];
    let mut table = Table::new("service-scale", "Service: cost per message by size", columns);
    let mut plot = Plot::new(
        "sizes",
        "Time per message, one connection",
        "payload of the message",
        [Scale::Bytes, Scale::Time],
    );
    progress::begin("service: cost by size");
    let mut arms = homes.connect()?;
    arms.truncate(2);
    for (colour, direction) in Direction::BOTH.into_iter().enumerate() {
        let mut points = [const { Vec::new() }; 2];
        for size in SIZES {
            let messages = (BLOCK / size).clamp(1, MAX_MESSAGES);
            let costs = alternate(&mut arms, ROUNDS, |peer| {
                Ok(direction.run(peer, size, messages)? * 1e6 / messages as f64)
            })?;
            let own = Spread::of(costs[0].iter().copied());
            table.row(
                format!("{}, {size} B", direction.name()),
                [
                    Cell::median(own),
                    Cell::median(own.times(1e3 / size as f64)),
                    Cell::ratio(Spread::of_ratios(&costs[0], &costs[1])),
                ],
            );
            for (points, costs) in points.iter_mut().zip(&costs) {
                points.push((size as f64, median(costs)));
            }
        }
        for (arm, points) in arms.iter().zip(points) {
            let floor = arm.name == Way::Floor.name();
            plot.line(Line::new(format!("{}, {}", arm.name, direction.name()), colour, points).dashed(floor));
        }
    }
    Ok((table, plot))
}
