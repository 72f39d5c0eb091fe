//! Clients that speak TLS by OpenSSL: Python's `ssl`, with `websockets`.

use crate::authority::Leaf;
use crate::openssl::Script;
use crate::support::Scratch;

/// How a client connects.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a> {
    /// See `client.py`.
    pub(crate) mode: &'a str,
    pub(crate) port: u16,
    /// Whom it trusts, in PEM.
    pub(crate) ca: &'a str,
    /// As whom.
    pub(crate) leaf: Option<&'a Leaf>,
    /// TLS versions, as Python names them.
    pub(crate) versions: (&'a str, &'a str),
    pub(crate) alpn: &'a str,
    pub(crate) origin: &'a str,
    /// Bytes of a stream.
    pub(crate) size: usize,
}

impl<'a> Settings<'a> {
    /// TLS 1.2 and 1.3, without a certificate.
    pub(crate) fn new(mode: &'a str, port: u16, ca: &'a str) -> Self {
        let versions = ("TLSv1_2", "TLSv1_3");
        Settings { mode, port, ca, leaf: None, versions, alpn: "", origin: "", size: 0 }
    }

    /// Only this version.
    pub(crate) fn only(self, version: &'a str) -> Self {
        Settings { versions: (version, version), ..self }
    }

    /// With this certificate.
    pub(crate) fn leaf(self, leaf: &'a Leaf) -> Self {
        Settings { leaf: Some(leaf), ..self }
    }

    /// Offering these protocols inside TLS.
    pub(crate) fn alpn(self, alpn: &'a str) -> Self {
        Settings { alpn, ..self }
    }

    /// As a web page of this origin.
    pub(crate) fn origin(self, origin: &'a str) -> Self {
        Settings { origin, ..self }
    }

    /// With a stream of so many bytes.
    pub(crate) fn size(self, size: usize) -> Self {
        Settings { size, ..self }
    }

    /// Starts the client.
    pub(crate) fn start(&self) -> Client {
        let files = Scratch::new();
        let ca = files.write("ca.pem", self.ca);
        let leaf =
            self.leaf.map(|leaf| (files.write("chain.pem", &leaf.chain), files.write("key.pem", &leaf.key)));
        let (chain, key) = leaf.unwrap_or_default();
        let Settings { mode, port, versions: (least, most), alpn, origin, size, .. } = *self;
        let script = Script::start(
            "client.py",
            format!(
                r#"{{"mode": {mode:?}, "port": {port}, "ca": {ca:?}, "chain": {chain:?}, "key": {key:?}, "least": {least:?}, "most": {most:?}, "alpn": {alpn:?}, "origin": {origin:?}, "size": {size}}}"#
            ),
        );
        Client { script, _files: files }
    }
}

/// A running client; it ends when it is dropped.
pub(crate) struct Client {
    script: Script,
    _files: Scratch,
}

impl Client {
    /// Gives it a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.script.say(line);
    }

    /// What it reports next.
    pub(crate) fn report(&self) -> String {
        self.script.report()
    }

    /// Gives it a line; what it reports then.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.report()
    }

    /// As [`Client::ask`], for a report that has all of this.
    pub(crate) fn expect(&mut self, line: &str, parts: &[&str]) {
        let report = self.ask(line);
        assert!(parts.iter().all(|part| report.contains(part)), "{report} lacks one of {parts:?}");
    }
}
