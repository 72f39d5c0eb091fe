//! A table of figures.

use super::spread::Spread;

/// One table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// For JSON.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// Heads of all columns, that of the rows' names first.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<(String, Vec<Cell>)>,
    /// What has to be known to read it.
    pub(crate) notes: Vec<String>,
}

/// A figure as it is shown and as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) value: Option<Spread>,
}

impl Cell {
    /// Nothing was measured.
    pub(crate) fn none() -> Self {
        Self { text: "-".into(), value: None }
    }

    /// Words.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), value: None }
    }

    /// One value that does not vary.
    pub(crate) fn exact(value: f64) -> Self {
        Self { text: short(value), value: Some(Spread { median: value, low: value, high: value }) }
    }

    /// The median alone is shown.
    pub(crate) fn median(spread: Spread) -> Self {
        Self { text: short(spread.median), value: Some(spread) }
    }

    /// Median, smallest and largest are shown with two decimals.
    pub(crate) fn ratio(spread: Spread) -> Self {
        let Spread { median, low, high } = spread;
        Self { text: format!("{median:.2} ({low:.2}..{high:.2})"), value: Some(spread) }
    }

    /// Marked as the best of its row.
    pub(crate) fn best(mut self) -> Self {
        self.text = format!("**{}**", self.text);
        self
    }
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value == value.trunc() => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

impl Table {
    /// A table without rows.
    pub(crate) fn new<S: Into<String>>(
        id: &'static str,
        title: impl Into<String>,
        columns: impl IntoIterator<Item = S>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { id, title: title.into(), columns, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, name: impl Into<String>, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push((name.into(), cells.into_iter().collect()));
    }

    /// Adds a note.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// For a terminal and for Markdown alike.
    pub(crate) fn to_markdown(&self) -> String {
        let lines = self.lines();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let mut text = format!("**{}**\n\n", self.title);
        for (number, line) in lines.iter().enumerate() {
            text += "|";
            for (column, width) in widths.iter().enumerate() {
                let cell = line.get(column).map_or("", String::as_str);
                let padding = " ".repeat(width - cell.chars().count());
                text +=
                    &if column == 0 { format!(" {cell}{padding} |") } else { format!(" {padding}{cell} |") };
            }
            text += "\n";
            if number == 0 {
                let rule = |(column, width): (usize, &usize)| match column {
                    0 => format!("{}|", "-".repeat(width + 2)),
                    _ => format!("{}:|", "-".repeat(width + 1)),
                };
                text += &format!("|{}\n", widths.iter().enumerate().map(rule).collect::<String>());
            }
        }
        for note in &self.notes {
            text += &format!("\n{note}\n");
        }
        text
    }

    /// Head and rows as words.
    fn lines(&self) -> Vec<Vec<String>> {
        let rows = self.rows.iter().map(|(name, cells)| {
            std::iter::once(name.clone()).chain(cells.iter().map(|cell| cell.text.clone())).collect()
        });
        std::iter::once(self.columns.clone()).chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new("t", "Title", ["what", "ns"]);
        table.row("a", [Cell::exact(1234.5)]);
        table.row("bcd e", [Cell::none()]);
        table.note("A note.");
        let expected = "**Title**\n\n| what  |   ns |\n|-------|-----:|\n| a     | 1234 |\n| bcd e |    - |\n\nA note.\n";
        assert_eq!(table.to_markdown(), expected);
    }

    #[test]
    fn figures_have_three_digits() {
        let shown = [0.0, 0.25, 3.456, 45.67, 161.8, 26761.0].map(short);
        assert_eq!(shown, ["0", "0.25", "3.46", "45.7", "162", "26761"]);
    }
}
