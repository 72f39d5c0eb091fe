//! The figures that the project has set itself, and whether they are met.

use super::spread::Spread;
use super::table::{Cell, Table};

/// One of them.
struct Goal {
    what: &'static str,
    table: &'static str,
    /// Rows whose names begin so; the worst of them counts.
    rows: &'static str,
    column: &'static str,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const GOALS: &[Goal] = &[
    goal(
        "decode 125 B, instructions",
        "codec-instructions",
        "decode binary, 125 B",
        OURS,
        Bound::AtMost(220.0),
    ),
    goal(
        "decode 4096 B, instructions",
        "codec-instructions",
        "decode binary, 4096 B",
        OURS,
        Bound::AtMost(1850.0),
    ),
    goal("allocations per message", "codec-allocations", "", OURS, Bound::AtMost(0.0)),
    goal("decode, time / best other, worst row", "codec-ns", "decode", RATIO, Bound::AtMost(1.0)),
    goal("encode, time / best other, worst row", "codec-ns", "encode", RATIO, Bound::AtMost(1.0)),
    goal("echo of 32 B, p50 / floor", "service-echo", "32 B, service", "p50 / floor", Bound::AtMost(1.1)),
    goal("echo of 4096 B, p50 / floor", "service-echo", "4096 B, service", "p50 / floor", Bound::AtMost(1.1)),
    goal(
        "4096 B to the program / floor",
        "service-flow",
        "to the program, 4096 B, service",
        "/ floor",
        AT_FLOOR,
    ),
    goal(
        "16 KiB to the program / floor",
        "service-flow",
        "to the program, 16384 B, service",
        "/ floor",
        AT_FLOOR,
    ),
    goal(
        "4096 B from the program / floor",
        "service-flow",
        "from the program, 4096 B, service",
        "/ floor",
        AT_FLOOR,
    ),
    goal(
        "16 KiB from the program / floor",
        "service-flow",
        "from the program, 16384 B, service",
        "/ floor",
        AT_FLOOR,
    ),
    goal(
        "12 connections to the program / one",
        "service-connections",
        "to the program, 12",
        ONE,
        Bound::AtLeast(1.0),
    ),
    goal(
        "12 connections from the program / one",
        "service-connections",
        "from the program, 12",
        ONE,
        Bound::AtLeast(1.0),
    ),
    goal(
        "p50 beside 11 idle of another program / alone",
        "service-idle",
        "service, another",
        BESIDE,
        Bound::AtMost(1.1),
    ),
    goal(
        "p50 beside 11 idle of the same program / alone",
        "service-idle",
        "service, the same",
        BESIDE,
        Bound::AtMost(1.1),
    ),
    goal(
        "upload, default batch / bare loop",
        "upload",
        "batches of 8128 B, upload",
        "/ bare loop",
        Bound::AtLeast(0.9),
    ),
    goal(
        "upload, default batch / loop from a socket with SHA-256",
        "upload",
        "batches of 8128 B, upload",
        "/ loop from a socket, SHA-256",
        Bound::AtLeast(0.95),
    ),
    goal("lends per chunk, worst row", "service-calls", "", "lends per chunk", Bound::AtMost(1.02)),
    goal(
        "heap and pages per idle connection, KiB",
        "memory",
        "service, idle",
        "heap and pages",
        Bound::AtMost(12.0),
    ),
];

const OURS: &str = "this project";
const RATIO: &str = "ours / best other";
const AT_FLOOR: Bound = Bound::AtLeast(0.95);
const ONE: &str = "/ one connection";
const BESIDE: &str = "beside / alone";

const fn goal(
    what: &'static str,
    table: &'static str,
    rows: &'static str,
    column: &'static str,
    bound: Bound,
) -> Goal {
    Goal { what, table, rows, column, bound }
}

/// The goals of what was measured.
pub(crate) fn goals(tables: &[Table]) -> Table {
    let mut goals = Table::new("goals", "Goals", ["", "goal", "measured", "met"]);
    for goal in GOALS {
        if let Some(worst) = goal.worst(tables) {
            let (sign, bound) = match goal.bound {
                Bound::AtMost(bound) => ("at most", bound),
                Bound::AtLeast(bound) => ("at least", bound),
            };
            let met = if goal.is_met(worst.median) { "yes" } else { "no" };
            let cell = if worst.low == worst.high { Cell::exact(worst.median) } else { Cell::ratio(worst) };
            goals.row(goal.what, [Cell::text(format!("{sign} {bound}")), cell, Cell::text(met)]);
        }
    }
    goals
}

impl Goal {
    /// The figure of the row that is furthest from the goal; `None` if it was not measured.
    fn worst(&self, tables: &[Table]) -> Option<Spread> {
        let table = tables.iter().find(|table| table.id == self.table)?;
        let column = table.columns.iter().skip(1).position(|column| column == self.column)?;
        let rows = table.rows.iter().filter(|(name, _)| name.starts_with(self.rows));
        let figures = rows.filter_map(|(_, cells)| cells.get(column)?.value);
        figures.reduce(|worst, figure| {
            let worse = match self.bound {
                Bound::AtMost(_) => figure.median > worst.median,
                Bound::AtLeast(_) => figure.median < worst.median,
            };
            if worse { figure } else { worst }
        })
    }

    /// To two decimals, as it is shown.
    fn is_met(&self, median: f64) -> bool {
        let shown = (median * 100.0).round() / 100.0;
        match self.bound {
            Bound::AtMost(bound) => shown <= bound,
            Bound::AtLeast(bound) => shown >= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_row_counts() {
        let mut table = Table::new("codec-ns", "", ["", OURS, RATIO]);
        for (name, ratio) in [("decode a", 0.5), ("decode b", 1.2), ("encode", 0.9)] {
            let ratio = Spread { median: ratio, low: 0.1, high: 2.0 };
            table.row(name, [Cell::exact(1.0), Cell::ratio(ratio)]);
        }
        let goals = goals(&[table]);
        let met: Vec<_> = goals.rows.iter().map(|(_, cells)| cells[2].text.as_str()).collect();
        assert_eq!(met, ["no", "yes"], "and what was not measured is left out");
        assert_eq!(goals.rows[0].1[1].text, "1.20 (0.10..2.00)");
    }
}
