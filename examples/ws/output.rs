//! What is printed: messages on standard output, everything else on standard error; or, for machines, all of it as JSON
//! on standard output, an object a line.

use std::fs::File;
use std::io::{self, Read, Write, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use xous_api_websocket::Kind;
use xous_api_websocket::error::{Closed, ReceiveError};

use crate::json::{escaped, string};
use crate::{Failure, hex};

/// How much of a message is held at a time.
const PIECE: usize = 4096;

/// Where messages and events go. Threads may share it.
#[derive(Clone)]
pub(crate) struct Output {
    json: bool,
    /// For bytes.
    file: Option<Arc<Mutex<File>>>,
}

/// What a message came with.
#[derive(Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    /// Who sent it, if there may be several.
    pub(crate) peer: Option<&'a str>,
    /// How long the reply took.
    pub(crate) time: Option<Duration>,
}

impl Output {
    /// # Errors
    /// The file cannot be written to.
    pub(crate) fn new(json: bool, file: Option<&str>) -> Result<Self, String> {
        let create = |path| match File::create(path) {
            Ok(file) => Ok(Arc::new(Mutex::new(file))),
            Err(error) => Err(format!("--output {path}: {error}")),
        };
        Ok(Output { json, file: file.map(create).transpose()? })
    }

    /// Prints a message as it comes, and says whether it was whole. Text has been checked to be UTF-8, but a piece may end
    /// within a character.
    ///
    /// # Errors
    /// Nobody takes what is printed, or it does not come to its end, other than by a loss of the connection.
    pub(crate) fn message(
        &self,
        kind: Kind,
        message: &mut impl Read,
        beside: Beside<'_>,
    ) -> Result<bool, Failure> {
        let message = &mut UntilCut { message, is_cut: false };
        // A line is one thread's until it has ended.
        let mut out = stdout().lock();
        if !self.json {
            match kind {
                Kind::Text => pieces(message, |piece| out.write_all(piece))?,
                Kind::Binary => match self.to_file(message)? {
                    Some(bytes) => write!(out, "{bytes} bytes")?,
                    None => pieces(message, |piece| hex::write(&mut out, piece))?,
                },
            }
            if let Some(time) = beside.time {
                write!(out, " ({} us)", time.as_micros())?;
            }
            writeln!(out)?;
            return Ok(!message.is_cut);
        }
        write!(out, "{{\"event\":\"message\"")?;
        if let Some(peer) = beside.peer {
            write!(out, ",\"peer\":")?;
            string(&mut out, peer)?;
        }
        match kind {
            Kind::Text => {
                write!(out, ",\"text\":\"")?;
                pieces(message, |piece| escaped(&mut out, piece))?;
                write!(out, "\"")?;
            }
            Kind::Binary => match self.to_file(message)? {
                Some(bytes) => write!(out, ",\"bytes\":{bytes}")?,
                None => {
                    write!(out, ",\"hex\":\"")?;
                    pieces(message, |piece| hex::write(&mut out, piece))?;
                    write!(out, "\"")?;
                }
            },
        }
        if let Some(time) = beside.time {
            write!(out, ",\"us\":{}", time.as_micros())?;
        }
        writeln!(out, "{}}}", if message.is_cut { ",\"cut_off\":true" } else { "" })?;
        Ok(!message.is_cut)
    }

    /// A server is ready for clients.
    pub(crate) fn ready(&self, url: &str) {
        if self.json {
            self.object("ready", None, &[("url", Value::Text(url))]);
        } else {
            eprintln!("ws: {url} is ready");
        }
    }

    /// A connection is open: to this URL, or by a client that asked for this path.
    pub(crate) fn opened(&self, place: (&str, &str), peer: Option<&str>, protocol: Option<&str>) {
        if self.json {
            let protocol = protocol.map_or(Value::Null, Value::Text);
            self.object("open", peer, &[(place.0, Value::Text(place.1)), ("protocol", protocol)]);
        } else if let Some(peer) = peer {
            eprintln!("ws: {peer} has come, for {}", place.1);
        }
    }

    /// The connection has ended as it should, or as the peer wished.
    pub(crate) fn closed(&self, peer: Option<&str>, closed: &Closed, by_us: bool) {
        if self.json {
            let fields = [
                ("code", Value::Number(closed.code.value().into())),
                ("reason", Value::Text(&closed.reason)),
            ];
            self.object("close", peer, &fields);
        } else if let Some(peer) = peer {
            eprintln!("ws: {peer} has gone: {closed}");
        } else if !by_us {
            eprintln!("ws: {closed}");
        }
    }

    /// The connection is lost, or is not to be had, and will be opened again after this time.
    pub(crate) fn lost(&self, why: &str, wait: Duration) {
        if self.json {
            let fields = [("why", Value::Text(why)), ("again_in", Value::Number(wait.as_secs()))];
            self.object("lost", None, &fields);
        } else {
            eprintln!("ws: {why}; again in {} s", wait.as_secs());
        }
    }

    /// Something went wrong.
    pub(crate) fn error(&self, text: &str) {
        if self.json {
            self.object("error", None, &[("text", Value::Text(text))]);
        }
        eprintln!("ws: {text}");
    }

    /// The end of all round trips, with their times.
    pub(crate) fn times(&self, times: &mut [Duration]) {
        times.sort_unstable();
        let (n, p50, p99) = (times.len() as u64, percentile(times, 50), percentile(times, 99));
        if self.json {
            let number = Value::Number;
            let fields = [
                ("sent", number(n)),
                ("received", number(n)),
                ("p50_us", number(p50)),
                ("p99_us", number(p99)),
            ];
            self.object("times", None, &fields);
        } else if let Err(error) = writeln!(stdout(), "{n} sent, {n} received, p50 {p50} us, p99 {p99} us") {
            eprintln!("ws: standard output: {error}");
        }
    }

    /// The bytes of the message go into the file, if there is one; how many.
    fn to_file(&self, message: &mut impl Read) -> Result<Option<u64>, Failure> {
        let Some(file) = &self.file else { return Ok(None) };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut bytes, mut fault) = (0, None);
        pieces(message, |piece| {
            bytes += piece.len() as u64;
            fault = fault.take().or(file.write_all(piece).err());
            Ok(())
        })?;
        match fault {
            None => Ok(Some(bytes)),
            Some(error) => Err(Failure::Other(format!("--output: {error}"))),
        }
    }

    fn object(&self, event: &str, peer: Option<&str>, fields: &[(&str, Value<'_>)]) {
        let mut line = Vec::new();
        let written = (|| {
            write!(line, "{{\"event\":\"{event}\"")?;
            let peer = peer.map(|peer| ("peer", Value::Text(peer)));
            for (name, value) in peer.iter().chain(fields) {
                write!(line, ",\"{name}\":")?;
                match value {
                    Value::Null => write!(line, "null")?,
                    Value::Number(number) => write!(line, "{number}")?,
                    Value::Text(text) => string(&mut line, text)?,
                }
            }
            line.extend(b"}\n");
            stdout().lock().write_all(&line)
        })();
        if let Err(error) = written {
            eprintln!("ws: standard output: {error}");
        }
    }
}

/// A message that ends where it was cut off, so that its line is one that ends.
struct UntilCut<'a, R> {
    message: &'a mut R,
    is_cut: bool,
}

impl<R: Read> Read for UntilCut<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.message.read(buffer);
        let fault = read.as_ref().err().and_then(|error| error.get_ref()?.downcast_ref());
        self.is_cut |= fault == Some(&ReceiveError::CutOff);
        if self.is_cut { Ok(0) } else { read }
    }
}

enum Value<'a> {
    Null,
    Number(u64),
    Text(&'a str),
}

/// Reads to the end, a piece at a time.
fn pieces(message: &mut impl Read, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), Failure> {
    let mut buffer = [0; PIECE];
    loop {
        let len = message.read(&mut buffer).map_err(Failure::of_message)?;
        if len == 0 {
            return Ok(());
        }
        take(&buffer[..len])?;
    }
}

/// Of sorted times, in microseconds; 0 of none.
fn percentile(times: &[Duration], percent: usize) -> u64 {
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}
