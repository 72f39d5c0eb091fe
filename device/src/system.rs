//! The machine as it runs, and when it stops.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    boot::{Generation, Owners},
    cpu::Cpu,
    machine::{Board, Devices, Line, Next, PER_MILLISECOND, Source},
    memory::Tables,
    outcome::{End, Fault, FaultKind, Outcome, Process, duration, shown},
    running::{Control, Look},
};

/// Machine time, 20 ms, that the log server has after a failure to write down what led to it.
const LAST_WORDS: u64 = 20 * PER_MILLISECOND;

/// So many instructions in a row a kernel never needs: a second of machine time in which no byte is written, no program gets
/// on, and the processor does not sleep.
const MAX_SILENT: u64 = 100_000_000;

/// An emulated device: see [`Machine::builder`].
pub struct Machine {
    pub(crate) cpu: Cpu<Board>,
    pub(crate) owners: Owners,
    /// What the kernel was taken for.
    pub(crate) generation: Generation,
    /// Of the processes, the kernel's first.
    pub(crate) names: Vec<String>,
    /// Processes that the run waits for.
    pub(crate) programs: Vec<u8>,
    pub(crate) until: Option<String>,
    pub(crate) machine_limit: u64,
    pub(crate) wall_limit: Duration,
    pub(crate) verbose: bool,
    pub(crate) watcher: Option<Watcher>,
    pub(crate) control: Arc<Control>,
    pub(crate) log: Vec<Line>,
    pub(crate) faults: Vec<Fault>,
    /// How many panics of programs are among them.
    pub(crate) faults_of_panics: usize,
}

/// Is shown each line of the log as it comes.
pub(crate) type Watcher = Box<dyn FnMut(&Line) + Send>;

impl Machine {
    /// Runs to the end: of the programs, of a limit, or by a failure.
    pub fn run(mut self) -> Outcome {
        let end = self.run_to_end();
        self.cpu.devices.finish_lines(self.cpu.count);
        self.take_lines();
        self.control.end();
        let processes = self.processes();
        let recorder = self.cpu.recorder.take();
        Outcome {
            end,
            account: recorder.map(|recorder| recorder.account(&self.names)),
            processes,
            instructions: self.cpu.count,
            time: self.cpu.devices.now(self.cpu.count),
            log: self.log,
            faults: self.faults,
        }
    }

    fn run_to_end(&mut self) -> End {
        let start = Instant::now();
        let mut ended = Vec::new();
        loop {
            let Next::RunUntil(until) = self.cpu.devices.advance(self.cpu.count, &mut self.cpu.ram) else {
                return if self.faults.is_empty() { End::IdleForever } else { End::Failed };
            };
            self.cpu.interrupt();
            let left = self.machine_limit.saturating_sub(self.cpu.devices.now(self.cpu.count));
            self.cpu.run(until.min(self.cpu.count.saturating_add(left)));
            if let Some(why) = self.stuck() {
                self.faults.push(Fault { pid: Some(1), kind: FaultKind::Stuck, line: why });
                return End::Failed;
            }
            self.tell_panics();
            let has_ended = self.cpu.counts.ended() != ended.len();
            if has_ended {
                self.tell_ends(&mut ended);
            }
            if let Some(end) = self.take_lines() {
                return end;
            }
            let all_have = || self.programs.iter().all(|pid| self.cpu.counts.process(*pid).exit.is_some());
            if has_ended && self.faults.is_empty() && all_have() {
                return End::ProgramsEnded;
            }
            if left == 0 {
                return if self.faults.is_empty() { End::MachineTime } else { End::Failed };
            }
            if self.control.is_called() {
                if self.control.is_stopped() {
                    return if self.faults.is_empty() { End::Stopped } else { End::Failed };
                }
                if let Some(asked) = self.control.asked() {
                    let time = duration(self.cpu.devices.now(self.cpu.count));
                    asked.send(Look { time, processes: self.processes() }).ok();
                }
            }
            if start.elapsed() >= self.wall_limit {
                return End::WallTime;
            }
        }
    }

    /// Adds a line to the log for each process that has ended and is not among those that are told already.
    fn tell_ends(&mut self, told: &mut Vec<u8>) {
        for (pid, name) in (1..).zip(&self.names) {
            let Some((code, count)) = self.cpu.counts.process(pid).exit.filter(|_| !told.contains(&pid))
            else {
                continue;
            };
            told.push(pid);
            let time = self.cpu.devices.now(count);
            self.cpu.devices.add_line(Line {
                source: Source::Machine,
                time,
                text: format!("{name} has ended with {code}"),
            });
        }
    }

    /// Adds a line to the log, and a failure, for each process that has told the log server of a panic.
    fn tell_panics(&mut self) {
        let known = self.faults_of_panics;
        for pid in self.cpu.panics.told().get(known..).unwrap_or_default() {
            self.faults_of_panics += 1;
            let time = self.cpu.devices.now(self.cpu.count);
            let name = self.names.get(usize::from(*pid).saturating_sub(1)).map_or("?", String::as_str);
            let text = format!("{name} has panicked");
            self.faults.push(Fault { pid: Some(*pid), kind: FaultKind::Panic, line: text.clone() });
            self.machine_limit = self.machine_limit.min(time.saturating_add(LAST_WORDS));
            self.cpu.devices.add_line(Line { source: Source::Machine, time, text });
        }
    }

    /// Why the kernel will not do anything any more, if that is so.
    fn stuck(&self) -> Option<String> {
        let cpu = &self.cpu;
        let active = cpu.counts.programs_until().max(cpu.devices.active());
        let is_silent = !cpu.user && cpu.count.saturating_sub(active) > MAX_SILENT;
        if cpu.stuck.is_none() && !is_silent {
            return None;
        }
        let csr = &cpu.csr;
        let trap = format!("pc {:#x}, cause {}, value {:#x}", csr.resume, csr.cause, csr.value);
        let why = if let Some(again) = cpu.stuck {
            let (cause, value) = (again.cause as u32, again.value);
            format!(
                "its trap handler at {:#x} cannot begin (cause {cause}, value {value:#x}); the trap: {trap}",
                csr.vector
            )
        } else {
            format!("for a second it has done nothing for anybody, at {:#x}; the last trap: {trap}", cpu.pc)
        };
        if cpu.counts.programs_until() == 0 {
            return Some(format!("the kernel does not start ({}): {why}", self.generation.words()));
        }
        Some(format!("the kernel is stuck: {why}"))
    }

    /// Looks at what was written: a failure, after which the run goes on for a moment, or the line that ends the run.
    fn take_lines(&mut self) -> Option<End> {
        let mut end = None;
        for line in self.cpu.devices.take_lines() {
            if self.verbose {
                // Whoever does not read it any more need not stop the machine.
                writeln!(std::io::stderr(), "{}", shown(&line)).ok();
            }
            if let Some(watcher) = &mut self.watcher {
                watcher(&line);
            }
            if let Some(fault) = Fault::of(&line) {
                self.faults.push(fault);
                self.machine_limit = self.machine_limit.min(line.time.saturating_add(LAST_WORDS));
            }
            if self.until.as_ref().is_some_and(|text| line.text.contains(text)) {
                end = Some(End::Logged);
            }
            self.log.push(line);
        }
        end
    }

    fn processes(&mut self) -> Vec<Process> {
        self.cpu.account();
        let pages = self.owners.count(&self.cpu.ram);
        (1..).zip(&self.names).map(|(pid, name)| self.process(pid, name, pages[usize::from(pid)])).collect()
    }

    fn process(&self, pid: u8, name: &str, pages: u32) -> Process {
        let counts = self.cpu.counts.process(pid);
        let calls = (0..).zip(&counts.calls).filter(|(_, count)| **count != 0);
        Process {
            pid,
            name: name.to_owned(),
            exit_code: counts.exit.map(|(code, _)| code),
            user_instructions: counts.user,
            kernel_instructions: counts.kernel,
            system_calls: calls.map(|(number, count)| (number, *count)).collect(),
            pages,
            memory: (counts.exit.is_none() && pid > 1)
                .then(|| Tables::new(&self.cpu.ram, self.owners.root(pid)).memory()),
        }
    }
}
