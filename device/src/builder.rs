//! A machine with a kernel, services and programs, as it is put together.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    boot::{BootProgram, ElfError, Fit, Generation, Image, boot, check_kernel, check_program},
    cpu::Cpu,
    machine::{Board, Idle, Line, Options, Ram},
    net::{MakePeer, Network, Peer},
    outcome::Outcome,
    profile::{Recorder, Symbols},
    running::{Control, Running},
    system::{Machine, Watcher},
};

/// Processes beside the kernel, of which there are 64 with it (`MAX_PROCESS_COUNT` in xous-core's
/// `kernel/src/arch/riscv/process.rs`). It does not count them: one more is an index behind its table, before it can say so.
const MAX_PROGRAMS: usize = 63;

/// Why a machine could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file could not be read.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A file is no program for the device.
    #[error("{0}: {1}")]
    Elf(PathBuf, ElfError),
    /// More programs than the kernel has processes.
    #[error(
        "{programs} programs beside {services} services: the kernel has {MAX_PROGRAMS} processes for them, which leaves {}",
        MAX_PROGRAMS.saturating_sub(*.services)
    )]
    TooManyPrograms {
        /// Programs that the run waits for.
        programs: usize,
        /// Servers that need not end.
        services: usize,
    },
    /// A program's argument, or its name, is too long.
    #[error("an argument of {0} is longer than 65,535 bytes")]
    LongArgument(String),
    /// A variable of a program's environment is too long.
    #[error("a variable of {0}, or its name, is longer than 65,535 bytes")]
    LongVariable(String),
    /// A program's command line or environment is too long.
    #[error("{0} has more than 65,535 arguments or variables")]
    TooManyArguments(String),
    /// Kernel and programs do not fit into RAM.
    #[error("kernel and programs do not fit into RAM")]
    RamFull,
}

struct Program {
    path: PathBuf,
    name: String,
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
    peers: Vec<(u16, MakePeer)>,
    callers: Vec<(u16, MakePeer)>,
    typed: String,
    profile: bool,
    verbose: bool,
    watcher: Option<Watcher>,
    control: Arc<Control>,
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
            peers: Vec::new(),
            callers: Vec::new(),
            typed: String::new(),
            profile: false,
            verbose: false,
            watcher: None,
            control: Arc::default(),
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

    /// Calls the program or service that was added last by another name than that of its file. It is also the first
    /// word of its command line.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        if let Some(program) = self.programs.last_mut() {
            program.name = name.to_owned();
        }
        self
    }

    /// Gives one more argument to the first service of this name.
    #[must_use]
    pub fn argument_of(mut self, service: &str, argument: &str) -> Self {
        if let Some(program) = self.programs.iter_mut().find(|program| program.name == service) {
            program.arguments.push(argument.to_owned());
        }
        self
    }

    /// Sets a variable in the environment of the first service of this name.
    #[must_use]
    pub fn variable_of(mut self, service: &str, key: &str, value: &str) -> Self {
        if let Some(program) = self.programs.iter_mut().find(|program| program.name == service) {
            program.environment.push((key.to_owned(), value.to_owned()));
        }
        self
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
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
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

    /// Lets a call to a socket move no more bytes than this; without it, a page.
    #[must_use]
    pub fn bytes_per_call(mut self, bytes: usize) -> Self {
        self.options.bytes_per_call = Some(bytes);
        self
    }

    /// Lets connections to a port reach a peer who costs the machine nothing, made anew for each of them. A strict network
    /// has none.
    #[must_use]
    pub fn peer(mut self, port: u16, make: impl FnMut() -> Box<dyn Peer> + Send + 'static) -> Self {
        self.peers.push((port, Box::new(make)));
        self
    }

    /// Has a peer who costs the machine nothing connect to a port when it is opened. A strict network and the PC's have none.
    #[must_use]
    pub fn caller(mut self, port: u16, make: impl FnMut() -> Box<dyn Peer> + Send + 'static) -> Self {
        self.callers.push((port, Box::new(make)));
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

    /// Keeps an account of who spends the instructions and what for: [`Outcome::account`]. Runs take two to three times
    /// as long, and the same instructions.
    #[must_use]
    pub fn profile(mut self) -> Self {
        self.profile = true;
        self
    }

    /// Whether the log goes to standard error as it comes, too.
    #[must_use]
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Shows each line of the log to `watcher` as it comes.
    #[must_use]
    pub fn watch(mut self, watcher: impl FnMut(&Line) + Send + 'static) -> Self {
        self.watcher = Some(Box::new(watcher));
        self
    }

    pub(crate) fn control(&self) -> Arc<Control> {
        self.control.clone()
    }

    pub(crate) fn take_watcher(&mut self) -> Option<Watcher> {
        self.watcher.take()
    }

    /// Loads everything.
    ///
    /// # Errors
    /// [`StartError`], for files that cannot be used, and where they or their arguments are too many or too large.
    pub fn start(self) -> Result<Machine, StartError> {
        if self.programs.len() > MAX_PROGRAMS {
            let services = self.programs.iter().filter(|program| !program.waited_for).count();
            return Err(StartError::TooManyPrograms { programs: self.programs.len() - services, services });
        }
        let kernel = read(&self.kernel)?;
        check_kernel(&kernel).map_err(|error| StartError::Elf(self.kernel.clone(), error))?;
        let programs = self.programs.iter().map(Program::load).collect::<Result<Vec<_>, _>>()?;
        let recorder = self.recorder()?;
        let mut cpu = Cpu::new(Ram::new(), Board::new(&self.options));
        cpu.recorder = recorder;
        let owners = boot(&mut cpu, &kernel, self.generation, &programs).ok_or(StartError::RamFull)?;
        cpu.devices.type_to_kernel(&self.typed);
        for (port, make) in self.peers {
            cpu.devices.add_peer(port, make);
        }
        for (port, make) in self.callers {
            cpu.devices.add_caller(port, make);
        }
        let names = programs.into_iter().map(|program| program.name);
        let waited_for = (2..).zip(&self.programs).filter(|(_, program)| program.waited_for);
        Ok(Machine {
            cpu,
            owners,
            generation: self.generation,
            names: std::iter::once("kernel".to_owned()).chain(names).collect(),
            programs: waited_for.map(|(pid, _)| pid).collect(),
            until: self.until,
            machine_limit: units(self.machine_limit),
            wall_limit: self.wall_limit,
            verbose: self.verbose,
            watcher: self.watcher,
            control: self.control,
            log: Vec::new(),
            faults: Vec::new(),
            faults_of_panics: 0,
        })
    }

    /// What keeps the account, if one is asked for, with the functions of the kernel and of the programs.
    fn recorder(&self) -> Result<Option<Box<Recorder>>, StartError> {
        if !self.profile {
            return Ok(None);
        }
        let paths = std::iter::once(&self.kernel).chain(self.programs.iter().map(|program| &program.path));
        let symbols = paths.map(|path| Ok(Symbols::of(&file(path)?))).collect::<Result<_, StartError>>()?;
        Ok(Some(Box::new(Recorder::new(symbols))))
    }

    /// Loads everything and runs it to its end.
    ///
    /// # Errors
    /// Those of [`Builder::start`].
    pub fn run(self) -> Result<Outcome, StartError> {
        Ok(self.start()?.run())
    }

    /// Loads everything and runs it on a thread of its own, for those who take part in it from outside.
    ///
    /// # Errors
    /// Those of [`Builder::start`].
    pub fn run_beside(self) -> Result<Running, StartError> {
        Running::start(self)
    }
}

impl Program {
    fn load(&self) -> Result<BootProgram, StartError> {
        let name = self.name.clone();
        let words: Vec<_> = std::iter::once(&name).chain(&self.arguments).cloned().collect();
        match Fit::of(&words, &self.environment) {
            Fit::Fits => (),
            Fit::LongWord => return Err(StartError::LongArgument(name)),
            Fit::LongVariable => return Err(StartError::LongVariable(name)),
            Fit::TooMany => return Err(StartError::TooManyArguments(name)),
        }
        let image = read(&self.path)?;
        let program = BootProgram { image, words, environment: self.environment.clone(), name };
        check_program(&program).map_err(|error| StartError::Elf(self.path.clone(), error))?;
        Ok(program)
    }
}

fn read(path: &Path) -> Result<Image, StartError> {
    Image::parse(&file(path)?).map_err(|error| StartError::Elf(path.to_owned(), error))
}

fn file(path: &Path) -> Result<Vec<u8>, StartError> {
    std::fs::read(path).map_err(|error| StartError::File(path.to_owned(), error))
}

fn units(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos() / 10).unwrap_or(u64::MAX)
}
