//! Counts the messages that wait for an answer, per process and in all.
//!
//! A memory message keeps its place in the server's queue until it is answered; a queue full of them would stop
//! the service for everybody. Whoever meets a limit is answered at once.

use std::sync::Arc;

use xous_api_websocket::Code;

use crate::service::limits::{OPEN_MESSAGES, OPEN_MESSAGES_PER_PROCESS};
use crate::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

/// The counters. Only the dispatcher takes tickets; any thread gives them back.
pub(crate) struct Quota {
    open: AtomicU32,
    refused: AtomicU32,
    per_process: [AtomicU8; 256],
}

/// A place among the open messages, given back on drop.
pub(crate) struct Ticket {
    quota: Arc<Quota>,
    pid: u8,
}

impl Quota {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Quota {
            open: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            per_process: [const { AtomicU8::new(0) }; 256],
        })
    }

    /// A place for a message of `pid`, or which limit was met.
    pub(crate) fn take(self: &Arc<Self>, pid: u8) -> Result<Ticket, Code> {
        if self.open.load(Relaxed) as usize >= OPEN_MESSAGES {
            return Err(self.refuse(Code::BusyService));
        }
        let own = &self.per_process[usize::from(pid)];
        if usize::from(own.load(Relaxed)) >= OPEN_MESSAGES_PER_PROCESS {
            return Err(self.refuse(Code::BusyMessages));
        }
        own.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        Ok(Ticket { quota: self.clone(), pid })
    }

    /// Counts a refusal.
    pub(crate) fn refuse(&self, code: Code) -> Code {
        self.refused.fetch_add(1, Relaxed);
        code
    }

    /// Open messages at this moment.
    pub(crate) fn open(&self) -> u32 {
        self.open.load(Relaxed)
    }

    /// Refusals since the start.
    pub(crate) fn refused(&self) -> u32 {
        self.refused.load(Relaxed)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.quota.per_process[usize::from(self.pid)].fetch_sub(1, Relaxed);
        self.quota.open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_meets_its_limit_before_it_locks_the_others_out() {
        let quota = Quota::new();
        let held: Vec<_> = (0..OPEN_MESSAGES_PER_PROCESS).map(|_| quota.take(1).ok().unwrap()).collect();
        assert_eq!(quota.take(1).err(), Some(Code::BusyMessages));
        let others: Vec<_> = (held.len()..OPEN_MESSAGES).map(|_| quota.take(2).ok().unwrap()).collect();
        assert_eq!(quota.take(3).err(), Some(Code::BusyService));
        assert_eq!((quota.open() as usize, quota.refused()), (OPEN_MESSAGES, 2));
        drop((held, others));
        assert_eq!(quota.open(), 0);
        assert!(quota.take(1).is_ok());
    }
}
