//! `sizes.toml`: the sizes that the last commit stands for, and the budgets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::size::Sizes;

/// How much .text + .rodata may grow over the record before it has to be recorded, in percent.
const GROWTH_LIMIT_PERCENT: u64 = 2;

/// The content of `sizes.toml`, comments included.
#[derive(Debug)]
pub(super) struct Record {
    document: DocumentMut,
}

impl Record {
    /// Reads the file. A file that does not exist is an empty record.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, toml_edit::TomlError> {
        Ok(Self { document: text.parse()? })
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> Result<(), String> {
        std::fs::write(path, self.document.to_string())
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Sets what was measured against the record of the build of that name.
    pub(super) fn compare(&self, build: &str, measured: &BTreeMap<String, Sizes>) -> Report {
        let recorded = self.sizes(build);
        let budgets = self.budgets(build);
        let names: BTreeSet<_> = measured.keys().chain(recorded.keys()).chain(budgets.keys()).collect();
        let row = |name: &String| Row {
            name: name.clone(),
            measured: measured.get(name).copied(),
            recorded: recorded.get(name).copied(),
            budget: budgets.get(name).copied(),
        };
        Report { rows: names.into_iter().map(row).collect() }
    }

    /// Replaces the sizes of one build; budgets, comments and other builds stay.
    pub(super) fn set(&mut self, build: &str, rustc: &str, measured: &BTreeMap<String, Sizes>) {
        let mut sizes = Table::new();
        for (name, size) in measured {
            sizes.insert(name, Item::Value(inline(*size)));
        }
        let build = self.document.entry(build).or_insert_with(toml_edit::table);
        build["rustc"] = toml_edit::value(rustc);
        build["size"] = Item::Table(sizes);
    }

    /// The compiler that made the record, when it is another than this one.
    pub(super) fn other_compiler(&self, build: &str, rustc: &str) -> Option<&str> {
        self.table(build)?.get("rustc")?.as_str().filter(|recorded| *recorded != rustc)
    }

    fn table(&self, build: &str) -> Option<&Table> {
        self.document.get(build)?.as_table()
    }

    fn sizes(&self, build: &str) -> BTreeMap<String, Sizes> {
        let entries = self.table(build).and_then(|build| build.get("size")?.as_table_like());
        let entries = entries.into_iter().flat_map(|table| table.iter());
        entries.map(|(name, row)| (name.to_owned(), from_row(row))).collect()
    }

    fn budgets(&self, build: &str) -> BTreeMap<String, u64> {
        let entries = self.table(build).and_then(|build| build.get("budget")?.as_table_like());
        let entries = entries.into_iter().flat_map(|table| table.iter());
        // A budget that is no number allows nothing.
        entries.map(|(name, limit)| (name.to_owned(), bytes(Some(limit)))).collect()
    }
}

fn inline(sizes: Sizes) -> Value {
    let mut row = InlineTable::new();
    for (section, bytes) in
        [("text", sizes.text), ("rodata", sizes.rodata), ("data", sizes.data), ("bss", sizes.bss)]
    {
        row.insert(section, i64::try_from(bytes).unwrap_or(i64::MAX).into());
    }
    Value::InlineTable(row)
}

fn from_row(row: &Item) -> Sizes {
    let section = |name: &str| bytes(row.get(name));
    Sizes { text: section("text"), rodata: section("rodata"), data: section("data"), bss: section("bss") }
}

fn bytes(item: Option<&Item>) -> u64 {
    item.and_then(Item::as_integer).and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

/// A build beside its record.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
}

/// A program of the build, of the record, or with a budget.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) measured: Option<Sizes>,
    pub(super) recorded: Option<Sizes>,
    /// Most bytes of .text + .rodata.
    pub(super) budget: Option<u64>,
}

impl Report {
    /// Everything that must not be committed as it is.
    pub(super) fn faults(&self) -> Vec<String> {
        self.rows.iter().filter_map(Row::record_fault).chain(self.over_budget()).collect()
    }

    /// The budgets that do not hold: recording does not help against these.
    pub(super) fn over_budget(&self) -> Vec<String> {
        self.rows.iter().filter_map(Row::budget_fault).collect()
    }
}

impl Row {
    fn record_fault(&self) -> Option<String> {
        let name = &self.name;
        match (self.measured, self.recorded) {
            (Some(new), Some(old)) if has_grown(old.code(), new.code()) => Some(format!(
                "{name}: .text + .rodata grew from {} to {} bytes, more than {GROWTH_LIMIT_PERCENT} %; \
                 make it leaner, or run with --record and commit sizes.toml",
                old.code(),
                new.code()
            )),
            (Some(_), None) => Some(format!("{name}: not in sizes.toml; run with --record")),
            (None, Some(_)) => Some(format!("{name}: in sizes.toml but not built; run with --record")),
            _ => None,
        }
    }

    fn budget_fault(&self) -> Option<String> {
        let (name, budget) = (&self.name, self.budget?);
        match self.measured {
            None => Some(format!("{name}: has a budget but was not built")),
            Some(sizes) if sizes.code() > budget => Some(format!(
                "{name}: .text + .rodata is {} bytes, over its budget of {budget}",
                sizes.code()
            )),
            Some(_) => None,
        }
    }
}

fn has_grown(old: u64, new: u64) -> bool {
    new.saturating_mul(100) > old.saturating_mul(100 + GROWTH_LIMIT_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# kept
[none]
rustc = \"rustc 1.96.0\"

[none.budget]
websocket = 2_000 # kept too

[none.size]
websocket = { text = 900, rodata = 100, data = 1, bss = 2 }

[ring.size]
websocket = { text = 5, rodata = 6, data = 7, bss = 8 }
";

    fn sizes(text: u64) -> Sizes {
        Sizes { text, rodata: 100, data: 1, bss: 2 }
    }

    fn measured(rows: &[(&str, u64)]) -> BTreeMap<String, Sizes> {
        rows.iter().map(|(name, text)| ((*name).to_owned(), sizes(*text))).collect()
    }

    fn faults(rows: &[(&str, u64)]) -> Vec<String> {
        Record::parse(TEXT).unwrap().compare("none", &measured(rows)).faults()
    }

    #[test]
    fn the_readme_says_what_the_budgets_say() {
        let record = Record::parse(include_str!("../../../sizes.toml")).unwrap();
        let readme = include_str!("../../../README.md");
        let [plain, tls] = ["none", "rustcrypto"].map(|build| record.budgets(build)["websocket"] / 1000);
        assert!(readme.contains(&format!("| code and constants | {plain} kB without TLS |")), "{plain}");
        let besides = tls - plain;
        assert!(
            readme.contains(&format!("| code and constants besides with TLS | {besides} kB |")),
            "{besides}"
        );
    }

    #[test]
    fn allows_growth_of_two_percent() {
        assert!(faults(&[("websocket", 500)]).is_empty());
        assert!(faults(&[("websocket", 920)]).is_empty());
        let faults = faults(&[("websocket", 921)]);
        assert!(faults.len() == 1 && faults[0].contains("from 1000 to 1021"), "{faults:?}");
    }

    #[test]
    fn wants_new_and_vanished_programs_recorded() {
        let new = faults(&[("websocket", 900), ("examples/echo", 1)]);
        assert!(new.len() == 1 && new[0].starts_with("examples/echo: not in"), "{new:?}");
        let vanished = faults(&[]);
        assert!(vanished.iter().any(|fault| fault.contains("not built; run")), "{vanished:?}");
        assert!(vanished.iter().any(|fault| fault.contains("has a budget")), "{vanished:?}");
    }

    #[test]
    fn recording_does_not_lift_a_budget() {
        let report = Record::parse(TEXT).unwrap().compare("none", &measured(&[("websocket", 1901)]));
        assert_eq!(report.over_budget().len(), 1);
        let report = Record::parse(TEXT).unwrap().compare("none", &measured(&[("websocket", 1900)]));
        assert!(report.over_budget().is_empty());
    }

    #[test]
    fn rewrites_the_sizes_of_one_build_only() {
        let mut record = Record::parse(TEXT).unwrap();
        record.set("none", "rustc 1.97.0", &measured(&[("examples/echo", 3), ("websocket", 4)]));
        let text = record.document.to_string();
        let again = Record::parse(&text).unwrap();
        assert_eq!(again.sizes("none"), measured(&[("examples/echo", 3), ("websocket", 4)]));
        assert_eq!(again.sizes("ring")["websocket"], Sizes { text: 5, rodata: 6, data: 7, bss: 8 });
        assert_eq!(again.budgets("none")["websocket"], 2000);
        assert_eq!(again.other_compiler("none", "rustc 1.97.0"), None);
        assert_eq!(again.other_compiler("none", "rustc 1.98.0"), Some("rustc 1.97.0"));
        assert!(text.starts_with("# kept\n") && text.contains("2_000 # kept too"), "{text}");
    }

    #[test]
    fn starts_from_an_empty_file() {
        let mut record = Record::parse("").unwrap();
        record.set("none", "rustc 1.96.0", &measured(&[("websocket", 4)]));
        assert!(record.compare("none", &measured(&[("websocket", 4)])).faults().is_empty());
    }
}
