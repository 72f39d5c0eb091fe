//! The suite's verdicts, from the index file that every Autobahn suite writes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::Value;

/// The verdict on each case of one run.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// By case id, which orders by its numbers.
    cases: BTreeMap<Vec<u32>, Verdict>,
}

/// The suite's words for what it saw: of the messages, and of the closing handshake.
#[derive(Debug)]
struct Verdict {
    behavior: String,
    close: String,
}

impl Verdict {
    /// "NON-STRICT" and "INFORMATIONAL" are for what the RFC leaves open.
    fn is_passed(&self) -> bool {
        let is_passed = |verdict: &str| matches!(verdict, "OK" | "NON-STRICT" | "INFORMATIONAL");
        is_passed(&self.behavior) && is_passed(&self.close)
    }
}

impl Report {
    /// Reads `index.json` in the directory of a run; `None` if that shows no case.
    pub(super) fn read(reports: &Path) -> Option<Self> {
        let index = std::fs::read(reports.join("index.json")).ok()?;
        Some(Self::parse(&index)).filter(|report| !report.cases.is_empty())
    }

    fn parse(index: &[u8]) -> Self {
        let index: Value = serde_json::from_slice(index).unwrap_or_default();
        let agents = index.as_object().into_iter().flat_map(|agents| agents.values());
        let cases = agents.filter_map(Value::as_object).flatten();
        let verdict = |case: &Value, name: &str| case[name].as_str().unwrap_or("MISSING").to_owned();
        let cases = cases.filter_map(|(id, case)| {
            let id = id.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
            Some((id, Verdict { behavior: verdict(case, "behavior"), close: verdict(case, "behaviorClose") }))
        });
        Self { cases: cases.collect() }
    }

    /// Whether no case has failed.
    pub(super) fn is_passed(&self) -> bool {
        self.cases.values().all(Verdict::is_passed)
    }

    fn count(&self, section: Option<u32>, behavior: &str) -> usize {
        self.section(section)
            .filter(|(_, verdict)| verdict.is_passed() && verdict.behavior == behavior)
            .count()
    }

    fn section(&self, section: Option<u32>) -> impl Iterator<Item = (&Vec<u32>, &Verdict)> {
        self.cases.iter().filter(move |(id, _)| section.is_none() || id.first() == section.as_ref())
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, name: &str, section: Option<u32>) -> fmt::Result {
        let total = self.section(section).count();
        let failed = self.section(section).filter(|(_, verdict)| !verdict.is_passed()).count();
        let [strict, lax, open] = ["OK", "NON-STRICT", "INFORMATIONAL"].map(|name| self.count(section, name));
        writeln!(
            f,
            "  {name:34}{total:4} cases {strict:4} strict {lax:3} non-strict {open:3} informational {failed:3} failed"
        )
    }
}

impl fmt::Display for Report {
    /// A line for each section, one for all, and one for each case that is not passed strictly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sections: Vec<u32> = self.cases.keys().filter_map(|id| id.first().copied()).collect();
        sections.dedup();
        for section in sections {
            self.line(f, &format!("{section:2} {}", title(section)), Some(section))?;
        }
        self.line(f, "   all", None)?;
        for (id, verdict) in
            self.cases.iter().filter(|(_, verdict)| verdict.behavior != "OK" || !verdict.is_passed())
        {
            let id = id.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            writeln!(f, "  {id:8} {}, closing {}", verdict.behavior, verdict.close)?;
        }
        Ok(())
    }
}

const fn title(section: u32) -> &'static str {
    match section {
        1 => "framing",
        2 => "pings and pongs",
        3 => "reserved bits",
        4 => "opcodes",
        5 => "fragmentation",
        6 => "UTF-8",
        7 => "closing",
        9 => "limits and performance",
        10 => "automatic fragmentation",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &[u8] = br#"{"core": {
        "1.1.1": {"behavior": "OK", "behaviorClose": "OK"},
        "6.4.3": {"behavior": "NON-STRICT", "behaviorClose": "OK"},
        "7.13.1": {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL"},
        "10.1.1": {"behavior": "OK", "behaviorClose": "OK"}}}"#;

    #[test]
    fn sections_and_cases() {
        let report = Report::parse(INDEX);
        assert!(report.is_passed());
        let text = report.to_string();
        assert_eq!(text.lines().count(), 4 + 1 + 2);
        assert!(text.lines().nth(3).is_some_and(|line| line.contains("10 automatic fragmentation")));
        assert!(text.contains("6.4.3    NON-STRICT, closing OK"));
    }

    #[test]
    fn a_failure_of_either_kind_counts() {
        for (old, new) in [
            ("\"behavior\": \"OK\"", "\"behavior\": \"FAILED\""),
            ("Close\": \"OK\"", "Close\": \"WRONG CODE\""),
        ] {
            let index = String::from_utf8_lossy(INDEX).replacen(old, new, 1);
            let report = Report::parse(index.as_bytes());
            assert!(!report.is_passed());
            assert!(report.to_string().contains("1.1.1"));
        }
        assert!(Report::parse(b"no json").cases.is_empty());
    }
}
