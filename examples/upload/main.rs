//! Sends a file to an upload route, as a program on Xous: `upload FILE ws://HOST:PORT/PATH [--name NAME] [--replace]`, or
//! `upload FILE wss://HOST:PORT/PATH [--ca CERTIFICATE]` for a server whose certificate is Mozilla's to trust, or that
//! file's. It reads the file with `std::fs`, which a program has in hosted mode, but not on the device.
//!
//! Prints `stored NAME LENGTH SHA256` when the file is there. A connection that is lost is opened again, and the file
//! goes on where it was. The exit code is 0 when the file is stored as it was read, 1 when it is not, and 2 for a wrong
//! call. All of that is [`Sender`]'s work; this is its command line.

mod bar;

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use xous_api_websocket::error::OpenError;
use xous_api_websocket::sender::{Progress, SenderError};
use xous_api_websocket::{Deadlines, Request, Sender, Tls, Websocket};

use bar::Bar;

/// A service that is heard of no more has gone. It does not answer while the database takes its time.
const KEEPALIVE: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(90);

const USAGE: &str = "usage: upload FILE ws[s]://HOST:PORT/PATH [--name NAME] [--replace] [--ca CERTIFICATE]";

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

/// Sends the file; the line that says so.
fn run(arguments: &Arguments<'_>) -> Result<String, String> {
    let Arguments { file, name, address, .. } = arguments;
    let ca =
        arguments.ca.map(|ca| std::fs::read(ca).map_err(|error| format!("{ca}: {error}"))).transpose()?;
    let (reader, metadata) = File::open(file)
        .and_then(|reader| reader.metadata().map(|metadata| (reader, metadata)))
        .map_err(|error| format!("{file}: {error}"))?;
    if !metadata.is_file() {
        return Err(format!("{file}: not a file whose length is known beforehand"));
    }
    let sender = Sender::new(name, reader).map_err(|error| format!("{file}: {error}"))?;
    let mut bar = Bar::new(sender.length());
    let sent = sender
        .replace(arguments.replace)
        .send_again(|| open(&arguments.request, ca.as_deref()), |progress| show(&mut bar, progress));
    bar.end();
    let stored = sent.map_err(|error| match error {
        SenderError::Reader(error) => format!("{file}: {error}"),
        SenderError::Open(error) => format!("{address}: {error}"),
        error => format!("{name} is not stored by {address}: {error}"),
    })?;
    let digest: String = stored.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("stored {} {} {digest}", stored.name, stored.length))
}

fn show(bar: &mut Bar, progress: Progress<'_>) {
    match progress {
        Progress::Begins(bytes) => bar.begin(bytes),
        Progress::Stored(bytes) => bar.show(bytes),
        Progress::Waits(why) => bar.wait(why),
        Progress::Lost(why) => bar.say(&format!("connection lost: {why}")),
        _ => (),
    }
}

/// With letters and accents composed, as the service wants it.
#[cfg(not(target_os = "xous"))]
fn composed(name: &str) -> Cow<'_, str> {
    icu_normalizer::ComposingNormalizer::new_nfc().normalize(name)
}

/// The device has no files whose names come from elsewhere.
#[cfg(target_os = "xous")]
fn composed(name: &str) -> Cow<'_, str> {
    name.into()
}

struct Arguments<'a> {
    file: &'a str,
    /// As the service shall name it.
    name: Cow<'a, str>,
    /// As it was given.
    address: &'a str,
    request: Request<'a>,
    /// A file of this name is replaced.
    replace: bool,
    /// A file with the only authorities to trust.
    ca: Option<&'a str>,
}

fn open(request: &Request<'_>, ca: Option<&[u8]>) -> Result<Websocket, OpenError> {
    let deadlines = Deadlines::new().keepalive(KEEPALIVE).pong(PONG);
    let mut request = request.clone().options(deadlines);
    if let Some(ca) = ca {
        request = request.tls(Tls::only(ca));
    }
    Websocket::open(&request)
}

impl<'a> Arguments<'a> {
    fn parse(arguments: &'a [String]) -> Result<Self, String> {
        let (mut plain, mut name, mut replace, mut ca) = (Vec::new(), None, false, None);
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or(format!("{argument} needs a value\n{USAGE}"));
            match argument {
                "--name" => name = Some(value()?),
                "--replace" => replace = true,
                "--ca" => ca = Some(value()?),
                option if option.starts_with("--") => {
                    return Err(format!("there is no option {option}\n{USAGE}"));
                }
                plain_one => plain.push(plain_one),
            }
        }
        let [file, address] = plain[..] else { return Err(USAGE.into()) };
        let request = Request::from_url(address).map_err(|error| format!("{address}: {error}"))?;
        if ca.is_some() && request.tls.is_none() {
            return Err("--ca: the URL does not begin with wss://".into());
        }
        let own_name = || Path::new(file).file_name().and_then(|name| name.to_str());
        let name = name.or_else(own_name).ok_or(format!("{file}: no name; give one with --name"))?;
        Ok(Arguments { file, name: composed(name), address, request, replace, ca })
    }
}
