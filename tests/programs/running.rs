//! A program of examples/ in a hosted system of its own.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hosted::{End, Pddb, Program, System};
use xous_api_websocket::wire::SERVER_NAME;

use crate::common::{example, service};

/// The longest that anything is waited for: systems start one beside another.
const LIMIT: Duration = Duration::from_secs(120);

/// How a program ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// What it printed, on either file.
    pub(crate) output: String,
}

/// Runs it with this input to its end.
pub(crate) fn run(name: &str, arguments: &[&str], input: &str) -> Ended {
    run_with(name, arguments, input, Pddb::new())
}

/// The same, with this database.
pub(crate) fn run_with(name: &str, arguments: &[&str], input: &str, pddb: Pddb) -> Ended {
    let program = Program::new(example(name)).args(arguments.iter().copied());
    let builder = System::builder().captured().input(input).time_limit(LIMIT).service(service(), SERVER_NAME);
    let mut system = builder.pddb(pddb).program(program).start().unwrap();
    let outcome = system.wait_programs().unwrap();
    let [End::Exited(code)] = outcome.programs[..] else { panic!("{outcome:?}") };
    Ended { code, output: system.output() }
}

/// A program that runs until this is dropped, or until it ends by itself.
pub(crate) struct Running {
    system: System,
    input: Option<PipeWriter>,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_with(name, arguments, None)
    }

    /// The same, with a database.
    pub(crate) fn start_with(name: &str, arguments: &[&str], pddb: Option<Pddb>) -> Self {
        let program = Program::new(example(name)).args(arguments.iter().copied());
        let (reader, writer) = std::io::pipe().unwrap();
        let (stdin, input) = std::io::pipe().unwrap();
        let mut builder = System::builder().output_to(writer).input_from(stdin).time_limit(LIMIT);
        if let Some(pddb) = pddb {
            builder = builder.pddb(pddb);
        }
        let system = builder.service(service(), SERVER_NAME).program(program).start().unwrap();
        Running { system, input: Some(input), lines: lines_of(reader) }
    }

    /// The next line of its standard output.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no line:\n{}", self.system.log_tail()))
    }

    /// The rest of the next line that begins so.
    pub(crate) fn line_after(&self, start: &str) -> String {
        loop {
            if let Some(rest) = self.line().strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// Types a line.
    pub(crate) fn write(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Ends its input, and waits for its end. Returns its exit code.
    pub(crate) fn end(mut self) -> i32 {
        self.input = None;
        self.ended()
    }

    /// Waits for its end, with an input that goes on. Returns its exit code.
    pub(crate) fn ended(mut self) -> i32 {
        let outcome = self.system.wait_programs().unwrap();
        let [End::Exited(code)] = outcome.programs[..] else { panic!("{outcome:?}") };
        code
    }
}

fn lines_of(reader: PipeReader) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
