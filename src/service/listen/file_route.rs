//! Routes that give files of the database: a list of them, and each of them, or a range of it.
//!
//! A file goes through one buffer to the socket. The next piece is read when the client has taken the last one.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::Shutdown;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::files::file_stores::ServiceStore;
use super::files::turn::Turn;
use super::timed_socket::TimedSocket;
use crate::entropy::fill;
use crate::http::{
    Condition, DELETES, NormalPath, READS, Range, Reason, Shown, compose, condition, decoded, is_range_of,
    media_type, range, refusal, status,
};
use crate::proto::handshake::{Plain, Response, push_base64};
use crate::service::limits::{LIST_WAIT, SLOWEST_DOWNLOAD};
use crate::upload::{
    Event, FileEntry, Files, Names, RemoveError, StoreError, Version, WRITE_BATCH, What, hex,
};

/// Bytes that are read, and sent, at a time.
const BUFFER: usize = WRITE_BATCH;

/// What is given may change at any time.
const NO_CACHE: (&str, &str) = ("Cache-Control", "no-cache");

/// Taken while a list is made: it takes the memory of all names. Left while a piece is sent; with the turn the names are lost,
/// and are asked for anew.
static LISTING: Turn<Option<Names>> = Turn::new();

/// A route to the files of a dict.
pub(crate) struct FileRoute {
    /// Of the paths.
    prefix: Box<str>,
    files: Arc<Files<ServiceStore>>,
    /// Whether clients may delete them.
    deletable: bool,
    /// Tells versions of files from those of other times; `None` without random numbers.
    time: OnceLock<Option<[u8; 8]>>,
}

/// The client that gets an answer.
pub(crate) struct Client<'a> {
    pub(crate) socket: &'a TimedSocket,
    /// For each write to its socket.
    pub(crate) limit: Duration,
    pub(crate) request: &'a Plain<'a>,
    /// That of the request.
    pub(crate) path: &'a NormalPath<'a>,
    /// Another request may follow.
    pub(crate) keep: bool,
    pub(crate) pace: Pace,
}

/// How fast a client takes what it gets, without the time for which the database keeps it waiting.
#[derive(Default)]
pub(crate) struct Pace {
    sent: Cell<u64>,
    took: Cell<Duration>,
}

impl Pace {
    /// How long a client may take for the next piece.
    fn left(&self, limit: Duration) -> Duration {
        let earned = Duration::from_secs(self.sent.get() / SLOWEST_DOWNLOAD);
        limit.min(limit.saturating_add(earned).saturating_sub(self.took.get()))
    }

    /// A piece of this length has gone.
    fn count(&self, bytes: usize, time: Duration) {
        self.sent.set(self.sent.get().saturating_add(bytes as u64));
        self.took.set(self.took.get().saturating_add(time));
    }
}

impl FileRoute {
    pub(crate) fn new(prefix: &str, files: Arc<Files<ServiceStore>>, deletable: bool) -> Self {
        let prefix = NormalPath::of(prefix).as_str().into();
        FileRoute { prefix, files, deletable, time: OnceLock::new() }
    }

    /// What it gives.
    pub(crate) fn files(&self) -> &Arc<Files<ServiceStore>> {
        &self.files
    }

    /// The methods that it takes.
    pub(crate) fn methods(&self) -> &'static str {
        if self.deletable { DELETES } else { READS }
    }

    /// Whether it answers a request of this method itself: it takes the method, and that asks for a file.
    pub(crate) fn answers(&self, method: &str) -> bool {
        matches!(method, "GET" | "HEAD") || method == "DELETE" && self.deletable
    }

    /// Answers a GET, HEAD or DELETE. Returns whether another request may follow. The caller ends the connection.
    ///
    /// # Errors
    /// The answer was cut off. The connection cannot be used any more.
    pub(crate) fn answer(&self, client: &Client<'_>) -> io::Result<bool> {
        let name = client.path.as_str().strip_prefix(&*self.prefix).unwrap_or_default();
        match (name, client.request.method) {
            ("", "DELETE") => client.refuse(Reason::Method(READS)),
            ("", _) => self.list(client),
            (name, "DELETE") => self.remove(client, name),
            (name, _) => self.file(client, name),
        }
    }

    fn remove(&self, client: &Client<'_>, name: &str) -> io::Result<bool> {
        let Some(name) = decoded(name) else { return client.refuse(Reason::NoFile) };
        let is_meant = |version, length| {
            condition(&client.request.headers, self.tag(version, length).as_deref()) == Condition::Met
        };
        match self.files.remove(&name, is_meant) {
            Ok(()) => {
                let who = client.socket.peer.to_string();
                self.files.tell(Event { what: What::Deleted, name: &name, who: &who, length: 0 });
                client.without_body(204, &[])
            }
            Err(RemoveError::Busy) => client.refuse(Reason::FileBusy),
            Err(RemoveError::Changed) => client.without_body(412, &[]),
            Err(RemoveError::Store(error)) => client.store_refused(error),
        }
    }

    fn file(&self, client: &Client<'_>, name: &str) -> io::Result<bool> {
        let Some(name) = decoded(name) else { return client.refuse(Reason::NoFile) };
        let mut file = match self.files.open(&name) {
            Ok(file) => file,
            Err(error) => return client.store_refused(error),
        };
        let (length, version) = (file.length(), file.version());
        let tag = self.tag(version, length);
        // What a 304 has as well as a 200 (RFC 9110 section 15.4.5).
        let identity = headers_of(version, &tag);
        let identity = identity.iter().map(|(name, value)| (*name, &**value)).chain([NO_CACHE]);
        match condition(&client.request.headers, tag.as_deref()) {
            Condition::Met => (),
            Condition::Known => return client.without_body(304, &identity.collect::<Vec<_>>()),
            Condition::Changed => return client.without_body(412, &[]),
        }
        // Of other methods it would have no meaning (RFC 9110 section 14.2).
        let is_get = client.request.method == "GET";
        let is_range = is_get && is_range_of(&client.request.headers, tag.as_deref());
        let wanted = if is_range { range(&client.request.headers, length) } else { Range::All };
        let (code, start, part) = match wanted {
            Range::All => (200, 0, length),
            Range::Part { start, length } => (206, start, length),
            Range::Beyond => return client.beyond(length),
        };
        let placed = format!("bytes {start}-{}/{length}", (start + part).saturating_sub(1));
        let mut headers = vec![("Accept-Ranges", "bytes")];
        headers.extend(identity);
        headers.extend((code == 206).then_some(("Content-Range", &*placed)));
        client.begin(code, media_type(&name), &headers, Some(part))?;
        if !is_get {
            return Ok(client.keep);
        }
        file.seek(SeekFrom::Start(start))?;
        let mut rest = file.take(part);
        let mut buffer = vec![0; BUFFER.min(usize::try_from(part).unwrap_or(BUFFER))];
        while rest.limit() > 0 {
            let len = rest.read(&mut buffer)?;
            client.send(&buffer[..len])?;
        }
        Ok(client.keep)
    }

    /// The entity tag of a content, a strong one (RFC 9110 section 8.8.3): its digest where that is known.
    fn tag(&self, version: Version, length: u64) -> Option<String> {
        if let Some(digest) = version.digest {
            return Some(format!("\"{}\"", hex(&digest)));
        }
        let random = || {
            let mut time = [0; 8];
            fill(&mut time).ok().map(|()| time)
        };
        let time = (*self.time.get_or_init(random))?;
        Some(format!("\"{}-{}-{length}\"", hex(&time), version.serial))
    }

    /// The length of the list is not known before it is made. So it comes in chunks, or ends with the connection, and
    /// one that is cut off has no last chunk and is not valid JSON. Nothing is sent before there is something to send, so
    /// that a client is told why there is nothing. A client that is slow to take a piece loses its turn to others.
    fn list(&self, client: &Client<'_>) -> io::Result<bool> {
        let Some(mut turn) = LISTING.take(LIST_WAIT) else {
            return client.refuse(Reason::ListBusy);
        };
        let is_get = client.request.method == "GET";
        let mut list = List { client, text: String::from("{\"files\":["), any: false, begun: false };
        let mut listing = self.files.listing();
        loop {
            match listing.next_file() {
                Ok(Some(entry)) if is_get => list.push(&entry),
                Ok(_) => break,
                Err(error) => {
                    drop(turn);
                    return if list.begun { Err(error.into()) } else { client.store_refused(error) };
                }
            }
            if list.text.len() >= BUFFER / 2 {
                let left = turn.leave(listing.names.take());
                list.flush("")?;
                let (again, names) = left.again(LIST_WAIT).ok_or(io::ErrorKind::TimedOut)?;
                (turn, listing.names) = (again, names.flatten());
            }
        }
        // With all names that are left.
        drop((listing, turn));
        list.end(is_get)?;
        Ok(false)
    }
}

/// What a content is known by: its tag, and its SHA-256 (RFC 9530 section 3).
fn headers_of(version: Version, tag: &Option<String>) -> Vec<(&'static str, String)> {
    let mut headers: Vec<_> = tag.iter().map(|tag| ("ETag", tag.clone())).collect();
    if let Some(digest) = version.digest {
        let mut value = b"sha-256=:".to_vec();
        push_base64(&mut value, &digest);
        value.push(b':');
        headers.push(("Repr-Digest", String::from_utf8(value).unwrap_or_default()));
    }
    headers
}

/// The text of a list, on its way in pieces.
struct List<'a> {
    client: &'a Client<'a>,
    text: String,
    any: bool,
    /// The head has gone.
    begun: bool,
}

impl List<'_> {
    fn push(&mut self, entry: &FileEntry) {
        if std::mem::replace(&mut self.any, true) {
            self.text.push(',');
        }
        self.text.push_str(&entry.to_json());
    }

    /// Sends what is there, and what is `behind` its chunk.
    fn flush(&mut self, behind: &str) -> io::Result<()> {
        self.begin()?;
        if self.client.takes_chunks() {
            let mut size = hex(&(self.text.len() as u32).to_be_bytes());
            size.push_str("\r\n");
            self.text.insert_str(0, &size);
            self.text.push_str("\r\n");
            self.text.push_str(behind);
        }
        self.client.send(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.client.begin(200, "application/json", &[NO_CACHE], None)
    }

    /// It is whole, also if nobody has asked for more than the head.
    fn end(&mut self, is_get: bool) -> io::Result<()> {
        if !is_get {
            return self.begin();
        }
        self.text.push_str("]}");
        self.flush("0\r\n\r\n")
    }
}

impl Client<'_> {
    /// Sends a head. Strangers may have sent the file, so no browser shall run any of it.
    fn begin(
        &self,
        code: u16,
        content_type: &str,
        more: &[(&str, &str)],
        length: Option<u64>,
    ) -> io::Result<()> {
        let mut headers = vec![
            ("Content-Type", content_type),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Security-Policy", "sandbox"),
        ];
        headers.extend(more);
        let keep_alive = self.keep && length.is_some();
        let chunked = length.is_none() && self.takes_chunks();
        let (headers, content_length) = (&headers[..], length);
        let head = compose(Response { status: code, headers, content_length, chunked, keep_alive });
        let head = head.map_err(|error| io::Error::other(error.to_string()))?;
        self.send(&head)
    }

    /// An older one knows none (RFC 9112 section 6.1).
    fn takes_chunks(&self) -> bool {
        self.request.version > 0
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let start = Instant::now();
        let limit = self.pace.left(self.limit);
        let sent = self.socket.by(limit, Shutdown::Both, || self.socket.socket.write_all(bytes));
        self.pace.count(bytes.len(), start.elapsed());
        sent
    }

    fn refuse(&self, reason: Reason) -> io::Result<bool> {
        self.socket.note(reason, Shown::path(self.request.path()));
        self.send(&refusal(reason, self.request.method == "HEAD", self.keep).parts().concat())?;
        Ok(self.keep)
    }

    /// An answer that has no body.
    fn without_body(&self, code: u16, headers: &[(&str, &str)]) -> io::Result<bool> {
        self.send(&status(code, headers, self.keep).parts().concat())?;
        Ok(self.keep)
    }

    /// Of a file of this length there is no such range (RFC 9110 section 15.5.17).
    fn beyond(&self, length: u64) -> io::Result<bool> {
        self.without_body(416, &[("Content-Range", &format!("bytes */{length}"))])
    }

    fn store_refused(&self, error: StoreError) -> io::Result<bool> {
        match error {
            StoreError::NotFound => self.refuse(Reason::NoFile),
            StoreError::Unmounted | StoreError::NoAnswer => self.refuse(Reason::StoreLocked),
            _ => self.refuse(Reason::StoreFailed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_a_little_at_a_time_is_let_go_of_and_who_is_fast_has_the_whole_deadline() {
        let limit = Duration::from_secs(30);
        let slow = Pace::default();
        let mut rounds = 0;
        while !slow.left(limit).is_zero() {
            slow.count(2560, Duration::from_secs(10));
            rounds += 1;
        }
        assert_eq!(rounds, 4, "256 bytes a second");
        let fast = Pace::default();
        (0..1000).for_each(|_| fast.count(20_480, Duration::from_secs(10)));
        assert_eq!(fast.left(limit), limit);
    }
}
