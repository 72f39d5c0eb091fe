//! Text between two marks of a document.

/// The text with the results between the marks; `None` if it has no marks.
pub(crate) fn replaced(text: &str, [begin, end]: [&str; 2], results: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", results.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let marks = ["<!-- a: begin -->", "<!-- a: end -->"];
        let text = format!("a\n{}\nold\n{}\nb\n", marks[0], marks[1]);
        assert_eq!(replaced(&text, marks, "new\n").unwrap(), text.replace("old", "new"));
        assert_eq!(replaced("nothing", marks, "new"), None);
    }
}
