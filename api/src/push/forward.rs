//! Threads of the caller's process that lend on what comes, and wait where the program does not want to.
//!
//! The service never calls into a client, as it would hang with it. So the waiting thread belongs to the client. A
//! process on Xous has about thirty threads in its life, so the threads are used again.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use xous::CID;

use crate::Code;
use crate::files::events::{self, FileEvent};
use crate::serve::listener::accept;
use crate::wire::{Accepted, Handle, Opcode, PAGE_SIZE, Pages, message_id};

/// The pages are on the heap; on the device a log line and a panic take 16 and 32 KiB of stack.
const STACK: usize = 64 * 1024;
/// The receiver is gone (RFC 6455 section 7.4.1, "going away").
const GOING_AWAY: usize = 1001;

pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Threads that wait for something to forward.
static IDLE: Mutex<Vec<SyncSender<Job>>> = Mutex::new(Vec::new());

/// Forwards the clients of the service's listener `listener` until it is given up or the receiver's server is gone.
pub(crate) fn clients(service: CID, listener: Handle, cid: CID, opcode: usize) -> std::io::Result<()> {
    start(Box::new(move || forward_clients(service, listener, cid, opcode)))
}

/// Forwards the events about files of the service's listener `listener`, as [`clients`] does with those.
pub(crate) fn file_events(service: CID, listener: Handle, cid: CID, opcode: usize) -> std::io::Result<()> {
    start(Box::new(move || {
        let mut page = Pages::new(FileEvent::PAGES * PAGE_SIZE);
        while let Ok(event) = events::next(&mut page, service, listener) {
            let ends = page.lend(cid, opcode, event.offset, event.valid).is_err() || event.offset != 0;
            if ends {
                return;
            }
        }
    }))
}

/// Runs a job on a thread that waits for one, or on a new one.
pub(crate) fn start(mut job: Job) -> std::io::Result<()> {
    while let Some(thread) = idle().pop() {
        match thread.send(job) {
            Ok(()) => return Ok(()),
            Err(unsent) => job = unsent.0,
        }
    }
    let (sender, receiver) = sync_channel::<Job>(1);
    let again = sender.clone();
    std::thread::Builder::new().name("ws-forward".into()).stack_size(STACK).spawn(move || {
        for job in receiver {
            job();
            idle().push(again.clone());
        }
    })?;
    sender.send(job).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
}

fn forward_clients(service: CID, listener: Handle, cid: CID, opcode: usize) {
    let mut page = Pages::new(Accepted::PAGES * PAGE_SIZE);
    loop {
        let Ok(client) = accept(&mut page, service, listener, 0) else { return };
        let accepted = Accepted::parse(&page.bytes()[..client.valid]).map(|accepted| accepted.handle);
        if page.lend(cid, opcode, client.offset, client.valid).is_err() {
            if let (0, Some(connection)) = (client.offset, accepted) {
                going_away(service, connection);
            }
            return;
        }
        if client.offset != 0 {
            return log::info!("no more clients: {}", Code::from_word(client.offset));
        }
    }
}

/// Closes a connection that nobody receives.
pub(crate) fn going_away(service: CID, connection: Handle) {
    let close = message_id(Opcode::Close, connection);
    xous::send_message(service, xous::Message::new_scalar(close, GOING_AWAY, 0, 0, 0)).ok();
}

fn idle() -> std::sync::MutexGuard<'static, Vec<SyncSender<Job>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}
