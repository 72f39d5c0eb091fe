//! The machine with a kernel, services and programs, as a run is put together.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    boot::{BootProgram, ElfError, Generation, Image, Owners, boot},
    cpu::Cpu,
    machine::{Board, Idle, Line, Next, Options, PER_MILLISECOND, Ram},
    net::Network,
    outcome::{End, Fault, Outcome, Process, shown},
};

/// Process numbers are bytes; 0 is nobody and 1 the kernel.
const MAX_PROGRAMS: usize = 254;
/// The PC's clock is looked at after this many rounds of the machine, each of which ends at an event,
const ROUNDS_PER_LOOK: u32 = 256;
/// or after one of this many instructions.
const LONG_ROUND: u64 = 100_000;
/// Machine time, 20 ms, that the log server has after a failure to write down what led to it.
const LAST_WORDS: u64 = 20 * PER_MILLISECOND;

/// Why a machine could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file could not be read.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A file is no program for the device.
    #[error("{0}: {1}")]
    Elf(PathBuf, ElfError),
    /// More programs than there are process numbers.
    #[error("more than {MAX_PROGRAMS} programs")]
    TooManyPrograms,
    /// Kernel and programs do not fit into RAM.
    #[error("kernel and programs do not fit into RAM")]
    RamFull,
}

/// An emulated device: see [`Machine::builder`].
pub struct Machine {
    cpu: Cpu<Board>,
    owners: Owners,
    names: Vec<String>,
    /// Processes that the run waits for.
    programs: Vec<u8>,
    until: Option<String>,
    machine_limit: u64,
    wall_limit: Duration,
    verbose: bool,
    log: Vec<Line>,
    faults: Vec<Fault>,
}

struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    waited_for: bool,
}

/// Puts a machine together.
pub struct Builder {
    kernel: PathBuf,
    generation: Generation,
    programs: Vec<Program>,
    options: Options,
    until: Option<String>,
    machine_limit: Duration,
    wall_limit: Duration,
    typed: String,
    verbose: bool,
}

impl Machine {
    /// A machine with this kernel, an ELF file, and no program.
    ///
    /// Without other calls, a run ends after 60 s of machine time or of the PC's, idle time is virtual, and two runs
    /// agree to the instruction.
    pub fn builder(kernel: impl AsRef<Path>) -> Builder {
        Builder {
            kernel: kernel.as_ref().to_owned(),
            generation: Generation::default(),
            programs: Vec::new(),
            options: Options::default(),
            until: None,
            machine_limit: Duration::from_secs(60),
            wall_limit: Duration::from_secs(60),
            typed: String::new(),
            verbose: false,
        }
    }
}

impl Builder {
    /// Which generation of kernels it is.
    #[must_use]
    pub fn generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// Adds a server, which need not end. Servers and programs become processes in the order in which they are added.
    #[must_use]
    pub fn service(self, path: impl AsRef<Path>) -> Self {
        self.add(path.as_ref(), &[], false)
    }

    /// Adds a server with its arguments (without its name), which need not end.
    #[must_use]
    pub fn service_with(self, path: impl AsRef<Path>, arguments: &[&str]) -> Self {
        self.add(path.as_ref(), arguments, false)
    }

    /// Adds a program with its arguments (without its name); the run waits for its end.
    #[must_use]
    pub fn program(self, path: impl AsRef<Path>, arguments: &[&str]) -> Self {
        self.add(path.as_ref(), arguments, true)
    }

    /// Sets a variable in the environment of the program or service that was added last.
    #[must_use]
    pub fn variable(mut self, key: &str, value: &str) -> Self {
        if let Some(program) = self.programs.last_mut() {
            program.environment.push((key.to_owned(), value.to_owned()));
        }
        self
    }

    fn add(mut self, path: &Path, arguments: &[&str], waited_for: bool) -> Self {
        self.programs.push(Program {
            path: path.to_owned(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: Vec::new(),
            waited_for,
        });
        self
    }

    /// Ends the run when a line of the log contains this text.
    #[must_use]
    pub fn until(mut self, text: &str) -> Self {
        self.until = Some(text.to_owned());
        self
    }

    /// Ends the run after this much machine time: the limit that does not depend on the PC.
    #[must_use]
    pub fn machine_limit(mut self, limit: Duration) -> Self {
        self.machine_limit = limit;
        self
    }

    /// Ends the run after this much of the PC's time.
    #[must_use]
    pub fn wall_limit(mut self, limit: Duration) -> Self {
        self.wall_limit = limit;
        self
    }

    /// What becomes of the time in which the processor has nothing to do.
    #[must_use]
    pub fn idle(mut self, idle: Idle) -> Self {
        self.options.idle = idle;
        self
    }

    /// What the system's sockets reach. With the PC's, idle time is real unless it is set afterwards.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.options.network = network;
        self.options.idle = match network {
            Network::Inside => Idle::Virtual,
            Network::Loopback => Idle::Real,
        };
        self
    }

    /// Makes sockets as strict as those of xous-core's `net`: see [`Network`].
    #[must_use]
    pub fn strict_network(mut self) -> Self {
        self.options.strict_network = true;
        self
    }

    /// Seed of the machine's random number generators.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Lets each slice of processor time be half to one and a half times as long as programmed, by this seed: other
    /// orders of the threads' work.
    #[must_use]
    pub fn quantum_seed(mut self, seed: u64) -> Self {
        self.options.quantum_seed = Some(seed);
        self
    }

    /// Types at the kernel's debug shell from the start on, such as `p` for its list of processes.
    #[must_use]
    pub fn type_to_kernel(mut self, text: &str) -> Self {
        self.typed.push_str(text);
        self
    }

    /// Whether the log goes to standard error as it comes, too.
    #[must_use]
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Loads everything.
    ///
    /// # Errors
    /// [`StartError`], for files that cannot be used, and where they are too many or too large.
    pub fn start(self) -> Result<Machine, StartError> {
        if self.programs.len() > MAX_PROGRAMS {
            return Err(StartError::TooManyPrograms);
        }
        let kernel = read(&self.kernel)?;
        let programs = self.programs.iter().map(Program::load).collect::<Result<Vec<_>, _>>()?;
        let mut cpu = Cpu::new(Ram::new(), Board::new(&self.options));
        let owners = boot(&mut cpu, &kernel, self.generation, &programs).ok_or(StartError::RamFull)?;
        cpu.devices.type_to_kernel(&self.typed);
        let names = programs.into_iter().map(|program| program.name);
        let waited_for = (2..).zip(&self.programs).filter(|(_, program)| program.waited_for);
        Ok(Machine {
            cpu,
            owners,
            names: std::iter::once("kernel".to_owned()).chain(names).collect(),
            programs: waited_for.map(|(pid, _)| pid).collect(),
            until: self.until,
            machine_limit: units(self.machine_limit),
            wall_limit: self.wall_limit,
            verbose: self.verbose,
            log: Vec::new(),
            faults: Vec::new(),
        })
    }

    /// Loads everything and runs it to its end.
    ///
    /// # Errors
    /// Those of [`Builder::start`].
    pub fn run(self) -> Result<Outcome, StartError> {
        Ok(self.start()?.run())
    }
}

impl Program {
    fn load(&self) -> Result<BootProgram, StartError> {
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let words = std::iter::once(&name).chain(&self.arguments).cloned().collect();
        Ok(BootProgram { image: read(&self.path)?, words, environment: self.environment.clone(), name })
    }
}

fn read(path: &Path) -> Result<Image, StartError> {
    let file = std::fs::read(path).map_err(|error| StartError::File(path.to_owned(), error))?;
    Image::parse(&file).map_err(|error| StartError::Elf(path.to_owned(), error))
}

fn units(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos() / 10).unwrap_or(u64::MAX)
}

impl Machine {
    /// Runs to the end: of the programs, of a limit, or by a failure.
    pub fn run(mut self) -> Outcome {
        let end = self.run_to_end();
        self.cpu.account();
        self.cpu.devices.finish_lines(self.cpu.count);
        self.take_lines();
        let pages = self.owners.count(&self.cpu.ram);
        let names = (1..).zip(&self.names);
        let processes = names.map(|(pid, name)| self.process(pid, name, pages[usize::from(pid)])).collect();
        Outcome {
            end,
            processes,
            instructions: self.cpu.count,
            time: self.cpu.devices.now(self.cpu.count),
            log: self.log,
            faults: self.faults,
        }
    }

    fn run_to_end(&mut self) -> End {
        let start = Instant::now();
        let mut ended = 0;
        let mut rounds = 0u32;
        loop {
            let Next::RunUntil(until) = self.cpu.devices.advance(self.cpu.count, &mut self.cpu.ram) else {
                return if self.faults.is_empty() { End::IdleForever } else { End::Failed };
            };
            self.cpu.interrupt();
            let left = self.machine_limit.saturating_sub(self.cpu.devices.now(self.cpu.count));
            let before = self.cpu.count;
            self.cpu.run(until.min(self.cpu.count.saturating_add(left)));
            if let Some(end) = self.take_lines() {
                return end;
            }
            if self.cpu.counts.ended() != ended {
                ended = self.cpu.counts.ended();
                if self.faults.is_empty()
                    && self.programs.iter().all(|pid| self.cpu.counts.process(*pid).exit.is_some())
                {
                    return End::ProgramsEnded;
                }
            }
            if left == 0 {
                return if self.faults.is_empty() { End::MachineTime } else { End::Failed };
            }
            rounds = rounds.wrapping_add(1);
            let look = rounds.is_multiple_of(ROUNDS_PER_LOOK) || self.cpu.count - before >= LONG_ROUND;
            if look && start.elapsed() >= self.wall_limit {
                return End::WallTime;
            }
        }
    }

    /// Looks at what was written: a failure, after which the run goes on for a moment, or the line that ends the run.
    fn take_lines(&mut self) -> Option<End> {
        let mut end = None;
        for line in self.cpu.devices.take_lines() {
            if self.verbose {
                eprintln!("{}", shown(&line));
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
        }
    }
}
