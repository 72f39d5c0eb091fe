//! Where a reader's chunks go: into pages that the owner has lent to the service; or, in-process, into a page of our
//! own that is lent to the owner's server; or to a [`ChunkReceiver`] of the service.

use std::sync::Arc;

use xous::CID;
use xous_api_websocket::{Kind, PAGE_SIZE, Pages, ReceiveWord, Status};

use super::connection::{Connection, Deadline};
use super::outcome::Outcome;
use crate::proto::{self, Chunk};
use crate::service::message::Lent;

/// Pages of our own for a push: as many as an owner would lend.
const PUSHED: usize = 4 * PAGE_SIZE;

/// The way to the owner. Pieces of one message are collected in a page until it is full, the message ends, or
/// there is nothing more to read without waiting.
pub(crate) struct Sink {
    conn: Arc<Connection>,
    delivery: Delivery,
    page: Option<Page>,
    /// What the page holds.
    len: usize,
    kind: Kind,
    first: bool,
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

enum Page {
    Lent(Lent),
    Own(Pages),
}

impl Sink {
    pub(crate) fn new(conn: Arc<Connection>, delivery: Delivery) -> Self {
        Sink { conn, delivery, page: None, len: 0, kind: Kind::Text, first: false }
    }

    /// Delivers a piece of a message; waits for pages as long as the owner is not considered stalled.
    pub(crate) fn push(&mut self, chunk: &Chunk<'_>) {
        if let Delivery::Internal(receiver) = &mut self.delivery {
            return receiver.receive(&self.conn, chunk);
        }
        let mut rest = chunk.payload;
        let mut first = chunk.first;
        loop {
            let Some(space) = self.reserve(rest.len()) else { return };
            let (now, later) = rest.split_at(space.len());
            space.copy_from_slice(now);
            self.commit(now.len(), chunk.kind, first, chunk.last && later.is_empty());
            if later.is_empty() {
                return;
            }
            first = false;
            rest = later;
        }
    }

    /// Delivers what is collected.
    pub(crate) fn flush(&mut self) {
        if self.len > 0 {
            self.hand_over(false);
        }
    }

    /// Room for at most `most` bytes of a message, in the page that is begun or a new one; waits for it as long as the
    /// owner is not considered stalled. What is written there is delivered by [`Sink::commit`], and by that alone.
    ///
    /// `None` if there is no page to write to: the owner wants nothing more, the connection ends, or a receiver within
    /// the service takes pieces from where they are. [`Sink::push`] knows what becomes of a piece then.
    pub(crate) fn reserve(&mut self, most: usize) -> Option<&mut [u8]> {
        if self.page.is_none() {
            self.page = Some(self.take_page()?);
        }
        let room = self.room();
        let most = most.min(room.len());
        Some(&mut room[..most])
    }

    fn take_page(&self) -> Option<Page> {
        let conn = &self.conn;
        match self.delivery {
            Delivery::Pull => conn
                .inbox
                .try_take()
                .or_else(|| conn.waiting(Deadline::Stall, || conn.inbox.take()))
                .map(Page::Lent),
            Delivery::Push { .. } if conn.inbox.is_open() => Some(Page::Own(Pages::new(PUSHED))),
            Delivery::Push { .. } | Delivery::Internal(_) => None,
        }
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

    /// The first `len` bytes of what was reserved are a piece of a message. Delivers the page if it is full or the
    /// message ends.
    pub(crate) fn commit(&mut self, len: usize, kind: proto::Kind, first: bool, last: bool) {
        if self.len == 0 {
            self.first = first;
        }
        self.kind = match kind {
            proto::Kind::Text => Kind::Text,
            proto::Kind::Binary => Kind::Binary,
        };
        self.len += len;
        if last || self.room().is_empty() {
            self.hand_over(last);
        }
    }

    /// Nothing more comes: delivers what is collected; an empty page is not needed, and its owner learns how the
    /// connection ended.
    pub(crate) fn put_back(&mut self) {
        self.flush();
        if let Some(Page::Lent(page)) = self.page.take() {
            self.conn.inbox.put_back(page);
        }
    }

    fn hand_over(&mut self, last: bool) {
        let status = Status::Chunk { kind: self.kind, first: self.first, last };
        let word = ReceiveWord { status, send_failed: self.conn.take_send_failed() }.to_word();
        let len = std::mem::take(&mut self.len);
        self.first = false;
        match (self.page.take(), &self.delivery) {
            (Some(Page::Lent(page)), _) => page.answer(word, len),
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

    /// Tells a server that is pushed to how the connection has ended; owners who pull ask for it.
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
