//! Paths of requests, and when two of them are the same.

use std::borrow::Cow;

/// Whether a segment of the path is `.` or `..`, also percent-encoded. No route has such a path, and none is served.
pub(crate) fn has_dot_segment(path: &str) -> bool {
    path.split('/').any(|mut segment| {
        let mut dots = 0;
        while let Some(rest) = ["%2e", "%2E", "."].iter().find_map(|dot| segment.strip_prefix(dot)) {
            segment = rest;
            dots += 1;
        }
        segment.is_empty() && (1..=2).contains(&dots)
    })
}

/// A path in the one form in which paths are compared (RFC 3986 section 6.2.2). Characters that need no
/// percent-encoding have none, and the others' is in capitals, so that an encoded slash stays one. A path with a `%`
/// that encodes nothing stays as it is altogether.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NormalPath<'a>(Cow<'a, str>);

impl<'a> NormalPath<'a> {
    /// The normal form of `path`; the same text, not copied, if it has no `%`.
    pub(crate) fn of(path: &'a str) -> Self {
        match path.contains('%').then(|| respelled(path)).flatten() {
            Some(normal) => NormalPath(Cow::Owned(normal)),
            None => NormalPath(Cow::Borrowed(path)),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn respelled(path: &str) -> Option<String> {
    let mut pieces = path.split('%');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        match byte(digits)? {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => plain.push(char::from(byte)),
            byte => plain.push_str(&format!("%{byte:02X}")),
        }
        plain.push_str(rest);
    }
    Some(plain)
}

/// Two hexadecimal digits.
fn byte(digits: &str) -> Option<u8> {
    let is_byte = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| is_byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_needs_no_encoding_has_none() {
        for (path, plain) in [
            ("/a", "/a"),
            ("/%65%2D%5f%7E", "/e-_~"),
            ("/%c3%a4%2f%25", "/%C3%A4%2F%25"),
            ("/%2e%2E/%2525", "/../%2525"),
            ("/100%", "/100%"),
            ("/%+5%4", "/%+5%4"),
            ("/%%32e/%65", "/%%32e/%65"),
            ("/%\u{e4}\u{e4}", "/%\u{e4}\u{e4}"),
        ] {
            assert_eq!(NormalPath::of(path).as_str(), plain, "{path}");
        }
    }

    proptest! {
        #[test]
        fn it_stands_for_the_same_bytes_and_opens_no_way(path in "/(%[0-9a-fA-F]{2}|[./%a-z\u{e4}]){0,20}") {
            let normal = NormalPath::of(&path);
            let plain = normal.as_str();
            let bytes = |path: &str| percent_encoding::percent_decode_str(path).collect::<Vec<_>>();
            prop_assert_eq!(bytes(&path), bytes(plain));
            prop_assert_eq!(has_dot_segment(&path), has_dot_segment(plain));
            prop_assert_eq!(path.matches('/').count(), plain.matches('/').count());
        }
    }
}
