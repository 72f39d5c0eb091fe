//! Files in a store that has no rename. For everybody who asks here, each file is whole or absent.
//!
//! A new file is written into its own key, while a record says that it is incomplete. Deleting the record commits it.
//! A replacement is written into a staged key under such a record. A second record, which says what replaces what,
//! commits it. Then it is copied, and the records go. `docs/upload.md` has the order of all steps, and why a crash
//! between any two does no harm.

use std::sync::Weak;

use super::claims::{Claims, Content, Phase};
use super::journal::{Entry, Journal, create, delete, is_journal};
use super::reader::Reader;
use super::record::Record;
use super::store::{Store, StoreError, StoreFile};
use super::turn::Turn;
use super::versions::{Version, Versions};
use crate::pddb::{DictPath, KeyPath, PathError};
use crate::sync::Mutex;
use crate::upload::watch::{Event, Watch};

/// Bytes that are copied at a time.
pub(super) const COPY_BYTES: usize = super::store::WRITE_BATCH;

/// The files in a dict and the dicts below it. There must be no second one for the same dict.
pub struct Files<S: Store> {
    pub(in crate::upload) store: S,
    pub(super) dict: DictPath,
    pub(super) journal: Journal,
    pub(super) state: Mutex<State>,
    /// Held during recovery.
    pub(super) recovering: Turn,
    /// Those who want to know of files that are deleted.
    watchers: Mutex<Vec<Weak<dyn Watch>>>,
}

#[derive(Default)]
pub(super) struct State {
    /// How often a claim became doubtful.
    pub(super) doubts: u64,
    /// The same number at the last recovery, after which the journal held only what is claimed.
    pub(super) recovered: Option<u64>,
    /// The number that was given to an entry last.
    pub(super) last: u32,
    pub(super) claims: Claims,
    pub(super) versions: Versions,
}

impl State {
    pub(super) fn is_recovered(&self) -> bool {
        self.recovered == Some(self.doubts)
    }
}

/// A file that is being received.
pub(crate) struct Incoming<F> {
    name: KeyPath,
    number: u32,
    /// Where its bytes go: its own key, or a staged one.
    target: KeyPath,
    replaces: bool,
    file: F,
    /// SHA-256 of the whole, once that is known.
    digest: Option<[u8; 32]>,
}

/// Why a file is not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BeginError {
    /// The file exists, with so many bytes, and is not to be replaced.
    Exists {
        length: u64,
        version: Version,
    },
    /// It is being received, or is not in its place yet.
    Busy,
    Store(StoreError),
}

impl From<StoreError> for BeginError {
    fn from(error: StoreError) -> Self {
        BeginError::Store(error)
    }
}

impl<F: StoreFile> Incoming<F> {
    /// Begins to write bytes. When this returns, all earlier ones are in the store. They are no file yet.
    pub(crate) fn begin_write(&mut self, position: u64, data: &[u8]) -> Result<(), StoreError> {
        self.file.begin_write(position, data)
    }

    /// Waits until all bytes are in the store.
    pub(crate) fn finish_writes(&mut self) -> Result<(), StoreError> {
        self.file.finish_writes()
    }

    /// All that was written has this SHA-256.
    pub(crate) fn set_digest(&mut self, digest: [u8; 32]) {
        self.digest = Some(digest);
    }
}

/// A complete file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name, with `/` between its parts.
    pub name: String,
    /// Its bytes.
    pub length: u64,
}

impl<S: Store> Files<S> {
    /// The files in `dict`. Asks the store for nothing yet.
    ///
    /// # Errors
    /// `TooLong`: the journal's dict, with `.journal` behind the name, would have too long a name. `Character`: a part of
    /// the name ends like a journal's.
    pub fn new(store: S, dict: DictPath) -> Result<Self, PathError> {
        if dict.name().split('/').any(is_journal) {
            return Err(PathError::Character);
        }
        let journal = Journal::of(&dict)?;
        Ok(Files {
            store,
            dict,
            journal,
            state: Mutex::default(),
            recovering: Turn::default(),
            watchers: Mutex::default(),
        })
    }

    /// Has somebody told of files that are deleted.
    pub fn watch(&self, watch: Weak<dyn Watch>) {
        let mut watchers = self.watchers.lock();
        watchers.retain(|other| other.strong_count() > 0);
        watchers.push(watch);
    }

    /// Tells those.
    pub fn tell(&self, event: Event<'_>) {
        let watchers = self.watchers.lock().clone();
        watchers.iter().filter_map(Weak::upgrade).for_each(|watch| watch.tell(event));
    }

    /// The dict that they are in.
    pub fn dict(&self) -> &DictPath {
        &self.dict
    }

    /// Whether files in `other` and these could be the same.
    pub fn shares_keys_with(&self, other: &DictPath) -> bool {
        is_within(other, &self.dict) || is_within(&self.dict, other)
    }

    /// Whether this is a key that a file of this dict may have.
    pub(super) fn is_own(&self, key: &KeyPath) -> bool {
        is_within(key.dict(), &self.dict)
    }

    /// Begins to receive a file of `length` bytes. Clears first what an earlier crash has left.
    pub(crate) fn begin(
        &self,
        name: &KeyPath,
        length: u32,
        replace: bool,
    ) -> Result<Incoming<S::File>, BeginError> {
        self.recover()?;
        self.put_in_place(name);
        {
            let mut state = self.state.lock();
            if state.claims.get(name).is_some() {
                return Err(BeginError::Busy);
            }
            state.claims.set(name, 0, Phase::Staging);
        }
        let replaces = match self.store.open(name) {
            Ok(_) if replace => true,
            Err(StoreError::NotFound) => false,
            refused => {
                let mut state = self.state.lock();
                state.claims.release(name);
                let exists = |file: S::File| BeginError::Exists {
                    length: file.length(),
                    version: state.versions.of(name),
                };
                return Err(refused.map_or_else(BeginError::Store, exists));
            }
        };
        let number = self.claim(name, if replaces { Phase::Staging } else { Phase::Receiving });
        let target = if replaces { self.journal.key(Entry::Staged, number) } else { name.clone() };
        let record = Record::Incomplete { key: target.clone() };
        if let Err(error) = self.journal.write(&self.store, Entry::Incomplete, number, &record) {
            self.give_up(name, number, None, replaces);
            return Err(error.into());
        }
        match create(&self.store, &target, length.into()) {
            Ok(file) => Ok(Incoming { name: name.clone(), number, target, replaces, file, digest: None }),
            // It has come from elsewhere meanwhile and is not ours to delete. Who tries again is told that it exists.
            Err(StoreError::Exists) => {
                self.give_up(name, number, None, replaces);
                Err(BeginError::Busy)
            }
            Err(error) => {
                self.give_up(name, number, Some(&target), replaces);
                Err(error.into())
            }
        }
    }

    /// Gives a claim its number.
    pub(super) fn claim(&self, name: &KeyPath, phase: Phase) -> u32 {
        let mut state = self.state.lock();
        state.last = state.last.wrapping_add(1).max(1);
        let number = state.last;
        state.claims.set(name, number, phase);
        number
    }

    /// Makes it the file of its name. When this returns without an error, the file survives anything.
    ///
    /// After an error the file is absent, or it is not known whether it is there and whole. In that case it stays
    /// hidden until that is known.
    pub(crate) fn commit(&self, mut incoming: Incoming<S::File>) -> Result<(), StoreError> {
        if let Err(error) = incoming.finish_writes() {
            self.abort(incoming);
            return Err(error);
        }
        let Incoming { name, number, target, replaces, file, digest } = incoming;
        let length = file.length();
        drop(file);
        let result =
            if replaces { self.commit_staged(&name, number, length) } else { self.commit_new(number) };
        match result {
            Ok(()) => {
                // Nobody may see the new content with the old version.
                let mut state = self.state.lock();
                state.versions.set(&name, digest);
                if replaces {
                    state.claims.set(&name, number, Phase::Staged);
                    drop(state);
                    self.put_in_place(&name);
                } else {
                    state.claims.release(&name);
                }
            }
            // The last record may be gone or there: only a look at the store can tell.
            Err(StoreError::NoAnswer) => self.doubt(&name, number, !replaces),
            Err(_) if replaces && self.journal.delete(&self.store, Entry::Replace, number).is_err() => {
                self.doubt(&name, number, false);
            }
            Err(_) => self.give_up(&name, number, Some(&target), replaces),
        }
        result
    }

    fn commit_new(&self, number: u32) -> Result<(), StoreError> {
        self.journal.delete(&self.store, Entry::Incomplete, number)?;
        self.prove()
    }

    fn commit_staged(&self, name: &KeyPath, number: u32, length: u64) -> Result<(), StoreError> {
        let staged = self.journal.key(Entry::Staged, number).name().to_owned();
        let record = Record::Replace { key: name.clone(), staged, length };
        self.journal.write(&self.store, Entry::Replace, number, &record)?;
        self.prove()
    }

    /// Makes certain that everything that was answered was done. A store that answers without doing it is dead, and
    /// does nothing of what comes after. So one call at the end is enough.
    pub(crate) fn prove(&self) -> Result<(), StoreError> {
        self.store.flush().map_err(|_| StoreError::NoAnswer)
    }

    /// Leaves its remains to recovery. Asks the store for nothing.
    pub(crate) fn abandon(&self, incoming: Incoming<S::File>) {
        let Incoming { name, number, replaces, .. } = incoming;
        self.doubt(&name, number, !replaces);
    }

    /// Deletes what there is of it.
    pub(crate) fn abort(&self, incoming: Incoming<S::File>) {
        let Incoming { name, number, target, replaces, file, .. } = incoming;
        drop(file);
        self.give_up(&name, number, Some(&target), replaces);
    }

    /// Deletes the content, then the record that names it.
    pub(super) fn give_up(&self, name: &KeyPath, number: u32, target: Option<&KeyPath>, replaces: bool) {
        let deleted = target
            .map_or(Ok(()), |target| delete(&self.store, target))
            .and_then(|()| self.journal.delete(&self.store, Entry::Incomplete, number));
        match deleted {
            Ok(()) => self.state.lock().claims.release(name),
            Err(error) => {
                log::warn!("what was received of {name} is not deleted yet: {error:?}");
                self.doubt(name, number, !replaces);
            }
        }
    }

    /// Leaves it to recovery to find out how far it got.
    pub(crate) fn doubt(&self, name: &KeyPath, number: u32, hidden: bool) {
        let mut state = self.state.lock();
        state.claims.set(name, number, Phase::Doubtful { hidden });
        state.versions.set(name, None);
        state.doubts += 1;
    }

    /// Opens a file for reading. The reader keeps this content, also if the file is replaced meanwhile.
    ///
    /// # Errors
    /// `NotFound`, also for a file that is incomplete and for a name that no file can have. Those of the store.
    pub fn open(&self, name: &str) -> Result<Reader<'_, S>, StoreError> {
        let name = super::name::key_of(&self.dict, name).map_err(|_| StoreError::NotFound)?;
        self.ask()?;
        self.open_key(&name)
    }

    /// Nobody who reads waits for a store that is silent. What is not there now may be when it answers.
    pub(super) fn ask(&self) -> Result<(), StoreError> {
        if self.store.is_silent() { Err(StoreError::NoAnswer) } else { self.recover() }
    }

    pub(super) fn open_key(&self, name: &KeyPath) -> Result<Reader<'_, S>, StoreError> {
        // Held while the key is opened: nobody may begin to change it meanwhile.
        let mut state = self.state.lock();
        let key = match state.claims.content(name) {
            Content::Own => name.clone(),
            Content::Staged(number) => self.journal.key(Entry::Staged, number),
            Content::Hidden => return Err(StoreError::NotFound),
        };
        let file = self.store.open(&key)?;
        state.claims.add_reader(&key);
        let version = state.versions.of(name);
        Ok(Reader::new(self, name.clone(), key, file, version))
    }
}

/// Whether a dict is the other one or below it.
fn is_within(inner: &DictPath, outer: &DictPath) -> bool {
    let below = inner.name().strip_prefix(outer.name());
    inner.basis() == outer.basis() && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::tests::memory::Memory;

    fn dict(path: &str) -> DictPath {
        let (basis, name) = path.split_once(':').unwrap();
        DictPath::new(basis, name).unwrap()
    }

    #[test]
    fn keys_are_shared_by_a_dict_and_those_within_it() {
        let files = Files::new(Memory::default(), dict(".System:a/b")).unwrap();
        for (other, shares, own) in [
            (".System:a/b", true, true),
            (".System:a/b/c", true, true),
            (".System:a", true, false),
            (".System:a/bc", false, false),
            (".System:c", false, false),
            ("other:a/b", false, false),
        ] {
            assert_eq!(files.shares_keys_with(&dict(other)), shares, "{other}");
            assert_eq!(files.is_own(&dict(other).key("k").unwrap()), own, "{other}");
        }
    }
}
