//! The request for a tunnel through an HTTP proxy (RFC 9110, section 9.3.6).

use super::client::{Authorization, MAX_REQUEST, RequestError, is_host, push_basic};
use super::field::push_line;

/// Asks a proxy for a tunnel to a host.
#[derive(Clone, Copy, Debug)]
pub struct TunnelRequest<'a> {
    /// A name or an address, an IPv6 address with or without brackets.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// User name and password for the proxy.
    pub credentials: Option<(&'a str, &'a str)>,
}

impl TunnelRequest<'_> {
    /// Appends the request head to `out`.
    ///
    /// # Errors
    /// `Host`, `Credentials` or `TooLong`. `out` is then as before.
    pub fn compose(&self, out: &mut Vec<u8>) -> Result<(), RequestError> {
        if !is_host(self.host) {
            return Err(RequestError::Host);
        }
        let authorization = self
            .credentials
            .map_or(Authorization::None, |(user, password)| Authorization::Basic { user, password });
        if !authorization.is_valid() {
            return Err(RequestError::Credentials);
        }
        if self.host.len().saturating_add(authorization.size()) > MAX_REQUEST / 2 {
            return Err(RequestError::TooLong);
        }
        let bare_v6 = self.host.contains(':') && !self.host.starts_with('[');
        let (open, close) = if bare_v6 { ("[", "]") } else { ("", "") };
        let place = format!("{open}{}{close}:{}", self.host, self.port);
        out.extend_from_slice(format!("CONNECT {place} HTTP/1.1\r\n").as_bytes());
        push_line(out, "Host", &place);
        if let Some((user, password)) = self.credentials {
            out.extend_from_slice(b"Proxy-");
            push_basic(out, user, password);
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(host: &str, credentials: Option<(&str, &str)>) -> Result<String, RequestError> {
        let mut out = Vec::new();
        TunnelRequest { host, port: 443, credentials }.compose(&mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_tunnel_is_asked_for_by_host_and_port() {
        let plain = "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n";
        assert_eq!(composed("a.example", None).as_deref(), Ok(plain));
        assert!(
            composed("::1", None).unwrap().starts_with("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n")
        );
        let basic = composed("a", Some(("Aladdin", "open sesame"))).unwrap();
        assert!(
            basic.ends_with("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"),
            "{basic}"
        );
    }

    #[test]
    fn nothing_breaks_out_of_it() {
        for host in ["", "a b", "a\r\nX: y", "a/b", "u@a", "a:1"] {
            assert_eq!(composed(host, None), Err(RequestError::Host), "{host:?}");
        }
        for credentials in [("a:b", "c"), ("a\r\n", "c"), ("a", "\0")] {
            assert_eq!(composed("a", Some(credentials)), Err(RequestError::Credentials));
        }
        assert_eq!(composed("a", Some(("a", &"x".repeat(9000)))), Err(RequestError::TooLong));
    }
}
