//! The tables of memory in the documents, whose measured cells are written from `device.toml`.
//!
//! Such a table stands between two marks. What is measured are the last cells of its rows, which are found by the name in
//! their first cell; the others are written by hand.

use std::path::Path;

use super::measure::{ENDS, Figures, PAGE};
use crate::Failure;

const BEGIN: &str = "<!-- device.toml: begin -->";
const END: &str = "<!-- device.toml: end -->";
/// Of a thread's variables, which each has besides its stack.
const LOCALS: f64 = 1.0;

/// The documents, and what stands in them.
const DOCUMENTS: [(&str, Rows); 2] = [("README.md", of_readme), ("docs/xous-core.md", of_xous_core)];

/// Makes rows of figures, if those that it needs are there.
type Rows = fn(&Source<'_>) -> Option<Vec<Row>>;

/// A row's name, and its last cells.
type Row = (&'static str, Vec<String>);

/// Figures by name.
struct Source<'a>(&'a Figures);

/// Writes the figures into the documents below `root`.
pub(super) fn write(root: &Path, figures: &Figures) -> Result<(), Failure> {
    for (name, rows) in DOCUMENTS {
        let path = root.join(name);
        let text = std::fs::read_to_string(&path)?;
        let written = filled(&text, rows(&Source(figures))).map_err(|fault| format!("{name}: {fault}"));
        std::fs::write(&path, written.map_err(Failure::Other)?)?;
    }
    Ok(())
}

/// The documents below `root` that say something else than these figures.
pub(super) fn faults(root: &Path, figures: &Figures) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    for (name, rows) in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(name))?;
        match filled(&text, rows(&Source(figures))) {
            Ok(written) if written == text => faults.extend(over(&text).map(|row| format!("{name}: {row}"))),
            Ok(_) => faults.push(format!("{name}: its tables say something else; run with --record")),
            Err(fault) => faults.push(format!("{name}: {fault}")),
        }
    }
    Ok(faults)
}

/// The text with these cells in its tables.
fn filled(text: &str, rows: Option<Vec<Row>>) -> Result<String, String> {
    let mut missing = rows.ok_or("not all that it shows has been measured; run with --record")?;
    let mut written = String::with_capacity(text.len());
    let mut is_within = false;
    for line in text.split_inclusive('\n') {
        is_within = (is_within || line.trim() == BEGIN) && line.trim() != END;
        let name = line.split('|').nth(1).map(str::trim).filter(|_| is_within);
        match name.and_then(|name| missing.iter().position(|row| row.0 == name)) {
            Some(at) => written += &row(line, &missing.remove(at).1),
            None => written += line,
        }
    }
    match missing.first() {
        None => Ok(written),
        Some((name, _)) => Err(format!("there is no row '{name}' between the marks")),
    }
}

/// The rows between the marks of which more was measured than they say that it is at most. Of tables that say so, which
/// is in the head of their second column.
fn over(text: &str) -> impl Iterator<Item = String> {
    let within = text.lines().skip_while(|line| line.trim() != BEGIN).take_while(|line| line.trim() != END);
    let mut has_most = false;
    within.filter_map(move |line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, most, measured, _] = cells[..] else { return None };
        has_most = most == "at most" || has_most && name != "memory";
        (has_most && amount(measured)? > amount(most)?).then(|| format!("{name}: {measured}, at most {most}"))
    })
}

/// The KiB that a cell begins with, if it does.
fn amount(cell: &str) -> Option<f64> {
    let (number, _) = cell.split_once(" KiB")?;
    number.parse().ok()
}

/// The row with these last cells.
fn row(line: &str, last: &[String]) -> String {
    // One more than cells in front of the first, and behind the last.
    let cells: Vec<&str> = line.trim().split('|').collect();
    let kept = &cells[..cells.len().saturating_sub(last.len() + 1)];
    format!("{}| {} |\n", kept.join("|"), last.join(" | "))
}

impl Source<'_> {
    fn figure(&self, table: &str, name: &str) -> Option<f64> {
        self.0.get(table)?.get(name).copied()
    }

    fn pages(&self, thread: &str) -> Option<f64> {
        self.figure("stack-pages", thread)
    }

    /// KiB of stacks and variables of a connection's threads.
    fn stacks(&self, reader: &str, writer: &str) -> Option<f64> {
        Some((self.pages(reader)? + self.pages(writer)? + 2.0 * LOCALS) * f64::from(PAGE))
    }

    /// KiB of the heap, of one end.
    fn heap(&self, name: &str) -> Option<f64> {
        Some(self.figure("heap-of-two-ends", name)? / f64::from(ENDS))
    }

    /// KiB that the service's process has.
    fn ram(&self, when: &str) -> Option<f64> {
        self.figure(&format!("ram-{when}"), "websocket")
    }
}

fn of_readme(source: &Source<'_>) -> Option<Vec<Row>> {
    let plain = source.stacks("reader", "writer")?;
    let more = |busy, idle| Some(source.heap(busy)? - source.heap(idle)?);
    let rows = [
        ("stacks, connection opened by name", kib(source.stacks("reader-by-name", "writer")?)),
        ("stacks, other connection", kib(plain)),
        (
            "stacks besides with TLS, other connection",
            kib(source.stacks("tls-reader", "tls-writer")? - plain),
        ),
        ("heap, idle connection", kib(source.heap("idle")?)),
        ("heap besides, messages of any size", format!("{} with 4 KiB", kib(more("busy", "idle")?))),
        ("heap besides with TLS, idle connection", kib(more("tls-idle", "idle")?)),
        (
            "heap besides with TLS, messages of any size",
            format!("{} with 4 KiB", kib(more("tls-busy", "tls-idle")? - more("busy", "idle")?)),
        ),
        (
            "RAM of the process, a server ready / with ten connections in use",
            format!("{} / {}", kib(source.ram("started")?), kib(source.ram("all-busy")?)),
        ),
        (
            "the same with TLS",
            format!("{} / {}", kib(source.ram("tls-started")?), kib(source.ram("tls-all-busy")?)),
        ),
    ];
    Some(rows.map(|(name, cell)| (name, vec![cell])).into())
}

fn of_xous_core(source: &Source<'_>) -> Option<Vec<Row>> {
    let pages = |thread: &str| source.pages(thread);
    let both =
        |thread: &str| Some(vec![pages(thread)?.to_string(), pages(&format!("tls-{thread}"))?.to_string()]);
    let stacks = |reader: &str| {
        let of = |mark: &str| source.stacks(&format!("{mark}{reader}"), &format!("{mark}writer"));
        Some(vec![kib(of("")?), kib(of("tls-")?)])
    };
    let heap = |name| Some(vec![kib(source.heap(name)?), kib(source.heap(&format!("tls-{name}"))?)]);
    let ram = |when| Some(vec![kib(source.ram(when)?), kib(source.ram(&format!("tls-{when}"))?)]);
    let mut opened = both("reader")?;
    opened[0] += &format!(", {} for the first one after the start", pages("reader-first")?);
    Some(vec![
        ("reader of a connection that was opened by name", both("reader-by-name")?),
        ("reader of a connection that was opened by address or accepted", opened),
        ("writer", both("writer")?),
        ("main thread", both("main")?),
        ("per port", both("port")?),
        ("stacks of a connection that was opened by name", stacks("reader-by-name")?),
        ("stacks of any other connection", stacks("reader")?),
        ("heap of an idle connection", heap("idle")?),
        ("heap of a connection that has had messages of 4 KiB", heap("busy")?),
        ("the whole process, a port ready", ram("started")?),
        ("the whole process, both ends of a connection in use", ram("busy")?),
        ("the whole process, ten connections in use", ram("all-busy")?),
    ])
}

fn kib(value: f64) -> String {
    format!("{} KiB", (value * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::super::record;
    use super::*;

    const TABLE: &str = "\
| one | 5 KiB |
<!-- device.toml: begin -->
| memory | at most | measured |
|---|---|---|
| one | 5 KiB | 1 KiB |
| two | by hand | too |
<!-- device.toml: end -->
| one | 5 KiB |
";

    fn rows(cell: &str) -> Option<Vec<Row>> {
        Some(vec![("one", vec![cell.to_owned()])])
    }

    #[test]
    fn measured_cells_are_filled_and_nothing_else() {
        assert_eq!(filled(TABLE, rows("1 KiB")).unwrap(), TABLE);
        let other = filled(TABLE, rows("2.5 KiB")).unwrap();
        assert_eq!(other, TABLE.replace("| 5 KiB | 1 KiB |", "| 5 KiB | 2.5 KiB |"));
        let two = filled(TABLE, Some(vec![("one", vec!["3".into(), "4".into()])])).unwrap();
        assert_eq!(two, TABLE.replace("| 5 KiB | 1 KiB |", "| 3 | 4 |"));
    }

    #[test]
    fn more_than_at_most_is_a_fault() {
        assert_eq!(over(TABLE).next(), None);
        assert_eq!(over(&TABLE.replace("1 KiB", "5 KiB with more")).next(), None);
        let rows: Vec<_> = over(&TABLE.replace("1 KiB", "5.5 KiB")).collect();
        assert_eq!(rows, ["one: 5.5 KiB, at most 5 KiB"]);
        assert_eq!(over(&TABLE.replace("1 KiB", "5.5 KiB").replace("at most", "measured")).next(), None);
    }

    #[test]
    fn a_row_that_is_gone_is_a_fault() {
        assert!(filled(TABLE, Some(vec![("three", vec![String::new()])])).is_err());
        assert!(filled(&TABLE.replace(BEGIN, ""), rows("1 KiB")).is_err());
        assert!(filled(TABLE, None).is_err());
    }

    #[test]
    fn the_documents_say_what_is_recorded() {
        let root = ::device::prepare::workspace();
        let Ok((_, figures)) = record::read(&root.join(record::NAME)) else { panic!("no record") };
        let Ok(faults) = faults(root, &figures) else { panic!("a document cannot be read") };
        assert!(faults.is_empty(), "{faults:?}");
    }
}
