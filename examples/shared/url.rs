//! The address of a WebSocket on the command line.

/// `ws[s]://HOST[:PORT][/PATH]`.
pub(crate) struct Url<'a> {
    pub(crate) tls: bool,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) path: &'a str,
}

impl<'a> Url<'a> {
    pub(crate) fn parse(url: &'a str) -> Result<Self, String> {
        let (tls, rest) = match (url.strip_prefix("ws://"), url.strip_prefix("wss://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(format!("{url}: begins neither with ws:// nor with wss://")),
        };
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        let usual = if tls { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("{url}: {port} is not a port"))?)
            }
            _ => (authority, usual),
        };
        Ok(Url { tls, host: host.trim_start_matches('[').trim_end_matches(']'), port, path })
    }
}
