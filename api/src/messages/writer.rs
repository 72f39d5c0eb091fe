//! A message that is sent as a stream.

use std::fmt;
use std::io::{self, Write};
use std::sync::MutexGuard;

use crate::error::SendError;
use crate::link::Link;
use crate::link::outgoing::Outgoing;
use crate::wire::{Opcode, PAGE_SIZE, Pages, copy};
use crate::{CloseCode, Code, Kind, Part};

/// How much is collected for a part of the message: what goes to the service at a time.
const PART: usize = 4 * PAGE_SIZE;

/// A message of any length that is being sent: [`Websocket::writer`](crate::Websocket::writer).
///
/// It is a [`Write`] that collects 16 KiB and sends them as a frame of the message (RFC 6455 section 5.4). A write
/// returns when the socket has taken what was collected before, so the peer sets the pace. `flush` sends what is there.
/// The message ends with [`MessageWriter::finish`], and nowhere else.
///
/// Until then messages of other threads wait. What its own thread sends otherwise is refused with
/// [`MessageOpen`](crate::Code::MessageOpen), and [`Websocket::close`](crate::Websocket::close) closes at once. Behind an
/// error nothing waits any more.
///
/// When it is dropped before that, nothing happens if nothing was sent yet. Otherwise the peer has the beginning of a
/// message, which a WebSocket cannot take back: the connection is closed with 1011 behind the frames that are out. None of
/// them was marked as the last, so the peer does not take them for a message.
///
/// A connection that is opened again ([`Reconnect`](crate::Reconnect)) lasts when the link is cut within the message: only the
/// message fails, with `Closed` or `Refused(Reconnecting)`, and has to be written anew. Nothing of it goes to the peer that is
/// there then, and dropping it closes nothing.
///
/// ```no_run
/// use std::io::Write;
/// use xous_api_websocket::{Kind, Websocket};
///
/// fn report(ws: &Websocket) -> Result<(), Box<dyn std::error::Error>> {
///     let mut message = ws.writer(Kind::Text);
///     for line in 0..100_000 {
///         writeln!(message, "line {line}")?;
///     }
///     message.finish()?;
///     Ok(())
/// }
/// ```
#[must_use = "a message that is not finished is not sent"]
pub struct MessageWriter<'a> {
    link: &'a Link,
    /// Held until the message ends or fails: messages of others wait.
    outgoing: Option<MutexGuard<'a, Outgoing>>,
    kind: Kind,
    /// Bytes of the pages that are collected.
    len: usize,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The peer has nothing of the message.
    Nothing,
    /// The peer has its beginning, on the session of this number.
    Begun(usize),
    /// Nothing can be sent any more.
    Failed(SendError),
    /// The peer has all of it.
    Finished,
}

impl<'a> MessageWriter<'a> {
    pub(crate) fn new(link: &'a Link, kind: Kind) -> Self {
        let (outgoing, phase) = match hold(link) {
            Ok(outgoing) => (Some(outgoing), Phase::Nothing),
            Err(error) => (None, Phase::Failed(error)),
        };
        MessageWriter { link, outgoing, kind, len: 0, phase }
    }

    /// Text or binary.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Sends the last part, so that the message is whole. Returns when the socket has taken it.
    ///
    /// # Errors
    /// See [`SendError`]. The connection is then closed as if the writer had been dropped: with `InvalidText` if a text is
    /// not UTF-8, for example. `Refused(Reconnecting)` if it was opened again since the message began, or is about to be; it
    /// stays as it is then.
    pub fn finish(mut self) -> Result<(), SendError> {
        let part = match self.phase {
            Phase::Nothing => Part::Whole,
            _ => Part::Last,
        };
        self.send(part)?;
        self.phase = Phase::Finished;
        Ok(())
    }

    /// Sends what is collected as a part that is not the last.
    fn send_collected(&mut self) -> Result<(), SendError> {
        match self.phase {
            Phase::Nothing => self.send(Part::First),
            _ => self.send(Part::Middle),
        }
    }

    fn send(&mut self, part: Part) -> Result<(), SendError> {
        if let Phase::Failed(error) = self.phase {
            return Err(error);
        }
        let (link, kind, len) = (self.link, self.kind, self.len);
        let session = if let Phase::Begun(session) = self.phase { session } else { 0 };
        let lent = len.next_multiple_of(PAGE_SIZE).max(PAGE_SIZE);
        let pages = self.pages()?;
        if let Some(behind) = pages.bytes_mut().get_mut(len..lent) {
            behind.fill(0);
        }
        let sent = link.address().send(pages, (kind, part), session, len);
        let sent = sent.inspect_err(|error| {
            // What the service has refused, the peer has nothing of; what it had before remains, unless it is gone with that.
            if !matches!(error, SendError::Closed | SendError::Refused(Code::Reconnecting)) {
                self.give_up();
            }
            self.phase = Phase::Failed(*error);
            self.let_go();
        });
        (self.phase, self.len) = (Phase::Begun(sent?), 0);
        Ok(())
    }

    fn pages(&mut self) -> Result<&mut Pages, SendError> {
        match (&mut self.outgoing, self.phase) {
            (Some(outgoing), _) => outgoing.pages(&self.link.sending),
            (None, Phase::Failed(error)) => Err(error),
            (None, _) => Err(SendError::Closed),
        }
    }

    /// Others send from now on, and nothing of this message is in the pages then.
    fn let_go(&mut self) {
        if let Some(mut outgoing) = self.outgoing.take() {
            outgoing.clear();
            self.link.writes(false);
        }
    }

    /// If the peer has the beginning, closes behind that without waiting for it. A peer that is there by now has nothing.
    fn give_up(&self) {
        let Phase::Begun(session) = self.phase else { return };
        let code = usize::from(CloseCode::INTERNAL.value());
        self.link.address().tell(Opcode::Close, code, session);
    }
}

impl Write for MessageWriter<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if let Phase::Failed(error) = self.phase {
            return Err(error.into());
        }
        // Only now: what is collected may be the end of the message.
        if self.len == PART && !data.is_empty() {
            self.send_collected()?;
        }
        let taken = data.len().min(PART - self.len);
        let (data, _) = data.split_at(taken);
        let len = self.len;
        if let Some(room) = self.pages()?.bytes_mut().get_mut(len..len + taken) {
            copy(data, room);
        }
        self.len += taken;
        Ok(taken)
    }

    /// Sends what is collected as a frame of its own.
    fn flush(&mut self) -> io::Result<()> {
        if self.len > 0 {
            self.send_collected()?;
        }
        Ok(())
    }
}

impl fmt::Debug for MessageWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageWriter { kind, len, phase, .. } = self;
        f.debug_struct("MessageWriter")
            .field("kind", kind)
            .field("collected", len)
            .field("phase", phase)
            .finish_non_exhaustive()
    }
}

impl Drop for MessageWriter<'_> {
    fn drop(&mut self) {
        self.give_up();
        self.let_go();
    }
}

/// Has messages of others wait, behind what is queued.
fn hold(link: &Link) -> Result<MutexGuard<'_, Outgoing>, SendError> {
    let mut outgoing = link.outgoing()?;
    let pages = outgoing.pages(&link.sending)?;
    if pages.bytes().len() < PART {
        *pages = Pages::new(PART);
    }
    link.writes(true);
    Ok(outgoing)
}
