//! The control pipe of hosted mode: how the processes of a system tell the launcher what happens.
//!
//! Every process of a system inherits the writing end as [`CONTROL_FD`], so that its end of file also proves that none
//! of them is left. A report is one line, written at once, and short enough not to be mixed with others.

use std::fs::OpenOptions;
use std::io::Write;

/// The writing end of the control pipe in every process of a system.
pub const CONTROL_FD: u32 = 3;

/// The reading end of the pipe by which the launcher asks whether the kernel lives, in every server of a system.
pub const PROBE_FD: u32 = 7;
/// Set for every process of a system: the system's own directory.
pub const DIRECTORY: &str = "HOSTED_DIRECTORY";
/// Set for every process of a system that was started by a command: its number, for reports about it.
pub const INDEX: &str = "HOSTED_INDEX";

/// What is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// By the name server: somebody registered a name, given here as [`Report::registered`] spells it.
    Registered(String),
    /// By the name server, in answer to a probe: the kernel answers calls.
    KernelLives,
    /// By a program of the system: the process with this index has done what it was started for.
    Done(usize),
    /// By the shell that started it: the process with this index ended, with this status of the shell (128 + N for
    /// signal N).
    Ended(usize, i32),
}

impl Report {
    /// The report about `name`. Names come from any process: escaped, one with a line feed in it stays one report.
    pub fn registered(name: &str) -> Self {
        Self::Registered(name.escape_default().to_string())
    }

    /// The line that carries the report, without its end.
    pub fn to_line(&self) -> String {
        match self {
            Self::Registered(name) => format!("registered {name}"),
            Self::KernelLives => "lives kernel".into(),
            Self::Done(index) => format!("done {index}"),
            Self::Ended(index, status) => format!("ended {index} {status}"),
        }
    }

    /// Reads a line; `None` when it is no report.
    pub fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ')?;
        match kind {
            "registered" => Some(Self::Registered(rest.to_owned())),
            "lives" if rest == "kernel" => Some(Self::KernelLives),
            "done" => Some(Self::Done(rest.parse().ok()?)),
            "ended" => {
                let (index, status) = rest.split_once(' ')?;
                Some(Self::Ended(index.parse().ok()?, status.parse().ok()?))
            }
            _ => None,
        }
    }
}

/// Sends a report from inside the system. Outside there is nobody to tell, which is only noted.
pub fn report(report: &Report) {
    let line = format!("{}\n", report.to_line());
    let sent = OpenOptions::new()
        .write(true)
        .open(format!("/dev/fd/{CONTROL_FD}"))
        .and_then(|mut pipe| pipe.write_all(line.as_bytes()));
    if let Err(error) = sent {
        eprintln!("no launcher to report to: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_survive_the_pipe() {
        for report in [
            Report::registered("_Websocket Service_"),
            Report::registered("two\nlines \u{e9}"),
            Report::KernelLives,
            Report::Done(7),
            Report::Ended(0, 137),
        ] {
            let line = report.to_line();
            assert!(!line.contains('\n'));
            assert_eq!(Report::parse(&line), Some(report));
        }
    }

    #[test]
    fn other_lines_are_no_reports() {
        for line in ["", "done", "done x", "ended 1", "hello 1"] {
            assert_eq!(Report::parse(line), None, "{line}");
        }
    }
}
