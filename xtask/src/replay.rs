//! `cargo xtask replay`: a recorded connection, from the other side.

mod player;

use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use lexopt::Arg::{Long, Value};
use lexopt::{Parser, ValueExt};
use websocket::proto::record::{self, Entry, Timed};

use crate::{Command, Failure};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "replay",
    summary: "Act as the peer of a recorded connection",
    usage: "\
usage: cargo xtask replay FILE [--port N] [--fast]
       cargo xtask replay FILE --list

FILE is a key of the device's database, which a PC's stand-in keeps as a file.

A client has recorded it (`Request::record`): the server is played on 127.0.0.1, without TLS. Each session that was opened
gets the answer that it got then, with the same bytes at the same times, and the same end. Where the client had sent a
message first, the server waits for one, 10 s at most, and says so if none comes.

A server has recorded it (`Route::record`): the client is played in the same way, to the server on port N of 127.0.0.1, without
TLS. The server has to let it in without what is not in the recording: the query, logins, cookies, sub-protocols.

  --port N  the port to listen on; 0, or nothing said, takes any, which is printed; or the port of the server
  --fast    do not wait for the times
  --list    show what is in the file

The exit code is 0 if the other side has sent as many messages as then, 1 if not, 2 for a wrong call.",
    run,
};

struct Options {
    file: String,
    port: u16,
    fast: bool,
    list: bool,
}

fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    let options = parse(arguments).map_err(Failure::usage)?;
    let failed = |error: &dyn std::fmt::Display| Failure::Other(format!("{}: {error}", options.file));
    let bytes = std::fs::read(&options.file).map_err(|error| failed(&error))?;
    let entries = record::read(&bytes).map_err(|error| failed(&error))?;
    if options.list {
        entries.iter().for_each(|entry| println!("{}", line(entry)));
        return Ok(ExitCode::SUCCESS);
    }
    if !entries.iter().any(|timed| matches!(timed.entry, Entry::Asked(_))) {
        let fault = "nothing to play: no attempt came as far as the client's request (--list shows why)";
        return Err(failed(&fault));
    }
    let mut tell = |line: &str| println!("{line}");
    let missed = if record::is_of_server(&entries) {
        if options.port == 0 {
            return Err(failed(&"a client is played: where does the server listen? --port N"));
        }
        let server = (Ipv4Addr::LOCALHOST, options.port).into();
        let visited = player::visit(server, &entries, options.fast, &mut tell);
        visited.map_err(|error| failed(&format_args!("127.0.0.1:{}: {error}", options.port)))?
    } else {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        println!("ws://{}/", listener.local_addr()?);
        player::play(&listener, &entries, options.fast, &mut tell)?
    };
    Ok(ExitCode::from(u8::from(missed > 0)))
}

fn parse(arguments: Vec<String>) -> Result<Options, lexopt::Error> {
    let mut parser = Parser::from_args(arguments);
    let mut options = Options { file: String::new(), port: 0, fast: false, list: false };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => options.port = parser.value()?.parse()?,
            Long("fast") => options.fast = true,
            Long("list") => options.list = true,
            Value(file) if options.file.is_empty() => options.file = file.string()?,
            other => return Err(other.unexpected()),
        }
    }
    if options.file.is_empty() { Err("which file?".into()) } else { Ok(options) }
}

/// What is in an entry, for people: never with what a terminal would obey.
fn line(timed: &Timed<'_>) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let what = match timed.entry {
        Entry::Asked(head) => format!("asked    {}", text(head)),
        Entry::Answered(head) => format!("answered {}", text(head)),
        Entry::Came(bytes) => {
            format!("came     {} bytes: {}", bytes.len(), text(&bytes[..bytes.len().min(60)]))
        }
        Entry::Sent { first, len, .. } => format!("sent     a frame of {len} bytes, {first:#04x}"),
        Entry::Ended { code, reason } => format!("ended    {code} {}", text(reason.as_bytes())),
        Entry::Full => "full".to_owned(),
        Entry::Serves => "serves".to_owned(),
    };
    format!("{:>9.3} s  {what}", timed.at.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_options_in_any_order() {
        let parse = |line: &str| parse(line.split_whitespace().map(str::to_owned).collect());
        let options = parse("--fast file --port 80").ok().unwrap();
        assert!(options.file == "file" && options.port == 80 && options.fast && !options.list);
        for line in ["", "--fast", "one two", "file --port x", "file --slow"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_line_obeys_no_terminal() {
        let at = std::time::Duration::from_millis(1500);
        let came = Timed { at, entry: Entry::Came(b"\x1b[2Ja") };
        assert_eq!(line(&came), "    1.500 s  came     5 bytes: \\x1b[2Ja");
    }
}
