//! What a file's content is told from others by, without reading it.
//!
//! The digest is known of what this process has received, as it was computed on the way in. It is not in the store: a
//! start forgets it. What is remembered is bounded; for the rest there is a number that goes up whenever one of them is
//! forgotten.

use crate::pddb::KeyPath;

/// How many files are remembered. Each takes some 60 bytes and its name.
const REMEMBERED: usize = 64;

/// A content of a file. Another content of the same file has another one, as long as the process lives and nobody
/// writes to the dict past the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The SHA-256 of the content, where that is known.
    pub digest: Option<[u8; 32]>,
    /// Tells contents apart whose digests are not known.
    pub serial: u32,
}

/// The versions of the files that were received last.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// The one that was changed longest ago is first.
    changed: Vec<(KeyPath, Version)>,
    /// The number that was given last.
    last: u32,
    /// The number of the one that was forgotten last.
    forgotten: u32,
}

impl Versions {
    /// The content of a file is another one from now on, or may be.
    pub(super) fn set(&mut self, file: &KeyPath, digest: Option<[u8; 32]>) {
        self.last = self.last.wrapping_add(1);
        let mut entry = None;
        if let Some(at) = self.place_of(file) {
            entry = Some(self.changed.remove(at));
        } else if self.changed.len() >= REMEMBERED {
            self.forgotten = self.changed.remove(0).1.serial;
        }
        let (file, _) = entry.unwrap_or_else(|| (file.clone(), Version { digest: None, serial: 0 }));
        self.changed.push((file, Version { digest, serial: self.last }));
    }

    fn place_of(&self, file: &KeyPath) -> Option<usize> {
        self.changed.iter().position(|(of, _)| of == file)
    }

    pub(super) fn of(&self, file: &KeyPath) -> Version {
        let known = self.place_of(file).and_then(|at| self.changed.get(at));
        known.map_or(Version { digest: None, serial: self.forgotten }, |(_, version)| *version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pddb::DictPath;

    #[test]
    fn a_content_has_a_version_of_its_own_also_when_it_is_forgotten() {
        let key = |name: usize| DictPath::new(".System", "a").unwrap().key(&name.to_string()).unwrap();
        let mut versions = Versions::default();
        let before = versions.of(&key(0));
        assert_eq!(versions.of(&key(1)), before, "nothing is known");
        versions.set(&key(0), Some([1; 32]));
        let received = versions.of(&key(0));
        assert_eq!(received.digest, Some([1; 32]));
        versions.set(&key(0), None);
        let doubtful = versions.of(&key(0));
        assert!(![before, received].contains(&doubtful) && versions.of(&key(1)) == before);
        (1..REMEMBERED).for_each(|other| versions.set(&key(other), Some([2; 32])));
        assert_eq!(versions.of(&key(0)), doubtful, "as many as are remembered");
        versions.set(&key(REMEMBERED), Some([2; 32]));
        assert!(![before, received].contains(&versions.of(&key(0))));
        assert_eq!(versions.changed.len(), REMEMBERED);
    }
}
