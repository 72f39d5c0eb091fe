//! What this process is doing with which file.

use crate::pddb::KeyPath;

/// A file for which more is under way than reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// The number of its entries in the journal, which recovery leaves alone; 0 until it has one.
    pub(super) number: u32,
    pub(super) phase: Phase,
}

/// How far the work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A new file is being received in its own key. Nobody sees it.
    Receiving,
    /// A replacement is being received in a staged key. Readers see the old content.
    Staging,
    /// Something failed, and it is not known how far it got. Recovery finds out.
    Doubtful {
        /// The key may hold a part of a file only.
        hidden: bool,
    },
    /// The replacement is complete, in its staged key.
    Staged,
    /// It is being copied from there.
    Moving,
    /// It has been copied, and the staged key is still being read.
    Moved,
    /// The staged key is being deleted.
    Cleaning,
}

/// Where a file's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// In its own key, if there is one.
    Own,
    /// In the staged key with this number.
    Staged(u32),
    /// There is no complete content.
    Hidden,
}

/// The claims, one for a file at most, and the key of each reader. Both are few: what transfers and downloads there are.
#[derive(Debug, Default)]
pub(super) struct Claims {
    by_file: Vec<(KeyPath, Claim)>,
    readers: Vec<KeyPath>,
}

impl Claims {
    pub(super) fn get(&self, file: &KeyPath) -> Option<&Claim> {
        self.by_file.iter().find(|(of, _)| of == file).map(|(_, claim)| claim)
    }

    pub(super) fn set(&mut self, file: &KeyPath, number: u32, phase: Phase) {
        self.release(file);
        self.by_file.push((file.clone(), Claim { number, phase }));
    }

    pub(super) fn release(&mut self, file: &KeyPath) {
        self.by_file.retain(|(of, _)| of != file);
    }

    /// Releases what was doubtful.
    pub(super) fn release_doubtful(&mut self) {
        self.by_file.retain(|(_, claim)| !matches!(claim.phase, Phase::Doubtful { .. }));
    }

    /// Whether the journal's entries with this number belong to work that is under way.
    pub(super) fn is_live(&self, number: u32) -> bool {
        let live = |claim: &Claim| claim.number == number && !matches!(claim.phase, Phase::Doubtful { .. });
        self.by_file.iter().any(|(_, claim)| live(claim))
    }

    /// Replacements that are not in their place yet.
    pub(super) fn unsettled(&self) -> Vec<KeyPath> {
        let waits = |claim: &Claim| matches!(claim.phase, Phase::Staged | Phase::Moved);
        self.by_file.iter().filter(|(_, claim)| waits(claim)).map(|(file, _)| file.clone()).collect()
    }

    /// Files whose content is in a staged key.
    pub(super) fn staged(&self) -> impl Iterator<Item = &KeyPath> {
        self.by_file
            .iter()
            .map(|(file, _)| file)
            .filter(|file| matches!(self.content(file), Content::Staged(_)))
    }

    pub(super) fn content(&self, file: &KeyPath) -> Content {
        match self.get(file) {
            None => Content::Own,
            Some(Claim { number, phase }) => match phase {
                Phase::Receiving | Phase::Doubtful { hidden: true } => Content::Hidden,
                Phase::Staging | Phase::Doubtful { hidden: false } => Content::Own,
                Phase::Staged | Phase::Moving => Content::Staged(*number),
                Phase::Moved | Phase::Cleaning => Content::Own,
            },
        }
    }

    /// A reader of `key` has come.
    pub(super) fn add_reader(&mut self, key: &KeyPath) {
        self.readers.push(key.clone());
    }

    /// A reader of `key` has gone.
    pub(super) fn remove_reader(&mut self, key: &KeyPath) {
        if let Some(at) = self.readers.iter().position(|of| of == key) {
            self.readers.swap_remove(at);
        }
    }

    pub(super) fn is_read(&self, key: &KeyPath) -> bool {
        self.readers.contains(key)
    }
}
