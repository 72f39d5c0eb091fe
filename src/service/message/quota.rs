//! Counts the messages that wait for an answer and the bytes of their pages, per process and in all.
//!
//! A memory message keeps its place in the server's queue until it is answered, and its pages their place in the part
//! of the address space that the device's kernel keeps for messages (4 MiB a process). A queue or a window that is
//! full would stop the service for everybody. A message that meets a limit is answered at once. The last places and
//! bytes are for processes that hold none, so that no number of others shuts out the next.

use std::sync::Arc;

use xous::PID;
use xous_api_websocket::Code;

use crate::service::limits::{
    KEPT_BYTES, KEPT_MESSAGES, LENT_BYTES, LENT_MEANWHILE, OPEN_BYTES, OPEN_BYTES_PER_PROCESS, OPEN_MESSAGES,
    OPEN_MESSAGES_PER_PROCESS, SMALL_MESSAGE, WAITING_CLOSES,
};
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};

/// The counters. Only the dispatcher takes tickets; any thread gives them back.
pub(crate) struct Quota {
    all: Share,
    per_process: [Share; 256],
    /// Tickets of [`Quota::take_close`].
    closes: AtomicU8,
    refused: AtomicU32,
    /// As [`REASONS`].
    refused_for: [AtomicU32; REASONS.len()],
}

/// Why a request is refused.
const REASONS: [Code; 4] = [Code::BusyMessages, Code::BusyService, Code::BusyQueue, Code::NoWorker];

struct Share {
    messages: AtomicU8,
    bytes: AtomicU32,
    /// Something has come from the process.
    heard: AtomicBool,
}

/// A place among the open messages, given back on drop.
pub(crate) struct Ticket {
    quota: Arc<Quota>,
    place: Place,
}

enum Place {
    /// That of a message of this process, with this many bytes.
    Message(u8, u32),
    /// Of a Close that found no other.
    Close,
}

impl Quota {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Quota {
            all: Share::new(),
            per_process: [const { Share::new() }; 256],
            closes: AtomicU8::new(0),
            refused: AtomicU32::new(0),
            refused_for: [const { AtomicU32::new(0) }; REASONS.len()],
        })
    }

    /// A place for a message of `pid` that has lent this many bytes, or the limit that was met.
    pub(crate) fn take(self: &Arc<Self>, pid: u8, bytes: usize) -> Result<Ticket, Code> {
        let own = &self.per_process[usize::from(pid)];
        let none = own.messages() == 0;
        let kept = |kept| if none { 0 } else { kept };
        if own.messages() >= OPEN_MESSAGES_PER_PROCESS
            || own.bytes().saturating_add(bytes) > OPEN_BYTES_PER_PROCESS
        {
            return Err(self.refuse(Code::BusyMessages));
        }
        let kept_bytes = if bytes <= SMALL_MESSAGE { kept(KEPT_BYTES) } else { KEPT_BYTES };
        if self.all.messages() >= OPEN_MESSAGES - kept(KEPT_MESSAGES)
            || self.all.bytes().saturating_add(bytes) > OPEN_BYTES - kept_bytes
        {
            return Err(self.refuse(Code::BusyService));
        }
        // No more than a process may have, as was checked.
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        own.add(bytes);
        self.all.add(bytes);
        Ok(Ticket { quota: self.clone(), place: Place::Message(pid, bytes) })
    }

    /// A place for a Close, whatever its process holds; `None` if too many Closes without another place wait already.
    pub(crate) fn take_close(self: &Arc<Self>, pid: u8, bytes: usize) -> Option<Ticket> {
        if let Ok(ticket) = self.take(pid, bytes) {
            return Some(ticket);
        }
        if usize::from(self.closes.load(Relaxed)) >= WAITING_CLOSES {
            return None;
        }
        self.closes.fetch_add(1, Relaxed);
        Some(Ticket { quota: self.clone(), place: Place::Close })
    }

    /// Messages and bytes that `pid` may still have open, but for those that its other threads may need meanwhile.
    pub(crate) fn room(&self, pid: u8) -> (usize, usize) {
        let own = &self.per_process[usize::from(pid)];
        let messages = (OPEN_MESSAGES_PER_PROCESS - LENT_MEANWHILE).saturating_sub(own.messages());
        let bytes = (OPEN_BYTES_PER_PROCESS - LENT_MEANWHILE * LENT_BYTES).saturating_sub(own.bytes());
        let all = (OPEN_MESSAGES - KEPT_MESSAGES).saturating_sub(self.all.messages());
        let all_bytes = (OPEN_BYTES - KEPT_BYTES).saturating_sub(self.all.bytes());
        (messages.min(all), bytes.min(all_bytes))
    }

    /// A message has come from this process: it is there.
    pub(crate) fn hear(&self, process: PID) {
        self.per_process[usize::from(process.get())].heard.store(true, Relaxed);
    }

    /// Forgets that this process has shown that it is there.
    pub(crate) fn forget(&self, process: PID) {
        self.per_process[usize::from(process.get())].heard.store(false, Relaxed);
    }

    /// Something has come from it since it was forgotten.
    pub(crate) fn was_heard(&self, process: PID) -> bool {
        self.per_process[usize::from(process.get())].heard.load(Relaxed)
    }

    /// Counts a refusal.
    pub(crate) fn refuse(&self, code: Code) -> Code {
        self.refused.fetch_add(1, Relaxed);
        let reasons = REASONS.iter().zip(&self.refused_for);
        for (_, count) in reasons.filter(|(reason, _)| **reason == code) {
            count.fetch_add(1, Relaxed);
        }
        code
    }

    /// Open messages at this moment.
    pub(crate) fn open(&self) -> u32 {
        u32::from(self.all.messages.load(Relaxed)) + u32::from(self.closes.load(Relaxed))
    }

    /// Refusals since the start.
    pub(crate) fn refused(&self) -> u32 {
        self.refused.load(Relaxed)
    }

    /// Those for `BusyMessages`, `BusyService`, `BusyQueue` and `NoWorker`.
    pub(crate) fn refused_for(&self) -> [u32; REASONS.len()] {
        self.refused_for.each_ref().map(|count| count.load(Relaxed))
    }
}

impl Share {
    const fn new() -> Self {
        Share { messages: AtomicU8::new(0), bytes: AtomicU32::new(0), heard: AtomicBool::new(false) }
    }

    fn messages(&self) -> usize {
        usize::from(self.messages.load(Relaxed))
    }

    fn bytes(&self) -> usize {
        self.bytes.load(Relaxed) as usize
    }

    fn add(&self, bytes: u32) {
        self.messages.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    fn subtract(&self, bytes: u32) {
        self.messages.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match self.place {
            Place::Message(pid, bytes) => {
                self.quota.per_process[usize::from(pid)].subtract(bytes);
                self.quota.all.subtract(bytes);
            }
            Place::Close => {
                self.quota.closes.fetch_sub(1, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::limits::MESSAGE_BYTES;

    const PAGE: usize = 4096;

    fn takes(quota: &Arc<Quota>, pid: u8, bytes: usize) -> Vec<Ticket> {
        std::iter::from_fn(|| quota.take(pid, bytes).ok()).collect()
    }

    #[test]
    fn no_number_of_processes_locks_the_next_out() {
        let quota = Quota::new();
        let one = takes(&quota, 1, PAGE);
        assert_eq!(one.len(), OPEN_MESSAGES_PER_PROCESS);
        assert_eq!(quota.take(1, PAGE).err(), Some(Code::BusyMessages));
        let two = takes(&quota, 2, PAGE);
        assert_eq!(one.len() + two.len(), OPEN_MESSAGES - KEPT_MESSAGES);
        assert_eq!(quota.take(2, PAGE).err(), Some(Code::BusyService));
        let others: Vec<_> = (0..KEPT_MESSAGES as u8).flat_map(|pid| takes(&quota, 10 + pid, PAGE)).collect();
        assert_eq!(others.len(), KEPT_MESSAGES, "one each");
        assert_eq!(quota.take(99, PAGE).err(), Some(Code::BusyService));
        drop((one, two, others));
        assert_eq!(quota.open(), 0);
        assert!(quota.take(1, PAGE).is_ok());
    }

    #[test]
    fn bytes_are_counted_as_messages_are() {
        let quota = Quota::new();
        let held: Vec<_> = (1..20).flat_map(|pid| takes(&quota, pid, MESSAGE_BYTES)).collect();
        assert_eq!(held.len(), (OPEN_BYTES - KEPT_BYTES) / MESSAGE_BYTES);
        assert_eq!(takes(&quota, 100, MESSAGE_BYTES).len(), 0, "the rest is for small messages");
        assert_eq!(takes(&quota, 101, SMALL_MESSAGE).len(), 1);
        drop(held);
        assert_eq!(takes(&quota, 1, MESSAGE_BYTES).len(), OPEN_BYTES_PER_PROCESS / MESSAGE_BYTES);
    }

    #[test]
    fn a_close_gets_through() {
        let quota = Quota::new();
        let held = takes(&quota, 1, PAGE);
        let closes: Vec<_> = std::iter::from_fn(|| quota.take_close(1, PAGE)).collect();
        assert_eq!((closes.len(), quota.open() as usize), (WAITING_CLOSES, held.len() + WAITING_CLOSES));
        drop((held, closes));
        assert_eq!(quota.open(), 0);
    }
}
