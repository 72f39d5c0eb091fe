//! Files on their way into the database: through the service's upload route, and by bare loops.
//!
//! ```text
//! upload:  sender -- WebSocket, parts -- service --------------------- database
//! socket:  sender -- bytes ------------- program: read, write -------- database
//! bare:                                  program: write -------------- database
//! ```

mod sender;
mod storer;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hosted::{Program, System};

use super::memory::Counted;
use super::processor;
use super::system::{self, Incoming};
use crate::report::{Cell, Spread, Table};
use crate::{Failure, core, progress};
use sender::Sender;
pub(crate) use storer::run as run_storer;

/// Bytes of a file.
const LENGTH: usize = 8 << 20;
/// Turns of every way.
const ROUNDS: usize = 15;
/// Bytes that are written at a time: the default, twice that, and the most.
const BATCHES: [usize; 3] = [8128, 16 * 1024, 64 * 1024];
/// A system lives as long as what is measured on it.
const LIMIT: Duration = Duration::from_secs(300);

/// How bytes come into the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road {
    /// By a sender and the service's route.
    Upload,
    /// By a loop in a program that has the bytes.
    Bare,
    /// The same, and the program hashes what it has written.
    Hashed,
    /// By a loop in a program that reads them from a socket.
    Socket,
    /// The same, and the program hashes them: all that an upload cannot do without.
    SocketHashed,
}

impl Road {
    const ALL: [Road; 5] = [Road::Upload, Road::Bare, Road::Hashed, Road::Socket, Road::SocketHashed];

    /// Its name in tables and orders.
    fn name(self) -> &'static str {
        match self {
            Road::Upload => "upload",
            Road::Bare => "bare loop",
            Road::Hashed => "loop, SHA-256",
            Road::Socket => "loop from a socket",
            Road::SocketHashed => "loop from a socket, SHA-256",
        }
    }
}

/// Throughput of every road, and the service's memory.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn tables() -> Result<Vec<Table>, Failure> {
    Ok(vec![throughput()?, memory()?])
}

fn throughput() -> Result<Table, Failure> {
    progress::begin("upload: throughput");
    let columns = [
        "a new file of 8 MiB",
        "MB/s",
        "/ bare loop",
        "/ loop from a socket, SHA-256",
        "processor time, ns/B",
        "/ bare loop's",
    ];
    let mut table = Table::new("upload", "Upload: into the database's stand-in", columns);
    let mut home = Home::start(system::service()?)?;
    // The system stays where it is.
    core::leave()?;
    for batch in BATCHES {
        let mut turns = [const { Turns::new() }; Road::ALL.len()];
        for round in 0..=ROUNDS {
            for (road, turns) in Road::ALL.into_iter().zip(&mut turns) {
                let turn = home.store(road, LENGTH, batch)?;
                if round > 0 {
                    turns.add(&turn);
                }
            }
        }
        let [_, bare, _, _, whole] = &turns;
        for (road, own) in Road::ALL.into_iter().zip(&turns) {
            table.row(
                format!("batches of {batch} B, {}", road.name()),
                [
                    Cell::median(Spread::of(own.rates.iter().copied())),
                    Cell::ratio(Spread::of_ratios(&own.rates, &bare.rates)),
                    Cell::ratio(Spread::of_ratios(&own.rates, &whole.rates)),
                    Cell::median(Spread::of(own.costs.iter().copied())),
                    Cell::ratio(Spread::of_ratios(&own.costs, &bare.costs)),
                ],
            );
        }
    }
    table.note(format!(
        "Turns alternate in one system, {ROUNDS} of each; the ratio is that of pairs. An upload is timed from its first \
         byte to the answer `stored`, a loop from the order to the answered flush. The service hashes every byte and \
         keeps a journal; the bare loop does neither. The system has one core, the sender another if there is one; \
         processor time is that of the system, the hosted kernel and the database included."
    ));
    Ok(table)
}

/// What the service's heap grows by, and the most that it had.
fn memory() -> Result<Table, Failure> {
    progress::begin("upload: memory");
    let columns = ["files at a time, on connections of their own", "most heap and pages above idle, KiB"];
    let mut table = Table::new("upload-memory", "Upload: memory of the service", columns);
    let (counted, program) = Counted::program()?;
    let mut home = Home::start(program)?;
    let mut service = counted.connected()?;
    home.store(Road::Upload, 1 << 20, BATCHES[0])?;
    for (count, length) in [(1, 1 << 20), (1, 64 << 20), (3, 16 << 20)] {
        let before = service.heap()?;
        home.send_at_once(count, length)?;
        let above = (service.most()? - before) / 1024.0;
        table.row(format!("{count} of {} MiB", length >> 20), [Cell::exact((above * 10.0).round() / 10.0)]);
    }
    table.note(format!(
        "Batches of {} B, the default. The most at any moment, by an allocator that counts.",
        BATCHES[0]
    ));
    Ok(table)
}

/// What a file took to come in.
struct Turn {
    time: Duration,
    processor: Duration,
}

impl Turn {
    fn of(turn: impl FnOnce() -> Result<(), Failure>) -> Result<Self, Failure> {
        let before = processor::spent();
        let start = Instant::now();
        turn()?;
        Ok(Self { time: start.elapsed(), processor: processor::spent().saturating_sub(before) })
    }
}

/// Turns of one road.
struct Turns {
    /// MB/s.
    rates: Vec<f64>,
    /// Processor time in nanoseconds per byte.
    costs: Vec<f64>,
}

impl Turns {
    const fn new() -> Self {
        Self { rates: Vec::new(), costs: Vec::new() }
    }

    fn add(&mut self, turn: &Turn) {
        self.rates.push(LENGTH as f64 / turn.time.as_secs_f64() / 1e6);
        self.costs.push(turn.processor.as_secs_f64() * 1e9 / LENGTH as f64);
    }
}

/// A system with the service, the database and the program.
struct Home {
    /// Orders to the program, and its answers.
    orders: TcpStream,
    answers: BufReader<TcpStream>,
    /// Of the upload routes.
    port: u16,
    incoming: Incoming,
    files: u32,
    /// Where the keys are, until the end.
    directory: PathBuf,
    system: Option<System>,
}

impl Home {
    fn start(service: Program) -> Result<Self, Failure> {
        let (control, incoming) = (Incoming::new()?, Incoming::new()?);
        let directory = hosted::target_directory().join("bench").join(format!("pddb-{}", std::process::id()));
        let mut system = System::builder()
            .service(service, xous_api_websocket::wire::SERVER_NAME)
            .program(Program::new(system::own_path()?).args(["store", &control.port.to_string()]))
            .pddb(hosted::Pddb::new().directory(&directory))
            .time_limit(LIMIT)
            .start()?;
        system.wait_ready()?;
        let orders = control.next()?;
        let answers = BufReader::new(orders.try_clone()?);
        let system = Some(system);
        let mut home = Self { orders, answers, port: 0, incoming, files: 0, directory, system };
        let port = home.answer()?;
        home.port = port.parse().map_err(|_| Failure(format!("not a port: {port}")))?;
        Ok(home)
    }

    /// Brings a new file in and removes it.
    fn store(&mut self, road: Road, length: usize, batch: usize) -> Result<Turn, Failure> {
        let name = self.name();
        let turn = match road {
            Road::Upload => {
                let mut sender = Sender::connect(self.port, batch)?;
                sender.prepare(&name, length)?;
                Turn::of(|| sender.send())?
            }
            Road::Bare | Road::Hashed => {
                let hashed = road == Road::Hashed;
                Turn::of(|| self.order(&format!("write {name} {length} {batch} {hashed}")))?
            }
            Road::Socket | Road::SocketHashed => {
                let bytes = vec![b'x'; sender::PART];
                let hashed = road == Road::SocketHashed;
                self.say(&format!("take {name} {length} {batch} {hashed} {}", self.incoming.port))?;
                let mut stream = self.incoming.next()?;
                Turn::of(|| {
                    for part in std::iter::repeat_n(&bytes, length / bytes.len()) {
                        stream.write_all(part)?;
                    }
                    self.answer().map(|_| ())
                })?
            }
        };
        self.order(&format!("delete {name}"))?;
        Ok(turn)
    }

    /// Sends so many files at a time through the default route.
    fn send_at_once(&mut self, count: usize, length: usize) -> Result<(), Failure> {
        let names: Vec<String> = (0..count).map(|_| self.name()).collect();
        let senders = names.iter().map(|name| {
            let mut sender = Sender::connect(self.port, BATCHES[0])?;
            sender.prepare(name, length)?;
            Ok(sender)
        });
        let senders = senders.collect::<Result<Vec<_>, Failure>>()?;
        std::thread::scope(|scope| {
            let sending: Vec<_> =
                senders.into_iter().map(|mut sender| scope.spawn(move || sender.send())).collect();
            sending.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(_) => Err(Failure("a sender panicked".into())),
            })
        })?;
        names.iter().try_for_each(|name| self.order(&format!("delete {name}")))
    }

    fn name(&mut self) -> String {
        self.files += 1;
        format!("file-{}", self.files)
    }

    fn order(&mut self, words: &str) -> Result<(), Failure> {
        self.say(words)?;
        self.answer().map(|_| ())
    }

    /// In one segment: a second one would wait for the first to be acknowledged.
    fn say(&mut self, words: &str) -> Result<(), Failure> {
        Ok(self.orders.write_all(format!("{words}\n").as_bytes())?)
    }

    fn answer(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        match line.strip_suffix('\n') {
            Some(line) => Ok(line.to_owned()),
            None => Err(Failure("the program that stores has ended; see the system's log".into())),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(self.system.take());
        std::fs::remove_dir_all(&self.directory).ok();
    }
}
