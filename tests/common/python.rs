//! Peers on Python's `websockets`, which is set up on first use. Without python3 (with venv) they fail and say what to
//! do: nothing else shows that others understand us.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use hosted::packages::python_with_websockets;

use super::PATIENCE;

/// A program in Python that prints its port first, and ends with this value.
pub(crate) struct Python {
    process: Child,
    lines: Receiver<String>,
    pub(crate) port: u16,
}

impl Python {
    /// Starts a script, named from `tests/` on, and waits for its port.
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
        Self::of(Command::new(python_with_websockets()).arg(script).args(arguments))
    }

    fn of(command: &mut Command) -> Self {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut peer = Python { process, lines, port: 0 };
        let line = peer.line();
        let port = line.split(' ').next().unwrap_or_default();
        peer.port = port.parse().unwrap_or_else(|_| panic!("{command:?} printed {line:?} for its port"));
        peer
    }

    /// The next line that it prints.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the peer tells something in time")
    }

    /// The rest of the next line that begins so.
    pub(crate) fn line_after(&self, start: &str) -> String {
        loop {
            if let Some(rest) = self.line().strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
