//! Peers that speak TLS by OpenSSL: Python's `ssl`, with `websockets`.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hosted::packages::python_with_websockets;

use crate::authority::Leaf;
use crate::support::{PATIENCE, Scratch};

/// How a peer serves.
pub(crate) struct Settings<'a> {
    /// See `peer.py`.
    pub(crate) mode: &'a str,
    pub(crate) leaf: &'a Leaf,
    /// TLS versions, as Python names them.
    pub(crate) versions: (&'a str, &'a str),
    /// In PEM: clients must have a certificate of it.
    pub(crate) client_ca: Option<&'a str>,
    /// As OpenSSL names them.
    pub(crate) ciphers: Option<&'a str>,
}

impl<'a> Settings<'a> {
    /// TLS 1.2 and 1.3.
    pub(crate) fn new(mode: &'a str, leaf: &'a Leaf) -> Self {
        Settings { mode, leaf, versions: ("TLSv1_2", "TLSv1_3"), client_ca: None, ciphers: None }
    }

    /// Only this version.
    pub(crate) fn only(mut self, version: &'a str) -> Self {
        self.versions = (version, version);
        self
    }

    /// Letting in only clients with a certificate of this authority.
    pub(crate) fn client_ca(mut self, pem: &'a str) -> Self {
        self.client_ca = Some(pem);
        self
    }

    /// With these cipher suites and security level.
    pub(crate) fn ciphers(mut self, ciphers: &'a str) -> Self {
        self.ciphers = Some(ciphers);
        self
    }
}

/// A running peer; it ends when it is dropped, or with this process.
pub(crate) struct Peer {
    pub(crate) port: u16,
    script: Script,
    _files: Scratch,
}

impl Peer {
    /// Starts a peer and waits until it listens.
    pub(crate) fn start(settings: &Settings<'_>) -> Self {
        let files = Scratch::new();
        let chain = files.write("chain.pem", &settings.leaf.chain);
        let key = files.write("key.pem", &settings.leaf.key);
        let client_ca = settings.client_ca.map(|pem| files.write("client_ca.pem", pem));
        let (least, most) = settings.versions;
        let script = Script::start(
            "peer.py",
            format!(
                r#"{{"mode": {:?}, "chain": {chain:?}, "key": {key:?}, "client_ca": {:?}, "least": {least:?}, "most": {most:?}, "ciphers": {:?}}}"#,
                settings.mode,
                client_ca.unwrap_or_default(),
                settings.ciphers.unwrap_or_default(),
            ),
        );
        Peer { port: script.report().parse().unwrap(), script, _files: files }
    }

    /// What the peer reports next, in JSON.
    pub(crate) fn report(&self) -> String {
        self.script.report()
    }
}

/// A Python program beside this file, told what to do in JSON; it ends when it is dropped.
pub(crate) struct Script {
    process: Child,
    reports: Receiver<String>,
}

impl Script {
    /// Starts it.
    pub(crate) fn start(file: &str, settings: String) -> Self {
        let mut process = Command::new(python_with_websockets())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(file))
            .arg(settings)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, reports) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Script { process, reports }
    }

    /// Gives it a line.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next line that it prints.
    pub(crate) fn report(&self) -> String {
        self.report_within(PATIENCE)
    }

    /// As [`Script::report`], for a script that takes its time.
    pub(crate) fn report_within(&self, limit: Duration) -> String {
        self.reports.recv_timeout(limit).expect("the script reports in time")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Reads what a program prints up to and with `mark`; a program that ends before it has said that fails the test with what
/// it said.
pub(crate) fn until(from: &mut impl Read, mark: &[u8]) {
    let mut read = Vec::new();
    while !read.ends_with(mark) {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&read)));
        read.extend(byte);
    }
}
