//! Tables for a terminal and for Markdown alike.

/// The lines as a table, of which the first is its head. The first column stands at the left, the others at the right.
pub(super) fn markdown(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let cells = |column: usize| lines.iter().filter_map(move |line| line.get(column));
    let widths: Vec<usize> = (0..columns)
        .map(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            text += &if column == 0 { format!("| {cell}{padding} |") } else { format!(" {padding}{cell} |") };
        }
        text += "\n";
        if number == 0 {
            let rules = widths.iter().enumerate().map(|(column, width)| match column {
                0 => format!("|{}|", "-".repeat(width + 2)),
                _ => format!("{}:|", "-".repeat(width + 1)),
            });
            text += &rules.collect::<String>();
            text += "\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let lines = [["what", "n"], ["a", "12"]].map(|line| line.map(str::to_owned).into());
        assert_eq!(markdown(&lines), "| what |  n |\n|------|---:|\n| a    | 12 |\n");
    }
}
