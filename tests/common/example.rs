//! The programs in examples/ in a hosted system, as a user would run them.

use std::io::{BufRead, BufReader, PipeReader};
use std::sync::mpsc::channel;
use std::time::Duration;

use hosted::{Pddb, Program, System};
use xous_api_websocket::wire::SERVER_NAME;

use super::service;

/// From the start of a system to its program's first line.
const START: Duration = Duration::from_secs(60);

/// An example that serves on a port of this machine, until it is dropped.
pub(crate) struct Example {
    pub(crate) port: u16,
    system: System,
    output: BufReader<PipeReader>,
}

impl Example {
    /// Builds and starts it, and waits until it says that it is ready.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_on(name, 0)
    }

    /// As [`Example::start`], on this port; 0 for any.
    pub(crate) fn start_on(name: &str, port: u16) -> Self {
        Self::start_with(name, port, Pddb::new())
    }

    /// As [`Example::start_on`], with this database.
    pub(crate) fn start_with(name: &str, port: u16, pddb: Pddb) -> Self {
        Self::start_listening(name, "127.0.0.1", port, pddb)
    }

    fn start_listening(name: &str, address: &str, port: u16, pddb: Pddb) -> Self {
        let arguments = ["--listen", address, "--port", &port.to_string()];
        let program = Program::new(super::example(name)).args(arguments);
        let (reader, writer) = std::io::pipe().unwrap();
        let builder = System::builder().pddb(pddb).output_to(writer).service(service(), SERVER_NAME);
        let system = builder.program(program).start().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(reader);
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            sender.send((line, output)).ok();
        });
        let Ok((line, output)) = lines.recv_timeout(START) else {
            panic!("{name} is not ready after {START:?}:\n{}", system.log_tail());
        };
        let port = line.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.strip_suffix("/ is ready\n"));
        let Some(Ok(port)) = port.map(str::parse) else {
            panic!("{name} says {line:?}:\n{}", system.log_tail());
        };
        Example { port, system, output }
    }

    /// As [`Example::start`], where others reach it as well.
    pub(crate) fn start_exposed(name: &str) -> Self {
        Self::start_listening(name, "0.0.0.0", 0, Pddb::new())
    }

    /// The rest of the first line of its output that begins like this.
    pub(crate) fn line_after(&mut self, start: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "no line begins with {start:?}");
            if let Some(rest) = line.trim_end().strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// What the system has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.system.log()).unwrap()
    }

    /// The address of a path.
    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }
}
