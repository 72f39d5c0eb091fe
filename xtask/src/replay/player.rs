//! Plays the peer's part of a recorded connection: the server's, or the client's where a server has recorded it.
//!
//! A thread takes what the program under test sends and counts its messages, so that the socket never fills; the player waits
//! for it where the program had sent something first. Tests of the service play recordings with this file too.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use websocket::proto::handshake::Key;
use websocket::proto::record::{Entry, Timed};

/// The longest that a message of the program is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest head of the program.
const HEAD: usize = 64 * 1024;
/// For the program to end its side, when the session is over.
const END: Duration = Duration::from_secs(2);

/// Plays all sessions, each for one client. Returns how many messages of the clients did not come in time. `tell` gets
/// lines for people.
///
/// # Errors
/// Those of the listener, and of a client whose head does not come.
pub(crate) fn play(
    listener: &TcpListener,
    entries: &[Timed<'_>],
    fast: bool,
    tell: &mut dyn FnMut(&str),
) -> io::Result<usize> {
    let mut missed = 0;
    for session in sessions(entries) {
        let (stream, from) = listener.accept()?;
        tell(&format!("{from} is connected"));
        missed += Session::begin(stream, fast, Part::Server)?.play(session, tell);
    }
    Ok(missed)
}

/// Plays all sessions that a server has recorded, each as a client of `server`. Returns how many of the server's messages did
/// not come in time, another answer to the request counted as one.
///
/// # Errors
/// The server cannot be reached, or does not answer the request.
pub(crate) fn visit(
    server: SocketAddr,
    entries: &[Timed<'_>],
    fast: bool,
    tell: &mut dyn FnMut(&str),
) -> io::Result<usize> {
    let mut missed = 0;
    for session in sessions(entries) {
        let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        if let Some(Entry::Asked(head)) = session.first().map(|timed| timed.entry) {
            stream.write_all(head)?;
        }
        missed += Session::begin(stream, fast, Part::Client)?.play(session, tell);
    }
    Ok(missed)
}

/// From one request to the next.
fn sessions<'e, 'a>(entries: &'e [Timed<'a>]) -> impl Iterator<Item = &'e [Timed<'a>]> {
    entries
        .chunk_by(|_, next| !matches!(next.entry, Entry::Asked(_)))
        .filter(|session| session.first().is_some_and(|timed| matches!(timed.entry, Entry::Asked(_))))
}

/// Whose part is played.
enum Part {
    Server,
    Client,
}

struct Session {
    stream: TcpStream,
    start: Instant,
    fast: bool,
    part: Part,
    /// Of the program.
    head: Vec<u8>,
    other: Arc<Other>,
}

/// What the program has done.
#[derive(Default)]
struct Other {
    state: Mutex<Frames>,
    changed: Condvar,
}

impl Session {
    /// Waits for the head, and takes what follows.
    fn begin(mut stream: TcpStream, fast: bool, part: Part) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
        let end = loop {
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ if head.len() > HEAD => return Err(io::ErrorKind::InvalidData.into()),
                len => head.extend_from_slice(&buffer[..len]),
            }
        };
        stream.set_read_timeout(None)?;
        let behind = head.split_off(end);
        let other = Arc::<Other>::default();
        other.take(&behind);
        let (mut reading, taker) = (stream.try_clone()?, other.clone());
        thread::spawn(move || {
            while let Ok(len @ 1..) = reading.read(&mut buffer) {
                taker.take(&buffer[..len]);
            }
            taker.end();
        });
        Ok(Session { stream, start: Instant::now(), fast, part, head, other })
    }

    /// Returns how many messages of the program are missing.
    fn play(mut self, session: &[Timed<'_>], tell: &mut dyn FnMut(&str)) -> usize {
        let begin = session.first().map_or(Duration::ZERO, |timed| timed.at);
        let (mut expected, mut missed) = (0, 0);
        for timed in session {
            let at = self.start + timed.at.saturating_sub(begin);
            let written = match timed.entry {
                Entry::Answered(head) if matches!(self.part, Part::Client) => {
                    let (then, now) = (status(head), status(&self.head));
                    if then != now {
                        tell(&format!("answered {now:?}, then {then:?}"));
                        missed += 1;
                        break;
                    }
                    Ok(())
                }
                Entry::Answered(head) => {
                    self.wait(at);
                    self.stream.write_all(&answer(head, &self.head))
                }
                Entry::Came(bytes) => {
                    self.wait(at);
                    self.stream.write_all(bytes)
                }
                Entry::Sent { first, len, .. } if is_counted(first) => {
                    expected += 1;
                    if !self.other.has_sent(expected) {
                        tell(&format!("no message number {expected}, then of {len} bytes"));
                        missed += 1;
                    }
                    Ok(())
                }
                Entry::Ended { code, reason } => {
                    self.wait(at);
                    tell(&format!("ended then with {code} {}", reason.escape_debug()));
                    break;
                }
                Entry::Full => {
                    tell("the recording was full here");
                    break;
                }
                Entry::Asked(_) | Entry::Sent { .. } | Entry::Serves => Ok(()),
            };
            if let Err(error) = written {
                tell(&format!("the other side is gone: {error}"));
                break;
            }
        }
        self.stream.shutdown(Shutdown::Write).ok();
        self.other.await_end();
        self.stream.shutdown(Shutdown::Both).ok();
        missed
    }

    /// Until then, or until the program has gone.
    fn wait(&self, at: Instant) {
        if !self.fast {
            self.other.wait(|frames| frames.over, at);
        }
    }
}

impl Other {
    fn take(&self, bytes: &[u8]) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        self.changed.notify_all();
    }

    fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.changed.notify_all();
    }

    fn has_sent(&self, many: usize) -> bool {
        let is_there = |frames: &Frames| frames.done >= many;
        self.wait(|frames| frames.over || is_there(frames), Instant::now() + PATIENCE);
        is_there(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn await_end(&self) {
        self.wait(|frames| frames.over, Instant::now() + END);
    }

    fn wait(&self, is_so: impl Fn(&Frames) -> bool, until: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !is_so(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Counts the program's frames that have come whole.
#[derive(Default)]
struct Frames {
    header: Vec<u8>,
    /// Of the payload that is coming.
    left: u64,
    is_counted: bool,
    done: usize,
    over: bool,
}

impl Frames {
    fn push(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let (now, later) =
                    bytes.split_at(bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX)));
                self.left -= now.len() as u64;
                bytes = later;
            } else {
                self.header.push(*first);
                bytes = rest;
                let Some(len) = payload_len(&self.header) else { continue };
                self.is_counted = self.header.first().is_some_and(|first| is_counted(*first));
                self.left = len;
                self.header.clear();
            }
            if self.left == 0 {
                self.done += usize::from(self.is_counted);
            }
        }
    }
}

/// Frames of messages, and Close. Pings and pongs come when they come.
fn is_counted(first: u8) -> bool {
    !matches!(first & 0x0f, 9 | 10)
}

/// The length that a whole header names (RFC 6455 section 5.2).
fn payload_len(header: &[u8]) -> Option<u64> {
    let second = *header.get(1)?;
    let (extended, len) = match second & 0x7f {
        126 => (2, u64::from(u16::from_be_bytes(*header.get(2..)?.first_chunk()?))),
        127 => (8, u64::from_be_bytes(*header.get(2..)?.first_chunk()?)),
        short => (0, u64::from(short)),
    };
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    (header.len() == 2 + extended + mask).then_some(len)
}

/// The number in a status line.
fn status(head: &[u8]) -> String {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).split(' ').nth(1).unwrap_or_default().to_owned()
}

/// The value of this header line.
fn field(head: &[u8], wanted: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
}

/// The recorded head, for the client that has `asked`: with its key, and with its first sub-protocol, or none, where that was
/// not recorded.
fn answer(head: &[u8], asked: &[u8]) -> Vec<u8> {
    let key = field(asked, "sec-websocket-key").and_then(|key| Key::parse(key.as_bytes()));
    let mut answer = Vec::with_capacity(head.len());
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let value = line.get(name.len()..).unwrap_or_default().trim_ascii();
        match &key {
            _ if name.eq_ignore_ascii_case(b"sec-websocket-protocol") && value == b": -" => {
                let offered = field(asked, "sec-websocket-protocol").unwrap_or_default();
                let first = offered.split(',').next().map(str::trim).filter(|first| !first.is_empty());
                first.iter().for_each(|first| {
                    answer.extend_from_slice(format!("Sec-WebSocket-Protocol: {first}\r\n").as_bytes());
                });
            }
            Some(key) if name.eq_ignore_ascii_case(b"sec-websocket-accept") => {
                answer.extend_from_slice(b"Sec-WebSocket-Accept: ");
                answer.extend_from_slice(&key.accept());
                answer.extend_from_slice(b"\r\n");
            }
            _ => answer.extend_from_slice(line),
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_however_they_come() {
        let mut bytes = vec![0x81, 0x80, 1, 2, 3, 4, 0x89, 0x81, 1, 2, 3, 4, 5, 0x02, 0xfe, 0, 3, 1, 2, 3, 4];
        bytes.extend([b'x'; 3]);
        bytes.extend([0x88, 0x82, 1, 2, 3, 4, 5, 6]);
        for step in 1..=bytes.len() {
            let mut frames = Frames::default();
            bytes.chunks(step).for_each(|chunk| frames.push(chunk));
            assert_eq!((frames.done, frames.left), (3, 0), "{step} at a time");
        }
        let mut endless = Frames::default();
        endless.push(&[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5]);
        assert_eq!((endless.done, endless.left), (0, u64::MAX - 1));
    }
}
