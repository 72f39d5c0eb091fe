//! What a connection's owner may still answer, which is waited for before the connection ends.

use std::time::Duration;

use super::connection::Connection;
use crate::service::limits::LAST_TURN;

/// How many pages the owner has got back with a chunk and has not asked anew for: what it may still answer.
pub(super) struct Turns {
    open: u32,
    /// How often it had asked when that was counted.
    asked: u32,
    /// How often it had sent then.
    sent: u32,
    /// Messages, or pieces of one, in the last of these pages.
    messages: u32,
}

impl Turns {
    pub(super) fn of(conn: &Connection) -> Self {
        Turns { open: 0, asked: conn.inbox.asked(), sent: conn.outbox.sent(), messages: 0 }
    }

    /// The owner gets another page.
    pub(super) fn one_more(&mut self, conn: &Connection, messages: usize) {
        self.messages = u32::try_from(messages).unwrap_or(u32::MAX);
        let asked = conn.inbox.asked();
        self.sent = conn.outbox.sent();
        let since = asked.wrapping_sub(std::mem::replace(&mut self.asked, asked));
        self.open = self.open.saturating_sub(since).saturating_add(1);
    }

    /// Of an owner who is told something first: it has all of that when it asks for one more.
    pub(super) fn of_heir(conn: &Connection) -> Self {
        let mut turns = Self::of(conn);
        if let told @ 1.. = conn.inbox.told() {
            turns.open = u32::try_from(told).unwrap_or(u32::MAX).saturating_add(1);
        }
        turns
    }

    /// The owner has got a page back that the timer has given it, with a piece of a message.
    pub(super) fn gone_out(&mut self) {
        self.open = self.open.saturating_add(1);
    }

    /// Waits until the owner has asked for more with every page that it has got back with a chunk, but not for longer than
    /// `limit`. One that has sent as many messages since as it has got may have answered all and asks for nothing more: it
    /// has a short while. One that has got several has as long for the next one as if that waited for a page.
    pub(super) fn wait(&self, conn: &Connection, owner: u32, limit: Duration) {
        if self.open == 0 {
            return;
        }
        let wait = |time| conn.holding(|| conn.inbox.await_owner(owner, self.asked, self.open, time));
        let short = limit.min(LAST_TURN);
        wait(short);
        if limit <= short {
            return;
        }
        let limit =
            if self.messages > 1 { limit.max(conn.deadlines.stall) } else { limit.saturating_sub(short) };
        let mut before = None;
        loop {
            let now = conn.outbox.sent();
            if before == Some(now) || now.wrapping_sub(self.sent) >= self.messages {
                return;
            }
            before = Some(now);
            wait(limit);
        }
    }
}
