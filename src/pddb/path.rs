//! Names of dicts and keys, checked before they are sent, and how they are spelt for the server at hand.
//!
//! An over-long key name stays in the real server's cache and spoils its whole dict until the next start, so the
//! limits are checked here. A path always names its basis. Without a basis, a key may be looked for and made
//! elsewhere when the user opens another basis, and a delete leaves open handles behind.

use std::fmt;

/// The device's own basis, which is there whenever the PDDB is open.
pub const SYSTEM_BASIS: &str = ".System";

/// The longest name of a key, in bytes.
pub const KEY_BYTES: usize = 94;
/// The longest name of a dict, in bytes, with its separators.
pub const DICT_BYTES: usize = 110;
/// The longest name of a basis, in bytes.
const BASIS_BYTES: usize = 64;

/// A name that the PDDB does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// A name, or a part of one between two separators, is empty.
    Empty,
    /// A name is longer than [`KEY_BYTES`], [`DICT_BYTES`] or 64 bytes for a basis.
    TooLong,
    /// A name holds a separator (`:` anywhere, `/` in a key or a basis) or a control character.
    Character,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PathError::Empty => "it, or a part of it, is empty",
            PathError::TooLong => "it is too long",
            PathError::Character => "it has a separator or a control character",
        })
    }
}

/// A dict. Its name may have several parts with `/` between them, which stand for the separator of the PDDB's target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DictPath {
    basis: Box<str>,
    name: Box<str>,
}

/// A key of a dict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyPath {
    dict: DictPath,
    name: Box<str>,
}

impl DictPath {
    /// The dict `name` in `basis`; the device's own basis is called `.System`.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn new(basis: &str, name: &str) -> Result<Self, PathError> {
        check(basis, BASIS_BYTES, true)?;
        check(name, DICT_BYTES, false)?;
        if name.split('/').any(str::is_empty) {
            return Err(PathError::Empty);
        }
        Ok(DictPath { basis: basis.into(), name: name.into() })
    }

    /// The key `name` in this dict.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn key(&self, name: &str) -> Result<KeyPath, PathError> {
        check(name, KEY_BYTES, true)?;
        Ok(KeyPath { dict: self.clone(), name: name.into() })
    }

    /// The basis.
    pub fn basis(&self) -> &str {
        &self.basis
    }

    /// The name, with `/` between its parts.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl KeyPath {
    /// The dict that it is in.
    pub fn dict(&self) -> &DictPath {
        &self.dict
    }

    /// The name in its dict.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for DictPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.basis, self.name)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.dict, self.name)
    }
}

fn check(name: &str, most: usize, single: bool) -> Result<(), PathError> {
    if name.is_empty() {
        return Err(PathError::Empty);
    }
    if name.len() > most {
        return Err(PathError::TooLong);
    }
    if name.contains(|c: char| c == ':' || (single && c == '/') || c.is_control()) {
        return Err(PathError::Character);
    }
    Ok(())
}

/// The separator between the parts of a dict's name, and between dict and key: `:` on the device, `/` in hosted mode
/// on a PC. Between basis and dict there is always `:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Separator(char);

impl Separator {
    /// A path without basis that a server with the separator `/` finds no key in, and one with `:` does.
    pub(super) const PROBE: &'static str = "separator:probe";
    pub(super) const SLASH: Separator = Separator('/');
    pub(super) const COLON: Separator = Separator(':');

    pub(super) fn dict(self, dict: &DictPath) -> String {
        format!(":{}:{}", dict.basis, self.name(dict))
    }

    pub(super) fn key(self, key: &KeyPath) -> String {
        format!("{}{}{}", self.dict(&key.dict), self.0, key.name)
    }

    /// A dict's name alone.
    pub(super) fn name(self, dict: &DictPath) -> String {
        self.replace(&dict.name, '/', self.0)
    }

    /// A dict's name in a list, with `/` between its parts.
    pub(super) fn portable(self, name: &str) -> String {
        self.replace(name, self.0, '/')
    }

    fn replace(self, name: &str, from: char, to: char) -> String {
        name.chars().map(|c| if c == from { to } else { c }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_pddb_s_limits() {
        let dict = DictPath::new(".System", "uploads").unwrap();
        assert!(dict.key(&"k".repeat(94)).is_ok());
        assert_eq!(dict.key(&"k".repeat(95)), Err(PathError::TooLong));
        assert!(DictPath::new(".System", &"d".repeat(110)).is_ok());
        assert_eq!(DictPath::new(".System", &"d".repeat(111)), Err(PathError::TooLong));
        for name in ["", "a//b", "/a", "a/"] {
            assert_eq!(DictPath::new(".System", name), Err(PathError::Empty), "{name:?}");
        }
        for name in ["a:b", "a/b", "a\0", "a\n", "\u{7f}", "\u{85}"] {
            assert_eq!(dict.key(name), Err(PathError::Character), "{name:?}");
        }
        assert_eq!(DictPath::new("a/b", "d"), Err(PathError::Character));
        assert_eq!(DictPath::new("", "d"), Err(PathError::Empty));
    }

    #[test]
    fn a_path_is_spelt_for_its_server() {
        let key = DictPath::new(".System", "a/b").unwrap().key("c").unwrap();
        assert_eq!(Separator::SLASH.key(&key), ":.System:a/b/c");
        assert_eq!(Separator::COLON.key(&key), ":.System:a:b:c");
        assert_eq!(Separator::COLON.portable("a:b"), "a/b");
    }
}
