//! Where a reader's chunks go: into pages that the owner has lent to the service; or, in-process, into a page of our
//! own that is lent to the owner's server; or to a [`ChunkReceiver`] of the service.

use std::sync::Arc;
use std::time::Duration;

use xous::CID;
use xous_api_websocket::Kind;
use xous_api_websocket::wire::{PAGE_SIZE, Packer, Pages, ReceiveWord, Status, Unpacker};

use super::begun::{Begun, LaidDown};
use super::connection::Connection;
use super::deadline::Deadline;
use super::inbox::Taken;
use super::outcome::Outcome;
use super::turns::Turns;
use crate::proto::{self, Chunk};
use crate::service::message::Lent;

/// Pages of our own for a push: as many as an owner would lend.
const PUSHED: usize = 4 * PAGE_SIZE;

/// The way to the owner. Pieces of one message are collected in a page until it is full, the message ends, or
/// there is nothing more to read without waiting. If the owner takes several messages in a page, whole ones are collected
/// as well, until the next one does not fit or everything is decoded that was read.
///
/// When the connection is handed over, a message of which the former owner has got nothing goes to the next one from
/// its beginning; of any other the rest is dropped. So the new owner begins with a whole message, and the former
/// owner gets nothing that came later.
pub(crate) struct Sink {
    conn: Arc<Connection>,
    delivery: Delivery,
    page: Option<Page>,
    /// Whole messages in the page. There are none while the reader waits for the socket.
    whole: Packer,
    /// What the page holds of the message behind them.
    len: usize,
    kind: Kind,
    /// Nothing of the message has been handed over yet.
    first: bool,
    /// A message has begun and not ended.
    within: bool,
    /// Whose the page is, as the inbox counts owners.
    owner: u32,
    /// The rest of the message is dropped: the former owner has its beginning.
    skips: bool,
    /// What goes into the next page first: the beginning of a message.
    carried: Option<Vec<u8>>,
    /// The page is in the inbox.
    laid_down: bool,
    turns: Turns,
}

/// Who gets the chunks.
pub(crate) enum Delivery {
    /// The owner pulls them.
    Pull,
    /// They are lent to a server of this process.
    Push {
        /// Our connection to it.
        cid: CID,
        /// The message id that it wants.
        opcode: usize,
    },
    /// The service itself takes them.
    Internal(Box<dyn ChunkReceiver>),
}

/// A receiver within the service. It works on the reader's thread, which reads nothing meanwhile.
pub(crate) trait ChunkReceiver: Send {
    /// Takes a piece of a message.
    fn receive(&mut self, conn: &Arc<Connection>, chunk: &Chunk<'_>);
}

/// There will be no page: the owner wants nothing more, the connection ends, or a receiver within the service takes pieces
/// from where they are.
struct NoPage;

enum Page {
    Lent(Lent),
    Own(Pages),
}

impl Sink {
    pub(crate) fn new(conn: Arc<Connection>, delivery: Delivery) -> Self {
        let owner = conn.inbox.owner();
        let turns = Turns::of(&conn);
        Sink {
            conn,
            delivery,
            page: None,
            whole: Packer::new(),
            len: 0,
            kind: Kind::Text,
            first: false,
            within: false,
            owner,
            skips: false,
            carried: None,
            laid_down: false,
            turns,
        }
    }

    /// Delivers a piece of a message. Waits for pages as long as the owner is not considered stalled.
    pub(crate) fn push(&mut self, chunk: &Chunk<'_>) {
        self.conn.account.received.count(chunk.payload.len(), chunk.last);
        if let Delivery::Internal(receiver) = &mut self.delivery {
            return receiver.receive(&self.conn, chunk);
        }
        self.begin(chunk.kind, chunk.first);
        if self.pack(chunk) {
            return;
        }
        let mut rest = chunk.payload;
        loop {
            let Some(space) = self.reserve(rest.len()) else {
                self.within = !chunk.last;
                self.skips &= self.within;
                return;
            };
            let (now, later) = rest.split_at(space.len());
            proto::copy(now, space);
            self.commit(now.len(), chunk.last && later.is_empty());
            if later.is_empty() {
                return;
            }
            rest = later;
        }
    }

    /// Collects a message that is whole where there is nothing else to be done; [`Sink::push`] does the same in steps.
    #[inline]
    fn pack(&mut self, chunk: &Chunk<'_>) -> bool {
        if !(chunk.first && chunk.last) || self.len > 0 || self.carried.is_some() || self.is_handed_over() {
            return false;
        }
        let Some(Page::Lent(page)) = &mut self.page else { return false };
        if !page.takes_several() || !self.whole.put(page.pages_mut(), self.kind, chunk.payload) {
            return false;
        }
        (self.first, self.within) = (false, false);
        true
    }

    /// Delivers what is collected.
    pub(crate) fn flush(&mut self) {
        self.flush_whole();
        if self.len > 0 {
            self.hand_over(false);
        }
    }

    /// Delivers the whole messages that are collected. What there is of the next one waits in another page.
    pub(crate) fn flush_whole(&mut self) {
        if !self.whole.is_empty() {
            self.hand_over_whole();
            if self.carried.is_some() {
                self.reserve(0);
            }
        }
    }

    /// Lets the owner answer what it has got, before the connection ends.
    pub(crate) fn await_owner(&self, limit: Duration) {
        if self.page.is_none() {
            self.turns.wait(&self.conn, self.owner, limit);
        }
    }

    /// A piece of a message of this kind comes next; `first` if it begins the message.
    pub(crate) fn begin(&mut self, kind: proto::Kind, first: bool) {
        if first {
            (self.first, self.within, self.skips) = (true, true, false);
        }
        self.kind = match kind {
            proto::Kind::Text => Kind::Text,
            proto::Kind::Binary => Kind::Binary,
        };
    }

    /// Room for at most `most` bytes of a message, in the page that is begun or in a new one. Waits for it as long as
    /// the owner is not considered stalled. Only [`Sink::commit`] delivers what is written there.
    ///
    /// `None` if there is nothing to write to: there will be no page, or the message began with a former owner, so that its
    /// rest is dropped. [`Sink::push`] knows what becomes of a piece then.
    pub(crate) fn reserve(&mut self, most: usize) -> Option<&mut [u8]> {
        loop {
            self.follow_owner();
            if self.skips {
                return None;
            }
            if self.page.is_none() {
                match self.take_page().ok()? {
                    Some(page) => self.page = Some(page),
                    None => continue,
                }
            }
            if !self.place_carried() {
                continue;
            }
            if self.whole.is_empty() || self.whole.fits(self.size(), self.len.saturating_add(most)) {
                break;
            }
            self.hand_over_whole();
        }
        let room = self.room();
        let most = most.min(room.len());
        Some(&mut room[..most])
    }

    /// A page; `None` if the owner is another one now.
    fn take_page(&self) -> Result<Option<Page>, NoPage> {
        let conn = &self.conn;
        let owner = self.owner;
        match self.delivery {
            Delivery::Pull => {
                if let Some(page) = conn.inbox.try_take(owner) {
                    return Ok(Some(Page::Lent(page)));
                }
                conn.account.stalls();
                match conn.waiting(Deadline::Stall, || conn.inbox.take(owner)) {
                    Taken::Page(page) => Ok(Some(Page::Lent(page))),
                    Taken::HandedOver => Ok(None),
                    Taken::Nothing => Err(NoPage),
                }
            }
            Delivery::Push { .. } if conn.inbox.is_open() => Ok(Some(Page::Own(Pages::new(PUSHED)))),
            Delivery::Push { .. } | Delivery::Internal(_) => Err(NoPage),
        }
    }

    /// Puts what is carried into the page; `false` if that has filled it, so that another one is needed.
    fn place_carried(&mut self) -> bool {
        let Some(mut carried) = self.carried.take() else { return true };
        let room = self.room();
        let len = carried.len().min(room.len());
        room[..len].copy_from_slice(&carried[..len]);
        let full = len == room.len();
        self.len += len;
        carried.drain(..len);
        if !carried.is_empty() {
            self.carried = Some(carried);
        }
        if full {
            self.hand_over(false);
        }
        !full
    }

    /// All of the page; empty without one.
    fn bytes(&mut self) -> &mut [u8] {
        match &mut self.page {
            Some(Page::Lent(lent)) => lent.pages_mut(),
            Some(Page::Own(pages)) => pages.bytes_mut(),
            None => &mut [],
        }
    }

    fn size(&mut self) -> usize {
        self.bytes().len()
    }

    /// The room that is left in the page; empty without one.
    fn room(&mut self) -> &mut [u8] {
        let (whole, len) = (self.whole, self.len);
        whole.room(self.bytes()).get_mut(len..).unwrap_or_default()
    }

    /// The first `len` bytes of what was reserved are of the message. Delivers the page if it is full, or if the message
    /// ends and the owner takes one at a time.
    pub(crate) fn commit(&mut self, len: usize, last: bool) {
        self.within = !last;
        self.len += len;
        let collected = last && self.collect();
        let full = self.room().is_empty();
        match (collected || !self.whole.is_empty(), full) {
            (true, true) => self.hand_over_whole(),
            (false, true) => self.hand_over(last),
            (false, false) if last => self.hand_over(true),
            _ => (),
        }
    }

    /// Collects a message that is whole, if the page takes several.
    fn collect(&mut self) -> bool {
        let Some(Page::Lent(page)) = &mut self.page else { return false };
        let collects = self.first && page.takes_several();
        if !collects || !self.whole.add(page.pages_mut(), self.kind, self.len) {
            return false;
        }
        (self.first, self.len) = (false, 0);
        true
    }

    /// Before a wait for the socket: a page that is begun goes back at once if the connection is handed over meanwhile.
    pub(crate) fn lay_down(&mut self) {
        self.follow_owner();
        let page = match self.page.take() {
            Some(Page::Lent(page)) => page,
            other => return self.page = other,
        };
        let begun = Begun { page, len: self.len, kind: self.kind, first: self.first };
        let until = begun.page.until();
        match self.conn.inbox.lay_down(begun, self.owner) {
            None => {
                self.laid_down = true;
                self.conn.watch_page(until);
            }
            Some(begun) => {
                self.page = Some(Page::Lent(begun.page));
                self.follow_owner();
            }
        }
    }

    /// Behind that wait. What has come is for the owner that there is now.
    pub(crate) fn pick_up(&mut self) {
        if std::mem::take(&mut self.laid_down) {
            match self.conn.inbox.pick_up(self.owner) {
                LaidDown::Page(page) => self.page = Some(Page::Lent(page)),
                LaidDown::GoneOut => {
                    self.first &= self.len == 0;
                    if self.len > 0 {
                        self.turns.gone_out();
                    }
                    self.len = 0;
                }
                LaidDown::HandedOver { owner, carried } => self.serve(owner, carried),
            }
        }
        self.follow_owner();
    }

    /// How many bytes of the message that is begun are in the page.
    pub(crate) fn filled(&self) -> usize {
        self.len
    }

    /// The first `len` bytes of what was reserved, where they are.
    pub(crate) fn reserved(&mut self, len: usize) -> &mut [u8] {
        self.room().get_mut(..len).unwrap_or_default()
    }

    /// The first `len` bytes of what was reserved, if the connection was handed over since: they have come too late for
    /// the owner of the page.
    pub(crate) fn take_back(&mut self, len: usize) -> Option<Vec<u8>> {
        if !self.is_handed_over() {
            return None;
        }
        let late = self.reserved(len);
        let bytes = late.to_vec();
        late.fill(0);
        self.follow_owner();
        Some(bytes)
    }

    fn is_handed_over(&self) -> bool {
        self.owner != self.conn.inbox.owner()
    }

    /// Lets go of a former owner's page. What came before is the next owner's if nothing of the message has gone out.
    #[inline]
    fn follow_owner(&mut self) {
        if self.is_handed_over() {
            self.change_owner();
        }
    }

    #[cold]
    fn change_owner(&mut self) {
        let owner = self.conn.inbox.owner();
        self.pass_on();
        let carried = match self.page.take() {
            Some(Page::Lent(page)) => {
                Begun { page, len: self.len, kind: self.kind, first: self.first }.empty()
            }
            other => {
                self.page = other;
                self.first.then(Vec::new)
            }
        };
        self.serve(owner, carried);
    }

    /// Whole messages in a former owner's page go to the next one, ahead of everything else.
    fn pass_on(&mut self) {
        let (whole, len) = (std::mem::take(&mut self.whole), self.len);
        if whole.is_empty() {
            return;
        }
        let conn = self.conn.clone();
        let memory = self.bytes();
        let mut messages = Unpacker::new(whole.count());
        while let Some((kind, range)) = messages.next(memory) {
            conn.inbox.pass_on(kind, memory.get(range).unwrap_or_default());
        }
        // What has begun is at the beginning of the page now, and nothing else in it.
        let part = whole.room(memory).get(..len).unwrap_or_default().to_vec();
        memory.fill(0);
        if let Some(place) = memory.get_mut(..part.len()) {
            place.copy_from_slice(&part);
        }
    }

    /// Delivers to this owner from now on, beginning with what is carried; without, the message is dropped.
    fn serve(&mut self, owner: u32, carried: Option<Vec<u8>>) {
        self.owner = owner;
        self.len = 0;
        self.turns = Turns::of_heir(&self.conn);
        match carried {
            // What another former owner left goes first.
            Some(carried) if self.within => self.carried.get_or_insert_default().extend(carried),
            _ => {
                self.carried = None;
                self.skips = self.within;
            }
        }
    }

    /// Delivers what is collected, as nothing more comes. An empty page is put back, and its owner learns how the
    /// connection ended.
    pub(crate) fn put_back(&mut self) {
        self.flush();
        if let Some(Page::Lent(page)) = self.page.take() {
            self.conn.inbox.put_back(page, self.owner);
        }
    }

    fn hand_over(&mut self, last: bool) {
        let word = self.word(Status::Chunk { kind: self.kind, first: self.first, last });
        let len = std::mem::take(&mut self.len);
        self.first = false;
        match (self.page.take(), &self.delivery) {
            (Some(Page::Lent(page)), _) => {
                self.turns.one_more(&self.conn, 1);
                page.answer(word, len);
            }
            (Some(Page::Own(pages)), &Delivery::Push { cid, opcode }) => {
                if self.conn.holding(|| pages.lend(cid, opcode, word, len)).is_err() {
                    log::warn!("nobody takes the chunks any more: the connection is closed");
                    self.conn.give_up(proto::CloseCode::GOING_AWAY, "the receiver is gone");
                }
                // Kept for the next chunk.
                self.page = Some(Page::Own(pages));
            }
            _ => (),
        }
    }

    /// Delivers the whole messages that are collected. What there is of the next one is carried into another page.
    fn hand_over_whole(&mut self) {
        let (whole, len) = (std::mem::take(&mut self.whole), std::mem::take(&mut self.len));
        let Some(Page::Lent(mut page)) = self.page.take() else { return };
        let memory = page.pages_mut();
        let part = whole.room(memory).get_mut(..len).unwrap_or_default();
        if !part.is_empty() {
            self.carried = Some(part.to_vec());
            part.fill(0);
        }
        let (status, valid) = match Unpacker::new(whole.count()).next(memory) {
            // One alone comes as ever.
            Some((kind, range)) if whole.count() == 1 => {
                if let Some(entry) = memory.last_chunk_mut::<4>() {
                    entry.fill(0);
                }
                (Status::Chunk { kind, first: true, last: true }, range.len())
            }
            // A packer holds no more than the word can say.
            _ => (Status::Several { count: u16::try_from(whole.count()).unwrap_or(u16::MAX) }, memory.len()),
        };
        let word = self.word(status);
        self.turns.one_more(&self.conn, whole.count());
        page.answer(word, valid);
    }

    fn word(&self, status: Status) -> usize {
        let send_failed = !self.is_handed_over() && self.conn.take_send_failed();
        ReceiveWord::new(status).send_failed(send_failed).to_word()
    }

    /// Tells a server that gets pushed chunks how the connection has ended. Owners that pull ask for it.
    pub(crate) fn tell(&self, outcome: &Outcome) {
        if let Delivery::Push { cid, opcode } = self.delivery {
            let mut page = Pages::new(PAGE_SIZE);
            let len = page.fill(outcome.reason.as_bytes());
            if page.lend(cid, opcode, outcome.word(), len).is_err() {
                log::debug!("nobody was there to learn that the connection has ended");
            }
        }
    }
}
