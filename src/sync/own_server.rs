//! A server of Xous by which one thread of this process is woken by others.
//!
//! It takes one of the 32 connections that a process can have and a page of its memory. So not every wait has one, and what
//! was used once is used again, as threads are.

use xous::{CID, Message, Result as Answer, SID, SysCall};

use super::Mutex;

/// As many as there are writers, whose wait is the one that every message ends. The service has some eleven connections to
/// others' servers.
const MOST: usize = 12;

/// All of this process.
static SERVERS: Mutex<Servers> = Mutex::new(Servers { free: Vec::new(), all: 0 });

struct Servers {
    /// Those that nobody waits at.
    free: Vec<Server>,
    all: usize,
}

/// Nobody else knows its name.
#[derive(Debug, Clone, Copy)]
struct Server {
    sid: SID,
    cid: CID,
}

/// A server while it is somebody's.
#[derive(Debug)]
pub(super) struct OwnServer(Server);

impl OwnServer {
    /// `None` if there are enough, or the kernel has no place for it.
    pub(super) fn new() -> Option<Self> {
        let mut servers = SERVERS.lock();
        if let Some(server) = servers.free.pop() {
            return Some(OwnServer(server));
        }
        if servers.all >= MOST {
            return None;
        }
        servers.all += 1;
        drop(servers);
        let server = create();
        if server.is_none() {
            SERVERS.lock().all -= 1;
        }
        server.map(OwnServer)
    }

    /// Waits for a message.
    pub(super) fn receive(&self) {
        // It fails without a server only. A scalar needs no answer.
        xous::receive_message(self.0.sid).ok();
    }

    /// Sends a message, and does not wait.
    pub(super) fn send(&self) {
        let message = Message::new_scalar(0, 0, 0, 0, 0);
        // It fails if the queue is full, in which there is never a second one.
        xous::rsyscall(SysCall::TrySendMessage(self.0.cid, message)).ok();
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        SERVERS.lock().free.push(self.0);
    }
}

fn create() -> Option<Server> {
    let sid = xous::create_server_id().ok()?;
    match xous::rsyscall(SysCall::CreateServerWithAddress(sid)) {
        Ok(Answer::NewServerID(sid, cid)) => Some(Server { sid, cid }),
        _ => {
            // There is one all the same if only the connection to it was not to be had.
            xous::rsyscall(SysCall::DestroyServer(sid)).ok();
            None
        }
    }
}
