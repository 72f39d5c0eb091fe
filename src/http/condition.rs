//! What a request asks for on condition of the version that it knows (RFC 9110 section 13).
//!
//! Files have strong entity tags and no date, so conditions with dates are ignored, but for that of `If-Range`, which
//! cannot be true.

use crate::proto::handshake::Headers;

/// What a request's conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It is to be done.
    Met,
    /// The client has this version: 304, or 412 if it wanted to change something.
    Known,
    /// What it wanted to change or to get has another version: 412.
    Changed,
}

/// What a request with these headers comes to for a file with this tag, if it has one, in the order of section 13.2.2.
pub(crate) fn condition(headers: &Headers<'_>, tag: Option<&str>) -> Condition {
    // A weak tag is not equal to any here (section 13.1.1).
    if headers.first("If-Match").is_some() && !is_listed(headers, "If-Match", tag, b"") {
        return Condition::Changed;
    }
    // Weak or not does not matter (section 13.1.2).
    if is_listed(headers, "If-None-Match", tag, b"W/") { Condition::Known } else { Condition::Met }
}

/// Whether a range is for this version: there is no `If-Range`, or it has this very tag (section 13.1.5).
pub(crate) fn is_range_of(headers: &Headers<'_>, tag: Option<&str>) -> bool {
    headers.first("If-Range").is_none()
        || tag.is_some_and(|tag| headers.only("If-Range") == Some(tag.as_bytes()))
}

/// Whether a list of tags has this one, also behind a `prefix`, or is `*`, which stands alone (section 13.1.1).
fn is_listed(headers: &Headers<'_>, name: &str, tag: Option<&str>, prefix: &[u8]) -> bool {
    let is_this = |one: &[u8]| Some(one.strip_prefix(prefix).unwrap_or(one)) == tag.map(str::as_bytes);
    headers.only(name) == Some(b"*") || headers.all(name).flat_map(tags).any(|one| is_this(one.trim_ascii()))
}

/// The elements of a list of tags. What is within quotes is the tag's own, commas and backslashes as well (section 8.8.3).
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    list.split(move |byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::handshake::{Request, check_request};

    fn of(lines: &str) -> (Condition, bool) {
        let head = format!("GET / HTTP/1.1\r\nHost: me\r\n{lines}\r\n");
        match check_request(head.as_bytes()) {
            Ok(Request::Plain(request)) => {
                (condition(&request.headers, Some("\"a\"")), is_range_of(&request.headers, Some("\"a\"")))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn conditions_are_those_of_the_rfc() {
        for (lines, expected) in [
            ("", Condition::Met),
            ("If-None-Match: \"a\"\r\n", Condition::Known),
            ("If-None-Match: W/\"a\"\r\n", Condition::Known),
            ("If-None-Match: \"b\", W/\"c\" ,\"a\"\r\n", Condition::Known),
            ("If-None-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n", Condition::Known),
            ("If-None-Match: *\r\n", Condition::Known),
            ("If-None-Match: \"b\"\r\n", Condition::Met),
            ("If-None-Match: a\r\n", Condition::Met),
            ("If-Match: \"a\"\r\n", Condition::Met),
            ("If-Match: *\r\n", Condition::Met),
            ("If-Match: W/\"a\"\r\n", Condition::Changed),
            ("If-Match: \"x,*,y\"\r\n", Condition::Changed),
            ("If-None-Match: \"x,*,y\"\r\n", Condition::Met),
            ("If-None-Match: \"x,\"a\",y\"\r\n", Condition::Met),
            // Alone, or not at all.
            ("If-Match: *, \"b\"\r\n", Condition::Changed),
            ("If-None-Match: \"b\"\r\nIf-None-Match: *\r\n", Condition::Met),
            ("If-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n", Condition::Changed),
            ("If-Match: \"a\"\r\nIf-None-Match: \"a\"\r\n", Condition::Known),
            ("If-Modified-Since: Sat, 28 Nov 2026 12:00:00 GMT\r\n", Condition::Met),
        ] {
            assert_eq!(of(lines).0, expected, "{lines:?}");
        }
    }

    /// Whatever stands in the tags of a list, they are those that were put there.
    #[test]
    fn a_list_has_the_tags_that_are_in_it_and_no_others() {
        let mut seed = 1_u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as usize % below
        };
        for _ in 0..10_000 {
            let tags: Vec<_> = (0..random(4))
                .map(|_| {
                    let text: String = (0..random(5)).map(|_| char::from(b"a,*W/\\ ="[random(8)])).collect();
                    (random(2) == 0, format!("\"{text}\""))
                })
                .collect();
            let mut list = String::new();
            for (weak, tag) in &tags {
                let gap = [",", " , ", ",, ,"][random(3)];
                list += &format!("{}{tag}{gap}", if *weak { "W/" } else { "" });
            }
            let (known, strongly) = (
                tags.iter().any(|(_, tag)| tag == "\"a\""),
                tags.iter().any(|(weak, tag)| !weak && tag == "\"a\""),
            );
            let wanted = if known { Condition::Known } else { Condition::Met };
            assert_eq!(of(&format!("If-None-Match: {list}\r\n")).0, wanted, "{list}");
            let wanted = if strongly { Condition::Met } else { Condition::Changed };
            assert_eq!(of(&format!("If-Match: {list}\r\n")).0, wanted, "{list}");
        }
    }

    #[test]
    fn a_range_goes_with_the_very_version_only() {
        assert!(of("").1 && of("If-Range: \"a\"\r\n").1);
        for value in
            ["\"b\"", "W/\"a\"", "a", "*", "Sat, 28 Nov 2026 12:00:00 GMT", "\"a\"\r\nIf-Range: \"a\""]
        {
            assert!(!of(&format!("If-Range: {value}\r\n")).1, "{value}");
        }
    }
}
