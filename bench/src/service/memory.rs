//! Memory of the service per connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use hosted::Program;

use super::link::Way;
use super::system::{Incoming, Running, own_path};
use crate::raw;
use crate::report::{Cell, Table};
use crate::{Failure, progress};

/// The service's limit.
const CONNECTIONS: usize = 12;

/// The service in this program, whose allocator counts; answers every byte that `port` sends with its figures.
///
/// # Errors
/// It cannot run.
pub(crate) fn serve_counted(port: u16) -> Result<(), Failure> {
    let mut asking = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    std::thread::spawn(move || {
        while asking.read_exact(&mut [0]).is_ok() {
            let figures = [raw::live_bytes(), raw::most_bytes(), resident().unwrap_or(0)]
                .map(|figure| (figure as u64).to_le_bytes());
            if asking.write_all(figures.as_flattened()).is_err() {
                return;
            }
        }
    });
    websocket::serve().map_err(|error| Failure(format!("the service cannot run: {error:?}")))
}

/// Private bytes of this process that are in memory.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}

/// What the service holds.
#[derive(Clone, Copy)]
struct Figures {
    /// Allocated bytes, pages of messages included.
    heap: f64,
    /// The most of it since it was asked last.
    most: f64,
    resident: f64,
}

/// A service that counts, before it has started.
pub(super) struct Counted(Incoming);

impl Counted {
    /// The program to start, and whom it connects to.
    pub(super) fn program() -> Result<(Self, Program), Failure> {
        let incoming = Incoming::new()?;
        let program = Program::new(own_path()?).args(["serve-counted", &incoming.port.to_string()]);
        Ok((Self(incoming), program))
    }

    /// The running service.
    ///
    /// # Errors
    /// It has not started.
    pub(super) fn connected(self) -> Result<Service, Failure> {
        Ok(Service { asked: self.0.next()? })
    }
}

/// A running service that counts.
pub(super) struct Service {
    asked: TcpStream,
}

impl Service {
    fn figures(&mut self) -> Result<Figures, Failure> {
        self.asked.write_all(&[1])?;
        let mut bytes = [[0; 8]; 3];
        self.asked.read_exact(bytes.as_flattened_mut())?;
        let [heap, most, resident] = bytes.map(|figure| u64::from_le_bytes(figure) as f64);
        Ok(Figures { heap, most, resident })
    }

    /// Allocated bytes.
    pub(super) fn heap(&mut self) -> Result<f64, Failure> {
        Ok(self.figures()?.heap)
    }

    /// The most bytes that were allocated at a time since it was asked last, for this or for anything.
    pub(super) fn most(&mut self) -> Result<f64, Failure> {
        Ok(self.figures()?.most)
    }
}

/// Bytes per connection: idle, after an echo, after long messages.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn table() -> Result<Table, Failure> {
    progress::begin("memory");
    let columns = ["per connection, KiB", "heap and pages", "resident, stacks included"];
    let mut table = Table::new("memory", "Memory per connection", columns);
    for way in [Way::Service, Way::Secure] {
        through(way, &mut table)?;
    }
    for (name, idle, used) in crate::codec::memory_of_others() {
        let kib = |bytes: usize| Cell::exact((bytes as f64 / 102.4).round() / 10.0);
        table.row(format!("{name}, idle"), [kib(idle), Cell::none()]);
        table.row(format!("{name}, after an echo of 4096 B"), [kib(used), Cell::none()]);
    }
    table.note(
        "The service's heap holds the pages that its clients have lent; its threads' stacks are in the second column \
         only. The libraries are counted without socket, stacks and the caller's own buffers.",
    );
    Ok(table)
}

/// The rows of one way through the service, in a system of its own.
fn through(way: Way, table: &mut Table) -> Result<(), Failure> {
    let (counted, program) = Counted::program()?;
    let mut running = Running::in_system(program)?;
    let mut service = counted.connected()?;

    // By its time, what the others leave to do after an echo is done. It goes through the floor, and is not counted.
    let mut barrier = running.connect_bystander(Way::Floor, 1)?;
    let mut settled = |service: &mut Service| {
        barrier.iter_mut().try_for_each(|barrier| barrier.echo(32, 30).map(|_| ()))?;
        service.figures()
    };
    let empty = settled(&mut service)?;
    let mut peers = (0..CONNECTIONS).map(|_| running.connect(way)).collect::<Result<Vec<_>, Failure>>()?;
    let mut row = |when: &str, now: Figures| {
        let kib =
            |now: f64, then: f64| Cell::exact(((now - then) / CONNECTIONS as f64 / 102.4).round() / 10.0);
        table.row(
            format!("{}, {when}", way.name()),
            [kib(now.heap, empty.heap), kib(now.resident, empty.resident)],
        );
    };
    row("idle, its owner receives", settled(&mut service)?);
    for (name, size) in [("32 B", 32), ("4096 B", 4096), ("1 MiB", 1 << 20), ("16 MiB", 16 << 20)] {
        for peer in &mut peers {
            peer.echo(size, 1)?;
        }
        row(&format!("after an echo of {name}"), settled(&mut service)?);
    }
    for peer in &mut peers {
        peer.echo(32, 2)?;
    }
    row("after small messages again", settled(&mut service)?);
    Ok(())
}
