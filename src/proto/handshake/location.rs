//! Where a redirection leads: the reference in a `Location`, relative to the request (RFC 9110, section 10.2.2).

use super::authority::{is_authority, split_path, split_port};
use super::client::is_path;

/// Where a `Location` leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// Another server than the one that has answered, or the same by its name.
    pub server: Option<Server<'a>>,
    /// Path and query.
    pub path: String,
}

/// The server that a `Location` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server<'a> {
    /// Whether its scheme asks for TLS; `None` without a scheme.
    pub secure: Option<bool>,
    /// A name or an address, without brackets.
    pub host: &'a str,
    /// `None` for the scheme's own.
    pub port: Option<u16>,
}

impl<'a> Location<'a> {
    /// Reads a reference (RFC 3986, section 4.1) in the answer to a request for the path `base`. `http` and `https`
    /// stand for `ws` and `wss`, and a fragment is left out. `None` for other schemes and for what is no reference.
    pub fn parse(text: &'a str, base: &str) -> Option<Self> {
        let text = text.split('#').next().unwrap_or_default();
        let (secure, rest) = match scheme(text) {
            Some(("ws" | "http", rest)) => (Some(false), rest),
            Some(("wss" | "https", rest)) => (Some(true), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let Some(rest) = rest.strip_prefix("//") else {
            // With a scheme there must be a server.
            let path = secure.is_none().then(|| merge(rest, base))?;
            return Some(Location { server: None, path }).filter(|location| is_path(&location.path));
        };
        let (authority, path) = split_path(rest);
        let (host, port) = split_port(authority);
        let port = port.filter(|port| !port.is_empty()).map(str::parse).transpose().ok()?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let server =
            Some(Server { secure, host, port }).filter(|_| is_authority(authority) && port != Some(0));
        let path = without_dots(&if path.starts_with('/') { path.to_owned() } else { format!("/{path}") });
        Some(Location { server: Some(server?), path }).filter(|location| is_path(&location.path))
    }
}

/// The scheme, in lower case if it is one that is known, and what is behind its colon.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
        return None;
    }
    let known = ["ws", "wss", "http", "https"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known));
    Some((known.unwrap_or(scheme), rest))
}

/// The path of a reference without a server (RFC 3986, section 5.2.2).
fn merge(reference: &str, base: &str) -> String {
    let base_path = base.split('?').next().unwrap_or_default();
    match reference.bytes().next() {
        None => base.to_owned(),
        Some(b'/') => without_dots(reference),
        Some(b'?') => format!("{base_path}{reference}"),
        Some(_) => {
            let folder = base_path.rfind('/').and_then(|at| base_path.get(..=at)).unwrap_or("/");
            without_dots(&format!("{folder}{reference}"))
        }
    }
}

/// The path without `.` and `..` (RFC 3986, section 5.2.4); the query stays.
fn without_dots(reference: &str) -> String {
    let (path, query) = reference.split_at(reference.find('?').unwrap_or(reference.len()));
    let mut kept = String::new();
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        match segment {
            "." => (),
            ".." => kept.truncate(kept.rfind('/').unwrap_or(0)),
            segment => {
                kept.push('/');
                kept.push_str(segment);
            }
        }
    }
    // What ends with a dot segment is a folder.
    if path.ends_with("/.") || path.ends_with("/..") || kept.is_empty() {
        kept.push('/');
    }
    kept.push_str(query);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_resolved_against_the_request() {
        // RFC 3986, sections 5.4.1 and 5.4.2.
        for (reference, path) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"),
            ("g#s", "/b/c/g"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("./", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("g;x=1/./y", "/b/c/g;x=1/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("/a:b", "/a:b"),
        ] {
            let location = Location { server: None, path: path.into() };
            assert_eq!(Location::parse(reference, "/b/c/d;p?q"), Some(location), "{reference}");
        }
    }

    #[test]
    fn a_server_is_named_with_or_without_a_scheme() {
        let at = |secure, host, port, path: &str| {
            Some(Location { server: Some(Server { secure, host, port }), path: path.into() })
        };
        let parse = |text| Location::parse(text, "/x");
        assert_eq!(parse("ws://h.example"), at(Some(false), "h.example", None, "/"));
        assert_eq!(parse("WSS://h:8/a?b#c"), at(Some(true), "h", Some(8), "/a?b"));
        assert_eq!(parse("http://h:?b"), at(Some(false), "h", None, "/?b"));
        assert_eq!(parse("https://[::1]:9/a/../b"), at(Some(true), "::1", Some(9), "/b"));
        assert_eq!(parse("//h/a"), at(None, "h", None, "/a"));
    }

    #[test]
    fn what_leads_nowhere_is_none() {
        for text in [
            "ftp://h/",
            "javascript:alert(1)",
            "mailto:a@b",
            "ws:/a",
            "ws:a",
            "ws:",
            "ws://",
            "//",
            "ws:///a",
            "ws://u@h/",
            "ws://u:p@h/",
            "ws://h:0/",
            "ws://h:99999/",
            "ws://h:x/",
            "ws://[::1/",
            "ws://[x]/",
            "ws://a b/",
            "/a b",
            "/\u{e9}",
            "ws://b\u{fc}cher/",
            "\\\\h\\a b",
            "/a\u{7f}",
        ] {
            assert_eq!(Location::parse(text, "/x"), None, "{text}");
        }
    }
}
