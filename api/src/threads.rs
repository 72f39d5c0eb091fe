//! Threads of the program's process that wait where the program does not want to.
//!
//! A process on Xous has about thirty threads in its life, so they are used again.

use std::io::{self, ErrorKind};
use std::sync::Mutex;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crate::sync::lock;

/// Pages are on the heap; on the device a log line and a panic take 16 and 32 KiB of stack.
const STACK: usize = 64 * 1024;

pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Those that wait for a job.
static IDLE: Mutex<Vec<SyncSender<Job>>> = Mutex::new(Vec::new());

/// Runs a job on a thread that waits for one, or on a new one.
///
/// # Errors
/// None waits, and the system has no other.
pub(crate) fn start(mut job: Job) -> io::Result<()> {
    while let Some(thread) = idle() {
        match thread.send(job) {
            Ok(()) => return Ok(()),
            Err(unsent) => job = unsent.0,
        }
    }
    let (sender, receiver) = sync_channel::<Job>(1);
    let again = sender.clone();
    thread::Builder::new().name("ws-forward".into()).stack_size(STACK).spawn(move || {
        for job in receiver {
            job();
            lock(&IDLE).push(again.clone());
        }
    })?;
    sender.send(job).map_err(|_| ErrorKind::BrokenPipe.into())
}

fn idle() -> Option<SyncSender<Job>> {
    lock(&IDLE).pop()
}
