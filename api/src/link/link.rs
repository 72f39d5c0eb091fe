//! What a program knows of a connection.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Mutex, MutexGuard};
use std::{ptr, thread};

use crate::Code;
use crate::error::SendError;
use crate::link::address::Address;
use crate::link::inbox::Inbox;
use crate::link::lending::IS_LENT;
use crate::link::outgoing::Outgoing;
use crate::link::queue::Queue;
use crate::link::sending::Sending;
use crate::sync::{lock, try_lock};

/// What is known of a connection.
pub(crate) struct Link {
    pub(crate) status: u16,
    pub(crate) sub_protocol: Option<String>,
    pub(crate) head: Vec<u8>,
    /// What of the sending is seen without `outgoing`.
    pub(crate) sending: Sending,
    /// Held while a message is sent, however many parts it has.
    pub(crate) outgoing: Mutex<Outgoing>,
    /// The thread that holds it for a message that is written: what [`this_thread`] says there.
    writing: AtomicUsize,
    /// Messages that are sent by a thread of their own.
    pub(crate) queue: Mutex<Queue>,
    /// Held while a message is received.
    pub(crate) incoming: Mutex<Inbox>,
}

impl Link {
    pub(crate) fn new(address: Address, status: u16, sub_protocol: Option<&str>, head: &[u8]) -> Self {
        Link {
            status,
            sub_protocol: sub_protocol.map(str::to_owned),
            head: head.to_vec(),
            sending: Sending::new(address),
            outgoing: Mutex::new(Outgoing::new()),
            writing: AtomicUsize::new(0),
            queue: Mutex::default(),
            incoming: Mutex::new(Inbox::new()),
        }
    }

    pub(crate) fn address(&self) -> Address {
        self.sending.address
    }

    /// Waits until nobody else sends.
    ///
    /// # Errors
    /// This very thread writes a message ([`Link::writes`]), so that it would wait for itself.
    #[inline]
    pub(crate) fn outgoing(&self) -> Result<MutexGuard<'_, Outgoing>, SendError> {
        match self.outgoing.try_lock() {
            Ok(outgoing) => Ok(outgoing),
            Err(_) => self.outgoing_in_turn(),
        }
    }

    /// Apart from the way of almost every message, which counts instructions.
    #[cold]
    fn outgoing_in_turn(&self) -> Result<MutexGuard<'_, Outgoing>, SendError> {
        match try_lock(&self.outgoing) {
            Some(outgoing) => Ok(outgoing),
            None if self.writing.load(Relaxed) == this_thread() => Err(SendError::Refused(Code::MessageOpen)),
            None => Ok(lock(&self.outgoing)),
        }
    }

    /// What is queued, for whoever sends or closes behind it and does not wait for the peer. `None` if nothing is queued, or
    /// another thread sends it and the service has it.
    pub(crate) fn queued(&self) -> Option<MutexGuard<'_, Outgoing>> {
        while self.sending.has_queued.load(SeqCst) {
            if let Some(outgoing) = try_lock(&self.outgoing) {
                return Some(outgoing);
            }
            if self.sending.lending.is_lent_in(IS_LENT) {
                return None;
            }
            // The other one adds a message or is about to lend: both take no time. To wait for its lock could last, as it may
            // lend before it lets go.
            thread::yield_now();
        }
        None
    }

    /// This thread holds `outgoing` from now on, or not any more. Any other's order is as good: a thread looks for itself.
    pub(crate) fn writes(&self, begins: bool) {
        self.writing.store(if begins { this_thread() } else { 0 }, Relaxed);
    }
}

/// A number that no other thread has meanwhile, and that is not 0.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| ptr::from_ref(here).addr())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::Kind;
    use crate::error::QueueError;
    use crate::wire::{Handle, PAGE_SIZE, Returned};

    fn link() -> Link {
        Link::new(Address { cid: 0, handle: Handle::SOLE }, 101, None, &[])
    }

    fn answer(offset: usize) -> Result<Returned, xous::Error> {
        Ok(Returned { offset, valid: 0 })
    }

    /// Whoever looks while what is queued is on its way waits until the service has it, or sends it first.
    #[test]
    fn what_is_on_its_way_is_not_overtaken() {
        let (link, has_returned) = (link(), AtomicBool::new(false));
        let mut outgoing = lock(&link.outgoing);
        outgoing.queue(&link.sending, Kind::Text, b"a").unwrap();
        std::thread::scope(|scope| {
            let (looks, is_there) = channel();
            let sent = outgoing.send_queued(&link.sending, |_, count, len| {
                assert_eq!((count, len), (1, PAGE_SIZE));
                assert!(link.sending.has_queued.load(SeqCst));
                for _ in 0..3 {
                    let (looks, link, has_returned) = (looks.clone(), &link, &has_returned);
                    scope.spawn(move || {
                        looks.send(()).unwrap();
                        assert!(link.queued().is_none());
                        assert!(has_returned.load(SeqCst));
                    });
                }
                (0..3).for_each(|_| is_there.recv().unwrap());
                has_returned.store(true, SeqCst);
                answer(0)
            });
            assert_eq!(sent, Ok(()));
        });
        assert!(!link.sending.has_queued.load(SeqCst));
    }

    #[test]
    fn what_was_refused_for_now_is_there_for_others() {
        let link = link();
        let mut outgoing = lock(&link.outgoing);
        outgoing.queue(&link.sending, Kind::Text, b"a").unwrap();
        std::thread::scope(|scope| {
            let sent = outgoing.send_queued(&link.sending, |_, _, _| {
                scope.spawn(|| assert_eq!(link.queued().map(|outgoing| outgoing.counts()), Some((1, 8))));
                answer(Code::BusyQueue as usize)
            });
            assert_eq!(sent, Err(QueueError::NotSent(SendError::Busy(Code::BusyQueue))));
            drop(outgoing);
        });
        // A lend that lasts is with the service: nobody waits for the peer.
        let mut outgoing = lock(&link.outgoing);
        let sent = outgoing.send_queued(&link.sending, |_, _, _| {
            std::thread::scope(|scope| {
                scope.spawn(|| assert!(link.queued().is_none()));
            });
            answer(Code::Closed as usize)
        });
        assert_eq!(sent, Err(QueueError::NotSent(SendError::Closed)));
        assert!(!link.sending.has_queued.load(SeqCst));
    }
}
