//! Messages that are collected and go out together.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::connection::link::{Link, lock};
use crate::error::{QueueError, SendError, Unsent};
use crate::messages::moved;
use crate::messages::send::{self, SEND_CHUNK};
use crate::push::forward;
use crate::wire::{Opcode, PAGE_SIZE, Packer, Pages, Returned, move_copy};
use crate::{Code, Kind, Part};

/// What waits on a connection that is lost is not tried more often: it is opened again after seconds at the soonest, as a rule.
const WHILE_LOST: Duration = Duration::from_secs(1);

/// The pages that messages are sent with, and messages that wait in them.
///
/// Who competes: threads that send, and one that sends what has waited for too long. The thread that sends holds it, and
/// sends what waits first. Full: what waits is sent.
pub(crate) struct Outgoing {
    pages: Pages,
    queued: Packer,
    /// How many have been queued so far.
    number: u64,
    /// Of what was sent without the program asking for it: told with its next call.
    untold: Option<QueueError>,
    /// Nothing waits longer.
    longest: Option<Duration>,
    /// A thread sees to that.
    watched: bool,
    /// It was told another time, which it has not looked at yet.
    is_other: bool,
}

impl Outgoing {
    pub(crate) fn new() -> Self {
        Outgoing {
            pages: Pages::new(PAGE_SIZE),
            queued: Packer::new(),
            number: 0,
            untold: None,
            longest: None,
            watched: false,
            is_other: false,
        }
    }

    /// How many messages wait, and bytes of the pages that they fill.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.queued.count(), self.queued.used())
    }

    /// Pages for another message, when what waits is sent.
    ///
    /// # Errors
    /// It cannot be sent for now, and is still in the pages.
    pub(crate) fn pages(&mut self, link: &Link) -> Result<&mut Pages, SendError> {
        self.settle(link)?;
        Ok(&mut self.pages)
    }

    /// Clears the pages, but for what waits.
    pub(crate) fn clear(&mut self) {
        if self.queued.is_empty() {
            self.pages.clear();
        }
    }

    /// Adds a message to those that wait; its number.
    pub(crate) fn queue(&mut self, link: &Arc<Link>, kind: Kind, data: &[u8]) -> Result<u64, QueueError> {
        if self.untold.is_some() {
            self.flush(link)?;
        }
        if self.longest.is_some() && !self.watched {
            self.watch(link)?;
        }
        if !self.queued.put(self.pages.bytes_mut(), kind, data) {
            self.flush(link)?;
            if self.pages.bytes().len() < SEND_CHUNK {
                self.pages = Pages::new(SEND_CHUNK);
            }
            if !self.queued.put(self.pages.bytes_mut(), kind, data) {
                send::send_parts(link, &mut self.pages, kind, Part::Whole, data, SEND_CHUNK)
                    .map_err(QueueError::NotSent)?;
            }
        }
        if self.queued.count() == 1 {
            link.has_queued.store(true, SeqCst);
        }
        self.number += 1;
        Ok(self.number - 1)
    }

    /// Sends what waits, and tells what was not told yet.
    pub(crate) fn flush(&mut self, link: &Link) -> Result<(), QueueError> {
        let settled = self.settle(link);
        match self.untold.take() {
            Some(untold) => Err(untold),
            None => settled.map_err(QueueError::NotSent),
        }
    }

    /// Sends what waits longer than this from now on. A thread that waits already hears of it.
    pub(crate) fn set_longest(
        &mut self,
        link: &Arc<Link>,
        longest: Option<Duration>,
    ) -> Result<(), QueueError> {
        self.longest = longest;
        if self.watched {
            self.is_other = true;
            link.given_up.notify_all();
        }
        let waits = longest.is_some() && !self.watched && !self.queued.is_empty();
        if waits { self.watch(link) } else { Ok(()) }
    }

    /// Gives what waits to the service, which sends it. Nothing is waited for, and what is at fault is only counted.
    ///
    /// # Errors
    /// There is no room, and all of it still waits.
    pub(crate) fn give_queued(&mut self, link: &Link) -> Result<(), SendError> {
        if self.queued.is_empty() {
            return Ok(());
        }
        moved::take_room(link, self.len())?;
        self.move_queued(link)
    }

    /// As [`Outgoing::give_queued`], but waits until the socket has taken it where there is no room, as for a message that is
    /// lent a place is kept.
    ///
    /// # Errors
    /// It is not with the service.
    pub(crate) fn hand_over(&mut self, link: &Link) -> Result<(), SendError> {
        match self.give_queued(link) {
            Err(SendError::Busy(_)) => self.settle(link),
            given => given,
        }
    }

    /// Gives what waits to the service, as the connection is about to be closed, in the place that is kept for a message
    /// that is lent: none is while this is held. What finds no room for all that is counted.
    pub(crate) fn give_last(&mut self, link: &Link) {
        if !self.queued.is_empty() {
            moved::count(self.len());
            self.move_queued(link).ok();
        }
    }

    /// As [`Outgoing::give_last`], as nobody holds the connection any more. The thread that waits ends.
    pub(crate) fn give_up(&mut self, link: &Link) {
        self.longest = None;
        self.give_last(link);
    }

    fn move_queued(&mut self, link: &Link) -> Result<(), SendError> {
        let (count, len) = (self.queued.count(), self.close());
        let data = self.pages.bytes().get(..len).unwrap_or_default();
        if move_copy(link.cid, link.id(Opcode::SendSeveral), count, data).is_err() {
            let all = self.pages.bytes().len();
            self.queued.move_table(self.pages.bytes_mut(), len, all);
            return Err(SendError::Kernel);
        }
        self.empty(link);
        Ok(())
    }

    /// Sends what waits. What is lost of it is told later.
    ///
    /// # Errors
    /// All of it still waits.
    fn settle(&mut self, link: &Link) -> Result<(), SendError> {
        let id = link.id(Opcode::SendSeveral);
        let sent = self.send_queued(link, |pages, count, len| pages.lend_mut(link.cid, id, count, len, len));
        match (sent, &mut self.untold) {
            (Ok(()), _) => (),
            (Err(QueueError::NotSent(error)), _) if !self.queued.is_empty() => return Err(error),
            (Err(QueueError::Failed(more)), Some(QueueError::Failed(all))) => all.extend(more),
            (Err(_), Some(QueueError::NotSent(_))) => (),
            (Err(error), untold) => *untold = Some(error),
        }
        Ok(())
    }

    /// Sends what waits with `lend`, which gets the pages, the number of messages and the bytes. Something is queued until it
    /// has returned: nobody can tell sooner that the service has it, and what others send is to go behind it.
    fn send_queued(
        &mut self,
        link: &Link,
        lend: impl FnOnce(&mut Pages, usize, usize) -> Result<Returned, xous::Error>,
    ) -> Result<(), QueueError> {
        if self.queued.is_empty() {
            return Ok(());
        }
        link.sending.begin();
        let sent = self.lend_queued(link, lend);
        link.sending.end();
        sent
    }

    fn lend_queued(
        &mut self,
        link: &Link,
        lend: impl FnOnce(&mut Pages, usize, usize) -> Result<Returned, xous::Error>,
    ) -> Result<(), QueueError> {
        let (count, len) = (self.queued.count(), self.close());
        let returned = lend(&mut self.pages, count, len);
        let error = match returned.map(|returned| (returned.offset, returned.valid)) {
            Ok((0, _)) => {
                self.empty(link);
                return Ok(());
            }
            Ok((offset, valid)) if Code::from_word(offset) == Code::SomeUnsent => {
                let first = self.number - count as u64;
                self.empty(link);
                return Err(self.unsent(first, valid.min(count)));
            }
            Ok((offset, _)) => SendError::from_code(Code::from_word(offset)),
            Err(_) => SendError::Kernel,
        };
        if matches!(error, SendError::Busy(_) | SendError::Refused(Code::Reconnecting) | SendError::Kernel) {
            let all = self.pages.bytes().len();
            self.queued.move_table(self.pages.bytes_mut(), len, all);
            link.has_queued.store(true, SeqCst);
        } else {
            self.empty(link);
        }
        Err(QueueError::NotSent(error))
    }

    /// Bytes of the pages that what waits needs.
    fn len(&self) -> usize {
        self.queued.used().next_multiple_of(PAGE_SIZE).min(self.pages.bytes().len())
    }

    /// Makes what waits as short as it can be. Returns the bytes of its pages.
    fn close(&mut self) -> usize {
        let (all, len) = (self.pages.bytes().len(), self.len());
        self.queued.move_table(self.pages.bytes_mut(), all, len);
        len
    }

    fn empty(&mut self, link: &Link) {
        self.queued = Packer::new();
        link.has_queued.store(false, SeqCst);
    }

    /// What the codes in the pages say, of messages from this number on.
    fn unsent(&self, first: u64, count: usize) -> QueueError {
        let codes = self.pages.bytes().get(..count).unwrap_or_default();
        let unsent = (first..).zip(codes).filter(|(_, code)| **code != 0);
        let unsent = unsent.map(|(number, code)| Unsent { number, code: Code::from_word((*code).into()) });
        QueueError::Failed(unsent.collect())
    }

    /// Has a thread send what waits, when it has waited for the longest time.
    fn watch(&mut self, link: &Arc<Link>) -> Result<(), QueueError> {
        let watcher = link.clone();
        forward::start(Box::new(move || watch(&watcher)))
            .map_err(|_| QueueError::NotSent(SendError::Busy(Code::NoWorker)))?;
        self.watched = true;
        Ok(())
    }
}

/// Waits for that time, or until nobody holds the connection any more, and sends what waits. The time counts from here: what
/// came meanwhile has waited for less and goes with it, so that no message has to be told the time. While the connection is
/// opened again it tries again: nobody else may send behind that.
fn watch(link: &Link) {
    let mut outgoing = lock(&link.outgoing);
    let (mut since, mut least) = (Instant::now(), Duration::ZERO);
    // Without a time, what waits is left to the next call that sends.
    while let Some(longest) = outgoing.longest {
        outgoing.is_other = false;
        let rest = longest.max(least).saturating_sub(since.elapsed());
        if !rest.is_zero() {
            let woken = link.given_up.wait_timeout(outgoing, rest);
            outgoing = woken.unwrap_or_else(PoisonError::into_inner).0;
            if outgoing.is_other {
                continue;
            }
        }
        // What else is refused for now goes out with the next message.
        if outgoing.settle(link) != Err(SendError::Refused(Code::Reconnecting)) {
            break;
        }
        (since, least) = (Instant::now(), WHILE_LOST);
    }
    outgoing.watched = false;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::wire::Handle;

    fn link() -> Arc<Link> {
        Arc::new(Link::new(0, Handle::SOLE, 101, None, &[]))
    }

    fn answer(offset: usize) -> Result<Returned, xous::Error> {
        Ok(Returned { offset, valid: 0 })
    }

    /// Whoever looks while what is queued is on its way waits until the service has it, or sends it first.
    #[test]
    fn what_is_on_its_way_is_not_overtaken() {
        let (link, has_returned) = (link(), AtomicBool::new(false));
        let mut outgoing = lock(&link.outgoing);
        outgoing.queue(&link, Kind::Text, b"a").unwrap();
        std::thread::scope(|scope| {
            let (looks, is_there) = channel();
            let sent = outgoing.send_queued(&link, |_, count, len| {
                assert_eq!((count, len), (1, PAGE_SIZE));
                assert!(link.has_queued.load(SeqCst));
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
        assert!(!link.has_queued.load(SeqCst));
    }

    #[test]
    fn what_was_refused_for_now_is_there_for_others() {
        let link = link();
        let mut outgoing = lock(&link.outgoing);
        outgoing.queue(&link, Kind::Text, b"a").unwrap();
        std::thread::scope(|scope| {
            let sent = outgoing.send_queued(&link, |_, _, _| {
                scope.spawn(|| assert_eq!(link.queued().map(|outgoing| outgoing.counts()), Some((1, 8))));
                answer(Code::BusyQueue as usize)
            });
            assert_eq!(sent, Err(QueueError::NotSent(SendError::Busy(Code::BusyQueue))));
            drop(outgoing);
        });
        // A lend that lasts is with the service: nobody waits for the peer.
        let mut outgoing = lock(&link.outgoing);
        let sent = outgoing.send_queued(&link, |_, _, _| {
            std::thread::scope(|scope| {
                scope.spawn(|| assert!(link.queued().is_none()));
            });
            answer(Code::Closed as usize)
        });
        assert_eq!(sent, Err(QueueError::NotSent(SendError::Closed)));
        assert!(!link.has_queued.load(SeqCst));
    }
}
