//! Names of files as a sender gives them.

use std::fmt;

use super::apart::is_apart;
use super::journal::is_journal;
use crate::pddb::{DictPath, KeyPath, PathError};

/// A name that is refused, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameError {
    /// A part of it is empty, `.` or `..`.
    Part,
    /// It has this character, which no name has.
    Character(char),
    /// It has this character, which cannot be seen or changes how others are seen.
    Unseen(char),
    /// This character is not in its composed form.
    Apart(char),
    /// One of its dicts could be a journal.
    Journal,
    /// It is longer than names of the database.
    TooLong,
}

/// A sentence for people.
impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |c: char| u32::from(c);
        match *self {
            NameError::Part => f.write_str("A part of the name is empty, . or .. only."),
            NameError::Character(c) => write!(f, "The name has a {c}, which no name here has."),
            NameError::Unseen(c) => write!(
                f,
                "The name has the character U+{:04X}, which is invisible or changes the direction of the text.",
                number(c)
            ),
            NameError::Apart(c) => write!(
                f,
                "The name has U+{:04X} where normalisation form C has another character: send it in that form.",
                number(c)
            ),
            NameError::Journal => {
                f.write_str("A folder's name ends with .journal, which the service needs itself.")
            }
            NameError::TooLong => f.write_str("The name is too long."),
        }
    }
}

/// Control characters, those of the general categories Cf, Zl and Zp (Unicode 16), and letters and marks that show nothing
/// (fillers of Hangul, vowels of Khmer, the joiner of graphemes): first and last of each range.
const UNSEEN: [[u32; 2]; 28] = [
    [0, 0x1f],
    [0x7f, 0x9f],
    [0xad, 0xad],
    [0x34f, 0x34f],
    [0x600, 0x605],
    [0x61c, 0x61c],
    [0x6dd, 0x6dd],
    [0x70f, 0x70f],
    [0x890, 0x891],
    [0x8e2, 0x8e2],
    [0x115f, 0x1160],
    [0x17b4, 0x17b5],
    [0x180e, 0x180e],
    [0x200b, 0x200f],
    [0x2028, 0x202e],
    [0x2060, 0x2064],
    [0x2066, 0x206f],
    [0x3164, 0x3164],
    [0xfeff, 0xfeff],
    [0xffa0, 0xffa0],
    [0xfff9, 0xfffb],
    [0x110bd, 0x110bd],
    [0x110cd, 0x110cd],
    [0x13430, 0x1343f],
    [0x1bca0, 0x1bca3],
    [0x1d173, 0x1d17a],
    [0xe0001, 0xe0001],
    [0xe0020, 0xe007f],
];

/// What a variation selector may change: symbols, among them those that are shown in colour.
const SYMBOLS: [[u32; 2]; 6] =
    [[0xa9, 0xa9], [0xae, 0xae], [0x203c, 0x2bff], [0x3030, 0x303d], [0x3297, 0x3299], [0x1f000, 0x1faff]];

/// Whether nobody sees this character behind that one.
fn is_unseen(before: Option<char>, c: char) -> bool {
    let is_in =
        |ranges: &[[u32; 2]], c| ranges.iter().any(|[first, last]| (*first..=*last).contains(&u32::from(c)));
    match c {
        '\u{fe00}'..='\u{fe0f}' => !before.is_some_and(|before| is_in(&SYMBOLS, before)),
        _ => is_in(&UNSEEN, c),
    }
}

/// The key for a file that is new under this name: as [`key_of`], and people can tell it from others. So no character is
/// invisible, and letters are composed.
///
/// # Errors
/// [`NameError`].
pub(crate) fn new_key_of(dict: &DictPath, name: &str) -> Result<KeyPath, NameError> {
    let mut before = None;
    for c in name.chars() {
        if is_unseen(before, c) {
            return Err(NameError::Unseen(c));
        }
        if is_apart(before.replace(c), c) {
            return Err(NameError::Apart(c));
        }
    }
    key_of(dict, name)
}

/// The key that a file's name stands for. A `/` selects a dict below `dict`. The name is taken as it is or refused,
/// and never changed. No part between two `/` is empty, `.` or `..`. It has no `:`, which the device uses as its
/// separator, no `\` and no control character. No dict of it could be a journal, and it keeps the PDDB's limits.
///
/// # Errors
/// [`NameError`].
pub(crate) fn key_of(dict: &DictPath, name: &str) -> Result<KeyPath, NameError> {
    if let Some(c) = name.chars().find(|c| matches!(c, '\\' | ':')) {
        return Err(NameError::Character(c));
    }
    if name.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(NameError::Part);
    }
    let (below, last) = name.rsplit_once('/').map_or((None, name), |(below, last)| (Some(below), last));
    if below.is_some_and(|below| below.split('/').any(is_journal)) {
        return Err(NameError::Journal);
    }
    let dict = match below {
        Some(below) => DictPath::new(dict.basis(), &format!("{}/{below}", dict.name())),
        None => Ok(dict.clone()),
    };
    dict.and_then(|dict| dict.key(last)).map_err(|error| match error {
        PathError::TooLong => NameError::TooLong,
        PathError::Empty | PathError::Character => NameError::Part,
    })
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
            assert!(key_of(&uploads(), name).is_err() && new_key_of(&uploads(), name).is_err(), "{name:?}");
        }
        assert!(key_of(&uploads(), "x.journal").is_ok());
        assert!(key_of(&uploads(), &"k".repeat(94)).is_ok());
        assert!(key_of(&uploads(), &format!("{}/k", "d".repeat(102))).is_ok());
    }

    #[test]
    fn what_nobody_could_tell_apart_is_no_new_name() {
        let refused = |name: &str| new_key_of(&uploads(), name).unwrap_err();
        for c in [
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{200b}',
            '\u{feff}',
            '\u{ad}',
            '\u{85}',
            '\u{e0041}',
            '\u{34f}',
            '\u{115f}',
            '\u{17b4}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{fe00}',
            '\u{fe0f}',
        ] {
            assert_eq!(refused(&format!("a{c}b")), NameError::Unseen(c));
        }
        for (name, c) in
            [("e\u{301}", '\u{301}'), ("d/\u{1112}\u{1161}", '\u{1161}'), ("\u{212b}", '\u{212b}')]
        {
            assert_eq!(refused(name), NameError::Apart(c));
            // One that is there already is shown.
            assert!(key_of(&uploads(), name).is_ok());
        }
        for name in ["\u{e9}", "d/\u{d558}", "\u{5d0}\u{5b7}", "a b", "\u{1f600}.jpg", "\u{2764}\u{fe0f}.jpg"]
        {
            assert!(new_key_of(&uploads(), name).is_ok(), "{name:?}");
        }
        assert!(refused("a\u{202e}b").to_string().contains("U+202E"));
        assert_eq!(refused("a:b"), NameError::Character(':'));
        assert_eq!(refused(&"k".repeat(95)), NameError::TooLong);
        assert_eq!(refused("x.journal/y"), NameError::Journal);
        assert_eq!(refused("a//b"), NameError::Part);
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
