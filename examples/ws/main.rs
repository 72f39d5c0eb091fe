//! `ws`, WebSockets from the command line, as a program on Xous: in hosted mode, on the emulated device, from a shell on a
//! device. `help.txt` is its documentation.
//!
//! ```text
//!   main --> arguments
//!    |----> exchange (--send) ---+--> connect --> output
//!    |----> lines (the input) ---'
//!    '----> listen (a server) --> clients, output
//! ```

mod arguments;
mod clients;
mod connect;
mod exchange;
mod hex;
mod input;
mod json;
mod lines;
mod listen;
mod output;

use std::io;
use std::process::ExitCode;

use xous_api_websocket::CloseCode;
use xous_api_websocket::error::{Closed, ReceiveError};

use arguments::{Arguments, Command};
use connect::Opener;
use output::Output;

const HELP: &str = include_str!("help.txt");
/// Names the URL when the command line does not.
const URL: &str = "WS_URL";
/// The dict of recordings.
const RECORDINGS: &str = "recordings";

fn main() -> ExitCode {
    xous_api_log::init_wait().ok();
    match Command::parse(std::env::args().skip(1), std::env::var(URL).ok()) {
        Ok(Command::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Command::Talk(arguments)) => run(&arguments, talk),
        Ok(Command::Listen(port, arguments)) => {
            run(&arguments, |arguments, output| listen::run(port, arguments, output))
        }
        Err(error) => {
            eprintln!("ws: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments, work: impl FnOnce(&Arguments, Output) -> Result<(), Failure>) -> ExitCode {
    let output = match Output::new(arguments.json, arguments.output.as_deref()) {
        Ok(output) => output,
        Err(error) => {
            eprintln!("ws: {error}");
            return ExitCode::FAILURE;
        }
    };
    match work(arguments, output.clone()) {
        // Who reads has had enough.
        Ok(()) | Err(Failure::Pipe) => ExitCode::SUCCESS,
        Err(Failure::Closed(_)) => ExitCode::FAILURE,
        Err(Failure::Other(text)) => {
            output.error(&text);
            ExitCode::FAILURE
        }
    }
}

fn talk(arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let opener = Opener::new(arguments, &output)?;
    match &arguments.send {
        Some(text) => {
            let data = input::data(arguments.kind(), text.clone().into_bytes());
            exchange::run(arguments, &output, &opener, &data.map_err(|error| format!("--send: {error}"))?)
        }
        None => lines::run(arguments, &output, &opener),
    }
}

/// What the program has not done, and why.
pub(crate) enum Failure {
    /// The connection has ended, which has been told.
    Closed(Closed),
    /// Nobody reads what is printed.
    Pipe,
    Other(String),
}

impl Failure {
    fn of_receive(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Closed(closed) => Failure::Closed(closed),
            error => Failure::Other(error.to_string()),
        }
    }

    /// Of a message that is read.
    fn of_message(error: io::Error) -> Self {
        let text = error.to_string();
        match error.into_inner().and_then(|inner| inner.downcast::<ReceiveError>().ok()) {
            Some(error) => Failure::of_receive(*error),
            None => Failure::Other(text),
        }
    }
}

/// Of what is printed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Pipe,
            _ => Failure::Other(format!("standard output: {error}")),
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Failure::Other(text)
    }
}

/// Whether a connection that ended so has ended well.
fn is_well(closed: &Closed) -> bool {
    [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NONE].contains(&closed.code)
}
