//! A connection whose binary messages are file parts.

use std::sync::Arc;
use std::time::Duration;

use super::files::{BeginError, NameError, Store, StoreError, Version, is_allowed, new_key_of};
use super::protocol::{Answer, COMMAND_BYTES, Command, Ended, Fault, Malformed, Parser, Parts};
use super::transfer::Transfer;
use super::uploads::{SharedSlot, Uploads};
use super::watch::What;
use crate::pddb::KeyPath;

/// The receiving side of one connection. Its calls write to the store, and return when the store has answered or its
/// deadline is over. They run on the thread that reads the connection, which takes nothing more from the sender
/// meanwhile.
///
/// Times may come from any clock that only goes forward, if all connections of an [`Uploads`] use the same one.
pub struct Upload<S: Store> {
    parser: Parser,
    transfers: Transfers<S>,
    text: Vec<u8>,
    /// The text message is longer than any known one.
    text_overflow: bool,
    now: Duration,
}

/// The transfers of the connection.
struct Transfers<S: Store> {
    uploads: Arc<Uploads<S>>,
    /// Who sends.
    who: Box<str>,
    /// A file that somebody has to decide about first.
    pending: Option<Pending>,
    owner: u64,
    held: Vec<(u32, SharedSlot<S>)>,
    ended: Ended,
    /// Ids under which transfers are to begin that replace nothing.
    keeps: Vec<u32>,
}

/// The most ids that a sender may name before it begins.
const KEEPS: usize = 32;

impl<S: Store> Upload<S> {
    /// A new connection.
    pub fn new(uploads: Arc<Uploads<S>>) -> Self {
        Self::from(uploads, "")
    }

    /// A new connection of somebody.
    pub fn from(uploads: Arc<Uploads<S>>, who: &str) -> Self {
        let owner = uploads.new_owner();
        let transfers = Transfers {
            uploads,
            who: who.into(),
            pending: None,
            owner,
            held: Vec::new(),
            ended: Ended::default(),
            keeps: Vec::new(),
        };
        Upload {
            parser: Parser::default(),
            transfers,
            text: Vec::new(),
            text_overflow: false,
            now: Duration::ZERO,
        }
    }

    /// Takes a chunk of a binary message, of any size. `first` and `last` say whether it begins and ends a message.
    /// Answers for the sender, which are text messages, go to `out`.
    pub fn chunk(&mut self, now: Duration, first: bool, last: bool, bytes: &[u8], out: &mut dyn FnMut(&str)) {
        self.now = now;
        let mut call = Call { transfers: &mut self.transfers, now, out };
        self.parser.feed(first, last, bytes, &mut call);
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
            Call { transfers: &mut self.transfers, now, out }.command(command);
        }
    }

    /// The file that waits for a decision, and its length. Until there is one, the caller brings nothing more.
    pub fn pending(&self) -> Option<(&str, u32)> {
        self.transfers.pending.as_ref().map(|pending| (&*pending.name, pending.length))
    }

    /// Begins that file, or refuses it.
    pub fn decide(&mut self, now: Duration, takes: bool, out: &mut dyn FnMut(&str)) {
        self.now = now;
        let Some(Pending { id, name, length, data, ended }) = self.transfers.pending.take() else { return };
        let mut call = Call { transfers: &mut self.transfers, now, out };
        if !takes {
            call.transfers.ended.push(id, false);
            return call.say(Answer::Refused { id: Some(id), fault: Fault::Declined });
        }
        call.start(id, &name, length);
        call.data(id, &data);
        if ended {
            call.end(id);
        }
    }

    /// No file is on its way.
    pub fn is_idle(&self) -> bool {
        self.transfers.held.is_empty() && self.transfers.pending.is_none()
    }

    /// Ends the connection, whose transfers then wait for their sender. Dropping it does the same.
    pub fn gone(&mut self, now: Duration) {
        self.now = now;
        for (_, slot) in std::mem::take(&mut self.transfers.held) {
            self.transfers.uploads.leave(&slot, self.transfers.owner, now);
        }
        self.transfers.uploads.expire(now);
    }
}

impl<S: Store> Drop for Upload<S> {
    fn drop(&mut self) {
        self.gone(self.now);
    }
}

/// The beginning of a file, and what came with it.
struct Pending {
    id: u32,
    name: Box<str>,
    length: u32,
    data: Vec<u8>,
    /// Its message has ended.
    ended: bool,
}

/// What one chunk needs: the transfers that it may be for, and where the answers go.
struct Call<'a, S: Store> {
    transfers: &'a mut Transfers<S>,
    now: Duration,
    out: &'a mut dyn FnMut(&str),
}

impl<S: Store> Call<'_, S> {
    fn say(&mut self, answer: Answer<'_>) {
        (self.out)(&answer.to_json());
    }

    fn command(&mut self, command: Option<Command>) {
        match command {
            None => self.say(Answer::Refused { id: None, fault: Fault::Malformed }),
            Some(Command::Cancel { id }) => match self.release(id) {
                Some(transfer) => {
                    self.transfers.uploads.tell(&transfer, What::Failed(Fault::Cancelled.code()));
                    transfer.abort(self.transfers.uploads.files());
                    self.say(Answer::Failed { id, fault: Fault::Cancelled });
                }
                None => self.say(Answer::Refused { id: Some(id), fault: Fault::Unknown }),
            },
            Some(Command::Keep { id }) if self.transfers.keeps.len() < KEEPS => self.transfers.keeps.push(id),
            Some(Command::Keep { id }) => {
                self.say(Answer::Refused { id: Some(id), fault: Fault::TooMany });
            }
            Some(Command::Resume { id, token }) => {
                self.transfers.uploads.expire(self.now);
                let held = self.transfers.held.iter().any(|(known, _)| *known == id);
                let resumed = if held {
                    Err(Fault::Busy)
                } else if self.transfers.held.len() >= self.transfers.uploads.config.transfers {
                    Err(Fault::TooMany)
                } else {
                    self.transfers.uploads.resume(id, &token, self.transfers.owner)
                };
                match resumed {
                    Ok((slot, bytes, length)) => {
                        self.transfers.ended.forget(id);
                        self.transfers.held.push((id, slot));
                        self.say(Answer::Resumed { id, bytes, length });
                        // All of it may be there, and only the end of its message was lost.
                        self.end(id);
                    }
                    Err(fault) => self.say(Answer::Refused { id: Some(id), fault }),
                }
            }
        }
    }

    /// The name as it is kept, and its key; the cheapest checks first.
    fn check(&self, name: &str, length: u32) -> Result<(String, KeyPath), BeginFault> {
        let uploads = &self.transfers.uploads;
        let mapped = uploads.config.colon.map(|other| name.replace(':', other.encode_utf8(&mut [0; 4])));
        let name = mapped.unwrap_or_else(|| name.to_owned());
        let key = new_key_of(uploads.files().dict(), &name).map_err(BeginFault::Name)?;
        if !is_allowed(&uploads.config.allowed, &name) {
            return Err(Fault::NotAllowed.into());
        }
        if length > uploads.config.largest {
            return Err(Fault::TooLarge.into());
        }
        if self.transfers.held.len() >= uploads.config.transfers {
            return Err(Fault::TooMany.into());
        }
        Ok((name, key))
    }

    /// Checks and begins a transfer.
    fn accept(&mut self, id: u32, name: &str, length: u32) -> Result<(), BeginFault> {
        let keeps = self.transfers.keeps.len();
        self.transfers.keeps.retain(|kept| *kept != id);
        let keeps = self.transfers.keeps.len() < keeps;
        let (name, key) = self.check(name, length)?;
        let (name, uploads) = (&*name, &self.transfers.uploads);
        uploads.expire(self.now);
        let replaceable = uploads.config.replace;
        let incoming =
            uploads.files().begin(&key, length, replaceable && !keeps).map_err(|error| match error {
                BeginError::Exists { length, version } => BeginFault::Exists { length, version, replaceable },
                BeginError::Busy => Fault::Busy.into(),
                BeginError::Store(error) => Fault::from(error).into(),
            })?;
        let token = uploads.token();
        let slot = uploads.enter(
            Transfer::new(id, name, &self.transfers.who, length, token, incoming, self.now),
            self.transfers.owner,
        );
        self.tell(&slot, What::Began);
        self.transfers.held.push((id, slot));
        self.say(Answer::Accepted { id, name, length, token: token.as_ref() });
        Ok(())
    }

    /// Takes the transfer from its slot; `None` if this connection does not own it any more.
    fn release(&mut self, id: u32) -> Option<Transfer<S::File>> {
        let index = self.transfers.held.iter().position(|(known, _)| *known == id)?;
        let (_, slot) = self.transfers.held.swap_remove(index);
        self.transfers.ended.push(id, false);
        self.transfers.uploads.take(&slot, self.transfers.owner)
    }

    /// Ends a transfer that cannot go on. One whose store does not answer can, later, as if its connection had gone.
    fn fail(&mut self, id: u32, fault: Fault) {
        if fault == Fault::NoAnswer && self.suspend(id) {
            return self.say(Answer::Failed { id, fault });
        }
        let Some(transfer) = self.release(id) else { return };
        let uploads = self.transfers.uploads.clone();
        uploads.tell(&transfer, What::Failed(fault.code()));
        if fault == Fault::Full {
            // First, as the store may not answer what clears it away.
            self.say(Answer::Failed { id, fault });
            return transfer.abort(uploads.files());
        }
        transfer.abort(uploads.files());
        self.say(Answer::Failed { id, fault });
    }

    fn tell(&self, slot: &SharedSlot<S>, what: What<'_>) {
        if let Some(transfer) = &slot.lock().transfer_of(self.transfers.owner) {
            self.transfers.uploads.tell(transfer, what);
        }
    }

    /// Has a transfer wait for its sender; `false` if it cannot be resumed.
    fn suspend(&mut self, id: u32) -> bool {
        let Some(index) = self.transfers.held.iter().position(|(known, _)| *known == id) else {
            return false;
        };
        let (_, slot) = &self.transfers.held[index];
        if !self.transfers.uploads.is_resumable(slot) {
            return false;
        }
        let (_, slot) = self.transfers.held.swap_remove(index);
        self.transfers.ended.push(id, false);
        self.transfers.uploads.leave(&slot, self.transfers.owner, self.now);
        true
    }

    /// Does something with a transfer of this connection; `None` if this connection does not own it, or not any more.
    fn with<T>(&mut self, id: u32, act: impl FnOnce(&mut Transfer<S::File>) -> T) -> Option<T> {
        let slot =
            self.transfers.held.iter().find(|(known, _)| *known == id).map(|(_, slot)| slot.clone())?;
        if let Some(transfer) = slot.lock().transfer_of(self.transfers.owner) {
            return Some(act(transfer));
        }
        // Its sender has come back on another connection.
        self.release(id);
        None
    }
}

impl<S: Store> Parts for Call<'_, S> {
    fn knows(&self, id: u32) -> bool {
        let pending = self.transfers.pending.as_ref();
        self.transfers.held.iter().any(|(known, _)| *known == id)
            || self.transfers.ended.contains(id)
            || pending.is_some_and(|pending| pending.id == id)
    }

    fn begin(&mut self, id: u32, name: &str, length: u32) {
        if !self.transfers.uploads.config.asks {
            return self.start(id, name, length);
        }
        match self.check(name, length) {
            Ok((name, _)) => {
                let name = name.into_boxed_str();
                self.transfers.pending = Some(Pending { id, name, length, data: Vec::new(), ended: false });
            }
            Err(refused) => self.refuse(id, refused),
        }
    }

    fn data(&mut self, id: u32, bytes: &[u8]) {
        if let Some(pending) = self.pending(id) {
            return pending.data.extend_from_slice(bytes);
        }
        self.bring(id, bytes);
    }

    fn end(&mut self, id: u32) {
        match self.pending(id) {
            Some(pending) => pending.ended = true,
            None => self.complete(id),
        }
    }

    fn malformed(&mut self, id: Option<u32>, why: Malformed) {
        if let Some(id) = id {
            self.transfers.ended.push(id, false);
        }
        self.say(Answer::Refused { id, fault: why.into() });
    }
}

impl<S: Store> Call<'_, S> {
    fn pending(&mut self, id: u32) -> Option<&mut Pending> {
        self.transfers.pending.as_mut().filter(|pending| pending.id == id)
    }

    fn start(&mut self, id: u32, name: &str, length: u32) {
        if let Err(refused) = self.accept(id, name, length) {
            self.refuse(id, refused);
        }
    }

    fn refuse(&mut self, id: u32, refused: BeginFault) {
        self.transfers.ended.push(id, false);
        match refused {
            BeginFault::Refused(fault) => self.say(Answer::Refused { id: Some(id), fault }),
            BeginFault::Name(why) => self.say(Answer::BadName { id, why: &why.to_string() }),
            BeginFault::Exists { length, version, replaceable } => {
                self.say(Answer::Exists { id, length, sha256: version.digest.as_ref(), replaceable });
            }
        }
    }

    fn bring(&mut self, id: u32, bytes: &[u8]) {
        if self.transfers.ended.is_news(id) {
            self.say(Answer::Failed { id, fault: Fault::Ended });
            return;
        }
        let (size, now) = (self.transfers.uploads.config.batch(), self.now);
        match self.with(id, |transfer| transfer.take(bytes, size).map(|()| transfer.progress(now))) {
            Some(Ok(Some(progress))) => {
                if let Answer::Progress { bytes, .. } = progress
                    && let Some((_, slot)) = self.transfers.held.iter().find(|(known, _)| *known == id)
                {
                    self.tell(slot, What::Progress(bytes));
                }
                self.say(progress);
            }
            Some(Ok(None)) | None => (),
            Some(Err(fault)) => self.fail(id, fault),
        }
    }

    fn complete(&mut self, id: u32) {
        if self.with(id, |transfer| transfer.is_complete()) != Some(true) {
            return;
        }
        if let Some(Err(error)) = self.with(id, Transfer::settle) {
            return self.fail(id, error.into());
        }
        let Some(transfer) = self.release(id) else { return };
        let (length, who) = (transfer.length, transfer.who.clone());
        let called = transfer.name.clone();
        let finished = transfer.finish(self.transfers.uploads.files());
        let what = match &finished {
            Ok((_, sha256)) => What::Stored(sha256),
            Err(fault) => What::Failed(fault.code()),
        };
        self.transfers.uploads.tell_of(&called, &who, length, what);
        match finished {
            Ok((name, sha256)) => {
                self.transfers.ended.push(id, true);
                self.say(Answer::Stored { id, name: &name, length, sha256: &sha256 });
            }
            Err(fault) => self.say(Answer::Failed { id, fault }),
        }
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

/// Why a transfer does not begin.
enum BeginFault {
    Refused(Fault),
    Name(NameError),
    /// There is a file of its name.
    Exists {
        length: u64,
        version: Version,
        replaceable: bool,
    },
}

impl From<Fault> for BeginFault {
    fn from(fault: Fault) -> Self {
        BeginFault::Refused(fault)
    }
}
