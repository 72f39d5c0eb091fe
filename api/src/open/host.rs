//! Names of hosts as people write them.

use std::borrow::Cow;

/// It is not a name of a host, in any spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a host name")]
#[non_exhaustive]
pub struct NotAHost;

/// The name of a host as DNS and [`Request::new`](crate::Request::new) take it: `bücher.example` as
/// `xn--bcher-kva.example` (UTS 46, RFC 5891). A name in ASCII stays as it is, but for capitals; addresses, also those in
/// brackets or with a zone, stay as they are. Its tables make a program for the device 133 kB longer.
///
/// # Errors
/// [`NotAHost`] for a name that no host can have: an empty one or part, one that is too long, and forbidden characters.
pub fn ascii_host(host: &str) -> Result<Cow<'_, str>, NotAHost> {
    if host.starts_with('[') || host.contains(':') {
        return Ok(Cow::Borrowed(host));
    }
    let ascii = idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::URL).map_err(|_| NotAHost)?;
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    let is_name = name.len() <= 253 && name.split('.').all(|part| (1..=63).contains(&part.len()));
    if is_name { Ok(ascii) } else { Err(NotAHost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_beyond_ascii_become_punycode() {
        for (host, ascii) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("BU\u{308}CHER.example", "xn--bcher-kva.example"),
            ("例え.jp", "xn--r8jz45g.jp"),
            ("Example.COM", "example.com"),
            ("localhost", "localhost"),
            ("192.0.2.1", "192.0.2.1"),
            ("example.com.", "example.com."),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("fe80::1%eth0", "fe80::1%eth0"),
        ] {
            assert_eq!(ascii_host(host).as_deref(), Ok(ascii), "{host}");
        }
    }

    #[test]
    fn what_no_host_is_called_is_refused() {
        let long = "ü".repeat(70);
        for host in ["", ".", "a..b", "a b", "a/b", "user@host", "a?b", "xn--ü", "\u{202e}a", &long] {
            assert_eq!(ascii_host(host), Err(NotAHost), "{host:?}");
        }
    }
}
