//! Many connections at a time: all busy, and one busy beside idle ones.

use super::arms::{Arm, alternate};
use super::flow::Direction;
use super::link::Way;
use super::peer::Peer;
use super::system::{self, Running};
use crate::report::{Cell, Line, Plot, Scale, Spread, Table, median};
use crate::{Failure, progress};

/// The service's limit.
const MAX_CONNECTIONS: usize = 12;
const COUNTS: [usize; 5] = [1, 2, 4, 8, MAX_CONNECTIONS];
const SIZE: usize = 4096;
/// Messages of all connections in a turn.
const MESSAGES: usize = 480;
const ROUNDS: usize = 7;

/// Total throughput of 1 to 12 connections.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn all_busy() -> Result<(Table, Plot), Failure> {
    progress::begin("service: several connections");
    let columns =
        ["4096 B messages", "service, MB/s", "/ floor", "/ one connection", "floor / one connection"];
    let mut table =
        Table::new("service-connections", "Service: total throughput of several connections", columns);
    let title = "Total throughput in MB/s, messages of 4096 B";
    let mut plot = Plot::new("connections", title, "connections", [Scale::Linear; 2]);
    let mut running = Running::in_system(system::service()?)?;
    // Each way has a program of its own: threads that wait in a process slow each other down in hosted mode.
    let mut service: Vec<Peer> =
        (0..MAX_CONNECTIONS).map(|_| running.connect(Way::Service)).collect::<Result<_, Failure>>()?;
    let mut floor = running.connect_bystander(Way::Floor, MAX_CONNECTIONS)?;
    for (colour, direction) in Direction::BOTH.into_iter().enumerate() {
        let mut rates = [const { Vec::new() }; 2 * COUNTS.len()];
        for round in 0..=ROUNDS {
            for (number, count) in COUNTS.into_iter().enumerate() {
                for (way, peers) in [&mut service, &mut floor].into_iter().enumerate() {
                    let rate = together(direction, &mut peers[..count])?;
                    if round > 0 {
                        rates[2 * number + way].push(rate);
                    }
                }
            }
        }
        for (number, count) in COUNTS.into_iter().enumerate() {
            let (own, floor) = (&rates[2 * number], &rates[2 * number + 1]);
            table.row(
                format!("{}, {count} connections", direction.name()),
                [
                    Cell::median(Spread::of(own.iter().copied())),
                    Cell::ratio(Spread::of_ratios(own, floor)),
                    Cell::ratio(Spread::of_ratios(own, &rates[0])),
                    Cell::ratio(Spread::of_ratios(floor, &rates[1])),
                ],
            );
        }
        for (way, name) in ["service", "floor"].into_iter().enumerate() {
            let points = COUNTS
                .iter()
                .enumerate()
                .map(|(number, count)| (*count as f64, median(&rates[2 * number + way])));
            let line = Line::new(format!("{name}, {}", direction.name()), colour, points);
            plot.line(line.dashed(name == Way::Floor.name()));
        }
    }
    Ok((table, plot))
}

/// Lets all of them send or take at a time; MB/s in total.
fn together(direction: Direction, peers: &mut [Peer]) -> Result<f64, Failure> {
    let messages = MESSAGES / peers.len();
    let total = messages * peers.len() * SIZE;
    let start = std::time::Instant::now();
    std::thread::scope(|scope| {
        let running: Vec<_> =
            peers.iter_mut().map(|peer| scope.spawn(move || direction.run(peer, SIZE, messages))).collect();
        running.into_iter().try_for_each(|thread| match thread.join() {
            Ok(result) => result.map(|_| ()),
            Err(_) => Err(Failure("a peer panicked".into())),
        })
    })?;
    Ok(total as f64 / start.elapsed().as_secs_f64() / 1e6)
}

/// Round trips of one connection, alone and beside 11 idle ones.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn beside_idle() -> Result<Table, Failure> {
    progress::begin("service: beside idle connections");
    let columns = ["echo, 4096 B", "alone, p50 us", "beside 11, p50 us", "beside / alone"];
    let mut table = Table::new("service-idle", "Service: one connection beside 11 idle ones", columns);
    for way in [Way::Service, Way::Floor] {
        for (whose, same) in [("another program's", false), ("the same program's", true)] {
            let mut quiet = Running::in_system(system::service()?)?;
            let mut crowded = Running::in_system(system::service()?)?;
            let mut arms = vec![
                Arm { name: "quiet".into(), peer: quiet.connect(way)? },
                Arm { name: "crowded".into(), peer: crowded.connect(way)? },
            ];
            let before = echoes(&mut arms)?;
            let idle = if same {
                (1..MAX_CONNECTIONS).map(|_| crowded.connect(way)).collect::<Result<Vec<_>, Failure>>()?
            } else {
                crowded.connect_bystander(way, MAX_CONNECTIONS - 1)?
            };
            let after = echoes(&mut arms)?;
            drop(idle);
            // Two systems are never quite alike: their ratio without the idle ones is taken out.
            let bias = Spread::of_ratios(&before[1], &before[0]).median;
            table.row(
                format!("{}, {whose}", way.name()),
                [
                    Cell::median(Spread::of(after[0].iter().copied())),
                    Cell::median(Spread::of(after[1].iter().copied())),
                    Cell::ratio(Spread::of_ratios(&after[1], &after[0]).times(bias.recip())),
                ],
            );
        }
    }
    table.note(
        "In hosted mode every reply of the kernel wakes all threads of the process that wait for one, so that idle \
         connections of the same program cost it time whatever the service does; a device's kernel wakes one.",
    );
    Ok(table)
}

/// Medians of turns in microseconds.
fn echoes(arms: &mut [Arm]) -> Result<Vec<Vec<f64>>, Failure> {
    alternate(arms, 30, |peer| {
        let times = peer.echo(SIZE, 20)?.into_iter().map(|time| time.as_secs_f64() * 1e6);
        Ok(Spread::of(times).median)
    })
}
