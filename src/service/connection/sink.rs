//! Where a reader's chunks go: into pages that the owner has lent to the service, or, in-process, into a page of
//! our own that is lent to the owner's server, or to whom the service has for them.

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
    route: Route,
    page: Option<Page>,
    /// What the page holds.
    len: usize,
    kind: Kind,
    first: bool,
}

/// Who gets the chunks.
pub(crate) enum Route {
    /// The owner pulls them.
    Inbox,
    /// They are lent to a server of this process.
    Push {
        /// Our connection to it.
        cid: CID,
        /// The message id that it wants.
        opcode: usize,
    },
    /// The service itself takes them.
    Service(Box<dyn Take>),
}

/// Takes chunks on the reader's thread, which reads nothing meanwhile.
pub(crate) trait Take: Send {
    /// Takes a piece of a message.
    fn take(&mut self, conn: &Arc<Connection>, chunk: &Chunk<'_>);
}

enum Page {
    Lent(Lent),
    Own(Pages),
}

impl Sink {
    pub(crate) fn new(conn: Arc<Connection>, route: Route) -> Self {
        Sink { conn, route, page: None, len: 0, kind: Kind::Text, first: false }
    }

    /// Delivers a piece of a message; waits for pages as long as the owner is not considered stalled.
    pub(crate) fn push(&mut self, chunk: &Chunk<'_>) {
        if let Route::Service(taker) = &mut self.route {
            return taker.take(&self.conn, chunk);
        }
        let mut rest = chunk.payload;
        let mut first = chunk.first;
        loop {
            if !self.wait_for_page() {
                return;
            }
            let len = self.len;
            let space = self.space();
            let (now, later) = rest.split_at(rest.len().min(space.len()));
            space[..now.len()].copy_from_slice(now);
            debug_assert!(self.len == len);
            self.filled(now.len(), chunk.kind, first, chunk.last && later.is_empty());
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

    fn take_page(&mut self) -> bool {
        if self.page.is_none() {
            self.page = match self.route {
                Route::Inbox => self.conn.inbox.try_take().map(Page::Lent),
                Route::Push { .. } if self.conn.inbox.is_open() => Some(Page::Own(Pages::new(PUSHED))),
                Route::Push { .. } | Route::Service(_) => None,
            };
        }
        self.page.is_some()
    }

    /// The room that is left in the page; empty without one.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        let bytes = match &mut self.page {
            Some(Page::Lent(lent)) => lent.pages_mut(),
            Some(Page::Own(pages)) => pages.bytes_mut(),
            None => &mut [],
        };
        bytes.get_mut(self.len..).unwrap_or_default()
    }

    /// The first `len` bytes of the room are a piece of a message now.
    pub(crate) fn filled(&mut self, len: usize, kind: proto::Kind, first: bool, last: bool) {
        if self.len == 0 {
            self.first = first;
        }
        self.kind = match kind {
            proto::Kind::Text => Kind::Text,
            proto::Kind::Binary => Kind::Binary,
        };
        self.len += len;
        if last || self.space().is_empty() {
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

    /// Takes a page if none is begun; waits for it as long as the owner is not considered stalled. `false` when
    /// nothing is delivered any more.
    pub(crate) fn wait_for_page(&mut self) -> bool {
        if !self.take_page() && matches!(self.route, Route::Inbox) {
            let conn = self.conn.clone();
            self.page = conn.waiting(Deadline::Stall, || conn.inbox.take()).map(Page::Lent);
        }
        self.page.is_some()
    }

    fn hand_over(&mut self, last: bool) {
        let status = Status::Chunk { kind: self.kind, first: self.first, last };
        let word = ReceiveWord { status, send_failed: self.conn.take_send_failed() }.to_word();
        let len = std::mem::take(&mut self.len);
        self.first = false;
        match (self.page.take(), &self.route) {
            (Some(Page::Lent(page)), _) => page.answer(word, len),
            (Some(Page::Own(pages)), &Route::Push { cid, opcode }) => {
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
        if let Route::Push { cid, opcode } = self.route {
            let mut page = Pages::new(PAGE_SIZE);
            let len = page.fill(outcome.reason.as_bytes());
            if page.lend(cid, opcode, outcome.word(), len).is_err() {
                log::debug!("nobody was there to learn that the connection has ended");
            }
        }
    }
}
