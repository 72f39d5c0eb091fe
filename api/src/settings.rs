//! What a connection may take and how long it may wait, in either role.

use std::time::Duration;

use crate::wire::{Reader, Writer};

/// What the caller is ready to take. A message beyond it fails the connection with 1009 or 1008.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Payload bytes of one frame.
    pub frame: u64,
    /// Payload bytes of one message.
    pub message: u64,
    /// Frames of one message.
    pub fragments: u32,
}

impl Default for Limits {
    /// No limits: messages stream through fixed buffers, whatever their size.
    fn default() -> Self {
        Limits { frame: u64::MAX, message: u64::MAX, fragments: u32::MAX }
    }
}

/// How long the service waits, in steps of a millisecond. Each but `keepalive` is at most [`Deadlines::MAX_WAIT`]: a
/// longer one is taken for that, so that nothing is held for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For name resolution, connection and opening handshake together.
    pub open: Duration,
    /// For the peer to take the bytes of one write. The connection is closed after one to two times this.
    pub write: Duration,
    /// For the closing handshake.
    pub close: Duration,
    /// For the caller to lend a page while data waits. The connection is closed with 1001 after one to two
    /// times this. Also for a process that the connection was handed to, to ask for something.
    pub stall: Duration,
    /// Silence after which a Ping is sent, one to two times this. By default no Ping is sent, and an idle connection
    /// costs nothing. Time in which the caller lends no page does not count as silence, as the peer cannot be heard
    /// then.
    pub keepalive: Option<Duration>,
    /// For the answer to that Ping. Without an answer the connection ends with 1006.
    pub pong: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines {
            open: Duration::from_secs(30),
            write: Duration::from_secs(30),
            close: Duration::from_secs(5),
            stall: Duration::from_secs(60),
            keepalive: None,
            pong: Duration::from_secs(20),
        }
    }
}

impl Limits {
    /// 20 bytes: u64 frame, u64 message, u32 fragments.
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u64(self.frame);
        w.u64(self.message);
        w.u32(self.fragments);
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Self> {
        Some(Limits { frame: r.u64()?, message: r.u64()?, fragments: r.u32()? })
    }
}

impl Deadlines {
    /// The longest that the service waits for anybody.
    pub const MAX_WAIT: Duration = Duration::from_secs(600);

    /// These, as the service keeps them: no longer than [`Deadlines::MAX_WAIT`] each.
    pub fn bounded(self) -> Self {
        let within = |wait: Duration| wait.min(Self::MAX_WAIT);
        Deadlines {
            open: within(self.open),
            write: within(self.write),
            close: within(self.close),
            stall: within(self.stall),
            keepalive: self.keepalive,
            pong: within(self.pong),
        }
    }

    /// 24 bytes: u32 milliseconds each, in the order of the fields; a keepalive of 0 is none.
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        let keepalive = self.keepalive.unwrap_or_default();
        for wait in [self.open, self.write, self.close, self.stall, keepalive, self.pong] {
            write_wait(w, wait);
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let [open, write, close, stall, keepalive, pong] =
            [read_wait(r)?, read_wait(r)?, read_wait(r)?, read_wait(r)?, read_wait(r)?, read_wait(r)?];
        let keepalive = (!keepalive.is_zero()).then_some(keepalive);
        Some(Deadlines { open, write, close, stall, keepalive, pong })
    }
}

/// What becomes of a connection or a listener whose process may have ended, which Xous does not tell the service.
///
/// Only when another process is refused for want of a connection, a port, a route or a message does the service look for
/// processes that are gone. A process shows that it is there by any message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The process understands [`Code::Again`](crate::Code::Again): it lends a page that comes back with it anew, within
    /// two seconds, or loses what it has. The client crate does so by itself.
    pub answers: bool,
    /// It loses this if it has no page with the service and sends nothing for so long. `None`: never. In steps of a
    /// second, at most 18 hours.
    pub silence: Option<Duration>,
}

impl Default for Lease {
    /// Pages are lent anew; silence alone loses nothing.
    fn default() -> Self {
        Lease { answers: true, silence: None }
    }
}

impl Lease {
    /// 16 bits of seconds, 0 for no end.
    pub(crate) fn seconds(&self) -> u16 {
        self.silence.map_or(0, |silence| u16::try_from(silence.as_secs().max(1)).unwrap_or(u16::MAX))
    }

    pub(crate) fn new(answers: bool, seconds: u16) -> Self {
        let silence = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
        Lease { answers, silence }
    }
}

/// Milliseconds in a u32.
pub(crate) fn write_wait(w: &mut Writer<'_>, wait: Duration) {
    w.u32(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
}

/// As [`write_wait`] wrote it.
pub(crate) fn read_wait(r: &mut Reader<'_>) -> Option<Duration> {
    r.u32().map(|ms| Duration::from_millis(u64::from(ms)))
}
