//! A store in memory that fails as it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::pddb::{DictPath, KeyPath};
use crate::sync::{Mutex, MutexGuard};
use crate::upload::{Store, StoreError, StoreFile};

/// What has become of a change that was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// Half of a write; an empty key for a new one; for a deleted one, a key with another's bytes in it.
    Part,
    /// All of it.
    All,
}

impl Effect {
    pub(super) const EACH: [Effect; 3] = [Effect::None, Effect::Part, Effect::All];
}

/// A store that all its clones share.
#[derive(Clone, Default)]
pub(in crate::upload) struct Memory {
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    keys: BTreeMap<String, Vec<u8>>,
    /// Changes, and flushes, so far.
    changes: usize,
    /// The change that is cut off, and how. Nothing is answered any more after it.
    crash: Option<(usize, Effect)>,
    /// The change that is not answered, nor are so many calls after it, and what it does.
    silence: Option<(usize, usize, Effect)>,
    /// Bytes that fit.
    capacity: Option<usize>,
    unmounted: bool,
    /// Bytes written.
    written: usize,
}

pub(in crate::upload) struct MemoryFile {
    memory: Memory,
    key: String,
    length: u64,
    /// How the write that was begun last went, which is not known yet.
    begun: Result<(), StoreError>,
}

impl Memory {
    /// Change number `at`, from 0 and from now on, is cut off, and nothing is answered after it until
    /// [`Memory::restart`].
    pub(super) fn crash_at(&self, at: usize, effect: Effect) {
        let mut world = self.lock();
        world.changes = 0;
        world.crash = Some((at, effect));
    }

    /// Change number `at` and so many calls after it are not answered.
    pub(super) fn silent_at(&self, at: usize, more: usize, effect: Effect) {
        let mut world = self.lock();
        world.changes = 0;
        world.silence = Some((at, more, effect));
    }

    /// What was written is there, and everything is answered again.
    pub(super) fn restart(&self) {
        let mut world = self.lock();
        (world.crash, world.silence) = (None, None);
    }

    pub(super) fn has_crashed(&self) -> bool {
        let world = self.lock();
        world.crash.is_some_and(|(at, _)| world.changes > at)
    }

    pub(super) fn was_silent(&self) -> bool {
        let world = self.lock();
        world.silence.is_some_and(|(at, ..)| world.changes > at)
    }

    pub(super) fn written(&self) -> usize {
        self.lock().written
    }

    pub(super) fn set_capacity(&self, capacity: usize) {
        self.lock().capacity = Some(capacity);
    }

    pub(super) fn set_unmounted(&self, unmounted: bool) {
        self.lock().unmounted = unmounted;
    }

    /// Everything in it: `dict/key` and bytes.
    pub(in crate::upload) fn keys(&self) -> Vec<(String, Vec<u8>)> {
        self.lock().keys.iter().map(|(key, data)| (key.clone(), data.clone())).collect()
    }

    /// Puts a key in from elsewhere.
    pub(in crate::upload) fn put(&self, key: &str, data: &[u8]) {
        self.lock().keys.insert(key.to_owned(), data.to_vec());
    }

    /// A copy with the same keys that shares nothing.
    pub(super) fn fork(&self) -> Memory {
        let copy = Memory::default();
        copy.lock().keys = self.lock().keys.clone();
        copy
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock()
    }

    /// Reads, unless nothing is answered.
    fn look<T>(&self, look: impl FnOnce(&mut World) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut world = self.lock();
        let changes = world.changes;
        if world.crash.is_some_and(|(at, _)| changes > at) {
            return Err(StoreError::NoAnswer);
        }
        if let Some((at, more @ 1.., effect)) = world.silence
            && changes > at
        {
            world.silence = Some((at, more - 1, effect));
            return Err(StoreError::NoAnswer);
        }
        if world.unmounted {
            return Err(StoreError::Unmounted);
        }
        look(&mut world)
    }

    /// Changes, or does so in part and gives no answer.
    fn change(
        &self,
        change: impl FnOnce(&mut World, Effect) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.look(|world| {
            let this = world.changes;
            world.changes += 1;
            let crash = world.crash.filter(|(at, _)| *at == this).map(|(_, effect)| effect);
            let silence = world.silence.filter(|(at, ..)| *at == this).map(|(.., effect)| effect);
            match crash.or(silence) {
                None => return change(world, Effect::All),
                Some(Effect::None) => (),
                Some(effect) => drop(change(world, effect)),
            }
            Err(StoreError::NoAnswer)
        })
    }
}

impl World {
    fn has_room(&self, more: usize) -> bool {
        let used: usize = self.keys.values().map(Vec::len).sum();
        self.capacity.is_none_or(|capacity| used + more <= capacity)
    }
}

fn path(key: &KeyPath) -> String {
    format!("{}/{}", key.dict().name(), key.name())
}

impl Store for Memory {
    type File = MemoryFile;

    fn open(&self, key: &KeyPath) -> Result<MemoryFile, StoreError> {
        let key = path(key);
        let length = self.look(|world| world.keys.get(&key).map(Vec::len).ok_or(StoreError::NotFound))?;
        Ok(MemoryFile { memory: self.clone(), key, length: length as u64, begun: Ok(()) })
    }

    fn create(&self, key: &KeyPath, _room: u32) -> Result<MemoryFile, StoreError> {
        let key = path(key);
        self.change(|world, _| {
            if world.keys.contains_key(&key) {
                return Err(StoreError::Exists);
            }
            if !world.has_room(1) {
                return Err(StoreError::Full);
            }
            world.keys.insert(key.clone(), Vec::new());
            Ok(())
        })?;
        Ok(MemoryFile { memory: self.clone(), key, length: 0, begun: Ok(()) })
    }

    fn delete(&self, key: &KeyPath) -> Result<(), StoreError> {
        let key = path(key);
        self.change(|world, effect| {
            let data = world.keys.remove(&key).ok_or(StoreError::NotFound)?;
            if effect == Effect::Part {
                // Another key's bytes, of the same length if there are such: that is the worst.
                let same = world.keys.values().find(|other| other.len() == data.len());
                let other = same.or(world.keys.values().next()).cloned().unwrap_or_default();
                world.keys.insert(key, other);
            }
            Ok(())
        })
    }

    fn keys(&self, dict: &DictPath) -> Result<Vec<String>, StoreError> {
        let below = |key: &String| {
            let (of, name) = key.rsplit_once('/').unwrap();
            (of == dict.name()).then(|| name.to_owned())
        };
        self.look(|world| Ok(world.keys.keys().filter_map(below).collect()))
    }

    fn dicts(&self, _basis: &str) -> Result<Vec<String>, StoreError> {
        let dict = |key: &String| key.rsplit_once('/').unwrap().0.to_owned();
        let mut dicts = self.look(|world| Ok(world.keys.keys().map(dict).collect::<Vec<_>>()))?;
        dicts.dedup();
        Ok(dicts)
    }

    /// In a model, a limit is over at any moment.
    #[cfg(feature = "shuttle")]
    fn patience(&self) -> std::time::Duration {
        crate::sync::FOREVER
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.change(|_, _| Ok(()))
    }
}

impl StoreFile for MemoryFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let Self { memory, key, .. } = self;
        memory.look(|world| {
            let data = world.keys.get(key).ok_or(StoreError::Failed)?;
            let rest = data.get(position as usize..).unwrap_or_default();
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        })
    }

    fn write_at(&mut self, position: u64, data: &[u8]) -> Result<(), StoreError> {
        let Self { memory, key, .. } = self;
        memory.change(|world, effect| {
            let data = if effect == Effect::Part { &data[..data.len() / 2] } else { data };
            let length = world.keys.get(key).ok_or(StoreError::Failed)?.len();
            let end = position as usize + data.len();
            if !world.has_room(end.saturating_sub(length)) {
                return Err(StoreError::Full);
            }
            let key = world.keys.get_mut(key).ok_or(StoreError::Failed)?;
            key.resize(end.max(length), 0);
            key[position as usize..end].copy_from_slice(data);
            world.written += data.len();
            Ok(())
        })?;
        self.length = self.length.max(position + data.len() as u64);
        Ok(())
    }

    fn begin_write(&mut self, position: u64, data: &[u8]) -> Result<(), StoreError> {
        let now = self.write_at(position, data);
        std::mem::replace(&mut self.begun, now)
    }

    fn finish_writes(&mut self) -> Result<(), StoreError> {
        std::mem::replace(&mut self.begun, Ok(()))
    }
}
