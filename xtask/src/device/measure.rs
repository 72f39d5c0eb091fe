//! What the service costs on the device: instructions and system calls of an echo, and memory.
//!
//! Client and server are programs on one device, and their connection has both its ends in the one service, so that an
//! echo passes the service four times. Nothing comes from outside: every count is exact, and the same each time. What one
//! echo takes is the difference between a short and a long exchange, which start alike.

use std::collections::BTreeMap;
use std::time::Duration;

use ::device::prepare::Programs;
use ::device::{Builder, End, Memory, Network, Outcome, Process, Stack};

use crate::Failure;

/// What was measured, by table and name: in whole numbers, or tenths.
pub(super) type Figures = BTreeMap<String, BTreeMap<String, f64>>;

/// Bytes of a message: short, the longest with a head of two bytes, a page.
const LENGTHS: [u32; 3] = [32, 125, 4096];
/// Echoes of the short exchange, behind which everything has happened once, and of the long one.
const FEW: u32 = 100;
const MANY: u32 = 500;
/// Connections that are compared with one; each has two ends in the service, which has places for 12, the last for a
/// program that has none.
const CONNECTIONS: u32 = 5;
const PORT: &str = "8080";
/// Where the server is, and a name for it.
const ADDRESS: &str = "127.0.0.1";
const NAME: &str = "somewhere.example";
/// The service's name among the processes.
const SERVICE: &str = "websocket";
/// Machine time and the PC's, at most.
const LIMIT: Duration = Duration::from_secs(120);
/// KiB of a page.
const PAGE: u32 = 4;
/// The service's main thread, and the pages that a worker's or a port's stack may have.
const MAIN: u8 = 2;
const WORKERS: u32 = 24;

/// Measures everything, some things twice to see that they repeat.
pub(super) fn all(programs: &Programs) -> Result<Figures, Failure> {
    let mut figures = Figures::new();
    for length in LENGTHS {
        figures.extend(echo(programs, length)?);
    }
    figures.extend(memory(programs)?);
    Ok(figures)
}

/// What an echo of this length takes.
fn echo(programs: &Programs, length: u32) -> Result<Figures, Failure> {
    let exchange = |count| exchange(programs, ADDRESS, 1, length, count);
    let few = exchange(FEW)?;
    if few != exchange(FEW)? {
        return Err(Failure::Other("two runs differ".into()));
    }
    Ok(difference(length, &few, &exchange(MANY)?))
}

/// What processes take of RAM, and how the service uses it.
fn memory(programs: &Programs) -> Result<Figures, Failure> {
    let exchange = |connections, count| exchange(programs, ADDRESS, connections, LENGTHS[2], count);
    let started = run(serving(programs).until("/ is ready"))?;
    let (idle, all_idle) = (exchange(1, 0)?, exchange(CONNECTIONS, 0)?);
    let (busy, all_busy) = (exchange(1, FEW)?, exchange(CONNECTIONS, FEW)?);
    let ports = of_service(&started)?.stacks;
    let mut most = BTreeMap::new();
    for outcome in [&started, &busy, &all_busy] {
        stacks(&of_service(outcome)?, &ports, "worker", &mut most);
    }
    // Of both ends' workers the one that looks up the name takes most.
    let by_name = of_service(&self::exchange(programs, NAME, 1, LENGTHS[2], 0)?)?;
    stacks(&by_name, &ports, "worker-that-looks-up-a-name", &mut most);
    let heap = [("idle", heap(&idle, &all_idle)?), ("busy", heap(&busy, &all_busy)?)];
    Ok(Figures::from([
        ("ram-started".to_owned(), ram(&started)),
        ("ram-busy".to_owned(), ram(&busy)),
        ("ram-all-busy".to_owned(), ram(&all_busy)),
        ("stack-pages".to_owned(), most),
        ("heap-of-two-ends".to_owned(), heap.map(|(name, figure)| (name.to_owned(), figure)).into()),
    ]))
}

/// The device when a client has had so many echoes on each of its connections, which are open.
fn exchange(
    programs: &Programs,
    host: &str,
    connections: u32,
    length: u32,
    count: u32,
) -> Result<Outcome, Failure> {
    let [connections, length, count] = [connections, length, count].map(|number| number.to_string());
    let client = ["echo", host, PORT, &connections, &length, &count];
    let machine = serving(programs).service_with(&programs.trial, &client).named("client");
    run(machine.until(&format!("{count} echoes")))
}

fn serving(programs: &Programs) -> Builder {
    let machine = programs.machine().machine_limit(LIMIT).wall_limit(LIMIT).network(Network::Inside);
    let machine = machine.service(&programs.service);
    machine.service_with(&programs.trial, &["serve", PORT, "/"]).named("server")
}

fn run(machine: Builder) -> Result<Outcome, Failure> {
    let outcome = machine.run()?;
    if outcome.end == End::Logged && outcome.succeeded() {
        Ok(outcome)
    } else {
        Err(Failure::Other(outcome.failure()))
    }
}

/// What an echo takes of each process that has part in it, by exchanges that differ in their number.
fn difference(length: u32, few: &Outcome, many: &Outcome) -> Figures {
    let pairs = few.processes.iter().zip(&many.processes);
    let tables = pairs.map(|(few, many)| {
        let of = |count: fn(&Process) -> u64| {
            tenths((count(many) as f64 - count(few) as f64) / f64::from(MANY - FEW))
        };
        let calls = of(|process| process.system_calls.iter().map(|(_, count)| count).sum());
        let instructions = [
            ("user".to_owned(), of(|process| process.user_instructions)),
            ("kernel".to_owned(), of(|process| process.kernel_instructions)),
            ("calls".to_owned(), calls),
        ];
        (format!("echo-{length}-{}", few.name), BTreeMap::from(instructions))
    });
    // The kernel has a process too, and some servers do nothing meanwhile.
    tables.filter(|(_, table)| table["calls"] >= 1.0).collect()
}

/// KiB of RAM of each process.
fn ram(outcome: &Outcome) -> BTreeMap<String, f64> {
    outcome.processes.iter().map(|process| (process.name.clone(), f64::from(process.pages * PAGE))).collect()
}

/// The most pages that a thread of each kind has touched; what connections add to the threads are workers.
fn stacks(memory: &Memory, ports: &[Stack], worker: &str, most: &mut BTreeMap<String, f64>) {
    let is_port = |stack: &Stack| ports.iter().any(|port| port.thread == stack.thread);
    let kind = |stack: &Stack| match stack.thread {
        MAIN => "main",
        _ if stack.reserved != WORKERS => "deadlines-and-refused",
        _ if is_port(stack) => "port",
        _ => worker,
    };
    for stack in &memory.stacks {
        let pages = most.entry(kind(stack).to_owned()).or_insert(0.0_f64);
        *pages = pages.max(f64::from(stack.pages));
    }
}

/// KiB of heap that each connection has added to the first.
fn heap(one: &Outcome, all: &Outcome) -> Result<f64, Failure> {
    let pages = |outcome| of_service(outcome).map(|memory| f64::from(memory.heap * PAGE));
    Ok(tenths((pages(all)? - pages(one)?) / f64::from(CONNECTIONS - 1)))
}

fn of_service(outcome: &Outcome) -> Result<Memory, Failure> {
    let service = outcome.process(SERVICE).and_then(|service| service.memory.clone());
    service.ok_or_else(|| Failure::Other("the service is not there".into()))
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
