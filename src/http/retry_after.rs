//! For how long a server wants to be left alone.

use std::time::Duration;

use super::date::parse;
use crate::clock;
use crate::proto::handshake::{ReplyHead, parse_reply};

/// The time that `Retry-After` names in a server's head, in seconds or as a date (RFC 9110 section 10.2.3); `None` if it
/// names none. A date counts from the answer's own `Date`, so that no clock of ours is needed, and from ours if there is no
/// such header: `None` if that has not been set. One that is over is no time at all. The caller bounds it.
pub(crate) fn retry_after(head: &[u8]) -> Option<Duration> {
    let reply = parse_reply(head).ok()?;
    let after = field(&reply, "Retry-After")?;
    if !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is long enough.
        return Some(Duration::from_secs(after.parse().unwrap_or(u64::MAX)));
    }
    let now = clock::now();
    let near = now.unwrap_or(clock::WRITTEN);
    let sent = field(&reply, "Date").and_then(|date| parse(date, near)).or(now)?;
    Some(parse(after, sent)?.saturating_sub(sent))
}

fn field<'a>(reply: &ReplyHead<'a>, name: &str) -> Option<&'a str> {
    std::str::from_utf8(reply.headers.first(name)?).ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(lines: &[&str]) -> Option<u64> {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        retry_after(format!("HTTP/1.1 503 Busy\r\n{lines}\r\n").as_bytes()).map(|time| time.as_secs())
    }

    #[test]
    fn a_server_says_how_long_it_wants_to_be_left_alone() {
        for (line, seconds) in [
            ("Retry-After: 120", Some(120)),
            ("retry-after:  7 ", Some(7)),
            ("Retry-After: 99999999999999999999999", Some(u64::MAX)),
            ("X-None: 1", None),
            ("Retry-After:", None),
            ("Retry-After: -1", None),
            ("Retry-After: +1", None),
            ("Retry-After: 1.5", None),
            ("Retry-After: soon", None),
        ] {
            assert_eq!(asked(&[line]), seconds, "{line}");
        }
        assert_eq!(retry_after(b""), None);
    }

    #[test]
    fn a_date_counts_from_that_of_the_answer() {
        // Whatever our clock says.
        let date = "Date: Fri, 31 Dec 1999 23:59:59 GMT";
        for (line, seconds) in [
            ("Retry-After: Sat, 01 Jan 2000 00:01:59 GMT", Some(120)),
            ("Retry-After: Saturday, 01-Jan-00 00:01:59 GMT", Some(120)),
            ("Retry-After: Sat Jan  1 00:01:59 2000", Some(120)),
            ("Retry-After: Fri, 31 Dec 1999 23:59:58 GMT", Some(0)),
            ("Retry-After: Fri, 32 Dec 1999 23:59:58 GMT", None),
        ] {
            assert_eq!(asked(&[date, line]), seconds, "{line}");
            assert_eq!(asked(&[line, date]), seconds, "{line}");
        }
        assert_eq!(
            asked(&["Date: Friday, 31-Dec-99 23:59:59 GMT", "Retry-After: Sat Jan  1 00:00:09 2000"]),
            Some(10)
        );
    }

    #[test]
    fn without_a_date_of_the_answer_it_counts_from_ours() {
        assert_eq!(asked(&["Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"]), Some(0));
        assert!(
            asked(&["Date: today", "Retry-After: Fri, 31 Dec 9998 23:59:59 GMT"])
                .is_some_and(|time| time > 1 << 33)
        );
    }
}
