//! Hosts and ports, as requests and origins name them.

use core::net::Ipv6Addr;

/// Whether `text` is a host and, behind a colon, a port or nothing (RFC 3986, sections 3.2.2 and 3.2.3), without a
/// user's name, which HTTP does not take (RFC 9110, section 4.2.4).
///
/// Two things that the grammar allows in hosts are refused: `!$&'()*+,;=` and addresses of future versions. No name
/// in use has them, and a comma would separate two names in one line.
pub(crate) fn is_authority(text: &str) -> bool {
    let (host, port) = split_port(text);
    is_host(host) && port.is_none_or(is_port)
}

/// The scheme of a URL that names a server, and what is behind its `://` (RFC 3986, section 3).
pub(crate) fn split_scheme(url: &str) -> Option<(&str, &str)> {
    // Searching for a character takes less code than for a text.
    let (scheme, rest) = url.split_once(':')?;
    Some((scheme, rest.strip_prefix("//")?))
}

/// The authority, and path and query behind it.
pub(super) fn split_path(rest: &str) -> (&str, &str) {
    // Both are ASCII, so this is between characters.
    let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?'));
    rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""))
}

/// The host, in its brackets if it has any, and what is behind its colon.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    let after = authority.rfind(']').unwrap_or(0);
    match authority.get(after..).and_then(|rest| rest.find(':')) {
        Some(colon) => (&authority[..after + colon], authority.get(after + colon + 1..)),
        None => (authority, None),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    !host.is_empty() && is_name(host)
}

/// Unreserved characters and bytes that are percent-encoded.
fn is_name(name: &str) -> bool {
    let mut pieces = name.split('%');
    let is_plain =
        |piece: &str| piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    pieces.next().is_some_and(is_plain)
        && pieces.all(|piece| {
            let encoded = piece.get(..2).is_some_and(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()));
            encoded && is_plain(piece)
        })
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_from_others() {
        for good in [
            "a",
            "a:",
            "A-b_c.example.:80",
            "127.0.0.1:65535",
            "a:0",
            "a:00080",
            "[::1]",
            "[::1]:",
            "[FE80::1]:8080",
            "b%C3%BCcher.example",
            "~",
        ] {
            assert!(is_authority(good), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a b",
            "x/y",
            "http://x/",
            "user@x",
            "u:p@x",
            "x:abc",
            "x:99999",
            "x:-1",
            "x:+1",
            "x:1:2",
            "[::1",
            "::1",
            "::1]",
            "[]",
            "[a]",
            "[::1]x",
            "[::1]:x",
            "[::1%25eth0]",
            "[v1.a]",
            "x,y",
            "x?",
            "x#",
            "a%",
            "a%2",
            "a%g0",
            "b\u{fc}cher",
            "*.a",
            "a;b",
            "\"a\"",
            "x]:80",
            "x\\y",
            "]",
        ] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn a_port_is_behind_the_brackets() {
        assert_eq!(split_port("[::1]:8"), ("[::1]", Some("8")));
        assert_eq!(split_port("[::1]"), ("[::1]", None));
        assert_eq!(split_port("a:"), ("a", Some("")));
        assert_eq!(split_port("a"), ("a", None));
        assert_eq!(split_port(""), ("", None));
        assert_eq!(split_scheme("ws://a:8/b"), Some(("ws", "a:8/b")));
        for none in ["ws:/a", "ws//a", "://", "a:b://c"] {
            assert_eq!(split_scheme(none).filter(|(scheme, _)| !scheme.is_empty()), None, "{none}");
        }
    }
}
