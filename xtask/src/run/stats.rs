//! `cargo xtask run --stats`: what passes, once a second, as the server's `/status` tells it. On a terminal it is a table that
//! stays where it is, and a line each time elsewhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// For an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const MAX_ANSWER: u64 = 1 << 20;
const COLUMNS: [&str; 9] = ["PEER", "PATH", "IN", "BYTES", "OUT", "BYTES", "QUEUED", "STALLS", "TRIP"];

/// Shows what the server on this port tells, until the process ends. What cannot be had now is asked for again.
pub(super) fn show(port: u16) {
    std::thread::spawn(move || {
        let is_terminal = io::stdout().is_terminal();
        let mut is_first = true;
        loop {
            std::thread::sleep(EVERY);
            let Some(status) = ask(port) else { continue };
            let mut out = io::stdout().lock();
            // The table's lines take the place of those that stood there (ECMA-48: CUP, EL, ED).
            let shown = match is_terminal {
                true if std::mem::take(&mut is_first) => format!("\x1b[H\x1b[2J{}", table(&status)),
                true => format!("\x1b[H{}\x1b[J", table(&status).replace('\n', "\x1b[K\n")),
                false => line(&status),
            };
            if out.write_all(shown.as_bytes()).and_then(|()| out.flush()).is_err() {
                return;
            }
        }
    });
}

fn ask(port: u16) -> Option<Value> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let host = format!("Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("GET /status?json HTTP/1.1\r\n{host}").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if head.starts_with("HTTP/1.1 200 ") { serde_json::from_str(body).ok() } else { None }
}

/// All of it.
fn table(status: &Value) -> String {
    let mut text = format!("{}\n{}\n", service(&status["service"]), port(&status["port"]));
    for refused in list(&status["port"]["refusals"]) {
        let (count, status) = (number(&refused["count"]), number(&refused["status"]));
        let _ = writeln!(text, "refused    {count} with {status}: {}", string(&refused["reason"]));
    }
    let rows: Vec<_> = list(&status["clients"]).iter().map(row).collect();
    if rows.is_empty() {
        return text;
    }
    let titles = COLUMNS.map(str::to_owned);
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(|at| {
        let of = rows.iter().chain([&titles]).map(|row| row[at].chars().count());
        of.max().unwrap_or(0)
    });
    text.push('\n');
    for row in [&titles].into_iter().chain(&rows) {
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Texts begin below each other, and numbers end so.
            let _ = match at {
                0 | 1 => write!(text, "{cell:<width$}  "),
                _ => write!(text, "{cell:>width$}  "),
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The sums alone.
fn line(status: &Value) -> String {
    let refused: u64 = list(&status["port"]["refusals"]).iter().map(|one| number(&one["count"])).sum();
    format!("{}; {}; {refused} refused\n", service(&status["service"]), port(&status["port"]))
}

fn service(service: &Value) -> String {
    let of = |name: &str| number(&service[name]);
    format!(
        "service    {} connections ({} opened), {} of {} workers, {} threads, {} of memory",
        of("connections"),
        of("opened"),
        of("workers_busy"),
        of("workers"),
        of("threads"),
        bytes(of("heap")),
    )
}

fn port(port: &Value) -> String {
    let of = |name: &str| number(&port[name]);
    let end = match string(&port["last_end"]) {
        none if none.is_empty() => none,
        end => format!(", the last one ended with {end}"),
    };
    format!(
        "port {:<6}{} clients ({} accepted), in {} ({}), out {} ({}), {} queued, {} stalls{end}",
        of("port"),
        of("clients"),
        of("accepted"),
        of("messages_in"),
        bytes(of("bytes_in")),
        of("messages_out"),
        bytes(of("bytes_out")),
        of("queued"),
        of("stalls"),
    )
}

fn row(client: &Value) -> [String; COLUMNS.len()] {
    let of = |name: &str| number(&client[name]);
    let trip = match of("round_trip") {
        0 => String::from("-"),
        microseconds => format!("{}.{} ms", microseconds / 1000, microseconds / 100 % 10),
    };
    [
        string(&client["peer"]),
        string(&client["path"]),
        of("messages_in").to_string(),
        bytes(of("bytes_in")),
        of("messages_out").to_string(),
        bytes(of("bytes_out")),
        of("queued").to_string(),
        of("stalls").to_string(),
        trip,
    ]
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// Without what would move the cursor of a terminal.
fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status() -> Value {
        json!({
            "service": { "connections": 2, "opened": 9, "workers_busy": 4, "workers": 6, "threads": 10, "heap": 20480 },
            "port": {
                "port": 8080, "clients": 2, "connections": 3, "accepted": 7, "messages_in": 5, "bytes_in": 120,
                "messages_out": 6, "bytes_out": 20_971_520, "stalls": 1, "queued": 0, "seconds": 3,
                "last_end": "1000 done\u{1b}",
                "refusals": [
                    { "status": 404, "count": 3, "reason": "Nothing is at this path." },
                    { "status": 503, "count": 1, "reason": "Full" },
                ],
            },
            "clients": [
                {
                    "peer": "127.0.0.1:40001", "path": "/echo", "messages_in": 5, "bytes_in": 120, "messages_out": 6,
                    "bytes_out": 20_971_520, "stalls": 1, "queued": 0, "round_trip": 1530, "seconds": 3,
                },
                { "peer": "[::1]:2", "path": "/a/long/path" },
            ],
        })
    }

    #[test]
    fn the_table_has_what_the_service_tells() {
        let expected = "\
service    2 connections (9 opened), 4 of 6 workers, 10 threads, 20 KiB of memory
port 8080  2 clients (7 accepted), in 5 (120 B), out 6 (20 MiB), 0 queued, 1 stalls, the last one ended with 1000 done?
refused    3 with 404: Nothing is at this path.
refused    1 with 503: Full

PEER             PATH          IN  BYTES  OUT   BYTES  QUEUED  STALLS    TRIP
127.0.0.1:40001  /echo          5  120 B    6  20 MiB       0       1  1.5 ms
[::1]:2          /a/long/path   0    0 B    0     0 B       0       0       -
";
        assert_eq!(table(&status()), expected);
    }

    #[test]
    fn elsewhere_than_on_a_terminal_it_is_one_line() {
        let text = line(&status());
        assert!(text.ends_with("; 4 refused\n") && text.lines().count() == 1, "{text}");
        assert!(!text.contains('\u{1b}') && text.contains("in 5 (120 B)"), "{text}");
    }

    #[test]
    fn what_is_missing_or_something_else_is_nothing() {
        for status in [Value::Null, json!([1, 2]), json!({ "port": 3, "clients": { "peer": 1 } })] {
            assert_eq!(table(&status).lines().count(), 2);
            assert!(line(&status).ends_with("; 0 refused\n"));
        }
    }
}
