//! What is measured, as tables: for the terminal, Markdown, JSON and plots.

mod goals;
mod json;
mod marks;
mod plot;
mod readme;
mod setting;
mod spread;
mod table;

pub(crate) use goals::goals;
pub(crate) use json::write as write_json;
pub(crate) use plot::{Line, Plot, Scale};
pub(crate) use readme::update as update_readme;
pub(crate) use setting::setting;
pub(crate) use spread::{Spread, median, percentile};
pub(crate) use table::{Cell, Table};
