//! What is kept of a connection for who wants to know what passes on it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::outcome::{Outcome, cut};
use super::tally::Tally;
use super::traffic::{Passed, Way};
use crate::sync::Instant;
use crate::sync::atomic::{
    AtomicBool, AtomicU32,
    Ordering::{Relaxed, SeqCst},
};

/// Of a connection.
#[derive(Default)]
pub(crate) struct Account {
    /// Counted by the writer.
    pub(super) sent: Way,
    /// Counted by the reader.
    pub(super) received: Way,
    /// How often the reader had to wait for a page.
    stalls: AtomicU32,
    partner: OnceLock<Partner>,
    since: OnceLock<Instant>,
    closed: AtomicBool,
    /// Of the listener by whose route a client came.
    tally: OnceLock<Arc<Tally>>,
}

/// The other side.
struct Partner {
    peer: Box<str>,
    path: Box<str>,
}

impl Account {
    /// The other side is known. A query is left out, as it may be a secret.
    pub(crate) fn is_with(&self, peer: String, path: &str) {
        let path = path.split('?').next().unwrap_or_default();
        self.partner.set(Partner { peer: cut(peer.into()), path: cut(path.into()) }).ok();
    }

    /// It counts among the connections of a listener.
    pub(crate) fn counts_for(&self, tally: Arc<Tally>) {
        self.tally.set(tally).ok();
    }

    /// Whether it does.
    pub(crate) fn is_of(&self, tally: &Arc<Tally>) -> bool {
        self.tally.get().is_some_and(|own| Arc::ptr_eq(own, tally))
    }

    /// Messages pass from now on.
    pub(super) fn opens(&self) {
        self.since.set(Instant::now()).ok();
        if let Some(tally) = self.tally.get() {
            tally.opened();
        }
    }

    /// It has ended like this, and nothing passes any more.
    pub(super) fn ended(&self, outcome: &Outcome) {
        if self.since.get().is_some()
            && let Some(tally) = self.tally.get()
        {
            let close = || {
                self.closed.store(true, SeqCst);
                self.passed()
            };
            tally.ended(close, outcome);
        }
    }

    /// What has passed, as long as it is open.
    pub(crate) fn passing(&self) -> Option<Passed> {
        let is_open = self.since.get().is_some() && !self.closed.load(SeqCst);
        is_open.then(|| self.passed())
    }

    /// Something that has come waits for a page. Only the reader calls it.
    pub(super) fn stalls(&self) {
        self.stalls.store(self.stalls.load(Relaxed).wrapping_add(1), Relaxed);
    }

    pub(super) fn open_for(&self) -> Duration {
        self.since.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// The other side, and the path.
    pub(super) fn partner(&self) -> (&str, &str) {
        self.partner.get().map_or(("", ""), |partner| (&partner.peer, &partner.path))
    }

    pub(super) fn passed(&self) -> Passed {
        let (sent, received) = (self.sent.passed(), self.received.passed());
        Passed { sent, received, stalls: self.stalls.load(Relaxed) }
    }
}
