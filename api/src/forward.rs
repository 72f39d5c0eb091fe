//! Push: threads of the caller's process that receive chunks and lend them on.
//!
//! The service never calls into a client, as it would hang with it. So the thread that waits is the client's.
//! A process has about thirty threads in its life on Xous, so they are used again.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use xous::CID;

use crate::inbox::Inbox;
use crate::websocket::Link;
use crate::{Code, Opcode, Status};

/// The pages are on the heap; on the device a log line and a panic take 16 and 32 KiB of stack.
const STACK: usize = 64 * 1024;
/// The receiver of the chunks is gone (RFC 6455 section 7.4.1, "going away").
const GOING_AWAY: usize = 1001;

struct Job {
    link: Arc<Link>,
    cid: CID,
    opcode: usize,
}

/// Threads that wait for a connection to forward.
static IDLE: Mutex<Vec<SyncSender<Job>>> = Mutex::new(Vec::new());

pub(crate) fn start(link: Arc<Link>, cid: CID, opcode: usize) -> std::io::Result<()> {
    let mut job = Job { link, cid, opcode };
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
            forward(&job);
            drop(job);
            idle().push(again.clone());
        }
    })?;
    sender.send(job).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
}

/// Until the connection has ended or its receiver's server is gone.
fn forward(job: &Job) {
    let Job { link, cid, opcode } = job;
    let mut inbox = Inbox::new();
    loop {
        let Ok(chunk) = inbox.receive(link) else { return };
        let status = chunk.word.status;
        if let Status::Refused(code) = status {
            log::warn!("forwarding stops: {:?}", Code::from_word(usize::from(code)));
        }
        if inbox.pages().lend(*cid, *opcode, chunk.word.to_word(), chunk.len).is_err() {
            let close = link.id(Opcode::Close);
            xous::send_message(link.cid, xous::Message::new_scalar(close, GOING_AWAY, 0, 0, 0)).ok();
            return;
        }
        if !matches!(status, Status::Chunk { .. }) {
            return;
        }
    }
}

fn idle() -> std::sync::MutexGuard<'static, Vec<SyncSender<Job>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}
