//! The table that `cargo xtask target` prints.

use std::fmt::Write;

use super::record::{Report, Row};
use super::size::Sizes;

/// Renders one line per program: sections in bytes, then .text + .rodata with its difference to the record.
pub(super) fn render(report: &Report) -> String {
    let width = report.rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(4);
    let mut table = format!(
        "{:width$} {:>9} {:>9} {:>9} {:>9} {:>9}  {:>18} {:>9}\n",
        "file", ".text", ".rodata", ".data", ".bss", "text+ro", "since record", "budget"
    );
    for row in &report.rows {
        let budget = row.budget.map(|budget| budget.to_string()).unwrap_or_default();
        let Sizes { text, rodata, data, bss } = row.measured.unwrap_or_default();
        let code = row.measured.unwrap_or_default().code();
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "{:width$} {text:>9} {rodata:>9} {data:>9} {bss:>9} {code:>9}  {:>18} {budget:>9}",
            row.name,
            difference(row)
        );
    }
    table
}

fn difference(row: &Row) -> String {
    let (new, old) = match (row.measured, row.recorded) {
        (Some(new), Some(old)) => (new.code(), old.code()),
        (Some(_), None) => return "new".to_owned(),
        (None, _) => return "not built".to_owned(),
    };
    let bytes = i128::from(new) - i128::from(old);
    if bytes == 0 {
        return "0".to_owned();
    }
    let percent = if old == 0 { f64::INFINITY } else { bytes as f64 * 100.0 / old as f64 };
    format!("{bytes:+} ({percent:+.1} %)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, measured: Option<u64>, recorded: Option<u64>) -> Row {
        let sizes = |text| Sizes { text, rodata: 100, data: 8, bss: 16 };
        Row { name: name.into(), measured: measured.map(sizes), recorded: recorded.map(sizes), budget: None }
    }

    #[test]
    fn shows_difference_new_and_missing() {
        let rows = vec![
            row("same", Some(900), Some(900)),
            row("more", Some(1000), Some(900)),
            row("less", Some(895), Some(900)),
            row("new", Some(1), None),
            row("gone", None, Some(1)),
        ];
        let differences: Vec<_> = rows.iter().map(difference).collect();
        assert_eq!(differences, ["0", "+100 (+10.0 %)", "-5 (-0.5 %)", "new", "not built"]);
        let table = render(&Report { rows });
        assert_eq!(table.lines().count(), 6);
        let widths: Vec<_> = table.lines().map(str::len).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
    }
}
