//! Tables as JSON, every figure with its full precision.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::table::{Cell, Table};

/// Writes the tables to a file.
pub(crate) fn write(path: &Path, setting: &str, tables: &[Table]) -> io::Result<()> {
    let tables: Vec<Value> = tables.iter().map(table).collect();
    let text = serde_json::to_string_pretty(&json!({ "setting": setting, "tables": tables }))?;
    std::fs::write(path, text + "\n")
}

fn table(table: &Table) -> Value {
    let rows = table.rows.iter().map(|(name, cells)| {
        let cells: serde_json::Map<String, Value> =
            table.columns.iter().skip(1).cloned().zip(cells.iter().map(cell)).collect();
        json!({ "name": name, "figures": cells })
    });
    json!({ "id": table.id, "title": table.title, "rows": rows.collect::<Vec<_>>(), "notes": table.notes })
}

fn cell(cell: &Cell) -> Value {
    match cell.value {
        Some(spread) => json!({ "median": spread.median, "min": spread.low, "max": spread.high }),
        None => json!(cell.text),
    }
}
