//! The Xous side: messages, threads, pages, deadlines.
//!
//! ```text
//! caller --- Send (lend) ---> dispatcher --outbox--> writer ---> socket
//!        <-- Receive (page) ------------ sink <---- reader <--- socket
//! ```
//!
//! [`dispatcher`] receives every message and hands its envelope on. A connection ([`connection`]) has a reader
//! and a writer from the [`pool`]; neither waits for the other. Everything in between is bounded by [`limits`].

mod connection;
mod dispatcher;
mod entropy;
mod envelope;
mod in_process;
mod inbox;
mod life;
mod limits;
mod opener;
mod outbox;
mod outcome;
mod pool;
mod reader;
mod sink;
mod table;
mod tickets;
mod timer;
mod writer;

use std::sync::Arc;

use xous_api_names::XousNames;
use xous_api_websocket::SERVER_NAME;

use dispatcher::Dispatcher;
use entropy::Trng;
pub(crate) use in_process::{Plan, serve_one};
use limits::WORKERS;
use pool::Pool;
use table::Table;
use tickets::Tickets;
use timer::Timer;

/// Registers the service and serves every process, for as long as the process lives.
///
/// # Errors
/// Those of the kernel and the name server while it starts: another service has the name, or a limit of the
/// system is met.
pub fn serve() -> Result<(), xous::Error> {
    // Kept to the end: std uses the same connection to the name server, which the last drop would close.
    let names = XousNames::new()?;
    let trng = Arc::new(Trng::new(&names)?);
    let sid = names.register_name(SERVER_NAME, None)?;
    let dispatcher = Dispatcher {
        sid,
        table: Table::new(),
        pool: Pool::new(WORKERS),
        timer: Timer::start().map_err(|_| xous::Error::ThreadNotAvailable)?,
        tickets: Tickets::new(),
        trng: Some(trng),
    };
    log::info!("{SERVER_NAME} is registered");
    dispatcher.run()
}
