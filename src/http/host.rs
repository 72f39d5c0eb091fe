//! Under which host names this server may be reached, where that matters.
//!
//! A script may read what the host of its own page answers. The owner of a host name can load a page from elsewhere
//! and then let the name lead to this server (DNS rebinding). To the browser this server is then the page's own host.
//! An address cannot be moved like this, and the names that a program has listed with its origins are trusted. Over
//! TLS the certificate decides.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::proto::handshake::{split_port, split_scheme};

/// Whether a request for this host may come from a page of this server.
pub(crate) fn is_own_host(origins: &[Box<str>], host: Option<&str>, secure: bool) -> bool {
    let Some(host) = host else { return false };
    let listed = |origin: &str| {
        origin == "*"
            || split_scheme(origin).is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
    };
    secure || is_address(host) || origins.iter().any(|origin| listed(origin))
}

/// Whether it is an address, or `localhost`, which names this machine to every browser. A port may follow.
fn is_address(host: &str) -> bool {
    let (name, _port) = split_port(host);
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_only_known_if_it_is_listed() {
        let is_own = |origins: &[&str], host: &str| {
            let origins: Vec<Box<str>> = origins.iter().map(|&origin| origin.into()).collect();
            is_own_host(&origins, Some(host), false)
        };
        for host in ["127.0.0.1", "10.0.0.7:8080", "[::1]", "[fe80::1]:8080", "localhost", "LocalHost:8080"] {
            assert!(is_own(&[], host), "{host}");
        }
        for host in
            ["", "evil", "evil:8080", "127.0.0.1.evil", "[evil]", "[::1", "localhost.evil", "127.0.0.1evil"]
        {
            assert!(!is_own(&[], host), "{host}");
        }
        assert!(is_own(&["http://me:8080"], "ME:8080"));
        assert!(!is_own(&["http://me:8080"], "me"));
        assert!(is_own(&["*"], "anything"));
        assert!(is_own_host(&[], Some("me"), true), "its certificate says so");
        assert!(!is_own_host(&[], None, false));
    }
}
