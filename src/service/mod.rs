//! The Xous side: messages, threads, pages, deadlines.
//!
//! ```text
//! caller --- Send (lend) ---> dispatcher --outbox--> writer ---> socket
//!        <-- Receive (page) ------------ sink <---- reader <--- socket
//! ```
//!
//! [`dispatcher`] receives every message and hands its envelope on. What is not for an open connection goes to
//! [`system`]. A connection has a reader and a writer from the pool, and neither waits for the other. Everything in
//! between is bounded by [`limits`].
//!
//! ```text
//! dispatcher, system, in_process
//!      |          '--> listen ------.
//!      '---------------> connection |   each room knows those below it
//!                           '-------+--> message, thread
//! ```

mod connection;
mod dispatcher;
mod in_process;
mod limits;
mod listen;
mod message;
mod system;
mod thread;

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use xous_api_names::XousNames;
use xous_api_websocket::wire::SERVER_NAME;

use connection::{Table, Watches, suspends};
use dispatcher::Dispatcher;
pub(crate) use in_process::{Plan, serve_one};
use limits::{HEAP_BYTES, STORE_ANSWER, WORKERS};
use listen::{Admission, FileStores, Jobs, Listeners, Owners, Shared};
use message::Quota;
use system::System;
use thread::{Lingering, Pool, Timer};

use crate::pddb::Pddb;
use crate::platform;
use crate::sync::atomic::AtomicUsize;

/// Registers the service and serves every process, for as long as the process lives.
///
/// # Errors
/// Those of the kernel and the name server while it starts: another service has the name, or a limit of the
/// system is met.
pub fn serve() -> Result<(), xous::Error> {
    if let Err(error) = platform::allow_heap(HEAP_BYTES) {
        log::warn!("the limit of the heap stays as it is: {error:?}");
    }
    // Kept to the end: std uses the same connection to the name server, which the last drop would close.
    let names = XousNames::new()?;
    crate::entropy::connect()?;
    let sid = names.register_name(SERVER_NAME, None).inspect_err(|_| {
        // The real name server keeps a name until the next start of the system, also when its server has ended.
        log::error!("the name {SERVER_NAME} is taken: the service runs, or has run since the system started");
    })?;
    let pool = Pool::new(WORKERS);
    let workers = pool.clone();
    let pddb = Pddb::with_room_for_thread(STORE_ANSWER, move || workers.shrink());
    let timer = Timer::start().map_err(|_| xous::Error::ThreadNotAvailable)?;
    let lingering = Lingering::start(timer.clone()).map_err(|_| xous::Error::ThreadNotAvailable)?;
    let (table, quota) = (Table::new(), Quota::new());
    let shared = Arc::new(Shared {
        loads: Jobs::new(&pool, &table, &quota),
        looks: Jobs::new(&pool, &table, &quota),
        table,
        watches: Watches::default(),
        admission: Admission::new(timer.clone(), pool.clone()),
        timer,
        decisions: Arc::default(),
        stores: FileStores::new(pddb.clone(), pool.clone()),
        pool,
        pddb,
        port_threads: AtomicUsize::new(0),
        lingering,
        looks_for_the_gone: OnceLock::new(),
    });
    suspends::serve(sid, shared.table.clone(), shared.timer.clone());
    let admission = Arc::downgrade(&shared.admission);
    shared.pool.when_free(move || {
        if let Some(admission) = admission.upgrade() {
            admission.admit_waiting();
        }
    });
    let listeners = Listeners::new(shared.clone());
    let owners = Owners::new(shared.clone(), listeners.clone(), quota.clone());
    shared.looks_for_the_gone.set(Box::new(move |besides| owners.look(besides))).ok();
    let system = System { shared: shared.clone(), listeners, quota: quota.clone() };
    let dispatcher = Dispatcher {
        sid,
        table: shared.table.clone(),
        pool: shared.pool.clone(),
        timer: shared.timer.clone(),
        quota,
        system: Some(Box::new(system)),
        own: Cell::default(),
    };
    log::info!("{SERVER_NAME} is registered");
    dispatcher.run()
}
