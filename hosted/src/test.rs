//! The test harness: a `#[test]` function whose body runs as a Xous process.
//!
//! The function runs twice. Outside, called by the test runner, it starts a system in which its own test binary is a
//! program. Inside, called by that program, it runs the body. The body's end counts only when it is reported through
//! the control pipe, so a test that did not run cannot pass.

use std::time::Duration;

use stand_ins::control::{self, DIRECTORY, INDEX, Report};
use stand_ins::settings::PDDB_DIRECTORY;

use crate::command::Program;
use crate::error::{RunError, RunFault};
use crate::pddb::Pddb;
use crate::run_directory::RunDirectory;
use crate::system::{Builder, End, System};

/// Set for the process inside: the test that it runs.
const TEST: &str = "HOSTED_TEST";
/// Set inside: which of the test's roles it plays.
pub(crate) const ROLE: &str = "HOSTED_ROLE";
/// Set inside: the services to connect to before the body, one name per line.
const SERVICES: &str = "HOSTED_SERVICES";
/// How long a system may take in all, unless the test says otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Describes a test whose body runs as a Xous process; see the [crate documentation](crate).
///
/// To be called in the test function itself, for it finds the test's name by where it stands.
#[macro_export]
macro_rules! test {
    () => {{
        fn here() {}
        $crate::Test::new($crate::__test_name(&here))
    }};
}

/// The name by which the test runner knows the function that `here` was defined in.
#[doc(hidden)]
pub fn __test_name<T>(_here: &T) -> &'static str {
    let path = std::any::type_name::<T>();
    let path = path.strip_suffix("::here").unwrap_or(path);
    let path = path.trim_end_matches("::{{closure}}");
    path.split_once("::").map_or(path, |(_crate, name)| name)
}

/// A process of a test.
struct Role<'a> {
    name: &'static str,
    body: Box<dyn FnOnce() + 'a>,
    /// Which of the test's systems it is in.
    system: usize,
}

/// What differs between the systems of a test.
#[derive(Clone, Default)]
struct Setup {
    pddb: Pddb,
    /// The system is over when the PDDB stand-in has died as it was told.
    until_pddb_dies: bool,
}

/// A test in a system of its own, or in several, one after the other. Made by [`test!`](crate::test!).
pub struct Test<'a> {
    name: &'static str,
    system: Builder,
    services: Vec<String>,
    roles: Vec<Role<'a>>,
    /// One per system; at least one.
    setups: Vec<Setup>,
}

impl<'a> Test<'a> {
    #[doc(hidden)]
    pub fn new(name: &'static str) -> Self {
        let system = System::builder().captured().time_limit(TIME_LIMIT);
        Self { name, system, services: Vec::new(), roles: Vec::new(), setups: vec![Setup::default()] }
    }

    /// Adds a service to the system: it is registered, and connected to, when a body starts.
    #[must_use]
    pub fn service(mut self, program: Program, name: &str) -> Self {
        self.system = self.system.service(program, name);
        self.services.push(name.to_owned());
        self
    }

    /// Sets up the PDDB stand-in. Unless it is given a directory, it has one of the test's own, which all systems of
    /// the test share, and which goes with the test. Bodies find it by [`pddb_directory`].
    #[must_use]
    pub fn pddb(mut self, pddb: Pddb) -> Self {
        self.setup().pddb = pddb;
        self
    }

    /// Has a server that suspends the device ([`SUSRES`](crate::SUSRES)), which a PC does not need.
    #[must_use]
    pub fn suspends(mut self) -> Self {
        self.system = self.system.suspends();
        self
    }

    /// The system is over when the PDDB stand-in [has died](Pddb::dies_at), wherever its roles are then. If they come to
    /// their end first, the test fails.
    #[must_use]
    pub fn until_pddb_dies(mut self) -> Self {
        self.setup().until_pddb_dies = true;
        self
    }

    /// The roles that follow are in another system, which is started when all of this one has ended. Its PDDB has the
    /// same keys, and no faults. Roles of all systems have different names.
    #[must_use]
    pub fn restart(mut self) -> Self {
        self.setups.push(Setup::default());
        self
    }

    fn setup(&mut self) -> &mut Setup {
        self.setups.last_mut().expect("there is always one")
    }

    /// Replaces the time limit for each system, which is a minute.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.system = self.system.time_limit(limit);
        self
    }

    /// Shows what the bodies print at once, on this process's own standard files, and not when all have ended.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.system = self.system.shown();
        self
    }

    /// Adds a process with this body, for tests with more than one. Roles can [`tell`](crate::tell) each other things.
    #[must_use]
    pub fn role(mut self, role: &'static str, body: impl FnOnce() + 'a) -> Self {
        let system = self.setups.len() - 1;
        self.roles.push(Role { name: role, body: Box::new(body), system });
        self
    }

    /// Runs the test with `body` as its only role.
    ///
    /// # Panics
    /// As [`Self::run_roles`].
    pub fn run(self, body: impl FnOnce() + 'a) {
        self.role("main", body).run_roles();
    }

    /// Runs the test: it is over when every role has come to its end.
    ///
    /// # Panics
    /// Outside, when a role failed or ended early, or the system failed, with what the processes printed. Inside, as
    /// the body does.
    pub fn run_roles(self) {
        match std::env::var(TEST) {
            Ok(name) if name == self.name => self.run_inside(),
            Ok(name) => panic!("started for the test '{name}', but '{}' ran", self.name),
            Err(_) => self.run_outside(),
        }
    }

    fn run_inside(self) {
        let role = std::env::var(ROLE).unwrap_or_default();
        let Some(role) = self.roles.into_iter().find(|known| known.name == role) else {
            panic!("the test has no role '{role}'");
        };
        connect_to_services();
        (role.body)();
        report_done();
        // Stay until the system is ended: kernel 0.9.37 panics when a server answers a process that has gone.
        loop {
            std::thread::park();
        }
    }

    fn run_outside(self) {
        let keys =
            RunDirectory::create().unwrap_or_else(|error| panic!("no directory for the test: {error}"));
        for number in 0..self.setups.len() {
            self.run_system(number, &keys);
        }
    }

    fn run_system(&self, number: usize, keys: &RunDirectory) {
        let Setup { mut pddb, until_pddb_dies } = self.setups[number].clone();
        let directory = pddb.directory.get_or_insert_with(|| keys.path().to_owned());
        let directory = directory.to_str().expect("the directory's path is UTF-8").to_owned();
        let binary = std::env::current_exe().expect("the test binary has a path");
        let binary = binary.to_str().expect("the test binary's path is UTF-8").to_owned();
        let mut builder = self.system.clone().pddb(pddb);
        let roles: Vec<_> = self.roles.iter().filter(|role| role.system == number).collect();
        for role in &roles {
            builder = builder.program(
                Program::new(&binary)
                    .args([self.name, "--exact", "--nocapture", "--test-threads=1", "--include-ignored"])
                    .env(TEST, self.name)
                    .env(ROLE, role.name)
                    .env(SERVICES, self.services.join("\n"))
                    .env(PDDB_DIRECTORY, &directory),
            );
        }
        let mut system = builder.start().unwrap_or_else(|error| panic!("{error}"));
        let ends = system.wait_done();
        print!("{}", system.output());
        if until_pddb_dies {
            match ends {
                Err(RunError { cause: RunFault::ServerEnded { status: Pddb::DIED, .. }, .. }) => {
                    system.remove_log();
                    return;
                }
                Err(error) => panic!("{error}"),
                Ok(_) => panic!("the PDDB was to die, and the test ended before"),
            }
        }
        let ends = ends.unwrap_or_else(|error| panic!("{error}"));
        for (role, end) in roles.iter().zip(ends) {
            if let Some(End::Exited(code)) = end {
                system.keep_log();
                panic!(
                    "the Xous process '{}' exited with {code} before the end of its body (if it ran no test at all: \
                     hosted::test!() belongs into the test function itself)\nthe log is {}; its end:\n{}",
                    role.name,
                    system.log().display(),
                    system.log_tail()
                );
            }
        }
    }
}

/// Inside a test's body: where the PDDB stand-in keeps its keys; see [`Pddb`].
///
/// # Panics
/// Outside.
pub fn pddb_directory() -> std::path::PathBuf {
    std::env::var_os(PDDB_DIRECTORY).expect("a body runs in a system with a PDDB").into()
}

/// Inside a test's body: what the system has logged so far; nothing of it if it goes to stderr (`RUST_LOG`).
///
/// # Panics
/// Outside.
pub fn logged() -> String {
    let directory = std::env::var_os(DIRECTORY).expect("a body runs in a system");
    let log = std::fs::read(std::path::Path::new(&directory).join("log")).expect("a system has a log");
    String::from_utf8_lossy(&log).into_owned()
}

/// Ends this Xous process as if its role had come to its end; for tests of what a client's death leaves behind.
pub fn exit_done() -> ! {
    report_done();
    std::process::exit(0)
}

fn report_done() {
    let index = std::env::var(INDEX).ok().and_then(|index| index.parse().ok());
    control::report(&Report::Done(index.expect("every process of a system has a number")));
}

/// Waits until the services are there. The connections are those that the body gets for the same names.
fn connect_to_services() {
    let names = xous_api_names::XousNames::new().expect("every system has a name server");
    for service in std::env::var(SERVICES).unwrap_or_default().lines() {
        names
            .request_connection_blocking(service)
            .unwrap_or_else(|error| panic!("no connection to {service}: {error:?}"));
    }
    // Dropping the last of them would end the connection to the name server, also for std.
    std::mem::forget(names);
}
