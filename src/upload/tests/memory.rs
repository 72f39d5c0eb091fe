//! A store in memory that fails as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::pddb::{DictPath, KeyPath};
use crate::upload::store::{Store, StoreError, StoreFile};

/// What has become of a change that was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// Half of a write; an empty key for a new one; for a deleted one, a key with other bytes in it.
    Part,
    /// All of it.
    All,
}

impl Effect {
    pub(super) const EACH: [Effect; 3] = [Effect::None, Effect::Part, Effect::All];
}

/// A store that all its clones share.
#[derive(Clone, Default)]
pub(super) struct Memory {
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    keys: BTreeMap<String, Vec<u8>>,
    /// Changes, and flushes, so far.
    changes: usize,
    /// From this change on nothing is answered, so many times; the first one has this effect.
    silence: Option<(usize, usize, Effect)>,
    /// Bytes that fit.
    capacity: Option<usize>,
    unmounted: bool,
    /// Bytes written.
    written: usize,
}

pub(super) struct MemoryFile {
    memory: Memory,
    key: String,
    length: u64,
}

impl Memory {
    /// Change number `at` (from 0) is cut off, and nothing is answered after it until [`Memory::restart`].
    pub(super) fn crash_at(&self, at: usize, effect: Effect) {
        self.silent_at(at, usize::MAX, effect);
    }

    /// Change number `at` and all calls after it, `times` in all, are not answered.
    pub(super) fn silent_at(&self, at: usize, times: usize, effect: Effect) {
        let mut world = self.lock();
        world.silence = Some((at, times, effect));
        world.changes = 0;
    }

    /// What was written is there, and everything is answered again.
    pub(super) fn restart(&self) {
        let mut world = self.lock();
        world.silence = None;
        world.changes = 0;
    }

    pub(super) fn has_crashed(&self) -> bool {
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
    pub(super) fn keys(&self) -> Vec<(String, Vec<u8>)> {
        self.lock().keys.iter().map(|(key, data)| (key.clone(), data.clone())).collect()
    }

    /// Puts a key in from elsewhere.
    pub(super) fn put(&self, key: &str, data: &[u8]) {
        self.lock().keys.insert(key.to_owned(), data.to_vec());
    }

    /// A copy with the same keys that shares nothing.
    pub(super) fn fork(&self) -> Memory {
        let copy = Memory::default();
        copy.lock().keys = self.lock().keys.clone();
        copy
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Reads, unless nothing is answered.
    fn look<T>(&self, look: impl FnOnce(&mut World) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut world = self.lock();
        if let Some((at, times, effect)) = world.silence
            && world.changes > at
            && times > 0
        {
            world.silence = Some((at, times - 1, effect));
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
            match world.silence {
                Some((at, times, effect)) if at == this => {
                    world.silence = Some((at, times - 1, effect));
                    if effect != Effect::None {
                        change(world, effect).ok();
                    }
                    Err(StoreError::NoAnswer)
                }
                _ => change(world, Effect::All),
            }
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
        Ok(MemoryFile { memory: self.clone(), key, length: length as u64 })
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
        Ok(MemoryFile { memory: self.clone(), key, length: 0 })
    }

    fn delete(&self, key: &KeyPath) -> Result<(), StoreError> {
        let key = path(key);
        self.change(|world, effect| {
            let data = world.keys.remove(&key).ok_or(StoreError::NotFound)?;
            if effect == Effect::Part {
                // Another key's bytes, the like of which recovery reads, of the same length.
                let mut other = world.keys.values().next().cloned().unwrap_or_default();
                other.resize(data.len(), 0xa5);
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
}
