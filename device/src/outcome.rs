//! What a run of the machine has shown.

use std::time::Duration;

use crate::{
    machine::{Line, PER_MILLISECOND, Source},
    memory::Memory,
    profile::Account,
};

/// Lines of the log that are shown with a failure.
const LAST_LINES: usize = 60;

/// Why the machine stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All programs have ended (services do not count).
    ProgramsEnded,
    /// The line that was waited for is in the log.
    Logged,
    /// The limit in machine time was reached.
    MachineTime,
    /// The limit in the PC's time was reached.
    WallTime,
    /// It was told to stop.
    Stopped,
    /// The processor sleeps and no event will ever wake it.
    IdleForever,
    /// The kernel or a process has failed; see [`Outcome::faults`].
    Failed,
}

/// A failure that ends a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The process, where it is known; 1 is the kernel.
    pub pid: Option<u8>,
    /// What kind of failure.
    pub kind: FaultKind,
    /// The line of the log that says so, or what the machine has seen.
    pub line: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A panic, of a program or of the kernel.
    Panic,
    /// An exception of the processor that the kernel ends a process for, such as an access to no memory.
    Exception,
    /// The kernel goes on for ever without doing anything: one that does not start, most likely.
    Stuck,
}

impl Fault {
    /// The failure that a line tells, if it does. Only the kernel's are looked at: programs can write anything into
    /// theirs, and the names of processes, which the kernel shows, do not stand first.
    pub(crate) fn of(line: &Line) -> Option<Fault> {
        if line.source != Source::Kernel {
            return None;
        }
        // A panic is in the name of a process, or in nobody's.
        let text = line.text.trim_start();
        let (kind, behind) = begins(text, "PROGRAM HALT: CPU Exception on PID ", FaultKind::Exception)
            .or_else(|| begins(text, "!!! KERNEL FAILURE !!!: CPU Exception on PID ", FaultKind::Exception))
            .or_else(|| begins(text, "PANIC in PID ", FaultKind::Panic))
            .or_else(|| begins(text, "PANIC", FaultKind::Panic))
            .or_else(|| begins(behind_fault(text)?, "PANIC in PID ", FaultKind::Panic))?;
        let digits = behind.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
        Some(Fault { pid: digits.parse().ok(), kind, line: line.text.clone() })
    }
}

fn begins<'a>(text: &'a str, marker: &str, kind: FaultKind) -> Option<(FaultKind, &'a str)> {
    text.strip_prefix(marker).map(|behind| (kind, behind))
}

/// What stands behind the kernel's words on a fault of its own, in the same line.
fn behind_fault(text: &str) -> Option<&str> {
    text.strip_prefix("KERNEL(")?.split_once(" - ").map(|(_, behind)| behind)
}

/// A process and what it has used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number in Xous; the kernel is 1.
    pub pid: u8,
    /// Its name: that of its file.
    pub name: String,
    /// Its exit code, if it has ended by itself.
    pub exit_code: Option<u32>,
    /// Instructions in user mode.
    pub user_instructions: u64,
    /// Instructions in supervisor mode while its address space was in use: its system calls, faults and interrupts.
    pub kernel_instructions: u64,
    /// System calls: number (of `xous`'s `SysCallNumber`) and count, without those never made. The kernel's are those of
    /// its scheduler.
    pub system_calls: Vec<(u8, u64)>,
    /// Pages of RAM of 4096 bytes that it owns at the end; those of a process that has ended are free again.
    pub pages: u32,
    /// What it uses at the end, if it is a process that has not ended.
    pub memory: Option<Memory>,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why it ended.
    pub end: End,
    /// What the kernel and the log server wrote.
    pub log: Vec<Line>,
    /// The kernel, then services and programs in the order in which they were given.
    pub processes: Vec<Process>,
    /// Panics and exceptions.
    pub faults: Vec<Fault>,
    /// Instructions in all: the time in which the processor did not sleep, at 10 ns each.
    pub instructions: u64,
    /// Machine time at the end, in units of 10 ns.
    pub time: u64,
    /// Who has spent the instructions and what for, if the machine was [asked](crate::Builder::profile).
    pub account: Option<Account>,
}

impl Outcome {
    /// Whether it ended as it should: no panic, no exception, no exit code but 0, and no limit reached.
    pub fn succeeded(&self) -> bool {
        let exited_well = self.processes.iter().all(|process| process.exit_code.unwrap_or(0) == 0);
        matches!(self.end, End::ProgramsEnded | End::Logged | End::Stopped)
            && self.faults.is_empty()
            && exited_well
    }

    /// Does nothing if it [succeeded](Self::succeeded).
    ///
    /// # Panics
    /// Otherwise, with why it ended and the end of the log.
    #[track_caller]
    pub fn expect_success(&self) {
        assert!(self.succeeded(), "{}", self.failure());
    }

    /// How it ended, what failed, and the end of the log.
    pub fn failure(&self) -> String {
        let faults: String =
            self.faults.iter().map(|fault| format!("\n{:?}: {}", fault.kind, fault.line)).collect();
        let exits = self.processes.iter().filter_map(|process| Some((&process.name, process.exit_code?)));
        let exits: String = exits.map(|(name, code)| format!("\n{name} ended with {code}")).collect();
        let last = &self.log[self.log.len().saturating_sub(LAST_LINES)..];
        let last: String = last.iter().map(|line| format!("{}\n", shown(line))).collect();
        format!(
            "{:?} after {:?} of machine time{faults}{exits}; the log's end:\n{last}",
            self.end,
            self.machine_time()
        )
    }

    /// Machine time at the end.
    pub fn machine_time(&self) -> Duration {
        duration(self.time)
    }

    /// The first process of this name.
    pub fn process(&self, name: &str) -> Option<&Process> {
        self.processes.iter().find(|process| process.name == name)
    }

    /// The log as text, a line of each: time in milliseconds, source, text.
    pub fn log_text(&self) -> String {
        self.log.iter().map(|line| format!("{}\n", shown(line))).collect()
    }
}

/// A line of the log as it is shown.
pub(crate) fn shown(line: &Line) -> String {
    let source = match line.source {
        Source::Kernel => "kernel",
        Source::Log => "log",
        Source::Machine => "machine",
    };
    format!("{:>8} ms {source:>7}| {}", line.time / PER_MILLISECOND, line.text)
}

pub(crate) fn duration(time: u64) -> Duration {
    Duration::from_nanos(time.saturating_mul(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(source: Source, text: &str) -> Line {
        Line { source, time: 250_000, text: text.into() }
    }

    #[test]
    fn faults_are_found_with_their_process() {
        let exception = line(Source::Kernel, "PROGRAM HALT: CPU Exception on PID 12: Load page fault");
        let fault = Fault::of(&exception).unwrap();
        assert_eq!((fault.pid, fault.kind), (Some(12), FaultKind::Exception));
        let failure =
            line(Source::Kernel, "!!! KERNEL FAILURE !!!: CPU Exception on PID 1: Illegal instruction");
        let failure = Fault::of(&failure).unwrap();
        assert_eq!((failure.pid, failure.kind), (Some(1), FaultKind::Exception));
        for (text, pid) in [
            ("PANIC in PID 3: panicked at src/services.rs", Some(3)),
            ("\rPANIC in PID 3: panicked at src/services.rs", Some(3)),
            (
                "KERNEL(7): RISC-V fault: Store page fault - PANIC in PID 7: Maybe ran out of kernel stack?",
                Some(7),
            ),
            ("PANIC!", None),
        ] {
            let panic = Fault::of(&line(Source::Kernel, text)).unwrap();
            assert_eq!((panic.pid, panic.kind), (pid, FaultKind::Panic));
        }
    }

    #[test]
    fn what_a_program_prints_or_is_called_is_no_fault() {
        for text in ["PANIC in PID 9", "PROGRAM HALT: CPU Exception on PID 12: Load page fault", "PANIC"] {
            assert_eq!(Fault::of(&line(Source::Log, text)), None, "{text}");
            assert_eq!(Fault::of(&line(Source::Machine, text)), None, "{text}");
            // As the kernel's debug shell shows a process of this name.
            assert_eq!(Fault::of(&line(Source::Kernel, &format!(" 9 {text}"))), None, "{text}");
        }
    }

    #[test]
    fn lines_are_shown_with_time_and_source() {
        assert_eq!(shown(&line(Source::Log, "hello")), "       2 ms     log| hello");
    }
}
