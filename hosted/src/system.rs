//! The launcher: a kernel with its servers and programs, started, watched and ended.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use stand_ins::control::Report;
use stand_ins::settings::{NAMES_STAY, PDDB_DIRECTORY};

use crate::command::{Kind, Program};
use crate::error::{RunError, RunFault, StartError};
use crate::group::Group;
use crate::kernel_memory::KernelMemory;
use crate::output::{Input, Output};
use crate::pddb::Pddb;
use crate::prepare::{Programs, prepare};
use crate::run_directory::{RunDirectory, tail};

/// How long the services may take until they are registered, and the name server to say that the kernel lives.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// What a system consists of beside kernel, log, ticktimer and stand-ins, and how it runs.
#[derive(Clone, Debug)]
pub struct Builder {
    services: Vec<(Program, String)>,
    programs: Vec<Program>,
    time_limit: Option<Duration>,
    memory_limit: Option<u64>,
    verbose: bool,
    output: Output,
    input: Input,
    pddb: Pddb,
    names_stay: bool,
    suspends: bool,
}

/// How the programs of a system ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// One entry per program, in the order in which they were given.
    pub programs: Vec<End>,
}

/// The end of one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It reported that it has done what it was started for (the test harness does), and was not waited for.
    Done,
    /// It ended, with this exit code, or 128 + N for signal N. The hosted kernel's clients exit with 0 when the kernel
    /// ends; that case is a [`RunFault::KernelEnded`] and never this one.
    Exited(i32),
}

impl Builder {
    /// A system without service and program.
    pub(crate) fn new() -> Self {
        Self {
            services: Vec::new(),
            programs: Vec::new(),
            time_limit: None,
            memory_limit: None,
            verbose: std::env::var_os("RUST_LOG").is_some_and(|level| !level.is_empty()),
            output: Output::User,
            input: Input::Text(String::new()),
            pddb: Pddb::new(),
            names_stay: false,
            suspends: false,
        }
    }

    /// Adds a service, which is ready when it is registered under `name`. It must not end before the programs.
    #[must_use]
    pub fn service(mut self, service: Program, name: &str) -> Self {
        self.services.push((service, name.to_owned()));
        self
    }

    /// Adds a program. All start with the system; connecting to a service waits until it is there.
    #[must_use]
    pub fn program(mut self, program: Program) -> Self {
        self.programs.push(program);
        self
    }

    /// Names stay taken when their servers have gone, as with the real name server. Without this call they are free again.
    #[must_use]
    pub fn names_stay(mut self) -> Self {
        self.names_stay = true;
        self
    }

    /// Has a server that suspends the device ([`SUSRES`](crate::SUSRES)), which a PC does not need.
    #[must_use]
    pub fn suspends(mut self) -> Self {
        self.suspends = true;
        self
    }

    /// Sets up the PDDB stand-in.
    #[must_use]
    pub fn pddb(mut self, pddb: Pddb) -> Self {
        self.pddb = pddb;
        self
    }

    /// Ends the system with an error when it is not done after this time. Without it there is no limit, but for the
    /// half minute in which every service must be registered.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Ends the system with an error when its kernel has taken this many bytes of memory, looked at once a second: the
    /// hosted kernel never frees what messages carried. Without this call, half of the host's memory, 8 GiB at most.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Whether what kernel and servers print goes to stderr instead of the log file. Without this call, it does when
    /// `RUST_LOG` is set.
    #[must_use]
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Gives the programs this as their stdin, if what they print is captured or goes to a file: at most what a pipe
    /// holds.
    #[must_use]
    pub fn input(mut self, text: &str) -> Self {
        self.input = Input::Text(text.to_owned());
        self
    }

    /// As [`Builder::input`], but from `file`, such as a pipe that is written to meanwhile.
    #[must_use]
    pub fn input_from(mut self, file: impl Into<OwnedFd>) -> Self {
        self.input = Input::From(Arc::new(file.into()));
        self
    }

    /// Collects what the programs print for [`System::output`]; they get an empty stdin, or [`Builder::input`].
    #[must_use]
    pub fn captured(mut self) -> Self {
        self.output = Output::Captured;
        self
    }

    /// Gives the programs the launcher's own standard files, as it is without any of these calls.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.output = Output::User;
        self
    }

    /// Sends what the programs print to `file`, such as a pipe that is read meanwhile; they get an empty stdin, or
    /// [`Builder::input`]. The file is closed here when the system has started.
    #[must_use]
    pub fn output_to(mut self, file: impl Into<OwnedFd>) -> Self {
        self.output = Output::To(Arc::new(file.into()));
        self
    }

    /// Starts the system. This returns at once; see [`System::wait_ready`].
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub fn start(self) -> Result<System, StartError> {
        let installed = prepare()?;
        let processes = self.processes(&installed)?;
        let commands = processes
            .iter()
            .enumerate()
            .map(|(index, process)| process.command(index))
            .collect::<Result<Vec<_>, _>>()?;
        let host = |task| move |source| StartError::Host { task, source };
        let directory = RunDirectory::create().map_err(host("making its directory"))?;
        let output = directory.file("output");
        let log = self.open_log(&directory.file("log")).map_err(host("opening its log"))?;
        let files =
            self.output.open(&output, &self.input).map_err(host("opening the programs' standard files"))?;
        let group = Group::start(&installed.kernel, &commands, directory.path(), files, log)
            .map_err(host("starting its processes"))?;
        Ok(System {
            memory: KernelMemory::new(group.id(), self.memory_limit),
            group,
            processes,
            directory,
            unread: Vec::new(),
            probe: Probe::Idle,
            started: Instant::now(),
            time_limit: self.time_limit,
        })
    }

    fn processes(&self, installed: &Programs) -> Result<Vec<Process>, StartError> {
        let path = |path: &Path| match path.to_str() {
            Some(path) => Ok(Program::new(path)),
            None => Err(StartError::Program {
                path: path.to_string_lossy().into_owned(),
                fault: "its path is not UTF-8, which the kernel cannot take; move the target directory"
                    .into(),
            }),
        };
        let mut processes =
            vec![Process::base(path(&installed.log)?), Process::base(path(&installed.ticktimer)?)];
        for (name, _) in stand_ins::COMMANDS {
            if *name == "susres" && !self.suspends {
                continue;
            }
            let mut stand_in = path(&installed.stand_ins)?.arg(*name);
            if *name == "pddb" {
                stand_in = self.set_up_pddb(stand_in)?;
            }
            if *name == "names" && self.names_stay {
                stand_in = stand_in.env(NAMES_STAY, "1");
            }
            processes.push(Process::base(stand_in));
        }
        let services = self.services.iter().cloned();
        processes.extend(services.map(|(service, name)| Process::service(service, name)));
        processes.extend(self.programs.iter().cloned().map(Process::program));
        Ok(processes)
    }

    fn set_up_pddb(&self, mut program: Program) -> Result<Program, StartError> {
        for (name, value) in self.pddb.environment() {
            program = program.env(name, value);
        }
        let Some(directory) = &self.pddb.directory else { return Ok(program) };
        let absolute = std::path::absolute(directory)
            .map_err(|source| StartError::Host { task: "finding the PDDB's directory", source })?;
        match absolute.to_str() {
            Some(path) => Ok(program.env(PDDB_DIRECTORY, path)),
            None => Err(StartError::Program {
                path: directory.to_string_lossy().into_owned(),
                fault: "its path is not UTF-8".into(),
            }),
        }
    }

    fn open_log(&self, path: &Path) -> io::Result<File> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        if self.verbose { Ok(File::from(io::stderr().as_fd().try_clone_to_owned()?)) } else { Ok(file) }
    }
}

/// One process of a system.
#[derive(Clone, Debug)]
struct Process {
    program: Program,
    kind: Kind,
    /// The name that a service must be registered under, until it is.
    awaited: Option<String>,
    end: Option<End>,
}

impl Process {
    fn base(program: Program) -> Self {
        Self { program, kind: Kind::Base, awaited: None, end: None }
    }

    fn service(program: Program, name: String) -> Self {
        Self { program, kind: Kind::Service, awaited: Some(name), end: None }
    }

    fn program(program: Program) -> Self {
        Self { program, kind: Kind::Program, awaited: None, end: None }
    }

    fn command(&self, index: usize) -> Result<String, StartError> {
        self.program
            .command(index, self.kind)
            .map_err(|fault| StartError::Program { path: self.program.path.clone(), fault })
    }

    fn is_running_program(&self) -> bool {
        self.kind == Kind::Program && self.end.is_none()
    }
}

/// The question whether the kernel lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    Idle,
    Asked(Instant),
    Answered,
}

/// A running system. All its processes end when it is dropped, and when the process that holds it ends in any way.
pub struct System {
    group: Group,
    memory: KernelMemory,
    processes: Vec<Process>,
    directory: RunDirectory,
    /// What came through the control pipe after the last whole line.
    unread: Vec<u8>,
    probe: Probe,
    started: Instant,
    time_limit: Option<Duration>,
}

impl System {
    /// Describes a system to start.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Waits until every service is registered with the name server.
    ///
    /// # Errors
    /// [`RunError`]: end the system, which cannot do its work.
    pub fn wait_ready(&mut self) -> Result<(), RunError> {
        self.watch_until(|system| system.processes.iter().all(|process| process.awaited.is_none()))
    }

    /// Waits until every program has ended, or reported that it is done, and ends the system.
    ///
    /// # Errors
    /// [`RunError`]; the system has been ended.
    pub fn wait(mut self) -> Result<Outcome, RunError> {
        self.wait_programs()
    }

    /// As [`Self::wait`], but keeps the system, for its [`Self::output`].
    ///
    /// # Errors
    /// [`RunError`]: end the system, which cannot do its work.
    pub fn wait_programs(&mut self) -> Result<Outcome, RunError> {
        self.watch_until(|system| !system.processes.iter().any(Process::is_running_program))?;
        self.check_kernel()?;
        Ok(Outcome { programs: self.ends().flatten().collect() })
    }

    /// Waits until every program has reported that it is done, or one has ended without; `None` stands for those that
    /// are neither.
    pub(crate) fn wait_done(&mut self) -> Result<Vec<Option<End>>, RunError> {
        self.watch_until(|system| {
            system.has_exited() || !system.processes.iter().any(Process::is_running_program)
        })?;
        if self.has_exited() {
            self.check_kernel()?;
        }
        Ok(self.ends().collect())
    }

    fn has_exited(&self) -> bool {
        self.ends().any(|end| matches!(end, Some(End::Exited(_))))
    }

    /// Makes sure that programs did not end because the kernel did.
    fn check_kernel(&mut self) -> Result<(), RunError> {
        // Nobody left to ask means that the kernel has ended, too.
        self.group.probe().map_err(|_| self.failed(RunFault::KernelEnded))?;
        self.probe = Probe::Asked(Instant::now());
        self.watch_until(|system| system.probe == Probe::Answered)
    }

    fn ends(&self) -> impl Iterator<Item = Option<End>> {
        self.processes.iter().filter(|process| process.kind == Kind::Program).map(|process| process.end)
    }

    /// What the programs of a [captured](Builder::captured) system have printed so far.
    pub fn output(&self) -> String {
        std::fs::read(self.directory.file("output"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// What the kernel, the log server and the other servers print. Empty when that goes to stderr.
    pub fn log(&self) -> PathBuf {
        self.directory.file("log")
    }

    /// The last lines of the log.
    pub fn log_tail(&self) -> String {
        tail(&self.log())
    }

    /// Keeps the log and the output of this system on disk; otherwise they are removed with it, unless it failed.
    pub fn keep_log(&mut self) {
        self.directory.keep();
    }

    /// The system failed as it was to: its log is not kept.
    pub(crate) fn remove_log(&mut self) {
        self.directory.remove();
    }

    fn watch_until(&mut self, reached: impl Fn(&Self) -> bool) -> Result<(), RunError> {
        loop {
            self.take_reports().map_err(|fault| self.failed(fault))?;
            if reached(self) {
                return Ok(());
            }
            self.read_control().map_err(|fault| self.failed(fault))?;
        }
    }

    fn read_control(&mut self) -> Result<(), RunFault> {
        if let Some((taken, limit)) = self.memory.over() {
            return Err(RunFault::KernelMemory { taken, limit });
        }
        let (deadline, look) = (self.deadline(), self.memory.next());
        let until = deadline.map_or(look, |deadline| deadline.min(look));
        match self.group.read_control(&mut self.unread, Some(until)) {
            Ok(true) => Ok(()),
            Ok(false) if deadline.is_none_or(|deadline| Instant::now() < deadline) => Ok(()),
            Ok(false) => Err(self.over(deadline)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(RunFault::KernelEnded),
            Err(error) => Err(RunFault::Host(error)),
        }
    }

    /// Takes in what has been read, line by line.
    fn take_reports(&mut self) -> Result<(), RunFault> {
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            match Report::parse(line.trim_end_matches('\n')) {
                Some(report) => self.take_report(report)?,
                None => eprintln!("hosted: not a report: {line:?}"),
            }
        }
        Ok(())
    }

    fn take_report(&mut self, report: Report) -> Result<(), RunFault> {
        match report {
            Report::Registered(_) => {
                for process in &mut self.processes {
                    if process.awaited.as_ref().is_some_and(|name| Report::registered(name) == report) {
                        process.awaited = None;
                    }
                }
            }
            Report::KernelLives => self.probe = Probe::Answered,
            Report::Done(index) => self.note_end(index, End::Done),
            Report::Ended(index, status) => {
                if let Some(process) = self.processes.get(index)
                    && process.kind != Kind::Program
                {
                    return Err(match (process.kind, status) {
                        // They have no way to end with success but with the kernel.
                        (Kind::Base, 0) => RunFault::KernelEnded,
                        _ => RunFault::ServerEnded { path: process.program.path.clone(), status },
                    });
                }
                self.note_end(index, End::Exited(status));
            }
        }
        Ok(())
    }

    /// The first word on a program's end counts.
    fn note_end(&mut self, index: usize, end: End) {
        if let Some(process) = self.processes.get_mut(index) {
            process.end.get_or_insert(end);
        }
    }

    /// Until when what is being waited for must have happened.
    fn deadline(&self) -> Option<Instant> {
        let ready = self.processes.iter().all(|process| process.awaited.is_none());
        let probed = match self.probe {
            Probe::Asked(since) => Some(since + ANSWER_LIMIT),
            Probe::Idle | Probe::Answered => None,
        };
        let limits = [self.time_limit, (!ready).then_some(ANSWER_LIMIT)];
        limits.into_iter().flatten().map(|limit| self.started + limit).chain(probed).min()
    }

    fn over(&self, deadline: Option<Instant>) -> RunFault {
        let unregistered = self.processes.iter().filter(|process| process.awaited.is_some());
        let running = self.processes.iter().filter(|process| process.is_running_program());
        RunFault::TimeLimit {
            limit: deadline.map_or(Duration::ZERO, |deadline| deadline.duration_since(self.started)),
            waiting_for: unregistered.chain(running).map(|process| process.program.path.clone()).collect(),
        }
    }

    fn failed(&mut self, cause: RunFault) -> RunError {
        self.directory.keep();
        RunError { cause, log: self.log(), log_tail: self.log_tail() }
    }
}
