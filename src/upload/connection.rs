//! A connection whose binary messages are file parts.

use std::sync::Arc;
use std::time::Duration;

use super::files::{BeginError, Store, StoreError, is_allowed, key_of};
use super::protocol::{Answer, COMMAND_BYTES, Command, Ended, Fault, Malformed, Parser, Parts};
use super::transfer::Transfer;
use super::uploads::{SharedSeat, Uploads, lock};

/// The receiving side of one connection. Its calls write to the store and return when it has answered, or not in time;
/// they are made on the thread that reads the connection, which takes nothing more from the sender meanwhile.
///
/// Times are those of any clock that only goes forward, the same for all connections of an [`Uploads`].
pub struct Upload<S: Store> {
    parser: Parser,
    desk: Desk<S>,
    text: Vec<u8>,
    /// The text message is longer than any that has a meaning.
    text_overflow: bool,
    now: Duration,
}

/// The transfers of the connection.
struct Desk<S: Store> {
    uploads: Arc<Uploads<S>>,
    holder: u64,
    held: Vec<(u32, SharedSeat<S>)>,
    ended: Ended,
}

impl<S: Store> Upload<S> {
    /// A new connection.
    pub fn new(uploads: Arc<Uploads<S>>) -> Self {
        let holder = uploads.new_holder();
        let desk = Desk { uploads, holder, held: Vec::new(), ended: Ended::default() };
        Upload {
            parser: Parser::default(),
            desk,
            text: Vec::new(),
            text_overflow: false,
            now: Duration::ZERO,
        }
    }

    /// Takes a chunk of a binary message, of any size; `first` and `last` say whether it begins and ends one. What is to
    /// be sent as text messages goes to `out`.
    pub fn chunk(&mut self, now: Duration, first: bool, last: bool, bytes: &[u8], out: &mut dyn FnMut(&str)) {
        self.now = now;
        let mut visit = Visit { desk: &mut self.desk, now, out };
        self.parser.feed(first, last, bytes, &mut visit);
    }

    /// Takes a chunk of a text message.
    pub fn text(&mut self, now: Duration, first: bool, last: bool, bytes: &[u8], out: &mut dyn FnMut(&str)) {
        self.now = now;
        if first {
            self.text.clear();
            self.text_overflow = false;
        }
        if self.text.len() + bytes.len() > COMMAND_BYTES {
            self.text_overflow = true;
        } else {
            self.text.extend_from_slice(bytes);
        }
        if last {
            let command = Command::parse(&self.text).filter(|_| !self.text_overflow);
            self.text = Vec::new();
            Visit { desk: &mut self.desk, now, out }.command(command);
        }
    }

    /// The peer has gone, or the connection is closed: its transfers wait for their sender. Dropping it does the same.
    pub fn gone(&mut self, now: Duration) {
        self.now = now;
        for (_, seat) in std::mem::take(&mut self.desk.held) {
            self.desk.uploads.leave(&seat, self.desk.holder, now);
        }
        self.desk.uploads.expire(now);
    }
}

impl<S: Store> Drop for Upload<S> {
    fn drop(&mut self) {
        self.gone(self.now);
    }
}

/// The desk, while a message is taken.
struct Visit<'a, S: Store> {
    desk: &'a mut Desk<S>,
    now: Duration,
    out: &'a mut dyn FnMut(&str),
}

impl<S: Store> Visit<'_, S> {
    fn say(&mut self, answer: Answer<'_>) {
        (self.out)(&answer.to_json());
    }

    fn command(&mut self, command: Option<Command>) {
        match command {
            None => self.say(Answer::Refused { id: None, fault: Fault::Malformed }),
            Some(Command::Cancel { id }) => match self.release(id) {
                Some(transfer) => {
                    transfer.abort(self.desk.uploads.files());
                    self.say(Answer::Failed { id, fault: Fault::Cancelled });
                }
                None => self.say(Answer::Refused { id: Some(id), fault: Fault::Unknown }),
            },
            Some(Command::Resume { id, token }) => {
                self.desk.uploads.expire(self.now);
                let held = self.desk.held.iter().any(|(known, _)| *known == id);
                let resumed = if held {
                    Err(Fault::Busy)
                } else if self.desk.held.len() >= self.desk.uploads.config.transfers {
                    Err(Fault::TooMany)
                } else {
                    self.desk.uploads.resume(id, &token, self.desk.holder)
                };
                match resumed {
                    Ok((seat, bytes, length)) => {
                        self.desk.ended.forget(id);
                        self.desk.held.push((id, seat));
                        self.say(Answer::Resumed { id, bytes, length });
                        // All of it may be there, and only the end of its message was lost.
                        self.end(id);
                    }
                    Err(fault) => self.say(Answer::Refused { id: Some(id), fault }),
                }
            }
        }
    }

    /// Checks and begins a transfer, the cheapest checks first.
    fn accept(&mut self, id: u32, name: &str, length: u32) -> Result<(), Fault> {
        let uploads = &self.desk.uploads;
        let key = key_of(uploads.files().dict(), name).map_err(|_| Fault::BadName)?;
        if !is_allowed(&uploads.config.allowed, name) {
            return Err(Fault::NotAllowed);
        }
        if length > uploads.config.largest {
            return Err(Fault::TooLarge);
        }
        if self.desk.held.len() >= uploads.config.transfers {
            return Err(Fault::TooMany);
        }
        uploads.expire(self.now);
        let incoming = uploads.files().begin(&key, length, uploads.config.replace)?;
        let token = uploads.token();
        let seat =
            uploads.enter(Transfer::new(id, name, length, token, incoming, self.now), self.desk.holder);
        self.desk.held.push((id, seat));
        self.say(Answer::Accepted { id, name, length, token: token.as_ref() });
        Ok(())
    }

    /// Takes the transfer from its seat; `None` if it is not this connection's any more.
    fn release(&mut self, id: u32) -> Option<Transfer<S::File>> {
        let index = self.desk.held.iter().position(|(known, _)| *known == id)?;
        let (_, seat) = self.desk.held.swap_remove(index);
        self.desk.ended.push(id, false);
        self.desk.uploads.take(&seat, self.desk.holder)
    }

    fn fail(&mut self, id: u32, fault: Fault) {
        if let Some(transfer) = self.release(id) {
            transfer.abort(self.desk.uploads.files());
            self.say(Answer::Failed { id, fault });
        }
    }

    /// Does something with a transfer that this connection holds; `None` if it does not, or not any more.
    fn with<T>(&mut self, id: u32, act: impl FnOnce(&mut Transfer<S::File>) -> T) -> Option<T> {
        let seat = self.desk.held.iter().find(|(known, _)| *known == id).map(|(_, seat)| seat.clone())?;
        if let Some(transfer) = lock(&seat).transfer_of(self.desk.holder) {
            return Some(act(transfer));
        }
        // Its sender has come back on another connection.
        self.release(id);
        None
    }
}

impl<S: Store> Parts for Visit<'_, S> {
    fn knows(&self, id: u32) -> bool {
        self.desk.held.iter().any(|(known, _)| *known == id) || self.desk.ended.contains(id)
    }

    fn begin(&mut self, id: u32, name: &str, length: u32) {
        if let Err(fault) = self.accept(id, name, length) {
            self.desk.ended.push(id, false);
            self.say(Answer::Refused { id: Some(id), fault });
        }
    }

    fn data(&mut self, id: u32, bytes: &[u8]) {
        if self.desk.ended.is_news(id) {
            self.say(Answer::Failed { id, fault: Fault::Ended });
            return;
        }
        let (size, now) = (self.desk.uploads.config.batch(), self.now);
        match self.with(id, |transfer| transfer.take(bytes, size).map(|()| transfer.progress(now))) {
            Some(Ok(Some(progress))) => self.say(progress),
            Some(Ok(None)) | None => (),
            Some(Err(fault)) => self.fail(id, fault),
        }
    }

    fn end(&mut self, id: u32) {
        if self.with(id, |transfer| transfer.is_complete()) != Some(true) {
            return;
        }
        let Some(transfer) = self.release(id) else { return };
        let length = transfer.length;
        match transfer.finish(self.desk.uploads.files()) {
            Ok((name, sha256)) => {
                self.desk.ended.push(id, true);
                self.say(Answer::Stored { id, name: &name, length, sha256: &sha256 });
            }
            Err(fault) => self.say(Answer::Failed { id, fault }),
        }
    }

    fn malformed(&mut self, id: Option<u32>, why: Malformed) {
        if let Some(id) = id {
            self.desk.ended.push(id, false);
        }
        self.say(Answer::Refused { id, fault: why.into() });
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Fault::Full,
            StoreError::Unmounted => Fault::Unmounted,
            StoreError::NoAnswer => Fault::NoAnswer,
            StoreError::NotFound | StoreError::Exists | StoreError::Failed => Fault::Store,
        }
    }
}

impl From<BeginError> for Fault {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Exists => Fault::Exists,
            BeginError::Busy => Fault::Busy,
            BeginError::Store(error) => error.into(),
        }
    }
}
