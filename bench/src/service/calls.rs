//! Calls to the kernel per message.

use xous::SysCallNumber::{ReceiveMessage, ReturnMemory, SendMessage};

use super::flow::Direction;
use super::link::Way;
use super::peer::Peer;
use super::relay::{Calls, Counter};
use super::system::{self, Running};
use crate::report::{Cell, Table};
use crate::{Failure, progress};

/// Messages that are counted.
const MESSAGES: usize = 400;

/// Counts of the service's and the program's calls.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn table() -> Result<Table, Failure> {
    progress::begin("service: calls to the kernel");
    let columns = [
        "per message",
        "program: lend",
        "service: receive",
        "service: return",
        "all others",
        "lends per chunk",
    ];
    let mut table = Table::new("service-calls", "Service: calls to the kernel", columns);
    let (mut service, mut program) = (Counter::new()?, Counter::new()?);
    let own = system::own_path()?;
    let path = system::service_path()?;
    let mut running = Running::start(service.wrap(&own, [path.as_str()]), |words| {
        program.wrap(&own, std::iter::once(own.as_str()).chain(words.iter().copied()))
    })?;
    let mut peer = running.connect(Way::Service)?;
    let mut count = |peer: &mut Peer, turn: &dyn Fn(&mut Peer) -> Result<(), Failure>| {
        turn(peer)?;
        let before = (service.calls()?, program.calls()?);
        turn(peer)?;
        Ok::<_, Failure>((service.calls()?.since(&before.0), program.calls()?.since(&before.1)))
    };
    for size in [32, 4096, 16 * 1024, 256 * 1024] {
        for direction in Direction::BOTH {
            let (service, program) =
                count(&mut peer, &|peer| direction.run(peer, size, MESSAGES).map(|_| ()))?;
            // What is lent at a time holds four pages.
            let chunks = size.div_ceil(16 * 1024);
            table.row(format!("{}, {size} B", direction.name()), cells(&service, &program, chunks));
        }
        let (service, program) = count(&mut peer, &|peer| peer.echo(size, MESSAGES).map(|_| ()))?;
        table.row(format!("echo, {size} B"), cells(&service, &program, 2 * size.div_ceil(16 * 1024)));
    }
    table.note(
        "Counted by a relay between each process and the kernel. A chunk is what four pages hold; a lend and its \
         answer are the one round trip that it costs.",
    );
    Ok(table)
}

fn cells(service: &Calls, program: &Calls, chunks: usize) -> Vec<Cell> {
    let per = |count: u32| Cell::exact((f64::from(count) / MESSAGES as f64 * 100.0).round() / 100.0);
    let known = service.of(ReceiveMessage) + service.of(ReturnMemory) + program.of(SendMessage);
    let others = service.total() + program.total() - known;
    let lends = f64::from(program.of(SendMessage)) / (MESSAGES * chunks) as f64;
    vec![
        per(program.of(SendMessage)),
        per(service.of(ReceiveMessage)),
        per(service.of(ReturnMemory)),
        per(others),
        Cell::exact((lends * 100.0).round() / 100.0),
    ]
}
