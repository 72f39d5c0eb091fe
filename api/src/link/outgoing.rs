//! Messages that are collected and go out together.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::error::{QueueError, SendError, Unsent};
use crate::link::moved;
use crate::link::parts::{SEND_CHUNK, send_parts};
use crate::link::sending::Sending;
use crate::wire::{Opcode, PAGE_SIZE, Packer, Pages, Returned, move_copy};
use crate::{Code, Kind, Part};

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
    pub(crate) longest: Option<Duration>,
    /// A thread sees to that.
    pub(crate) watched: bool,
    /// It was told another time, which it has not looked at yet.
    pub(crate) is_other: bool,
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
    pub(crate) fn pages(&mut self, sending: &Sending) -> Result<&mut Pages, SendError> {
        self.settle(sending)?;
        Ok(&mut self.pages)
    }

    /// Clears the pages, but for what waits.
    pub(crate) fn clear(&mut self) {
        if self.queued.is_empty() {
            self.pages.clear();
        }
    }

    /// Adds a message to those that wait; its number.
    pub(crate) fn queue(&mut self, sending: &Sending, kind: Kind, data: &[u8]) -> Result<u64, QueueError> {
        if self.untold.is_some() {
            self.flush(sending)?;
        }
        if !self.queued.put(self.pages.bytes_mut(), kind, data) {
            self.flush(sending)?;
            if self.pages.bytes().len() < SEND_CHUNK {
                self.pages = Pages::new(SEND_CHUNK);
            }
            if !self.queued.put(self.pages.bytes_mut(), kind, data) {
                send_parts(sending.address, &mut self.pages, kind, Part::Whole, data, SEND_CHUNK)
                    .map_err(QueueError::NotSent)?;
            }
        }
        if self.queued.count() == 1 {
            sending.has_queued.store(true, SeqCst);
        }
        self.number += 1;
        Ok(self.number - 1)
    }

    /// Sends what waits, and tells what was not told yet.
    pub(crate) fn flush(&mut self, sending: &Sending) -> Result<(), QueueError> {
        let settled = self.settle(sending);
        match self.untold.take() {
            Some(untold) => Err(untold),
            None => settled.map_err(QueueError::NotSent),
        }
    }

    /// Sends what waits longer than this from now on. A thread that waits already hears of it.
    pub(crate) fn set_longest(&mut self, sending: &Sending, longest: Option<Duration>) {
        self.longest = longest;
        if self.watched {
            self.is_other = true;
            sending.given_up.notify_all();
        }
    }

    /// The next message that is queued has to be sent after a time, and nobody sees to that.
    pub(crate) fn is_unwatched(&self) -> bool {
        self.longest.is_some() && !self.watched
    }

    /// Nothing is queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// The next call tells of something that is not sent.
    pub(crate) fn has_untold(&self) -> bool {
        self.untold.is_some()
    }

    /// Gives what waits to the service, which sends it. Nothing is waited for, and what is at fault is only counted.
    ///
    /// # Errors
    /// There is no room, and all of it still waits.
    pub(crate) fn give_queued(&mut self, sending: &Sending) -> Result<(), SendError> {
        if self.queued.is_empty() {
            return Ok(());
        }
        moved::take_room(sending.address, &sending.places, self.len())?;
        self.move_queued(sending)
    }

    /// As [`Outgoing::give_queued`], but waits until the socket has taken it where there is no room, as for a message that is
    /// lent a place is kept.
    ///
    /// # Errors
    /// It is not with the service.
    pub(crate) fn hand_over(&mut self, sending: &Sending) -> Result<(), SendError> {
        match self.give_queued(sending) {
            Err(SendError::Busy(_)) => self.settle(sending),
            given => given,
        }
    }

    /// Gives what waits to the service, as the connection is about to be closed, in the place that is kept for a message
    /// that is lent: none is while this is held. What finds no room for all that is counted.
    pub(crate) fn give_last(&mut self, sending: &Sending) {
        if !self.queued.is_empty() {
            moved::count(self.len());
            self.move_queued(sending).ok();
        }
    }

    /// As [`Outgoing::give_last`], as nobody holds the connection any more. The thread that waits ends.
    pub(crate) fn give_up(&mut self, sending: &Sending) {
        self.longest = None;
        self.give_last(sending);
    }

    fn move_queued(&mut self, sending: &Sending) -> Result<(), SendError> {
        let (count, len) = (self.queued.count(), self.close());
        let data = self.pages.bytes().get(..len).unwrap_or_default();
        if move_copy(sending.address.cid, sending.address.id(Opcode::SendSeveral), count, data).is_err() {
            let all = self.pages.bytes().len();
            self.queued.move_table(self.pages.bytes_mut(), len, all);
            return Err(SendError::Kernel);
        }
        self.empty(sending);
        Ok(())
    }

    /// Sends what waits. What is lost of it is told later.
    ///
    /// # Errors
    /// All of it still waits.
    pub(crate) fn settle(&mut self, sending: &Sending) -> Result<(), SendError> {
        let id = sending.address.id(Opcode::SendSeveral);
        let sent = self.send_queued(sending, |pages, count, len| {
            pages.lend_mut(sending.address.cid, id, count, len, len)
        });
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
    pub(crate) fn send_queued(
        &mut self,
        sending: &Sending,
        lend: impl FnOnce(&mut Pages, usize, usize) -> Result<Returned, xous::Error>,
    ) -> Result<(), QueueError> {
        if self.queued.is_empty() {
            return Ok(());
        }
        sending.lending.begin();
        let sent = self.lend_queued(sending, lend);
        sending.lending.end();
        sent
    }

    fn lend_queued(
        &mut self,
        sending: &Sending,
        lend: impl FnOnce(&mut Pages, usize, usize) -> Result<Returned, xous::Error>,
    ) -> Result<(), QueueError> {
        let (count, len) = (self.queued.count(), self.close());
        let returned = lend(&mut self.pages, count, len);
        let error = match returned.map(|returned| (returned.offset, returned.valid)) {
            Ok((0, _)) => {
                self.empty(sending);
                return Ok(());
            }
            Ok((offset, valid)) if Code::from_word(offset) == Code::SomeUnsent => {
                let first = self.number - count as u64;
                self.empty(sending);
                return Err(self.unsent(first, valid.min(count)));
            }
            Ok((offset, _)) => SendError::from_code(Code::from_word(offset)),
            Err(_) => SendError::Kernel,
        };
        if matches!(error, SendError::Busy(_) | SendError::Refused(Code::Reconnecting) | SendError::Kernel) {
            let all = self.pages.bytes().len();
            self.queued.move_table(self.pages.bytes_mut(), len, all);
            sending.has_queued.store(true, SeqCst);
        } else {
            self.empty(sending);
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

    fn empty(&mut self, sending: &Sending) {
        self.queued = Packer::new();
        sending.has_queued.store(false, SeqCst);
    }

    /// What the codes in the pages say, of messages from this number on.
    fn unsent(&self, first: u64, count: usize) -> QueueError {
        let codes = self.pages.bytes().get(..count).unwrap_or_default();
        let unsent = (first..).zip(codes).filter(|(_, code)| **code != 0);
        let unsent = unsent.map(|(number, code)| Unsent { number, code: Code::from_word((*code).into()) });
        QueueError::Failed(unsent.collect())
    }
}
