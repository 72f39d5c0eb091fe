//! Which part of a file a request asks for (RFC 9110 section 14).

use crate::proto::handshake::Headers;

/// What is to be sent of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    /// All of it: 200.
    All,
    /// A part that is there: 206.
    Part {
        /// The first byte.
        start: u64,
        /// Bytes, at least one.
        length: u64,
    },
    /// Nothing that is there: 416.
    Beyond,
}

/// What a request with these headers gets of `length` bytes. One range is served. A request with several ranges gets
/// all of it, as section 14.2 allows.
pub(crate) fn range(headers: &Headers<'_>, length: u64) -> Range {
    let wanted = headers.only("Range").and_then(|value| std::str::from_utf8(value).ok());
    wanted.and_then(|value| parse(value, length)).unwrap_or(Range::All)
}

/// `None` for what is not understood.
fn parse(value: &str, length: u64) -> Option<Range> {
    let (unit, set) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?;
        // The end of an empty file is there, and nothing is in it (section 14.1.2).
        if length == 0 && suffix > 0 {
            return None;
        }
        let suffix = suffix.min(length);
        return Some(part(length - suffix, suffix));
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    let end = last.saturating_add(1).min(length);
    Some(part(first, end.saturating_sub(first)))
}

fn part(start: u64, length: u64) -> Range {
    if length == 0 { Range::Beyond } else { Range::Part { start, length } }
}

/// Digits only. A number that is too large becomes the largest one.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use crate::proto::handshake::{Request, check_request};

    use super::*;

    fn of_ten(lines: &str) -> Range {
        of(10, lines)
    }

    fn of(length: u64, lines: &str) -> Range {
        let head = format!("GET / HTTP/1.1\r\nHost: me\r\n{lines}\r\n");
        match check_request(head.as_bytes()) {
            Ok(Request::Plain(request)) => range(&request.headers, length),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_range_is_served() {
        let part = |start, length| Range::Part { start, length };
        for (value, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-5", part(2, 4)),
            ("bytes=9-", part(9, 1)),
            ("bytes=0-99", part(0, 10)),
            ("bytes=3-99999999999999999999999", part(3, 7)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("Bytes= 2-5 ", part(2, 4)),
            ("bytes=10-", Range::Beyond),
            ("bytes=-0", Range::Beyond),
            ("bytes=99999999999999999999999-", Range::Beyond),
        ] {
            assert_eq!(of_ten(&format!("Range: {value}\r\n")), expected, "{value}");
        }
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        for value in
            ["bytes=5-2", "bytes=0-1,4-5", "bytes=", "bytes=-", "bytes=a-b", "bytes=+1-2", "lines=1-2", "1-2"]
        {
            assert_eq!(of_ten(&format!("Range: {value}\r\n")), Range::All, "{value}");
        }
        assert_eq!(of_ten(""), Range::All);
        assert_eq!(of(0, "Range: bytes=-5\r\n"), Range::All);
        assert_eq!(of(0, "Range: bytes=0-\r\n"), Range::Beyond);
        assert_eq!(of_ten("Range: bytes=0-0\r\nRange: bytes=1-1\r\n"), Range::All);
    }
}
