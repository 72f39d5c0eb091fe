//! Results in a Markdown file, between two marks.

use std::path::Path;

use super::marks::replaced;
use crate::Failure;

/// What is between these lines belongs to the benchmarks.
const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// Replaces what is between the marks in the file.
///
/// # Errors
/// The file is not there or has no marks.
pub(crate) fn update(path: &Path, results: &str) -> Result<(), Failure> {
    let fault = |text: &str| Failure(format!("{}: {text}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| fault(&error.to_string()))?;
    let text = replaced(&text, [BEGIN, END], results)
        .ok_or_else(|| fault(&format!("no lines {BEGIN} and {END}")))?;
    std::fs::write(path, text).map_err(|error| fault(&error.to_string()))
}
