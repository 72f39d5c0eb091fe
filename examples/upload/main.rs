//! Sends a file to an upload route, as a program on Xous: `upload FILE ws://HOST:PORT/PATH [--name NAME]`, or
//! `upload FILE wss://HOST:PORT/PATH [--ca CERTIFICATE]` for a server whose certificate is Mozilla's to trust, or that
//! file's. It reads the file with `std::fs`, which a program has in hosted mode, but not on the device.
//!
//! Prints `stored NAME LENGTH SHA256` when the file is there. A connection that is lost is opened again, and the file
//! goes on where it was. The exit code is 0 when the file is stored as it was read, 1 when it is not, and 2 for a wrong
//! call. The protocol is in docs/upload.md.

mod answer;
mod bar;
mod source;
mod transfer;
#[path = "../shared/url.rs"]
mod url;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use xous_api_websocket::error::OpenError;
use xous_api_websocket::{Deadlines, Request, Tls, Websocket};

use source::Source;
use transfer::{Fault, Transfer};
use url::Url;

/// How often it is tried to come back without a byte more in the database. The first wait; each is twice the last.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// A service that is heard of no more has gone. It does not answer while the database takes its time.
const KEEPALIVE: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(90);

const USAGE: &str = "usage: upload FILE ws[s]://HOST:PORT/PATH [--name NAME] [--ca CERTIFICATE]";

fn main() -> ExitCode {
    xous_api_log::init_wait().ok();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments = match Arguments::parse(&arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("upload: {error}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("upload: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments<'a> {
    file: &'a str,
    /// As the service shall name it.
    name: &'a str,
    /// As it was given.
    address: &'a str,
    url: Url<'a>,
    /// A file with the only authorities to trust.
    ca: Option<&'a str>,
}

/// Sends the file; the line that says so.
fn run(arguments: &Arguments<'_>) -> Result<String, String> {
    let Arguments { file, name, address, .. } = *arguments;
    let ca =
        arguments.ca.map(|ca| std::fs::read(ca).map_err(|error| format!("{ca}: {error}"))).transpose()?;
    let mut transfer = Transfer::new(name, Source::open(file)?);
    let open = || open(&arguments.url, ca.as_deref());
    let mut ws = open().map_err(|error| format!("{address}: {error}"))?;
    let mut tries = TRIES;
    loop {
        let stored = transfer.stored();
        match transfer.send_over(&ws) {
            Ok(sha256) if sha256 == transfer.sha256() => {
                return Ok(format!("stored {name} {} {sha256}", transfer.length()));
            }
            Ok(sha256) => {
                return Err(format!(
                    "{name} is stored, but it is not what was read: its SHA-256 is {sha256}, not {}. Send it again.",
                    transfer.sha256()
                ));
            }
            Err(Fault::Refused(reason)) => {
                return Err(format!("{name} is not stored by {address}: {reason}"));
            }
            Err(Fault::Lost(why)) => {
                tries = if transfer.stored() > stored { TRIES } else { tries };
                transfer.say(&format!("connection lost: {why}"));
                ws = open_again(open, &mut tries)
                    .map_err(|error| format!("{address}: lost, and it does not come back: {error}"))?;
            }
        }
    }
}

/// Waits longer each time; the last error when there are no tries left.
fn open_again(open: impl Fn() -> Result<Websocket, OpenError>, tries: &mut u32) -> Result<Websocket, String> {
    let mut error = "too often".to_owned();
    while let Some(left) = tries.checked_sub(1) {
        *tries = left;
        std::thread::sleep(FIRST_WAIT * (1 << (TRIES - 1 - left)));
        match open() {
            Ok(ws) => return Ok(ws),
            Err(why) => error = why.to_string(),
        }
    }
    Err(error)
}

fn open(url: &Url<'_>, ca: Option<&[u8]>) -> Result<Websocket, OpenError> {
    let deadlines = Deadlines::new().keepalive(KEEPALIVE).pong(PONG);
    let mut request = Request::new(url.host, url.port).path(&url.path).options(deadlines);
    if url.tls {
        request = request.tls(Tls::default());
    }
    if let Some(ca) = ca {
        request = request.tls(Tls::only(ca));
    }
    Websocket::open(&request)
}

impl<'a> Arguments<'a> {
    fn parse(arguments: &'a [String]) -> Result<Self, String> {
        let (mut plain, mut name, mut ca) = (Vec::new(), None, None);
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or(format!("{argument} needs a value\n{USAGE}"));
            match argument {
                "--name" => name = Some(value()?),
                "--ca" => ca = Some(value()?),
                option if option.starts_with("--") => {
                    return Err(format!("there is no option {option}\n{USAGE}"));
                }
                plain_one => plain.push(plain_one),
            }
        }
        let [file, address] = plain[..] else { return Err(USAGE.into()) };
        let url = Url::parse(address)?;
        if ca.is_some() && !url.tls {
            return Err("--ca: the URL does not begin with wss://".into());
        }
        let own_name = || Path::new(file).file_name().and_then(|name| name.to_str());
        let name = name.or_else(own_name).ok_or(format!("{file}: no name; give one with --name"))?;
        Ok(Arguments { file, name, address, url, ca })
    }
}
