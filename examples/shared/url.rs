//! The address of a WebSocket on the command line.

use std::borrow::Cow;

/// `ws[s]://HOST[:PORT][/PATH][?QUERY]` (RFC 6455 section 3).
#[derive(Debug, PartialEq)]
pub(crate) struct Url<'a> {
    pub(crate) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// And query.
    pub(crate) path: Cow<'a, str>,
}

impl<'a> Url<'a> {
    pub(crate) fn parse(url: &'a str) -> Result<Self, String> {
        let not = |what: &str| format!("{url}: {what}");
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        // In any case (RFC 3986 section 3.1).
        let tls = match (scheme.eq_ignore_ascii_case("ws"), scheme.eq_ignore_ascii_case("wss")) {
            (true, _) => false,
            (_, true) => true,
            _ => return Err(not("begins neither with ws:// nor with wss://")),
        };
        if rest.contains('#') {
            return Err(not(
                "the address of a WebSocket has no part behind a #; %23 stands for the character",
            ));
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(not("a user's name cannot stand in the address"));
        }
        let usual = if tls { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            // An empty port is the usual one (section 3.2.3).
            Some((host, "")) => (host, usual),
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| not(&format!("{port} is not a port")))?)
            }
            _ => (authority, usual),
        };
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = match bare {
            Some(address) => address,
            None if host.contains([':', '[', ']']) => {
                return Err(not("an IPv6 address stands in brackets, as in ws://[::1]:80/"));
            }
            None => host,
        };
        if host.is_empty() {
            return Err(not("there is no host"));
        }
        let path = if path.starts_with('/') { path.into() } else { format!("/{path}").into() };
        Ok(Url { tls, host, port, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_rfcs_have_them() {
        for (text, tls, host, port, path) in [
            ("ws://h", false, "h", 80, "/"),
            ("wss://h/a?b", true, "h", 443, "/a?b"),
            ("WS://h/", false, "h", 80, "/"),
            ("Wss://H:1", true, "H", 1, "/"),
            ("ws://h:18191?token=x", false, "h", 18191, "/?token=x"),
            ("ws://h?to=/x:1", false, "h", 80, "/?to=/x:1"),
            ("ws://h:/", false, "h", 80, "/"),
            ("wss://h:", true, "h", 443, "/"),
            ("ws://[::1]/a:b", false, "::1", 80, "/a:b"),
            ("ws://[::1]:8080", false, "::1", 8080, "/"),
            ("ws://[::1]:", false, "::1", 80, "/"),
            ("ws://h/@:[]", false, "h", 80, "/@:[]"),
        ] {
            assert_eq!(Url::parse(text), Ok(Url { tls, host, port, path: path.into() }), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "h",
            "http://h/",
            "ws:/h",
            "//h",
            "ws://",
            "ws:///a",
            "ws://:80",
            "ws://[]",
            "ws://h:x",
            "ws://h:99999",
            "ws://::1/",
            "ws://::1:80/",
            "ws://[::1",
            "ws://[::1]x:1",
            "ws://me@h/",
            "ws://h/#top",
        ] {
            let refused = Url::parse(text);
            assert!(refused.as_ref().is_err_and(|said| said.starts_with(text)), "{text}: {refused:?}");
        }
    }
}
