//! What the connections of an upload route share: the files, and the transfers that wait for their sender.

use std::sync::Arc;
use std::time::Duration;

use super::config::Config;
use super::files::{Files, Store};
use super::protocol::{Fault, Token};
use super::transfer::Transfer;
use super::watch::{EXPIRED, Event, Watch, What};
use crate::sync::Mutex;

/// Makes the token of a transfer: 16 random bytes, or `None` without random numbers. Such a transfer cannot be
/// resumed.
pub type TokenSource = Box<dyn FnMut() -> Option<Token> + Send>;

/// An upload route.
pub struct Uploads<S: Store> {
    files: Arc<Files<S>>,
    pub(super) config: Config,
    tokens: Mutex<TokenSource>,
    watch: Option<Arc<dyn Watch>>,
    resumable: Mutex<Vec<Resumable<S>>>,
    /// How many there have been. The device has no atomic number of 64 bits, so a lock guards it.
    connections: Mutex<u64>,
}

/// A transfer in progress, and the connection that carries it on.
pub(super) struct Slot<S: Store> {
    /// The connection's number.
    owner: u64,
    /// Until when it waits for its sender. Set if its connection has gone.
    until: Option<Duration>,
    /// The transfer, until it is over.
    transfer: Option<Transfer<S::File>>,
}

impl<S: Store> Slot<S> {
    /// The transfer, if `owner` carries it on.
    pub(super) fn transfer_of(&mut self, owner: u64) -> Option<&mut Transfer<S::File>> {
        if self.owner == owner { self.transfer.as_mut() } else { None }
    }
}

/// A slot that two connections may compete for: a sender may be back before its old connection is known to be gone.
pub(super) type SharedSlot<S> = Arc<Mutex<Slot<S>>>;

struct Resumable<S: Store> {
    id: u32,
    token: Token,
    slot: SharedSlot<S>,
}

impl<S: Store> Uploads<S> {
    /// A route with these settings that puts what comes into `files`. Asks the store for nothing yet.
    pub fn new(config: Config, files: Arc<Files<S>>, tokens: TokenSource) -> Arc<Self> {
        Self::watched(config, files, tokens, None)
    }

    /// As [`Uploads::new`], for one who wants to know of the files.
    pub fn watched(
        config: Config,
        files: Arc<Files<S>>,
        tokens: TokenSource,
        watch: Option<Arc<dyn Watch>>,
    ) -> Arc<Self> {
        Arc::new(Uploads {
            watch,
            files,
            config,
            tokens: Mutex::new(tokens),
            resumable: Mutex::default(),
            connections: Mutex::new(0),
        })
    }

    /// For how long the store may be silent.
    pub fn patience(&self) -> Duration {
        self.config.patience
    }

    /// The files, for readers.
    pub fn files(&self) -> &Files<S> {
        &self.files
    }

    /// Gives up the transfers whose senders have not come back in time. Every connection calls this now and then.
    /// While nobody is connected, their remains stay in the store.
    pub fn expire(&self, now: Duration) {
        let slots: Vec<_> = self.resumable.lock().iter().map(|known| known.slot.clone()).collect();
        for slot in slots {
            // One that is locked is at work.
            let expired = slot.try_lock().is_some_and(|slot| slot.until.is_some_and(|until| until <= now));
            if expired {
                self.give_up(&slot, Some(now));
            }
        }
    }

    /// The earliest time at which [`Uploads::expire`] has something to do.
    pub fn next_expiry(&self) -> Option<Duration> {
        self.resumable.lock().iter().filter_map(|known| known.slot.try_lock()?.until).min()
    }

    pub(super) fn tell(&self, transfer: &Transfer<S::File>, what: What<'_>) {
        self.tell_of(&transfer.name, &transfer.who, transfer.length, what);
    }

    pub(super) fn tell_of(&self, name: &str, who: &str, length: u32, what: What<'_>) {
        if let Some(watch) = &self.watch {
            watch.tell(Event { what, name, who, length });
        }
    }

    pub(super) fn new_owner(&self) -> u64 {
        let mut connections = self.connections.lock();
        *connections += 1;
        *connections
    }

    pub(super) fn token(&self) -> Option<Token> {
        if self.config.resume.is_zero() {
            return None;
        }
        (self.tokens.lock())()
    }

    /// Enters a transfer that `owner` carries on.
    pub(super) fn enter(&self, transfer: Transfer<S::File>, owner: u64) -> SharedSlot<S> {
        let (id, token) = (transfer.id, transfer.token);
        let slot = Arc::new(Mutex::new(Slot { owner, until: None, transfer: Some(transfer) }));
        if let Some(token) = token {
            self.resumable.lock().push(Resumable { id, token, slot: slot.clone() });
        }
        slot
    }

    /// Takes a transfer that is over from its slot; `None` if `owner` does not own it any more.
    pub(super) fn take(&self, slot: &SharedSlot<S>, owner: u64) -> Option<Transfer<S::File>> {
        let mut held = slot.lock();
        held.transfer_of(owner)?;
        let transfer = held.transfer.take();
        drop(held);
        self.forget(slot);
        transfer
    }

    /// Whether its sender could come back.
    pub(super) fn is_resumable(&self, slot: &SharedSlot<S>) -> bool {
        slot.lock().transfer.as_ref().is_some_and(|transfer| transfer.token.is_some())
    }

    fn forget(&self, slot: &SharedSlot<S>) {
        self.resumable.lock().retain(|known| !Arc::ptr_eq(&known.slot, slot));
    }

    /// Gives a transfer to `owner`, away from the connection that had it. Returns how many bytes are stored, and of
    /// how many.
    pub(super) fn resume(
        &self,
        id: u32,
        token: &Token,
        owner: u64,
    ) -> Result<(SharedSlot<S>, u32, u32), Fault> {
        let slot = {
            let resumable = self.resumable.lock();
            let known = resumable.iter().find(|known| known.id == id && is_equal(&known.token, token));
            known.ok_or(Fault::Unknown)?.slot.clone()
        };
        // It would fail at once.
        if self.files.store.is_silent() {
            return Err(Fault::Busy);
        }
        // The old connection is writing at this moment.
        let Some(mut held) = slot.try_lock() else { return Err(Fault::Busy) };
        let transfer = held.transfer.as_mut().ok_or(Fault::Unknown)?;
        transfer.pause();
        let (stored, length) = (transfer.stored(), transfer.length);
        held.owner = owner;
        held.until = None;
        drop(held);
        Ok((slot, stored, length))
    }

    /// The connection `owner` has gone: its transfer waits for the sender, or ends.
    pub(super) fn leave(&self, slot: &SharedSlot<S>, owner: u64, now: Duration) {
        let mut held = slot.lock();
        let Some(transfer) = held.transfer_of(owner) else { return };
        if transfer.token.is_none() {
            drop(held);
            return self.give_up(slot, None);
        }
        transfer.pause();
        held.until = Some(now.saturating_add(self.config.resume));
        drop(held);
        self.make_room();
    }

    /// Gives up transfers that have waited longest, until no more than allowed wait.
    fn make_room(&self) {
        let mut waiting: Vec<_> = {
            let resumable = self.resumable.lock();
            let until = |known: &Resumable<S>| known.slot.try_lock()?.until;
            resumable.iter().filter_map(|known| Some((until(known)?, known.slot.clone()))).collect()
        };
        waiting.sort_by_key(|(until, _)| *until);
        let surplus = waiting.len().saturating_sub(self.config.waiting);
        for (until, slot) in waiting.into_iter().take(surplus) {
            self.give_up(&slot, Some(until));
        }
    }

    /// Ends a transfer. With a time, ends it only if it still waits, and until that time at most.
    fn give_up(&self, slot: &SharedSlot<S>, waits_until: Option<Duration>) {
        let transfer = {
            // One that waits and is locked is at work again.
            let held = if waits_until.is_some() { slot.try_lock() } else { Some(slot.lock()) };
            let Some(mut held) = held else { return };
            let waits = |limit| held.until.is_some_and(|until| until <= limit);
            if waits_until.is_none_or(waits) { held.transfer.take() } else { None }
        };
        if let Some(transfer) = transfer {
            self.forget(slot);
            self.tell(&transfer, What::Failed(EXPIRED));
            transfer.abort(&self.files);
        }
    }
}

/// Nobody can go on with transfers that still wait. The store is not asked here, as the thread that drops a route
/// must not wait for it. The next request for a file clears the remains.
impl<S: Store> Drop for Uploads<S> {
    fn drop(&mut self) {
        let resumable = std::mem::take(&mut *self.resumable.lock());
        for slot in resumable.iter().map(|known| &known.slot) {
            if let Some(transfer) = slot.lock().transfer.take() {
                transfer.abandon(&self.files);
            }
        }
    }
}

/// Compares in the same time, wherever the two differ.
fn is_equal(one: &Token, other: &Token) -> bool {
    one.iter().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}
