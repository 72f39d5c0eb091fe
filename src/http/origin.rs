//! Which web pages may open a WebSocket (RFC 6455 section 10.2): a browser sends a page's origin, and any page on
//! the net can make its visitor's browser connect here.

use super::host::is_own_host;
use crate::proto::handshake::{Headers, is_authority, split_port, split_scheme};

/// An origin as browsers send it (RFC 6454 section 6.2): in lower case, without the scheme's own port and without a
/// slash at its end. Also `*`, `null`, and `file://`, which some browsers send. `None` for what no browser sends.
pub(crate) fn normalized(origin: &str) -> Option<Box<str>> {
    let origin = origin.to_ascii_lowercase();
    if ["*", "null", "file://"].contains(&&*origin) {
        return Some(origin.into());
    }
    let (scheme, rest) = split_scheme(&origin)?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if !is_scheme(scheme) || !is_authority(authority) {
        return None;
    }
    let own_port = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        // Addresses of sockets. The page has `http` or `https`.
        "ws" | "wss" => return None,
        _ => None,
    };
    let (host, port) = split_port(authority);
    let port = port.filter(|port| !port.is_empty()).and_then(|port| port.parse::<u16>().ok());
    Some(match port.filter(|port| Some(*port) != own_port) {
        Some(port) => format!("{scheme}://{host}:{port}").into(),
        None => format!("{scheme}://{host}").into(),
    })
}

/// RFC 3986 section 3.1.
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
}

/// Whether a request for this host with these headers may be upgraded on a port with these allowed origins.
///
/// With none given: programs, which send no `Origin`, and pages of this very host and port, if it
/// [is one](is_own_host) by address. With some: pages of one of them, programs if `programs` says so, and nobody else;
/// `*` stands for everybody.
pub(crate) fn is_allowed(
    allowed: &[Box<str>],
    programs: bool,
    host: Option<&str>,
    headers: &Headers<'_>,
    secure: bool,
) -> bool {
    if allowed.iter().any(|origin| **origin == *"*") {
        return true;
    }
    let mut origins = headers.all("Origin");
    let (origin, more) = (origins.next(), origins.next());
    if more.is_some() {
        return false;
    }
    match (origin, allowed) {
        (None, allowed) => programs || allowed.is_empty(),
        (Some(origin), []) => is_own(origin, host, secure) && is_own_host(allowed, host, secure),
        (Some(origin), allowed) => allowed.iter().any(|one| one.as_bytes().eq_ignore_ascii_case(origin)),
    }
}

/// Proxies may name the scheme's own port in `Host`. Browsers never do in `Origin`.
fn is_own(origin: &[u8], host: Option<&str>, secure: bool) -> bool {
    let scheme = if secure { "https" } else { "http" };
    let own = host.and_then(|host| normalized(&format!("{scheme}://{host}")));
    own.is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use crate::proto::handshake::{Request, check_request};

    use super::*;

    fn allowed(list: &[&str], origin_lines: &str) -> bool {
        allowed_at("10.0.0.7:8080", list, origin_lines)
    }

    fn allowed_at(host: &str, list: &[&str], origin_lines: &str) -> bool {
        allowed_for("/", host, list, origin_lines)
    }

    fn allowed_for(target: &str, host: &str, list: &[&str], origin_lines: &str) -> bool {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{origin_lines}\r\n");
        let list: Vec<Box<str>> = list.iter().map(|&origin| origin.into()).collect();
        match check_request(head.as_bytes()) {
            Ok(Request::Plain(request)) => is_allowed(&list, false, request.host, &request.headers, false),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn cwe_1385_pages_of_others_are_refused() {
        assert!(allowed(&[], ""), "a program");
        assert!(allowed(&[], "Origin: http://10.0.0.7:8080\r\n"), "this host's own page");
        for origin in [
            "http://10.0.0.7",
            "https://10.0.0.7:8080",
            "http://evil",
            "null",
            "http://10.0.0.7:8080.evil",
            "http://10.0.0.7:80801",
        ] {
            assert!(!allowed(&[], &format!("Origin: {origin}\r\n")), "{origin}");
        }
        assert!(!allowed(&[], "Origin: http://10.0.0.7:8080\r\nOrigin: http://10.0.0.7:8080\r\n"), "twice");
        let usual = "Origin: http://10.0.0.7\r\n";
        assert!(allowed_at("10.0.0.7:80", &[], usual) && allowed_at("10.0.0.7", &[], usual));
        assert!(!allowed_at("10.0.0.7:443", &[], usual) && !allowed_at("", &[], "Origin: http://\r\n"));
        let rebound = "Origin: http://evil:8080\r\n";
        assert!(!allowed_at("evil:8080", &[], rebound), "its name leads here now");
        assert!(allowed_at("evil:8080", &["http://evil:8080"], rebound), "it is listed");
        let own = "Origin: http://10.0.0.7:8080\r\n";
        assert!(!allowed_for("http://evil:8080/", "10.0.0.7:8080", &[], own), "another host is asked for");
        assert!(allowed_for("http://10.0.0.7:8080/", "evil:8080", &[], own), "this host is asked for");
    }

    #[test]
    fn a_list_of_origins_is_exact() {
        assert!(allowed(&["https://a"], "Origin: https://A\r\n"));
        for lines in ["", "Origin: null\r\n", "Origin: https://b\r\n", "Origin: http://10.0.0.7:8080\r\n"] {
            assert!(!allowed(&["https://a"], lines), "{lines:?}");
        }
        assert!(allowed(&["*"], "Origin: https://b\r\n"));
    }

    #[test]
    fn programs_may_be_let_in_beside_a_list() {
        let head = |lines| format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        let list: [Box<str>; 1] = ["https://a".into()];
        for (lines, welcome) in [
            ("", true),
            ("Origin: https://a\r\n", true),
            ("Origin: \r\n", false),
            ("Origin: null\r\n", false),
        ] {
            let head = head(lines);
            let Ok(Request::Plain(request)) = check_request(head.as_bytes()) else { panic!("{head}") };
            assert_eq!(is_allowed(&list, true, None, &request.headers, false), welcome, "{lines:?}");
        }
    }

    /// Cross-site hijacking: a page of another origin opens a connection with its visitor's standing.
    #[test]
    fn cwe_1385_what_resembles_a_listed_origin_is_refused() {
        let list = ["https://device.local", "http://localhost:8080"];
        assert!(allowed(&list, "Origin: https://device.local\r\n"));
        assert!(allowed(&list, "Origin: HTTP://localhost:8080\r\n"));
        for origin in [
            "https://evil.example",
            "null",
            "",
            "https://device.local.evil.example",
            "http://device.local",
            "https://device.local/",
            "https://device.local\t https://device.local",
            "\u{ff}",
        ] {
            assert!(!allowed(&list, &format!("Origin: {origin}\r\n")), "{origin:?}");
        }
        assert!(!allowed(&list, "X: \r\n"), "absent");
    }

    #[test]
    fn origins_are_kept_as_browsers_send_them() {
        for (given, kept) in [
            ("*", "*"),
            ("null", "null"),
            ("file://", "file://"),
            ("https://a", "https://a"),
            ("https://a/", "https://a"),
            ("HTTPS://A.Example:443", "https://a.example"),
            ("https://a:", "https://a"),
            ("http://a:443", "http://a:443"),
            ("http://a:80/", "http://a"),
            ("http://a:08080", "http://a:8080"),
            ("http://[::1]:80", "http://[::1]"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(normalized(given).as_deref(), Some(kept), "{given}");
        }
        for bad in [
            "",
            "a",
            "a.example:80",
            "//a",
            "https://",
            "https:///",
            "https://*.a",
            "https://a/b",
            "https://a//",
            "https://a?b",
            "https://me@a",
            "https://a:99999",
            "https://a, https://b",
            "https://b\u{fc}cher",
            "wss://a",
            "1a://b",
            "http ://a",
            " https://a",
            "no origin at all",
        ] {
            assert_eq!(normalized(bad), None, "{bad}");
        }
    }
}
