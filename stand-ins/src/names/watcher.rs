//! Waits for servers that are registered but not created yet.
//!
//! A server registers its name first and creates itself with the SID that it got back, and the kernel tells nobody
//! when it has. Its own `ConnectForProcess` retries every 5 ms until then and would hold up the whole name server, for
//! ever when the process never gets there. So that wait is a thread of its own, it asks at the same rate only while
//! somebody waits for such a server, and it gives up after [`PATIENCE`].

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use xous::{CID, Message, SID};

use crate::raw;

/// Scalar to the name server from its own process: the server with this SID is there.
pub(super) const CREATED: usize = 0x1_0000;
/// Scalar to the name server from its own process: the server with this SID was not created in time.
pub(super) const ABANDONED: usize = 0x1_0001;

/// From the first request for a server until its registration is dropped.
const PATIENCE: Duration = Duration::from_secs(5);
/// First and longest pause between two looks. Creating the server is the next thing that a client does, so the first
/// look seldom comes too early; the longest is the kernel's own.
const PAUSES: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(5));

/// The handle to the thread.
pub(super) struct Watcher {
    requests: Sender<SID>,
}

impl Watcher {
    /// Starts the thread. It reports to the name server by `connection`.
    pub(super) fn start(connection: CID) -> Self {
        let (requests, incoming) = channel();
        std::thread::spawn(move || watch(&incoming, connection));
        Self { requests }
    }

    /// Asks for a [`CREATED`] or [`ABANDONED`] about `sid`.
    pub(super) fn watch(&self, sid: SID) {
        // The thread ends only with the process.
        self.requests.send(sid).ok();
    }
}

struct Pending {
    sid: SID,
    deadline: Instant,
}

fn watch(incoming: &Receiver<SID>, connection: CID) {
    let mut pending: Vec<Pending> = Vec::new();
    let mut pause = PAUSES.0;
    loop {
        let request = if pending.is_empty() {
            pause = PAUSES.0;
            incoming.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            incoming.recv_timeout(pause)
        };
        match request {
            Ok(sid) if pending.iter().all(|known| known.sid != sid) => {
                pending.push(Pending { sid, deadline: Instant::now() + PATIENCE });
                pause = PAUSES.0;
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(PAUSES.1),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        pending.retain(|waiting| !settled(waiting, connection));
    }
}

/// Reports about a server whose wait is over.
fn settled(waiting: &Pending, connection: CID) -> bool {
    if raw::server_exists(waiting.sid) {
        report(connection, CREATED, waiting.sid);
    } else if Instant::now() >= waiting.deadline {
        report(connection, ABANDONED, waiting.sid);
    } else {
        return false;
    }
    true
}

fn report(connection: CID, opcode: usize, sid: SID) {
    let [a, b, c, d] = sid.to_array().map(|word| word as usize);
    if let Err(error) = xous::send_message(connection, Message::new_scalar(opcode, a, b, c, d)) {
        eprintln!("names: the watcher cannot report: {error:?}");
    }
}
