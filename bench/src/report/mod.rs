//! What is measured, as tables: for the terminal, Markdown, JSON and plots.

mod json;

mod spread;
mod table;

pub(crate) use json::write as write_json;
pub(crate) use spread::{Spread, median, percentile};
pub(crate) use table::{Cell, Table};
