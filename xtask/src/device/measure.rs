//! What the service costs on the device: instructions and system calls of an echo, and memory.
//!
//! Client and server are programs on one device, and their connection has both its ends in the one service, so that an
//! echo passes the service four times. Nothing comes from outside: every count is exact, and the same each time. What one
//! echo takes is the difference between a short and a long exchange, which start alike.

use std::collections::BTreeMap;
use std::time::Duration;

use ::device::prepare::Programs;
use ::device::{Builder, End, Memory, Network, Outcome, Process, Stack};

use super::gauge;
use crate::Failure;

/// What was measured, by table and name: in whole numbers, or tenths.
pub(super) type Figures = BTreeMap<String, BTreeMap<String, f64>>;

/// Bytes of a message: short, the longest with a head of two bytes, a page.
const LENGTHS: [u32; 3] = [32, 125, PAGE_BYTES];
/// The same over TLS, where a byte costs more than a message.
const TLS_LENGTHS: [u32; 2] = [32, PAGE_BYTES];
const PAGE_BYTES: u32 = 4096;
/// Echoes of the short exchange, behind which everything has happened once, and of the long one.
const PLAIN_COUNTS: Counts = Counts { few: 100, many: 500 };
const TLS_COUNTS: Counts = Counts { few: 20, many: 60 };
/// Connections that are compared with one; each has two ends in the service, which has places for 12, the last for a
/// program that has none.
const CONNECTIONS: u32 = 5;
/// Of a connection, in the service.
pub(super) const ENDS: u32 = 2;
const PORT: &str = "8080";
/// Where the server is, and a name for it.
const ADDRESS: &str = "127.0.0.1";
const NAME: &str = "somewhere.example";
/// For that name `localhost`, from 2026 to 2125: with another one for each run, figures would differ.
const CERTIFICATES: [(&str, &str); 3] = [
    ("authority", include_str!("certificates/authority.pem")),
    ("chain", include_str!("certificates/chain.pem")),
    ("key", include_str!("certificates/key.pem")),
];
/// The processes that have part in an echo; others do what they do with time.
const PARTS: [&str; 5] = ["client", "server", SERVICE, "net", "ticktimer"];
/// The service's name among the processes.
const SERVICE: &str = "websocket";
/// Machine time and the PC's, at most.
const LIMIT: Duration = Duration::from_secs(120);
/// KiB of a page.
pub(super) const PAGE: u32 = 4;
/// The service's main thread.
const MAIN: u8 = 2;

/// Messages of an exchange.
#[derive(Clone, Copy)]
struct Counts {
    few: u32,
    many: u32,
}

/// Measures everything, some things twice to see that they repeat.
pub(super) fn all(programs: &Programs) -> Result<Figures, Failure> {
    let mut figures = Figures::new();
    let (plain, tls) = (System::plain(programs), System::tls(programs));
    for length in LENGTHS {
        figures.extend(plain.echo(length)?);
    }
    for length in TLS_LENGTHS {
        figures.extend(tls.echo(length)?);
    }
    let mut pages = BTreeMap::new();
    let mut heap = BTreeMap::new();
    for system in [&plain, &tls] {
        system.memory(&mut figures, &mut pages, &mut heap)?;
        system.opening_by_name(&mut pages)?;
    }
    plain.first_opening(&mut pages)?;
    figures.extend(gauge::figures(programs)?);
    figures.extend([("stack-pages".to_owned(), pages), ("heap-of-two-ends".to_owned(), heap)]);
    Ok(figures)
}

/// What is measured: the device with a client and a server, whose connections are plain or not.
struct System<'a> {
    programs: &'a Programs,
    /// In front of figures, and of what the programs are asked to do.
    mark: &'static str,
    is_secure: bool,
    counts: Counts,
    /// Pages that a worker's or a port's stack may have.
    workers: u32,
}

impl<'a> System<'a> {
    fn plain(programs: &'a Programs) -> Self {
        System { programs, mark: "", is_secure: false, counts: PLAIN_COUNTS, workers: 24 }
    }

    fn tls(programs: &'a Programs) -> Self {
        System { programs, mark: "tls-", is_secure: true, counts: TLS_COUNTS, workers: 32 }
    }

    fn marked(&self, name: &str) -> String {
        format!("{}{name}", self.mark)
    }

    /// What an echo of this length takes.
    fn echo(&self, length: u32) -> Result<Figures, Failure> {
        let exchange = |count| self.exchange(ADDRESS, 1, length, count);
        let few = exchange(self.counts.few)?;
        if few != exchange(self.counts.few)? {
            return Err(Failure::Other("two runs differ".into()));
        }
        let many = exchange(self.counts.many)?;
        Ok(difference(&format!("echo-{}{length}", self.mark), self.counts, &few, &many))
    }

    /// What processes take of RAM, and how the service uses it.
    fn memory(
        &self,
        figures: &mut Figures,
        pages: &mut BTreeMap<String, f64>,
        heap: &mut BTreeMap<String, f64>,
    ) -> Result<(), Failure> {
        let exchange = |connections, count| self.exchange(ADDRESS, connections, PAGE_BYTES, count);
        let started = run(self.serving().until("/ is ready"))?;
        let (idle, all_idle) = (exchange(1, 0)?, exchange(CONNECTIONS, 0)?);
        let (busy, all_busy) = (exchange(1, self.counts.few)?, exchange(CONNECTIONS, self.counts.few)?);
        // The thread of the port is the last one that was started.
        let port = self.of_workers(&of_service(&started)?).map(|stack| stack.thread).max();
        for outcome in [&started, &busy, &all_busy] {
            self.stacks(&of_service(outcome)?, port, pages);
        }
        for (name, outcome) in [("started", &started), ("busy", &busy), ("all-busy", &all_busy)] {
            figures.insert(format!("ram-{}{name}", self.mark), ram(outcome));
        }
        heap.insert(self.marked("idle"), heap_of_one(&idle, &all_idle)?);
        heap.insert(self.marked("busy"), heap_of_one(&busy, &all_busy)?);
        Ok(())
    }

    /// What the stack of a reader takes that looks up a name: of both ends' readers it takes most.
    fn opening_by_name(&self, pages: &mut BTreeMap<String, f64>) -> Result<(), Failure> {
        let outcome = self.exchange(NAME, 1, PAGE_BYTES, 0)?;
        pages.insert(self.marked("reader-by-name"), self.deepest(&of_service(&outcome)?));
        Ok(())
    }

    /// That of the first one after the start, by address: the server is not the service's, which then has done nothing
    /// else before.
    fn first_opening(&self, pages: &mut BTreeMap<String, f64>) -> Result<(), Failure> {
        let trial = &self.programs.trial;
        let machine = self.machine().service_with(trial, &["refuse", PORT]).named("server");
        let outcome = machine.program(trial, &["refused", ADDRESS, PORT]).named("client").run()?;
        if !outcome.succeeded() {
            return Err(Failure::Other(outcome.failure()));
        }
        pages.insert(self.marked("reader-first"), self.deepest(&of_service(&outcome)?));
        Ok(())
    }

    /// The most pages of the stack of a worker or a port.
    fn deepest(&self, memory: &Memory) -> f64 {
        self.of_workers(memory).map(|stack| stack.pages).max().map_or(0.0, f64::from)
    }

    /// The device when a client has had so many echoes on each of its connections, which are open.
    fn exchange(&self, host: &str, connections: u32, length: u32, count: u32) -> Result<Outcome, Failure> {
        let [connections, length, count] = [connections, length, count].map(|number| number.to_string());
        let echo = if self.is_secure { "secure-echo" } else { "echo" };
        let client = [echo, host, PORT, &connections, &length, &count];
        let machine = self.serving().service_with(&self.programs.trial, &client).named("client");
        run(machine.until(&format!("{count} echoes")))
    }

    fn serving(&self) -> Builder {
        let serve = if self.is_secure { "secure-serve" } else { "serve" };
        self.machine().service_with(&self.programs.trial, &[serve, PORT, "/"]).named("server")
    }

    fn machine(&self) -> Builder {
        if self.is_secure { secure(self.programs, &CERTIFICATES) } else { plain(self.programs) }
    }

    /// The stacks that are as large as a worker's: of workers and ports.
    fn of_workers<'b>(&self, memory: &'b Memory) -> impl Iterator<Item = &'b Stack> {
        let reserved = self.workers;
        memory.stacks.iter().filter(move |stack| stack.thread != MAIN && stack.reserved == reserved)
    }

    /// The most pages that a thread of each kind has touched. Of the workers that half is readers whose stacks are
    /// deeper.
    fn stacks(&self, memory: &Memory, port: Option<u8>, most: &mut BTreeMap<String, f64>) {
        let mut touched = |kind: &str, pages: u32| {
            let most = most.entry(self.marked(kind)).or_insert(0.0_f64);
            *most = most.max(f64::from(pages));
        };
        let mut workers = Vec::new();
        for Stack { thread, pages, reserved } in &memory.stacks {
            match *thread {
                MAIN => touched("main", *pages),
                _ if *reserved != self.workers => touched("others", *pages),
                thread if Some(thread) == port => touched("port", *pages),
                _ => workers.push(*pages),
            }
        }
        workers.sort_unstable_by_key(|pages| std::cmp::Reverse(*pages));
        let (readers, writers) = workers.split_at(workers.len().div_ceil(2));
        readers.iter().for_each(|pages| touched("reader", *pages));
        writers.iter().for_each(|pages| touched("writer", *pages));
    }
}

/// A device with the service, whose sockets reach each other.
pub(super) fn plain(programs: &Programs) -> Builder {
    machine(programs).service(&programs.service)
}

/// The same with TLS, and with certificates in the PDDB.
pub(super) fn secure(programs: &Programs, certificates: &[(&str, &str)]) -> Builder {
    let stored = |machine: Builder, (name, text): &(&str, &str)| {
        machine.argument_of("pddb", &format!("certificates/{name}={text}"))
    };
    certificates.iter().fold(machine(programs), stored).service(&programs.secure_service)
}

fn machine(programs: &Programs) -> Builder {
    programs.machine().machine_limit(LIMIT).wall_limit(LIMIT).network(Network::Inside)
}

/// Runs it until it has said what it should.
pub(super) fn run(machine: Builder) -> Result<Outcome, Failure> {
    let outcome = machine.run()?;
    if outcome.end == End::Logged && outcome.succeeded() {
        Ok(outcome)
    } else {
        Err(Failure::Other(outcome.failure()))
    }
}

/// What an echo takes of each of [`PARTS`], by exchanges that differ in their number.
fn difference(mark: &str, counts: Counts, few: &Outcome, many: &Outcome) -> Figures {
    let pairs = few.processes.iter().zip(&many.processes);
    let tables = pairs.map(|(few, many)| {
        let of = |count: fn(&Process) -> u64| {
            tenths((count(many) as f64 - count(few) as f64) / f64::from(counts.many - counts.few))
        };
        let calls = of(calls);
        let instructions = [
            ("user".to_owned(), of(|process| process.user_instructions)),
            ("kernel".to_owned(), of(|process| process.kernel_instructions)),
            ("calls".to_owned(), calls),
        ];
        (format!("{mark}-{}", few.name), BTreeMap::from(instructions))
    });
    tables.filter(|(name, _)| PARTS.iter().any(|part| name.ends_with(&format!("-{part}")))).collect()
}

/// System calls of a process.
pub(super) fn calls(process: &Process) -> u64 {
    process.system_calls.iter().map(|(_, count)| count).sum()
}

/// KiB of RAM of each process.
fn ram(outcome: &Outcome) -> BTreeMap<String, f64> {
    outcome.processes.iter().map(|process| (process.name.clone(), f64::from(process.pages * PAGE))).collect()
}

/// KiB of heap that each connection has added to the first.
fn heap_of_one(one: &Outcome, all: &Outcome) -> Result<f64, Failure> {
    let pages = |outcome| of_service(outcome).map(|memory| f64::from(memory.heap * PAGE));
    Ok(tenths((pages(all)? - pages(one)?) / f64::from(CONNECTIONS - 1)))
}

fn of_service(outcome: &Outcome) -> Result<Memory, Failure> {
    let service = outcome.process(SERVICE).and_then(|service| service.memory.clone());
    service.ok_or_else(|| Failure::Other("the service is not there".into()))
}

/// Rounded to tenths.
pub(super) fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
