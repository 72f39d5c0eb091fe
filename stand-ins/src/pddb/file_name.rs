//! Names of dicts and keys as names of files: different for different names, never a path, and at most 220 bytes long.

/// The file's name for a name of at most 110 bytes.
pub(super) fn escape(name: &str) -> String {
    if name == "." || name == ".." {
        return format!("%{name}");
    }
    let mut escaped = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '/' => escaped.push('+'),
            '+' | '%' => escaped.extend(['%', c]),
            '\0'..='\x1f' => escaped.extend(['%', char::from(c as u8 + 0x40)]),
            '\x7f' => escaped.push_str("%?"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The name that a file's name stands for; `None` for one that [`escape`] does not give.
pub(super) fn unescape(file_name: &str) -> Option<String> {
    let mut name = String::with_capacity(file_name.len());
    let mut letters = file_name.chars();
    while let Some(c) = letters.next() {
        name.push(match c {
            '+' => '/',
            '%' => match letters.next()? {
                c @ ('+' | '%' | '.') => c,
                c @ '@'..='_' => char::from(c as u8 - 0x40),
                '?' => '\x7f',
                _ => return None,
            },
            c => c,
        });
    }
    (escape(&name) == file_name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_directory() {
        for name in [".", "..", "../x", "/etc/passwd", "a/b", "\0", "a+b", "%", "%+", ".System", "\u{e9}\n"] {
            let file = escape(name);
            assert!(!file.contains(['/', '\0']) && file != "." && file != "..", "{file:?}");
            assert_eq!(unescape(&file).as_deref(), Some(name));
        }
        assert_eq!(escape("a/b"), "a+b");
        assert_eq!(escape(&"%".repeat(110)).len(), 220);
    }

    #[test]
    fn other_files_are_no_names() {
        for file in ["%", "%x", "a%", "%.a", "..", "."] {
            assert_eq!(unescape(file), None, "{file}");
        }
    }
}
