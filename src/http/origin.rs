//! Which web pages may open a WebSocket (RFC 6455 section 10.2): a browser sends a page's origin, and any page on
//! the net can make its visitor's browser connect here.

use super::host::is_own_host;
use crate::proto::handshake::Headers;

/// Whether a request with these headers may be upgraded on a port with these allowed origins.
///
/// With none given: programs, which send no `Origin`, and pages of this very host and port, if it
/// [is one](is_own_host) by address. With some: pages of one of them, and nobody else; `*` stands for everybody.
pub(crate) fn is_allowed(allowed: &[Box<str>], headers: &Headers<'_>, secure: bool) -> bool {
    if allowed.iter().any(|origin| **origin == *"*") {
        return true;
    }
    let mut origins = headers.all("Origin");
    let (origin, more) = (origins.next(), origins.next());
    if more.is_some() {
        return false;
    }
    match (origin, allowed) {
        (None, allowed) => allowed.is_empty(),
        (Some(origin), []) => {
            let host = headers.only("Host");
            is_own(origin, host, secure) && is_own_host(allowed, host, secure)
        }
        (Some(origin), allowed) => allowed.iter().any(|one| one.as_bytes().eq_ignore_ascii_case(origin)),
    }
}

fn is_own(origin: &[u8], host: Option<&[u8]>, secure: bool) -> bool {
    let scheme: &[u8] = if secure { b"https://" } else { b"http://" };
    match (origin.split_at_checked(scheme.len()), host) {
        (Some((start, rest)), Some(host)) => {
            start.eq_ignore_ascii_case(scheme) && rest.eq_ignore_ascii_case(host)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::proto::handshake::{Request, check_request};

    use super::*;

    fn allowed(list: &[&str], origin_lines: &str) -> bool {
        allowed_at("10.0.0.7:8080", list, origin_lines)
    }

    fn allowed_at(host: &str, list: &[&str], origin_lines: &str) -> bool {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{origin_lines}\r\n");
        let list: Vec<Box<str>> = list.iter().map(|&origin| origin.into()).collect();
        match check_request(head.as_bytes()) {
            Ok(Request::Plain(request)) => is_allowed(&list, &request.headers, false),
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
        let rebound = "Origin: http://evil:8080\r\n";
        assert!(!allowed_at("evil:8080", &[], rebound), "its name leads here now");
        assert!(allowed_at("evil:8080", &["http://evil:8080"], rebound), "it is listed");
    }

    #[test]
    fn a_list_of_origins_is_exact() {
        assert!(allowed(&["https://a"], "Origin: https://A\r\n"));
        for lines in ["", "Origin: null\r\n", "Origin: https://b\r\n", "Origin: http://10.0.0.7:8080\r\n"] {
            assert!(!allowed(&["https://a"], lines), "{lines:?}");
        }
        assert!(allowed(&["*"], "Origin: https://b\r\n"));
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
}
