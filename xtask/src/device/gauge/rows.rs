//! The rows of the table: what is measured, and what it should come to.

use super::sender::PART;
use super::task::{PER_CALL, Profile, SHORT_CALLS, Taken, Task, Way};
use crate::Failure;

/// What stands above the columns.
pub(super) const HEAD: [&str; 6] =
    ["per message", "goal", "service", "met", "tungstenite, tuned", "as it comes"];
const MEGABYTE: f64 = 1e6;

/// A figure of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Instructions of all processes.
    Instructions,
    /// The same for a million bytes of messages.
    PerMegabyte,
    /// System calls of programs.
    Calls,
    /// System calls of the scheduler.
    SchedulerCalls,
    /// Messages to the ticktimer.
    TicktimerMessages,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    name: &'static str,
    pub(super) what: What,
    goal: f64,
    /// None: the service does not do it.
    pub(super) service: Option<Task>,
    /// None: there is nothing to compare it with.
    pub(super) library: Option<Task>,
}

const MIB: usize = 1 << 20;
/// Bytes of a write to the database.
const BATCH: usize = 8128;

/// All of them.
pub(super) const ROWS: &[Row] = &[
    row("echo, 32 B", 30_000.0, Task::new(Way::Echo, 32)),
    exchange("echo, 32 B, by exchange", 25_000.0, 32),
    row("echo, 4096 B", 52_000.0, Task::new(Way::Echo, 4096)),
    exchange("echo, 4096 B, by exchange", f64::INFINITY, 4096),
    row("echo, 4096 B, 1530 a call", 66_000.0, short_calls(Task::new(Way::Echo, 4096))),
    row("echo, 64 KiB", 440_000.0, Task::new(Way::Echo, 65536)),
    row("in, 16 B", 950.0, Task::new(Way::In, 16)),
    row("in, 125 B", 1650.0, Task::new(Way::In, 125)),
    into("in, 16 B, into one vector", 950.0, 16),
    into("in, 125 B, into one vector", 1650.0, 125),
    row("out, 16 B, each waited for", 12_500.0, Task::new(Way::Out, 16)),
    row("out, 16 B, queued", 700.0, Task::new(Way::Collected, 16)),
    row("out, 125 B, queued", 1400.0, Task::new(Way::Collected, 125)),
    row("out, 4096 B", 25_500.0, Task::new(Way::Out, 4096)),
    row("in, 4096 B", 19_000.0, Task::new(Way::In, 4096)),
    into("in, 4096 B, into one vector", 19_000.0, 4096),
    Row { what: What::PerMegabyte, ..row("out, 1 MiB, a megabyte", 4e6, Task::new(Way::Out, MIB)) },
    Row { what: What::PerMegabyte, ..row("in, 1 MiB, a megabyte", 3e6, Task::new(Way::In, MIB)) },
    Row { what: What::PerMegabyte, ..into("in, 1 MiB, where it lies, a megabyte", 3e6, MIB) },
    file("a file by the upload route, a megabyte", Task::new(Way::Upload, PART)),
    file("by a loop that hashes it", Task::new(Way::Hashed, BATCH)),
    file("by a loop", Task::new(Way::Stored, BATCH)),
    secure("echo over TLS, 32 B", 50_000.0, 32),
    secure("echo over TLS, 4096 B", 760_000.0, 4096),
    secure("echo over TLS, 64 KiB", 11.5e6, 65536),
    Row { what: What::Calls, ..row("echo, 32 B: system calls", 14.0, Task::new(Way::Echo, 32)) },
    Row { what: What::SchedulerCalls, ..row("of the scheduler", 5.0, Task::new(Way::Echo, 32)) },
    Row { what: What::TicktimerMessages, ..row("messages to the ticktimer", 0.0, Task::new(Way::Echo, 32)) },
];

const fn row(name: &'static str, goal: f64, task: Task) -> Row {
    Row { name, what: What::Instructions, goal, service: Some(task), library: Some(task) }
}

/// In one request to the service; the library has no such thing, and is measured by its echo.
const fn exchange(name: &'static str, goal: f64, length: usize) -> Row {
    let task = Task::new(Way::Exchange, length);
    Row { service: Some(task), ..row(name, goal, Task::new(Way::Echo, length)) }
}

/// Into what the program has; the library has no such thing, and is measured by what it has.
const fn into(name: &'static str, goal: f64, length: usize) -> Row {
    Row { service: Some(Task::new(Way::Into, length)), ..row(name, goal, Task::new(Way::In, length)) }
}

/// On its way into the database; there is no goal but to be near the loops.
const fn file(name: &'static str, task: Task) -> Row {
    Row { name, what: What::PerMegabyte, goal: f64::INFINITY, service: Some(task), library: None }
}

const fn secure(name: &'static str, goal: f64, length: usize) -> Row {
    let task = Task { is_secure: true, ..Task::new(Way::Echo, length) };
    Row { name, what: What::Instructions, goal, service: Some(task), library: None }
}

const fn short_calls(task: Task) -> Task {
    Task { per_call: SHORT_CALLS, ..task }
}

/// What the service is measured with, each once.
pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for task in ROWS.iter().filter_map(|row| row.service) {
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    tasks
}

impl Task {
    /// The one of this name.
    ///
    /// # Errors
    /// There is none; the error has all names.
    pub(crate) fn named(name: &str) -> Result<Task, Failure> {
        let unknown = || {
            let names: Vec<_> = tasks().iter().map(Task::name).collect();
            Failure::usage(format!("no message {name}; there are {}", names.join(", ")))
        };
        tasks().into_iter().find(|task| task.name() == name).ok_or_else(unknown)
    }

    /// Its name in `device.toml`.
    pub(super) fn name(&self) -> String {
        let way = match self.way {
            Way::Echo => "echo",
            Way::Exchange => "exchange",
            Way::Out => "out",
            Way::Collected => "queued",
            Way::In => "in",
            Way::Into => "into",
            Way::Upload => "upload",
            Way::Stored => "stored",
            Way::Hashed => "stored-hashed",
        };
        let secure = if self.is_secure { "tls-" } else { "" };
        let per_call =
            if self.per_call == PER_CALL { String::new() } else { format!("-by-{}", self.per_call) };
        format!("{secure}{way}-{}{per_call}", self.length)
    }
}

impl Row {
    /// Its figure, of what was measured.
    pub(super) fn figure(&self, taken: &Taken, profile: &Profile) -> f64 {
        let length = self.service.or(self.library).map_or(0, |task| task.length) as f64;
        match self.what {
            What::Instructions => taken.instructions,
            What::PerMegabyte => taken.instructions / length * MEGABYTE,
            What::Calls => taken.calls,
            What::SchedulerCalls => taken.scheduler_calls,
            What::TicktimerMessages => profile.messages_to("ticktimer"),
        }
    }

    /// Its cells: the service's figure, and the library's two.
    pub(super) fn line(
        &self,
        service: Option<f64>,
        tuned: Option<f64>,
        as_it_comes: Option<f64>,
    ) -> Vec<String> {
        let shown = |figure: Option<f64>| figure.map_or("-".to_owned(), |figure| self.shown(figure));
        let met = match service {
            None => "-",
            Some(_) if self.goal.is_infinite() => "-",
            Some(figure) if figure <= self.goal => "yes",
            Some(_) => "no",
        };
        let goal = Some(self.goal).filter(|goal| goal.is_finite());
        let cells = [shown(goal), shown(service), met.to_owned(), shown(tuned), shown(as_it_comes)];
        std::iter::once(self.name.to_owned()).chain(cells).collect()
    }

    fn shown(&self, figure: f64) -> String {
        match self.what {
            What::Instructions | What::PerMegabyte => grouped(figure),
            _ => format!("{}", (figure * 10.0).round() / 10.0),
        }
    }
}

/// A whole number with spaces between its thousands.
pub(super) fn grouped(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let sign = if figure <= -0.5 { "-" } else { "" };
    let mut text = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && (digits.len() - at) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        let shown = [0.0, 999.6, 12_345.0, 1_608_516.4, -1234.0].map(grouped);
        assert_eq!(shown, ["0", "1 000", "12 345", "1 608 516", "-1 234"]);
    }

    #[test]
    fn every_task_has_a_name_of_its_own() {
        let tasks = tasks();
        let mut names: Vec<_> = tasks.iter().map(Task::name).collect();
        assert!(names.iter().any(|name| name == "echo-4096-by-1530"), "{names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), tasks.len());
    }

    #[test]
    fn a_goal_is_met_from_above() {
        let row = &ROWS[0];
        assert_eq!(row.line(Some(30_000.0), None, Some(1.0))[2..], ["30 000", "yes", "-", "1"]);
        assert_eq!(row.line(Some(30_001.0), None, None)[3], "no");
        assert_eq!(row.line(None, None, None)[3], "-");
    }
}
