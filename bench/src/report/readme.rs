//! Results in a Markdown file, between two marks.

use std::path::Path;

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
    let text = replace(&text, results).ok_or_else(|| fault(&format!("no lines {BEGIN} and {END}")))?;
    std::fs::write(path, text).map_err(|error| fault(&error.to_string()))
}

fn replace(text: &str, results: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", results.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(replace(&text, "new\n").unwrap(), format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(replace("nothing", "new"), None);
    }
}
