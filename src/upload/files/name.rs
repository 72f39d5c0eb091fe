//! Names of files as a sender gives them.

use super::journal::is_journal;
use crate::pddb::{DictPath, KeyPath};

/// A name that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NameError;

/// The key that a file's name stands for. A `/` selects a dict below `dict`. The name is taken as it is or refused,
/// and never changed. No part between two `/` is empty, `.` or `..`. It has no `:`, which the device uses as its
/// separator, no `\` and no control character. No dict of it could be a journal, and it keeps the PDDB's limits.
///
/// # Errors
/// [`NameError`].
pub(crate) fn key_of(dict: &DictPath, name: &str) -> Result<KeyPath, NameError> {
    let forbidden = |part: &str| part.is_empty() || part == "." || part == "..";
    if name.contains('\\') || name.split('/').any(forbidden) {
        return Err(NameError);
    }
    let (below, last) = name.rsplit_once('/').map_or((None, name), |(below, last)| (Some(below), last));
    if below.is_some_and(|below| below.split('/').any(is_journal)) {
        return Err(NameError);
    }
    let dict = match below {
        Some(below) => DictPath::new(dict.basis(), &format!("{}/{below}", dict.name())),
        None => Ok(dict.clone()),
    };
    dict.and_then(|dict| dict.key(last)).map_err(|_| NameError)
}

/// The name of the file in a key; `None` if the key is not a file of `dict`.
pub(super) fn name_of(dict: &DictPath, below: &DictPath, key: &str) -> Option<String> {
    let name = match below.name().strip_prefix(dict.name())? {
        "" => key.to_owned(),
        below => format!("{}/{key}", below.strip_prefix('/')?),
    };
    key_of(dict, &name).is_ok().then_some(name)
}

/// Whether a name matches one of the patterns, in which `*` stands for any number of characters, `/` included.
pub(crate) fn is_allowed(patterns: &[Box<str>], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
}

/// Takes at most pattern times name steps, as only the last `*` is ever tried again.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p) == Some(&name[n]) {
            (p, n) = (p + 1, n + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, n) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uploads() -> DictPath {
        DictPath::new(".System", "uploads").unwrap()
    }

    #[test]
    fn a_name_is_a_key_and_back() {
        for (name, dict, key) in [
            ("a.txt", "uploads", "a.txt"),
            ("photos/2026/x y.jpg", "uploads/photos/2026", "x y.jpg"),
            ("\u{e9}\u{301}...", "uploads", "\u{e9}\u{301}..."),
        ] {
            let found = key_of(&uploads(), name).unwrap();
            assert_eq!((found.dict().name(), found.name()), (dict, key));
            assert_eq!(name_of(&uploads(), found.dict(), found.name()).as_deref(), Some(name));
        }
    }

    #[test]
    fn names_that_lead_elsewhere_or_do_not_fit_are_refused() {
        let long_key = "k".repeat(95);
        let long_dict = format!("{}/k", "d".repeat(103));
        for name in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/.",
            "a:b",
            "a\\b",
            "a\0b",
            "a\nb",
            "b.journal/x",
            "a/.journal/x",
            &long_key,
            &long_dict,
        ] {
            assert_eq!(key_of(&uploads(), name), Err(NameError), "{name:?}");
        }
        assert!(key_of(&uploads(), "x.journal").is_ok());
        assert!(key_of(&uploads(), &"k".repeat(94)).is_ok());
        assert!(key_of(&uploads(), &format!("{}/k", "d".repeat(102))).is_ok());
    }

    #[test]
    fn keys_of_others_are_no_files() {
        let dict = |name| DictPath::new(".System", name).unwrap();
        for (below, key) in
            [("uploads.journal", "i0"), ("uploads", ".."), ("uploads/..", "x"), ("other", "x")]
        {
            assert_eq!(name_of(&uploads(), &dict(below), key), None, "{below} {key}");
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        let allowed = |pattern: &str, name| is_allowed(&[pattern.into()], name);
        assert!(allowed("*", "a/b"));
        assert!(allowed("*.txt", "a.b.txt"));
        assert!(allowed("logs/*", "logs/x/y"));
        assert!(allowed("a*b*c", "a-b-b-c"));
        assert!(!allowed("*.txt", "a.txt.exe"));
        assert!(!allowed("a*b*c", "a-c-b"));
        assert!(!allowed("", "a"));
        assert!(!is_allowed(&[], "a"));
        assert!(!allowed(&"*a".repeat(90), &"b".repeat(200)), "in time");
    }
}
