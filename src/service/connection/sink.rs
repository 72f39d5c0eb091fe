//! Where a reader's chunks go: into pages that the owner has lent to the service; or, in-process, into a page of our
//! own that is lent to the owner's server; or to a [`ChunkReceiver`] of the service.

use std::sync::Arc;
use std::time::Duration;

use xous::CID;
use xous_api_websocket::Kind;
use xous_api_websocket::wire::{PAGE_SIZE, Pages, ReceiveWord, Status};

use super::connection::Connection;
use super::deadline::Deadline;
use super::inbox::{Begun, LaidDown, Taken};
use super::outcome::Outcome;
use crate::proto::{self, Chunk};
use crate::service::limits::LAST_TURN;
use crate::service::message::Lent;

/// Pages of our own for a push: as many as an owner would lend.
const PUSHED: usize = 4 * PAGE_SIZE;

/// The way to the owner. Pieces of one message are collected in a page until it is full, the message ends, or
/// there is nothing more to read without waiting.
///
/// When the connection is handed over, a message of which the former owner has got nothing goes to the next one from
/// its beginning; of any other the rest is dropped. So the new owner begins with a whole message, and the former
/// owner gets nothing that came later.
pub(crate) struct Sink {
    conn: Arc<Connection>,
    delivery: Delivery,
    page: Option<Page>,
    /// What the page holds.
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

/// How many pages the owner has got back with a chunk and has not asked anew for: what it may still answer.
struct Turns {
    open: u32,
    /// How often it had asked when that was counted.
    asked: u32,
    /// How often it had sent then.
    sent: u32,
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

impl Turns {
    fn of(conn: &Connection) -> Self {
        Turns { open: 0, asked: conn.inbox.asked(), sent: conn.outbox.sent() }
    }

    /// The owner gets another page.
    fn one_more(&mut self, conn: &Connection) {
        let asked = conn.inbox.asked();
        self.sent = conn.outbox.sent();
        let since = asked.wrapping_sub(std::mem::replace(&mut self.asked, asked));
        self.open = self.open.saturating_sub(since).saturating_add(1);
    }
}

impl Sink {
    pub(crate) fn new(conn: Arc<Connection>, delivery: Delivery) -> Self {
        let owner = conn.inbox.owner();
        let turns = Turns::of(&conn);
        Sink {
            conn,
            delivery,
            page: None,
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

    /// Delivers what is collected.
    pub(crate) fn flush(&mut self) {
        if self.len > 0 {
            self.hand_over(false);
        }
    }

    /// Lets the owner answer what it has got, before the connection ends: until it has asked for more with every page
    /// that it has got back with a chunk, but not for longer than `limit`. An owner that has sent something since may have
    /// answered all and asks for nothing more: it has a short while.
    pub(crate) fn await_owner(&self, limit: Duration) {
        let Turns { open, asked, sent } = self.turns;
        if open == 0 || self.page.is_some() {
            return;
        }
        let wait = |time| self.conn.holding(|| self.conn.inbox.await_owner(self.owner, asked, open, time));
        let short = limit.min(LAST_TURN);
        wait(short);
        if limit > short && self.conn.outbox.sent() == sent {
            wait(limit.saturating_sub(short));
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
            if self.place_carried() {
                break;
            }
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

    /// The room that is left in the page; empty without one.
    fn room(&mut self) -> &mut [u8] {
        let bytes = match &mut self.page {
            Some(Page::Lent(lent)) => lent.pages_mut(),
            Some(Page::Own(pages)) => pages.bytes_mut(),
            None => &mut [],
        };
        bytes.get_mut(self.len..).unwrap_or_default()
    }

    /// The first `len` bytes of what was reserved are of the message. Delivers the page if it is full or the message
    /// ends.
    pub(crate) fn commit(&mut self, len: usize, last: bool) {
        self.within = !last;
        self.len += len;
        if last || self.room().is_empty() {
            self.hand_over(last);
        }
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
                    self.turns.open = self.turns.open.saturating_add(u32::from(self.len > 0));
                    self.len = 0;
                }
                LaidDown::HandedOver { owner, carried } => self.serve(owner, carried),
            }
        }
        self.follow_owner();
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
    fn follow_owner(&mut self) {
        let owner = self.conn.inbox.owner();
        if owner == self.owner {
            return;
        }
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

    /// Delivers to this owner from now on, beginning with what is carried; without, the message is dropped.
    fn serve(&mut self, owner: u32, carried: Option<Vec<u8>>) {
        self.owner = owner;
        self.len = 0;
        self.turns = Turns::of(&self.conn);
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
        let status = Status::Chunk { kind: self.kind, first: self.first, last };
        let send_failed = !self.is_handed_over() && self.conn.take_send_failed();
        let word = ReceiveWord::new(status).send_failed(send_failed).to_word();
        let len = std::mem::take(&mut self.len);
        self.first = false;
        match (self.page.take(), &self.delivery) {
            (Some(Page::Lent(page)), _) => {
                self.turns.one_more(&self.conn);
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
