//! Where an opening goes: first where the request says, then where the servers send it (RFC 9110 section 15.4).

use std::borrow::Cow;

use xous_api_websocket::{Code, Request, Tls};

use super::super::failure::Failure;
use crate::net::without_zone;
use crate::proto::handshake::{Authorization, Location, parse_reply};

/// Headers by which a caller shows who it is.
const OF_THE_CALLER: [&str; 3] = ["Authorization", "Cookie", "Proxy-Authorization"];

/// A server, and what is asked of it.
pub(super) struct Destination<'a> {
    pub(super) host: Cow<'a, str>,
    pub(super) port: u16,
    pub(super) path: Cow<'a, str>,
    /// Over TLS.
    pub(super) secure: bool,
    /// Host and port have been those of the request all the way: only they learn who the caller is.
    pub(super) is_first: bool,
}

impl<'a> Destination<'a> {
    pub(super) fn new(request: &'a Request<'a>) -> Self {
        Destination {
            host: bare(&request.host).into(),
            port: request.port,
            path: (&*request.path).into(),
            secure: request.tls.is_some(),
            is_first: true,
        }
    }

    /// Host and port for a text.
    pub(super) fn place(&self) -> String {
        place(&self.host, self.port)
    }

    /// The host and port that are meant: those of the destination, unless the request knows better.
    pub(super) fn meant<'r>(&'r self, request: &'r Request<'r>) -> (&'r str, u16) {
        let other = request.connect_to.filter(|_| self.is_first);
        other.map_or((&*self.host, self.port), |(host, port)| (bare(host), port))
    }

    /// The host and port that are dialled.
    pub(super) fn dialled<'r>(&'r self, request: &'r Request<'r>) -> (&'r str, u16) {
        request.proxy.map_or_else(|| self.meant(request), |proxy| (bare(proxy.host), proxy.port))
    }

    /// Who the caller is, for the servers that may know.
    pub(super) fn authorization(&self, whole: Authorization<'a>) -> Authorization<'a> {
        if self.is_first { whole } else { Authorization::None }
    }

    /// The request's own header lines, as far as the server may see them.
    pub(super) fn headers(&self, request: &Request<'a>) -> Vec<(&'a str, &'a str)> {
        let may_go = |name: &str| {
            self.is_first || !OF_THE_CALLER.iter().any(|header| header.eq_ignore_ascii_case(name))
        };
        request.headers.iter().copied().filter(|(name, _)| may_go(name)).collect()
    }

    /// How the connection is secured: as the request says. The own certificate and the other name are for the first
    /// server alone; whom to trust is for all.
    pub(super) fn tls<'r>(&self, request: &'r Request<'r>) -> Cow<'r, Tls<'r>> {
        match &request.tls {
            // Nothing is built for what is not there.
            _ if !cfg!(feature = "tls") => Cow::default(),
            Some(tls) if self.is_first => Cow::Borrowed(tls),
            Some(tls) => {
                let mut tls = tls.clone();
                (tls.server_name, tls.identity) = (None, None);
                Cow::Owned(tls)
            }
            None => Cow::default(),
        }
    }

    /// Where the answer with this head sends the opening; `None` if it is no redirection.
    ///
    /// # Errors
    /// The text says why the redirection is not followed: it leads nowhere, or out of TLS.
    pub(super) fn redirected(&self, head: &[u8]) -> Result<Option<Self>, String> {
        let Ok(reply) = parse_reply(head) else { return Ok(None) };
        if !matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(value) = reply.headers.first("Location") else { return Ok(None) };
        let location = std::str::from_utf8(value).ok().and_then(|text| Location::parse(text, &self.path));
        let Some(Location { server, path }) = location else {
            let text = std::str::from_utf8(value).unwrap_or_default();
            return Err(format!("a place that cannot be reached: {text:.200}"));
        };
        let Some(server) = server else {
            return Ok(Some(Destination { host: self.host.clone(), path: path.into(), ..*self }));
        };
        let secure = server.secure.unwrap_or(self.secure);
        let port = server.port.unwrap_or(if secure { 443 } else { 80 });
        // Nobody else knows the index of a zone, so that no server can name it (RFC 6874 section 1).
        let is_same_host = server.host.eq_ignore_ascii_case(without_zone(&self.host));
        let is_first = self.is_first && port == self.port && is_same_host;
        if self.secure && !secure {
            return Err(format!("{}, without TLS", place(server.host, port)));
        }
        let host = if is_same_host { self.host.clone() } else { server.host.to_owned().into() };
        Ok(Some(Destination { host, port, path: path.into(), secure, is_first }))
    }

    /// How the caller is told that the answer is not 101; `why` a redirection was not followed.
    pub(super) fn refused(&self, status: u16, why: Option<String>) -> Failure {
        let place = self.place();
        let failure = match why {
            Some(why) => {
                let text = format_args!("{place} answered {status} and leads to {why}");
                let others = format_args!("{place} answered {status} and leads to where it is not followed");
                Failure::new(Code::Refused, text).told_as(others)
            }
            None => Failure::new(Code::Refused, format_args!("{place} answered {status} instead of 101")),
        };
        Failure { status, ..failure }
    }
}

/// An IPv6 address without its brackets, as it is dialled; anything else as it is.
pub(super) fn bare(host: &str) -> &str {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.filter(|inner| inner.contains(':')).unwrap_or(host)
}

/// Host and port, an IPv6 address in brackets.
pub(super) fn place(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow<'a>(from: &Destination<'a>, location: &str) -> Destination<'a> {
        from.redirected(&head(location)).unwrap().unwrap()
    }

    fn head(location: &str) -> Vec<u8> {
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n").into_bytes()
    }

    #[test]
    fn a_server_is_known_without_the_index_of_its_zone() {
        let request = Request::new("fe80::1%1", 80);
        let next = follow_of(&request, "ws://[fe80::1]/b");
        assert_eq!((next.is_first, &*next.host), (true, "fe80::1%1"));
        assert!(!follow_of(&request, "ws://[fe80::2]/b").is_first);
    }

    fn follow_of<'a>(request: &'a Request<'a>, location: &str) -> Destination<'a> {
        follow(&Destination::new(request), location)
    }

    #[test]
    fn who_the_caller_is_stays_with_the_first_server() {
        let request = Request::new("a.example", 80).header("authorization", "x").header("X", "y");
        let first = Destination::new(&request);
        let whole = Authorization::Basic { user: "u", password: "p" };
        for (location, stays) in [
            ("/b", true),
            ("ws://A.example/b", true),
            ("ws://a.example:80/b", true),
            ("ws://a.example:81/b", false),
            ("wss://a.example/b", false),
            ("ws://b.example/b", false),
            ("//a.example./b", false),
        ] {
            let next = follow(&first, location);
            assert_eq!(next.is_first, stays, "{location}");
            assert_eq!(next.headers(&request).len(), if stays { 2 } else { 1 }, "{location}");
            assert_eq!(matches!(next.authorization(whole), Authorization::None), !stays, "{location}");
        }
        let back = follow(&follow(&first, "ws://b.example/"), "ws://a.example/");
        assert!(!back.is_first, "another server has chosen the path");
    }

    #[test]
    fn tls_may_begin_on_the_way_and_never_ends_there() {
        let plain = Request::new("a.example", 80);
        assert_eq!(follow(&Destination::new(&plain), "https://b.example/").port, 443);
        assert!(follow(&Destination::new(&plain), "https://b.example/").secure);
        let request = Request::new("a.example", 443).tls(Tls::only(b"root").server_name("other"));
        let first = Destination::new(&request);
        assert_eq!(*follow(&first, "/b").tls(&request), request.tls.clone().unwrap());
        let next = follow(&first, "wss://b.example/");
        let tls = next.tls(&request);
        assert_eq!((next.secure, tls.roots.len(), tls.mozilla, tls.server_name), (true, 1, false, None));
        for out in ["ws://a.example/", "http://a.example:443/", "ws://b.example/"] {
            assert!(first.redirected(&head(out)).is_err_and(|why| why.contains("without TLS")), "{out}");
        }
    }

    #[test]
    fn other_answers_are_no_redirection() {
        let request = Request::new("a.example", 80);
        let first = Destination::new(&request);
        for head in [
            "HTTP/1.1 300 Many\r\nLocation: /b\r\n\r\n",
            "HTTP/1.1 304 Same\r\nLocation: /b\r\n\r\n",
            "HTTP/1.1 401 Who\r\nLocation: /b\r\n\r\n",
            "HTTP/1.1 301 Where\r\n\r\n",
        ] {
            assert!(first.redirected(head.as_bytes()).is_ok_and(|next| next.is_none()), "{head}");
        }
        assert!(first.redirected(&head("mailto:a@b")).is_err());
    }
}
