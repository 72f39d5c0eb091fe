//! A received message as a stream.

use std::fmt;
use std::io::{BufRead, Read};
use std::sync::MutexGuard;
use std::time::Instant;

use crate::error::{Closed, ReceiveError};
use crate::heap::reserve;
use crate::link::Link;
use crate::link::forwarded;
use crate::link::inbox::{Inbox, Received};
use crate::wire::{Status, append, copy};
use crate::{Code, Kind, Payload};

/// A message of any size that is being received. It is a [`Read`] and a [`BufRead`] that ends where the message ends,
/// and never before.
///
/// It holds one chunk at a time and asks for the next when that one has been read, so the reader sets the peer's
/// pace. When it is dropped, the rest of the message is discarded, so that the next one begins at its beginning.
///
/// ```no_run
/// use std::io::{BufRead, Read};
/// use xous_api_websocket::Websocket;
///
/// fn lines(ws: &Websocket) -> Result<(), Box<dyn std::error::Error>> {
///     // The other side says how long a line is, and the heap has to have room for it.
///     for line in ws.receive()?.take(64 * 1024).lines() {
///         println!("{}", line?);
///     }
///     Ok(())
/// }
/// ```
pub struct Message<'a> {
    link: &'a Link,
    inbox: MutexGuard<'a, Inbox>,
    kind: Kind,
    /// What of the pages is still to be read.
    at: usize,
    end: usize,
    /// The message ends with this chunk.
    last: bool,
    /// The stream has failed: there is nothing left to discard.
    failed: bool,
}

impl<'a> Message<'a> {
    /// One whose first chunk, of `end` bytes, is in the pages.
    pub(crate) fn of(
        link: &'a Link,
        inbox: MutexGuard<'a, Inbox>,
        kind: Kind,
        last: bool,
        end: usize,
    ) -> Self {
        Message { link, inbox, kind, at: 0, end, last, failed: false }
    }

    /// The next message, if it begins until `until`.
    pub(crate) fn next(
        link: &'a Link,
        mut inbox: MutexGuard<'a, Inbox>,
        until: Option<Instant>,
    ) -> Result<Self, ReceiveError> {
        loop {
            if let Next::Chunk(kind, last, end) = receive(link, &mut inbox, until)? {
                return Ok(Self::of(link, inbox, kind, last, end));
            }
        }
    }

    /// As [`Message::next`], for who has sent something just now, but does not outlast the connection: nobody answers what
    /// went out on it. `came` is the first that came. The word that the connection is lost stays for who receives next.
    pub(crate) fn answer(
        link: &'a Link,
        mut inbox: MutexGuard<'a, Inbox>,
        mut came: Option<Received>,
        until: Option<Instant>,
    ) -> Result<Self, ReceiveError> {
        loop {
            let next = match came.take() {
                Some(came) => taken(link, &inbox, false, came)?,
                None => receive(link, &mut inbox, until)?,
            };
            match next {
                Next::Chunk(kind, last, end) => return Ok(Self::of(link, inbox, kind, last, end)),
                Next::Else(word) if word.word.status == Status::Reconnecting => {
                    inbox.keep(word);
                    return Err(ReceiveError::Reconnecting);
                }
                // It has gone out on this one.
                Next::Else(_) => (),
            }
        }
    }

    /// Text or binary. The bytes of a text were checked to be UTF-8, but a chunk may end within a character.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The bytes of the message that are here and not yet read. Waits for a chunk if there are none. Empty only at
    /// the end of the message.
    ///
    /// # Errors
    /// The connection ended within the message.
    pub fn chunk(&mut self) -> Result<&[u8], ReceiveError> {
        while self.at == self.end && !self.last {
            let next = receive(self.link, &mut self.inbox, None).inspect_err(|_| self.failed = true);
            let (last, end) = match next? {
                Next::Chunk(_, last, end) => (last, end),
                Next::Else(came) => {
                    self.inbox.keep(came);
                    self.failed = true;
                    return Err(ReceiveError::CutOff);
                }
            };
            (self.at, self.end, self.last) = (0, end, last);
        }
        Ok(&self.inbox.bytes()[self.at..self.end])
    }

    /// Whether the chunk that is here is the last of the message.
    pub fn is_last(&self) -> bool {
        self.last
    }

    /// Marks the first `len` bytes of [`Message::chunk`] as read.
    pub fn consume(&mut self, len: usize) {
        self.at = self.at.saturating_add(len).min(self.end);
    }

    /// Reads and drops the rest of the message.
    ///
    /// # Errors
    /// The connection ended within the message.
    pub fn discard(mut self) -> Result<(), ReceiveError> {
        self.skip()
    }

    /// The rest of the message, at most `limit` bytes.
    ///
    /// A process on the device has 512 KiB of heap unless it asks for more with [`allow_heap`](crate::allow_heap). A
    /// vector that grows exists twice for a moment, so a message longer than about 128 KiB may find no room. A
    /// message that is read as a stream needs no room.
    ///
    /// # Errors
    /// `TooLong` if there is more, `NoMemory` if the heap has no room for it. The message is then discarded.
    pub fn into_bytes(self, limit: usize) -> Result<Vec<u8>, ReceiveError> {
        let mut bytes = Vec::new();
        self.append_to(&mut bytes, limit)?;
        Ok(bytes)
    }

    /// Puts the rest of the message behind what is in `bytes`, at most `limit` bytes of both.
    ///
    /// # Errors
    /// As [`Message::into_bytes`]. Nothing is in `bytes` then if there was no room for all.
    pub(crate) fn append_to(mut self, bytes: &mut Vec<u8>, limit: usize) -> Result<(), ReceiveError> {
        loop {
            let chunk = self.chunk()?;
            if chunk.len() > limit.saturating_sub(bytes.len()) {
                self.skip()?;
                return Err(ReceiveError::TooLong { limit });
            }
            if reserve(bytes, chunk.len()).is_err() {
                // Before the rest is waited for, which may take long.
                *bytes = Vec::new();
                self.skip()?;
                return Err(ReceiveError::NoMemory);
            }
            append(bytes, chunk);
            let len = chunk.len();
            self.consume(len);
            if self.is_over() {
                return Ok(());
            }
        }
    }

    /// The rest of the message as text, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Message::into_bytes`], and `NotText` if it is binary. The message is then discarded.
    pub fn into_text(mut self, limit: usize) -> Result<String, ReceiveError> {
        if self.kind != Kind::Text {
            self.skip()?;
            return Err(ReceiveError::NotText);
        }
        text(self.into_bytes(limit)?)
    }

    /// The rest of the message as what it is, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Message::into_bytes`]. The message is then discarded.
    pub fn into_payload(self, limit: usize) -> Result<Payload, ReceiveError> {
        let kind = self.kind;
        payload(kind, self.into_bytes(limit)?)
    }

    /// All of it was read.
    fn is_over(&self) -> bool {
        self.at == self.end && self.last
    }

    fn skip(&mut self) -> Result<(), ReceiveError> {
        while !self.failed && !self.chunk()?.is_empty() {
            self.at = self.end;
        }
        Ok(())
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { kind, last, .. } = self;
        f.debug_struct("Message").field("kind", kind).field("last", last).finish_non_exhaustive()
    }
}

impl Read for Message<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let chunk = self.chunk()?;
        let len = chunk.len().min(buf.len());
        copy(&chunk[..len], &mut buf[..len]);
        self.consume(len);
        Ok(len)
    }
}

/// Chunk by chunk, without a copy: `read_line` and parsers work on it. `lines`, `read_line` and `read_until` need room for the
/// longest line, which the other side decides, and end the process without it: bound them by [`Read::take`].
impl BufRead for Message<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        Ok(self.chunk()?)
    }

    fn consume(&mut self, len: usize) {
        Message::consume(self, len);
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        if !self.is_over() {
            self.skip().ok();
        }
    }
}

/// The next message, into `bytes`, which hold nothing. For one that has come together with others no stream is made: that is
/// most of what a short message costs its receiver.
///
/// # Errors
/// As [`Message::append_to`].
#[inline]
pub(crate) fn next_into(
    link: &Link,
    mut inbox: MutexGuard<'_, Inbox>,
    bytes: &mut Vec<u8>,
    limit: usize,
) -> Result<Kind, ReceiveError> {
    if let Some((kind, message)) = inbox.next_here() {
        return put(message, bytes, limit).map(|()| kind);
    }
    let message = Message::next(link, inbox, None)?;
    let kind = message.kind;
    message.append_to(bytes, limit).map(|()| kind)
}

/// The next message if it is a text that has come together with others.
///
/// # Errors
/// As [`Message::into_text`].
pub(crate) fn text_here(inbox: &mut Inbox, limit: usize) -> Option<Result<String, ReceiveError>> {
    match inbox.next_here()? {
        (Kind::Text, message) => {
            let mut bytes = Vec::new();
            Some(put(message, &mut bytes, limit).and_then(|()| text(bytes)))
        }
        (Kind::Binary, _) => Some(Err(ReceiveError::NotText)),
    }
}

/// A whole message of this kind.
#[inline]
pub(crate) fn payload(kind: Kind, bytes: Vec<u8>) -> Result<Payload, ReceiveError> {
    match kind {
        Kind::Text => text(bytes).map(Payload::Text),
        Kind::Binary => Ok(Payload::Binary(bytes)),
    }
}

fn text(bytes: Vec<u8>) -> Result<String, ReceiveError> {
    String::from_utf8(bytes).map_err(|_| ReceiveError::NotText)
}

/// Puts a message into `bytes`, which hold nothing.
#[inline]
fn put(message: &[u8], bytes: &mut Vec<u8>, limit: usize) -> Result<(), ReceiveError> {
    if message.len() > limit {
        return Err(ReceiveError::TooLong { limit });
    }
    bytes.try_reserve_exact(message.len()).map_err(|_| ReceiveError::NoMemory)?;
    append(bytes, message);
    Ok(())
}

/// What comes next.
pub(crate) enum Next {
    /// Kind, whether it is the last, and length of a chunk.
    Chunk(Kind, bool, usize),
    /// Word of the connection's being opened again, which is in the pages.
    Else(Received),
}

/// Waits for what comes next, until `until` if it is a time.
pub(crate) fn receive(link: &Link, inbox: &mut Inbox, until: Option<Instant>) -> Result<Next, ReceiveError> {
    let was_here = inbox.has_rest();
    let came = inbox.receive(link.address(), until).map_err(|_| ReceiveError::Kernel)?;
    taken(link, inbox, was_here, came)
}

/// What has come. Something else `was_here` before.
fn taken(link: &Link, inbox: &Inbox, was_here: bool, came: Received) -> Result<Next, ReceiveError> {
    let Received { word, len } = came;
    if !was_here && inbox.has_rest() {
        forwarded::has_rest(link);
    }
    match word.status {
        Status::Chunk { kind, last, .. } => Ok(Next::Chunk(kind, last, len)),
        Status::Reconnecting | Status::Reopened => Ok(Next::Else(Received { word, len })),
        Status::Several { .. } | Status::NotSent(_) => Err(ReceiveError::Kernel),
        Status::Closed { code } => {
            let reason = String::from_utf8_lossy(&inbox.bytes()[..len]).into_owned();
            Err(ReceiveError::Closed(Closed { code: code.into(), reason }))
        }
        Status::Refused(code) => Err(ReceiveError::from_code(Code::from_word(usize::from(code)))),
    }
}
