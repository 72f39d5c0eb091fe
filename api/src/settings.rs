//! What a connection may take and how long it may wait, in either role.

use std::time::Duration;

use crate::wire::fields::{Reader, Writer};

/// What a connection takes, how long it waits and how it sends, whichever side opened it:
/// [`Request::options`](crate::Request::options()) and [`Listen::options`](crate::Listen::options()).
///
/// ```
/// use std::time::Duration;
/// use xous_api_websocket::{ConnectionOptions, Deadlines, Limits, Request};
///
/// let options = ConnectionOptions::new()
///     .limits(Limits::new().message(1 << 20))
///     .deadlines(Deadlines::new().keepalive(Duration::from_secs(30)));
/// let request = Request::new("example.com", 80).options(options);
/// assert_eq!(request.options.limits.message, 1 << 20);
/// ```
///
/// In a page, little-endian: [`Deadlines`] (24 bytes), [`Limits`] (20), u32 longest frame to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[must_use]
pub struct ConnectionOptions {
    /// What the peer may send.
    pub limits: Limits,
    /// How long the service waits.
    pub deadlines: Deadlines,
    /// A longer whole message goes out in frames of at most this many payload bytes, and pings are answered in
    /// between. 0 sends one frame, whatever its length.
    pub fragment_size: u32,
}

impl ConnectionOptions {
    /// No limits, the usual deadlines, and one frame for each part that is sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes no more than this.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Waits no longer than this.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Sends frames of at most this many payload bytes.
    pub fn fragment_size(mut self, bytes: u32) -> Self {
        self.fragment_size = bytes;
        self
    }

    pub(crate) fn fields(&self, w: &mut Writer<'_>) {
        self.deadlines.fields(w);
        self.limits.fields(w);
        w.u32(self.fragment_size);
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let (deadlines, limits) = (Deadlines::read(r)?, Limits::read(r)?);
        Some(ConnectionOptions { limits, deadlines, fragment_size: r.u32()? })
    }
}

/// With the usual deadlines.
impl From<Limits> for ConnectionOptions {
    fn from(limits: Limits) -> Self {
        Self::new().limits(limits)
    }
}

/// Without limits.
impl From<Deadlines> for ConnectionOptions {
    fn from(deadlines: Deadlines) -> Self {
        Self::new().deadlines(deadlines)
    }
}

/// What the caller is ready to take. A message beyond it fails the connection with 1009 or 1008.
///
/// ```
/// use xous_api_websocket::{Limits, Request};
///
/// let limits = Limits::new().message(64 * 1024).fragments(100);
/// let request = Request::new("example.com", 80).options(limits);
/// assert_eq!(request.options.limits, limits);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
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
/// longer one is cut to that, so that nothing is held for ever.
///
/// ```
/// use std::time::Duration;
/// use xous_api_websocket::{Deadlines, Request};
///
/// let deadlines = Deadlines::new().open(Duration::from_secs(10)).keepalive(Duration::from_secs(60));
/// let request = Request::new("example.com", 80).options(deadlines);
/// assert_eq!(Deadlines::new().keepalive, None); // no Ping by default
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Deadlines {
    /// For name resolution, connection and opening handshake together.
    pub open: Duration,
    /// For the peer to take the bytes of one write. The connection is closed after one to two times this.
    pub write: Duration,
    /// For the closing handshake; before that, if the peer has closed, for the program to answer what came before: until it
    /// receives again.
    pub close: Duration,
    /// For the caller to lend a page while data waits. The connection is closed with 1001 after one to two
    /// times this. Also for a process that the connection was handed to, to ask for something.
    pub stall: Duration,
    /// Silence after which a Ping is sent, at most this: a peer that is gone is noticed within this and `pong` together. By
    /// default no Ping is sent, and an idle connection costs nothing. Time in which the caller lends no page does not count as
    /// silence, as the peer cannot be heard then.
    pub keepalive: Option<Duration>,
    /// For the answer to that Ping, from when its bytes are with the socket: it may wait there for a frame that the peer takes
    /// slowly, and a peer that takes nothing is what `write` is for. Without an answer the connection ends with 1006.
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
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes frames of at most this many payload bytes.
    pub fn frame(mut self, bytes: u64) -> Self {
        self.frame = bytes;
        self
    }

    /// Takes messages of at most this many payload bytes.
    pub fn message(mut self, bytes: u64) -> Self {
        self.message = bytes;
        self
    }

    /// Takes messages of at most this many frames.
    pub fn fragments(mut self, frames: u32) -> Self {
        self.fragments = frames;
        self
    }

    /// 20 bytes: u64 frame, u64 message, u32 fragments.
    pub(crate) fn fields(&self, w: &mut Writer<'_>) {
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

    /// The usual ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits this long for the opening.
    pub fn open(mut self, time: Duration) -> Self {
        self.open = time;
        self
    }

    /// Waits this long for the peer to take the bytes of one write.
    pub fn write(mut self, time: Duration) -> Self {
        self.write = time;
        self
    }

    /// Waits this long for the closing handshake.
    pub fn close(mut self, time: Duration) -> Self {
        self.close = time;
        self
    }

    /// Waits this long for the caller to lend a page.
    pub fn stall(mut self, time: Duration) -> Self {
        self.stall = time;
        self
    }

    /// Sends a Ping after this much silence, or none.
    pub fn keepalive(mut self, silence: impl Into<Option<Duration>>) -> Self {
        self.keepalive = silence.into();
        self
    }

    /// Waits this long for the answer to that Ping.
    pub fn pong(mut self, time: Duration) -> Self {
        self.pong = time;
        self
    }

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

    /// 24 bytes: u32 milliseconds each, in the order of the fields. 0 stands for no keepalive.
    pub(crate) fn fields(&self, w: &mut Writer<'_>) {
        // One that rounds to none is still one.
        let keepalive =
            self.keepalive.map_or(Duration::ZERO, |silence| silence.max(Duration::from_millis(1)));
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
///
/// ```
/// use std::time::Duration;
/// use xous_api_websocket::{Lease, Request};
///
/// // A connection that is lost to others if its program is silent for an hour.
/// let request = Request::new("example.com", 80).lease(Lease::new().silence(Duration::from_secs(3600)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
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
        Self::new()
    }
}

impl Lease {
    /// Pages are lent anew; silence alone loses nothing.
    pub const fn new() -> Self {
        Lease { answers: true, silence: None }
    }

    /// Whether pages are lent anew that come back with [`Code::Again`](crate::Code::Again).
    pub const fn answers(mut self, answers: bool) -> Self {
        self.answers = answers;
        self
    }

    /// Lost after this much silence.
    pub const fn silence(mut self, time: Duration) -> Self {
        self.silence = Some(time);
        self
    }

    /// 16 bits of seconds, 0 for no end.
    pub(crate) fn seconds(&self) -> u16 {
        self.silence.map_or(0, |silence| u16::try_from(silence.as_secs().max(1)).unwrap_or(u16::MAX))
    }

    pub(crate) fn read(answers: bool, seconds: u16) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keepalive_is_one_however_short() {
        let ms = Duration::from_millis;
        for (asked, kept) in [
            (None, None),
            (Some(Duration::ZERO), Some(ms(1))),
            (Some(Duration::from_micros(500)), Some(ms(1))),
            (Some(ms(2)), Some(ms(2))),
        ] {
            let mut bytes = [0; 24];
            let mut w = Writer::new(&mut bytes);
            Deadlines::new().keepalive(asked).fields(&mut w);
            assert_eq!(Deadlines::read(&mut Reader::new(&bytes)).unwrap().keepalive, kept);
        }
    }
}
