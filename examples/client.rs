//! A command-line WebSocket client, as a program on Xous: `client ws://HOST:PORT/PATH [--send TEXT] [--count N]`, or
//! `client wss://HOST:PORT/PATH [--ca FILE]` for a server whose certificate is Mozilla's to trust, or that file's.
//!
//! `--protocol NAME` asks for a sub-protocol: some servers answer only to those who ask for theirs.
//!
//! Sends the text that often, one after the other's reply, and prints each reply with its round-trip time; without
//! `--send` it sends the lines that are typed. Ends with `N sent, N received, p50 … us, p99 … us`.

#[path = "shared/url.rs"]
mod url;

use std::io::BufRead;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::{Kind, Request, Tls, Websocket};

use url::Url;

/// How long a reply is waited for. A server that does not echo would be waited for without end.
const REPLY: Duration = Duration::from_secs(10);
/// The longest reply that is printed; longer ones are cut off there.
const MAX_REPLY: usize = 64 * 1024;

fn main() -> ExitCode {
    xous_api_log::init_wait().ok();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = Arguments::parse(&arguments).and_then(|arguments| run(&arguments));
    if let Err(error) = &result {
        eprintln!("client: {error}");
    }
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Arguments<'a> {
    url: Url<'a>,
    send: Option<&'a str>,
    count: usize,
    /// A file with the only authorities to trust.
    ca: Option<&'a str>,
    protocol: Option<&'a str>,
}

fn run(arguments: &Arguments<'_>) -> Result<(), String> {
    let Url { tls, host, port, ref path } = arguments.url;
    let read = |file| std::fs::read(file).map_err(|error| format!("{file}: {error}"));
    let ca = arguments.ca.map(read).transpose()?;
    let mut request = Request::new(host, port).path(path);
    if tls {
        request = request.tls(Tls::default());
    }
    if let Some(ca) = &ca {
        request = request.tls(Tls::only(ca));
    }
    if let Some(protocol) = arguments.protocol {
        request = request.sub_protocol(protocol);
    }
    let ws = Websocket::open(&request).map_err(|error| error.to_string())?;
    let mut times = Vec::new();
    match arguments.send {
        Some(text) => {
            for _ in 0..arguments.count {
                times.push(exchange(&ws, text)?);
            }
        }
        None => {
            for line in std::io::stdin().lock().lines() {
                times.push(exchange(&ws, &line.map_err(|error| format!("standard input: {error}"))?)?);
            }
        }
    }
    ws.close(1000, "").map_err(|error| format!("close: {error}"))?;
    times.sort_unstable();
    let (p50, p99) = (percentile(&times, 50), percentile(&times, 99));
    println!("{n} sent, {n} received, p50 {p50} us, p99 {p99} us", n = times.len());
    Ok(())
}

/// Sends `text`, prints the reply and returns how long it took.
fn exchange(ws: &Websocket, text: &str) -> Result<Duration, String> {
    let start = Instant::now();
    ws.send_text(text).map_err(|error| format!("send: {error}"))?;
    let failed = |error| match error {
        ReceiveError::NothingCame => format!("no reply within {} s", REPLY.as_secs()),
        error => format!("receive: {error}"),
    };
    let message = ws.receive_for(REPLY).map_err(failed)?;
    let (kind, reply) = (message.kind(), message.into_bytes(MAX_REPLY).map_err(failed)?);
    let time = start.elapsed();
    match kind {
        Kind::Text => println!("{} ({} us)", String::from_utf8_lossy(&reply), time.as_micros()),
        Kind::Binary => println!("{} bytes ({} us)", reply.len(), time.as_micros()),
    }
    Ok(time)
}

/// Of sorted times, in microseconds; 0 of none.
fn percentile(times: &[Duration], percent: usize) -> u128 {
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0, Duration::as_micros)
}

impl<'a> Arguments<'a> {
    fn parse(arguments: &'a [String]) -> Result<Self, String> {
        let mut url = None;
        let (mut send, mut count, mut ca, mut protocol) = (None, 1, None, None);
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--send" => send = Some(value()?.as_str()),
                "--count" => {
                    let value = value()?;
                    count = value.parse().map_err(|_| format!("--count {value}: not a number"))?;
                }
                "--ca" => ca = Some(value()?.as_str()),
                "--protocol" => protocol = Some(value()?.as_str()),
                text => url = Some(Url::parse(text)?),
            }
        }
        let url = url.ok_or(
            "usage: client ws[s]://HOST:PORT/PATH [--ca FILE] [--protocol NAME] [--send TEXT] [--count N]",
        )?;
        if ca.is_some() && !url.tls {
            return Err("--ca: the URL does not begin with wss://".into());
        }
        Ok(Arguments { url, send, count, ca, protocol })
    }
}
