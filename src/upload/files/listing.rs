//! The list of all files, one after the other. Between two of them the names that come may be given up, which take the most
//! memory: then the store is asked for them anew.

use std::ops::ControlFlow;
use std::vec;

use super::files::{FileEntry, Files};
use super::name::name_of;
use super::store::{Store, StoreError};
use crate::pddb::{DictPath, KeyPath};

/// Where a list stands.
pub struct Listing<'a, S: Store> {
    files: &'a Files<S>,
    /// What comes, as far as it is known. May be taken out, and put back.
    pub names: Option<Names>,
    /// The last file that was found.
    last: Option<KeyPath>,
}

/// What a store was asked for: dicts, and the keys of one that is gone through.
pub struct Names {
    dicts: vec::IntoIter<DictPath>,
    keys: Option<(DictPath, vec::IntoIter<String>)>,
}

impl<S: Store> Files<S> {
    /// Calls `found` with every complete file, in the order of their names within each dict, until it breaks.
    ///
    /// # Errors
    /// Those of the store. Files may have been found before.
    pub fn list(&self, mut found: impl FnMut(FileEntry) -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut listing = self.listing();
        while let Some(entry) = listing.next_file()? {
            if found(entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The same one at a time. The store is not asked yet.
    pub fn listing(&self) -> Listing<'_, S> {
        Listing { files: self, names: None, last: None }
    }

    /// The dicts that may hold files, in order.
    fn dicts(&self) -> Result<Vec<DictPath>, StoreError> {
        self.ask()?;
        let below = format!("{}/", self.dict.name());
        let mut dicts = self.store.dicts(self.dict.basis())?;
        dicts.retain(|dict| *dict == self.dict.name() || dict.starts_with(&below));
        dicts.sort();
        Ok(dicts.iter().filter_map(|dict| DictPath::new(self.dict.basis(), dict).ok()).collect())
    }

    /// The keys of a dict, and of the files in it that are being copied and may have none; in their order, each once.
    fn keys(&self, dict: &DictPath) -> Result<Vec<String>, StoreError> {
        // Held while they are listed: a copy that begins and ends meanwhile would be missed.
        let state = self.state.lock();
        let mut keys = self.store.keys(dict)?;
        let staged = state.claims.staged().filter(|key| key.dict() == dict);
        keys.extend(staged.map(|key| key.name().to_owned()));
        drop(state);
        keys.sort();
        keys.dedup();
        Ok(keys)
    }
}

impl<S: Store> Listing<'_, S> {
    /// The next file; `None` behind the last.
    ///
    /// # Errors
    /// Those of the store.
    pub fn next_file(&mut self) -> Result<Option<FileEntry>, StoreError> {
        while let Some(key) = self.next_key()? {
            let Some(name) = name_of(&self.files.dict, key.dict(), key.name()) else { continue };
            let opened = self.files.open_key(&key).map(|reader| reader.length());
            self.last = Some(key);
            match opened {
                Ok(length) => return Ok(Some(FileEntry { name, length })),
                Err(StoreError::NotFound) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn next_key(&mut self) -> Result<Option<KeyPath>, StoreError> {
        let mut names = match self.names.take() {
            Some(names) => names,
            None => self.ask()?,
        };
        loop {
            if let Some((dict, keys)) = &mut names.keys
                && let Some(key) = keys.find_map(|key| dict.key(&key).ok())
            {
                self.names = Some(names);
                return Ok(Some(key));
            }
            let Some(dict) = names.dicts.next() else { return Ok(None) };
            let mut keys = self.files.keys(&dict)?;
            // Those of a dict that is gone through for the second time.
            if let Some(last) = self.last.as_ref().filter(|last| *last.dict() == dict) {
                keys.retain(|key| **key > *last.name());
            }
            names.keys = Some((dict, keys.into_iter()));
        }
    }

    /// The dicts that come.
    fn ask(&self) -> Result<Names, StoreError> {
        let mut dicts = self.files.dicts()?;
        dicts.retain(|dict| self.last.as_ref().is_none_or(|last| dict >= last.dict()));
        Ok(Names { dicts: dicts.into_iter(), keys: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::tests::memory::Memory;

    #[test]
    fn a_list_whose_names_are_given_up_goes_on_where_it_stood() {
        let memory = Memory::default();
        for key in ["u/a", "u/b", "u/c", "u/in/a", "u/in/c", "u-more/x", "u/zone/a"] {
            memory.put(key, b"x");
        }
        let files = Files::new(memory.clone(), DictPath::new(".System", "u").unwrap()).unwrap();
        let mut whole = Vec::new();
        files
            .list(|entry| {
                whole.push(entry.name);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(whole, ["a", "b", "c", "in/a", "in/c", "zone/a"]);
        for every in 1..4 {
            let mut listing = files.listing();
            let mut seen = Vec::new();
            while let Some(entry) = listing.next_file().unwrap() {
                seen.push(entry.name);
                if seen.len() % every == 0 {
                    listing.names = None;
                }
            }
            assert_eq!(seen, whole, "{every}");
        }
    }
}
