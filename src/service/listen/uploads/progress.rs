//! How fast a peer sends its files: one that has the time and sends next to nothing is disconnected.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::proto::CloseCode;
use crate::service::connection::Connection;
use crate::service::limits::{SLOWEST_UPLOAD, UPLOAD_KEEPALIVE, UPLOAD_PROGRESS};
use crate::service::thread::{Timer, Wake};
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Kinds of deadlines: a look at the pace; a word to a peer that is kept waiting.
const PACE: usize = 0;
const WORD: usize = 1;

/// Looks whether a connection that has files on their way brings anything of them.
pub(crate) struct Progress {
    conn: Weak<Connection>,
    uploading: AtomicBool,
    /// Since it was last looked: bytes that came, and milliseconds for which the peer was kept waiting.
    bytes: AtomicU32,
    waited: AtomicU32,
    /// Since when the peer is kept waiting, in milliseconds and one more; 0 if it is not.
    waits: AtomicU32,
}

impl Progress {
    pub(super) fn new(conn: Weak<Connection>) -> Self {
        Progress {
            conn,
            uploading: AtomicBool::new(false),
            bytes: AtomicU32::new(0),
            waited: AtomicU32::new(0),
            waits: AtomicU32::new(0),
        }
    }

    /// So many bytes have come.
    pub(super) fn came(&self, bytes: usize) {
        self.bytes.fetch_add(u32::try_from(bytes).unwrap_or(u32::MAX), Relaxed);
    }

    /// The peer is kept waiting from now on.
    pub(super) fn waits(&self, now: Duration) {
        self.waits.store(millis(now).saturating_add(1), Relaxed);
    }

    /// All that has come is in the database.
    pub(super) fn went_on(&self, now: Duration) {
        let since = self.waits.swap(0, Relaxed).saturating_sub(1);
        self.waited.fetch_add(millis(now).saturating_sub(since), Relaxed);
    }

    /// Files are on their way now, or none any more. Whether that is new.
    pub(super) fn changes(self: &Arc<Self>, timer: &Timer, uploading: bool) -> bool {
        if self.uploading.swap(uploading, Relaxed) == uploading {
            return false;
        }
        if uploading {
            self.clone().watch(timer);
        } else {
            self.ends(timer);
        }
        true
    }

    /// The peer was told that the database is silent. When it has more to say than is read, its end is not: it hides behind
    /// bytes that nobody reads. A Pong that nobody has asked for (RFC 6455 section 5.5.3) meets a reset there, and the
    /// next one tells the writer.
    pub(super) fn told(self: &Arc<Self>, timer: &Timer) {
        let Some(conn) = self.conn.upgrade() else { return };
        timer.disarm(&self.weak(), Some(WORD));
        timer.arm(self.weak(), WORD, conn.deadlines.keepalive.unwrap_or(UPLOAD_KEEPALIVE));
    }

    fn say(self: &Arc<Self>, conn: &Connection, timer: &Timer) {
        if self.is_waiting() {
            conn.outbox.pong(b"");
            self.told(timer);
        }
    }

    fn is_waiting(&self) -> bool {
        self.waits.load(Relaxed) != 0
    }

    /// Nobody looks any more.
    pub(super) fn ends(self: &Arc<Self>, timer: &Timer) {
        timer.disarm(&self.weak(), None);
    }

    fn watch(self: Arc<Self>, timer: &Timer) {
        self.bytes.store(0, Relaxed);
        self.waited.store(0, Relaxed);
        timer.arm(self.weak(), PACE, UPLOAD_PROGRESS);
    }

    fn weak(self: &Arc<Self>) -> Weak<dyn Wake> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }

    /// The peer had the time and has sent next to nothing.
    fn is_stuck(&self) -> bool {
        let waited = Duration::from_millis(u64::from(self.waited.load(Relaxed)));
        let own = UPLOAD_PROGRESS.saturating_sub(waited);
        let wanted = own.as_secs() * SLOWEST_UPLOAD;
        !self.is_waiting() && u64::from(self.bytes.load(Relaxed)) < wanted
    }
}

impl Wake for Progress {
    fn wake(self: Arc<Self>, kind: usize, timer: &Timer) {
        if !self.uploading.load(Relaxed) {
            return;
        }
        match self.conn.upgrade() {
            Some(conn) if kind == WORD => self.say(&conn, timer),
            Some(conn) if self.is_stuck() => conn.give_up(CloseCode::GOING_AWAY, "the file does not come"),
            Some(_) => self.watch(timer),
            None => (),
        }
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
