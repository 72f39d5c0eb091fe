//! The dispatcher for one connection on a caller's own server.

use std::sync::{Arc, OnceLock};

use xous::{CID, SID};
use xous_api_websocket::wire::{Handle, Opcode};
use xous_api_websocket::{Deadlines, Lease};

use super::connection::{Connection, Delivery, EndGuard, Opening, Table, connect, seed_from};
use super::dispatcher::Dispatcher;
use super::limits::{STORE_ANSWER, WORKERS};
use super::message::Quota;
use super::thread::{Pool, Timer};
use crate::pddb::Pddb;
use crate::proto::Role;

/// What is to be served.
pub(crate) struct Plan {
    /// An encoded request.
    pub(crate) request: Box<[u8]>,
    pub(crate) deadlines: Deadlines,
    /// Where chunks go.
    pub(crate) cid: CID,
    pub(crate) opcode: usize,
    /// 48 random bytes.
    pub(crate) random: [u8; 48],
}

/// The threads of all in-process servers of this process. They are used again when a connection has ended.
static THREADS: OnceLock<(Arc<Pool>, Arc<Timer>)> = OnceLock::new();

/// Opens the connection and serves `sid` until its owner closes it or quits.
///
/// # Errors
/// Those of the kernel, also if no thread can be started.
pub(crate) fn serve_one(sid: SID, plan: Plan) -> Result<(), xous::Error> {
    let (pool, timer) = threads()?;
    let own = xous::connect(sid)?;
    let table = Table::new();
    let conn =
        Connection::new(Role::Client, Handle::SOLE, plan.deadlines, Lease::default(), timer.clone(), None);
    table.enter_sole(conn.clone());
    conn.opening();
    let (reading, writing) = pool.reserve_pair().ok_or(xous::Error::ThreadNotAvailable)?;
    let random = plan.random;
    let opening = Opening {
        request: plan.request,
        delivery: Delivery::Push { cid: plan.cid, opcode: plan.opcode },
        pddb: Pddb::new(STORE_ANSWER),
        seed: Box::new(move || seed_from(&random)),
    };
    let guard = EndGuard::with_closed(conn, table.clone(), move || {
        xous::send_message(own, xous::Message::new_scalar(Opcode::Quit as usize, 0, 0, 0, 0)).ok();
    });
    let started = reading.run(move |permit| {
        connect::run(guard, opening, writing);
        drop(permit);
    });
    started.map_err(|_| xous::Error::ThreadNotAvailable)?;
    Dispatcher { sid, table, pool, timer, quota: Quota::new(), system: None }.run()
}

fn threads() -> Result<(Arc<Pool>, Arc<Timer>), xous::Error> {
    if let Some((pool, timer)) = THREADS.get() {
        return Ok((pool.clone(), timer.clone()));
    }
    let timer = Timer::start().map_err(|_| xous::Error::ThreadNotAvailable)?;
    let (pool, timer) = THREADS.get_or_init(|| (Pool::new(WORKERS), timer));
    Ok((pool.clone(), timer.clone()))
}
