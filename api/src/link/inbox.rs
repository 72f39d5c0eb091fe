//! The pages that a receiver lends again and again.

use std::time::{Duration, Instant};

use crate::link::address::Address;
use crate::wire::{
    ExchangeWord, Opcode, PAGE_SIZE, Packer, Pages, ReceiveWord, Returned, Status, Unpacker, copy,
};
use crate::{Code, Kind};

/// How much is lent at a time at most. Four pages carry 2.4 times as much per time as one, and more pages hardly
/// more.
const MAX_LENT: usize = 4 * PAGE_SIZE;
/// What a service answers that does not know the opcode. No chunk that it delivers has nothing in it and is neither the first
/// nor the last.
const UNKNOWN: Returned = Returned { offset: Code::UnknownOpcode as usize, valid: 0 };

/// Lends as many pages as the last message needed, up to four, and four while a message goes on. More would cost: in
/// hosted mode every lent page is copied twice, filled or not. Short messages come several in a page.
pub(crate) struct Inbox {
    pages: Pages,
    lent: usize,
    /// Bytes of the message that is being received.
    message: usize,
    /// A chunk that is in the pages and was not taken.
    kept: Option<Received>,
    /// Whole messages that are in the pages and were not taken.
    rest: Unpacker,
    /// Where in the pages the chunk begins that was taken last.
    begin: usize,
    /// How the service is asked: an older one gives one chunk at a time.
    opcode: Opcode,
    /// The service is too old for an `Exchange`.
    never_exchanges: bool,
}

/// What a receive came back with.
pub(crate) struct Received {
    pub(crate) word: ReceiveWord,
    pub(crate) len: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Inbox {
            pages: Pages::new(PAGE_SIZE),
            lent: PAGE_SIZE,
            message: 0,
            kept: None,
            rest: Unpacker::default(),
            begin: 0,
            opcode: Opcode::ReceiveSeveral,
            never_exchanges: false,
        }
    }

    /// The next chunk: one that is in the pages, or one that is waited for, until `end` if there is one.
    ///
    /// # Errors
    /// Those of the kernel, and `InternalError` if the service did not write the answer.
    pub(crate) fn receive(
        &mut self,
        address: Address,
        end: Option<Instant>,
    ) -> Result<Received, xous::Error> {
        if let Some(kept) = self.kept.take() {
            return Ok(kept);
        }
        if self.rest.left() > 0 {
            return self.next_of_rest(false);
        }
        self.make_room();
        let (returned, word) = loop {
            let wait = end.map_or(0, milliseconds_until);
            let returned = self.pages.lend_mut(address.cid, address.id(self.opcode), wait, 0, self.lent)?;
            if self.opcode == Opcode::ReceiveSeveral && returned == UNKNOWN {
                self.opcode = Opcode::Receive;
                continue;
            }
            let word = ReceiveWord::from_word(returned.offset).ok_or(xous::Error::InternalError)?;
            if word.status != Status::Refused(Code::Again as u8) {
                break (returned, word);
            }
        };
        self.take(returned, word)
    }

    /// As many pages as are lent next.
    fn make_room(&mut self) {
        if self.lent > self.pages.bytes().len() {
            self.pages = Pages::new(self.lent);
        }
        self.begin = 0;
    }

    /// What has come into the pages.
    fn take(&mut self, returned: Returned, word: ReceiveWord) -> Result<Received, xous::Error> {
        if let Status::Several { count } = word.status {
            self.rest = Unpacker::new(usize::from(count));
            return self.next_of_rest(word.send_failed);
        }
        let len = returned.valid.min(self.lent);
        self.expect(word, len);
        Ok(Received { word, len })
    }

    /// Sends a message and receives the next chunk in the same pages. `None` if the message has to go another way: it is too
    /// long, something else is in the pages, or the service does not know how.
    ///
    /// # Errors
    /// As [`Inbox::receive`].
    pub(crate) fn exchange(
        &mut self,
        address: Address,
        word: ExchangeWord,
        data: &[u8],
    ) -> Result<Option<Received>, xous::Error> {
        // Word of an earlier end is nothing that answers, and who exchanges passes over it.
        self.kept.take_if(|kept| matches!(kept.word.status, Status::Reconnecting | Status::Reopened));
        if self.never_exchanges || self.has_rest() || data.len() > MAX_LENT {
            return Ok(None);
        }
        self.lent = self.lent.max(data.len().next_multiple_of(PAGE_SIZE));
        self.make_room();
        // Behind it is what has come from the service before.
        copy(data, &mut self.pages.bytes_mut()[..data.len()]);
        let id = address.id(Opcode::Exchange);
        let returned = self.pages.lend_mut(address.cid, id, word.to_word(), data.len(), self.lent)?;
        if returned == UNKNOWN {
            self.never_exchanges = true;
            return Ok(None);
        }
        let word = ReceiveWord::from_word(returned.offset).ok_or(xous::Error::InternalError)?;
        self.take(returned, word).map(Some)
    }

    /// The next of the messages that have come together, as a chunk.
    fn next_of_rest(&mut self, send_failed: bool) -> Result<Received, xous::Error> {
        let (kind, len) = self.unpack().ok_or(xous::Error::InternalError)?;
        let word = ReceiveWord::new(Status::Chunk { kind, first: true, last: true }).send_failed(send_failed);
        Ok(Received { word, len })
    }

    /// The next of the messages that have come together: its kind and length. `None`, and there are none any more, if it is
    /// not within the pages.
    fn unpack(&mut self) -> Option<(Kind, usize)> {
        let memory = self.pages.bytes().get(..self.lent).unwrap_or_default();
        let Some((kind, range)) = self.rest.next(memory) else {
            self.rest = Unpacker::default();
            return None;
        };
        self.begin = range.start;
        self.message = 0;
        if self.rest.left() == 0 {
            self.lent = self.rest.used().clamp(1, self.lent).next_multiple_of(PAGE_SIZE);
        }
        Some((kind, range.len()))
    }

    /// The next message if it is in the pages whole, with others or behind them.
    pub(crate) fn next_here(&mut self) -> Option<(Kind, &[u8])> {
        if self.kept.is_some() || self.rest.left() == 0 {
            return None;
        }
        let (kind, len) = self.unpack()?;
        Some((kind, self.bytes().get(..len)?))
    }

    /// Copies of the whole messages that were not taken, for another owner, and how many they are. `None` if there are none.
    pub(crate) fn pack_rest(&self) -> Option<(Pages, usize)> {
        let memory = self.pages.bytes().get(..self.lent.max(self.begin)).unwrap_or_default();
        let mut packed = Pages::new(MAX_LENT);
        let mut packer = Packer::new();
        let mut pack = |kind, message: Option<&[u8]>| {
            let (message, bytes) = (message.unwrap_or_default(), packed.bytes_mut());
            if let Some(room) = packer.room(bytes).get_mut(..message.len()) {
                copy(message, room);
                packer.add(bytes, kind, message.len());
            }
        };
        if let Some(Received { word, len }) = &self.kept
            && let Status::Chunk { kind, first: true, last: true } = word.status
        {
            pack(kind, self.bytes().get(..*len));
        }
        let mut rest = self.rest;
        while let Some((kind, range)) = rest.next(memory) {
            pack(kind, memory.get(range));
        }
        (!packer.is_empty()).then_some((packed, packer.count()))
    }

    /// Nobody takes them here.
    pub(crate) fn drop_rest(&mut self) {
        (self.kept, self.rest) = (None, Unpacker::default());
    }

    /// Messages are in the pages that were not taken.
    pub(crate) fn has_rest(&self) -> bool {
        self.kept.is_some() || self.rest.left() > 0
    }

    /// Chooses how much to lend next, after a chunk: the next message is probably as long as the last.
    fn expect(&mut self, word: ReceiveWord, len: usize) {
        let Status::Chunk { last, .. } = word.status else {
            self.message = 0;
            return;
        };
        self.message = self.message.saturating_add(len);
        if last {
            let needed = std::mem::take(&mut self.message).clamp(1, MAX_LENT);
            self.lent = needed.next_multiple_of(PAGE_SIZE);
        } else if len == self.lent {
            self.lent = MAX_LENT;
        }
    }

    /// The chunk that was taken last is at the beginning of these.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.pages.bytes().get(self.begin..).unwrap_or_default()
    }

    /// Keeps a chunk that has come for the thread that receives next.
    pub(crate) fn keep(&mut self, chunk: Received) {
        self.kept = Some(chunk);
    }

    /// Puts the chunk of `len` bytes that was taken last at the beginning of `pages`, to be lent on: gives the pages
    /// themselves for others if nothing else is in them.
    pub(crate) fn take_out(&mut self, pages: &mut Pages, len: usize) {
        if self.begin == 0 && !self.has_rest() {
            return std::mem::swap(&mut self.pages, pages);
        }
        let chunk =
            self.pages.bytes().get(self.begin..).and_then(|bytes| bytes.get(..len)).unwrap_or_default();
        if pages.bytes().len() < chunk.len() {
            *pages = Pages::new(chunk.len());
        }
        pages.fill(chunk);
    }
}

/// At least one, as none is a wait without an end, and never less than the wait.
fn milliseconds_until(end: Instant) -> usize {
    milliseconds(end.saturating_duration_since(Instant::now()))
}

/// As [`milliseconds_until`].
pub(crate) fn milliseconds(wait: Duration) -> usize {
    let milliseconds =
        wait.as_secs().saturating_mul(1000).saturating_add(wait.subsec_nanos().div_ceil(1_000_000).into());
    usize::try_from(milliseconds).unwrap_or(usize::MAX).max(1)
}
