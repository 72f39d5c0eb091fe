//! What an upload route takes, and how that travels.

use std::time::Duration;

use crate::settings::{read_wait, write_wait};
use crate::wire::fields::{Reader, Writer};

/// The most patterns of names.
const MAX_ALLOWED: usize = 32;
const REPLACE: u8 = 1;
const COLON: u8 = 2;
const PATIENCE: u8 = 1 << 6;
const EVENTS: u8 = 1 << 5;
const ASKS: u8 = 1 << 7;

/// How long a silent database is waited for if nothing is said.
const PATIENT: Duration = Duration::from_secs(600);

/// An upload route: files come in parts and go into a dict of the device's database, the PDDB, each of them whole or
/// not at all. The service receives them without the program. The service's `docs/upload.md` describes messages and
/// answers.
///
/// ```
/// use std::time::Duration;
/// use xous_api_websocket::{Route, Upload};
///
/// let photos = Upload::new("photos")
///     .allow("*.jpg")
///     .allow("*.png")
///     .largest(8 << 20)
///     .resume(Duration::from_secs(3600));
/// let route = Route::upload("/photos", photos);
/// ```
///
/// # In a page
/// In a page, little-endian, texts as 16 bits of length and UTF-8: u8 flags (1 files may be replaced, 2 `:` is mapped, 32 events are
/// told, 64 patience follows, 128 the program is asked); u8 number of patterns; u16 transfers; u32 largest file; u32 write batch; u32 milliseconds of resume; with
/// flag 64, u32 milliseconds of patience; the texts dict, patterns, and, with flag 2, the character that stands for `:`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Upload<'a> {
    /// The dict, in the basis `.System`. Its name has at most 102 bytes and no `:`, and no part of it ends with
    /// `.journal`. A `/` separates a dict from one below it. A file whose name has a `/` goes to a dict below.
    /// Another route may have the same dict, but not one below or above it.
    pub dict: &'a str,
    /// The largest file, in bytes.
    pub largest: u32,
    /// Patterns of the names that are taken, at most 32, none longer than a name. `*` stands for any characters.
    /// Without a pattern all names are taken.
    pub allowed: Vec<&'a str>,
    /// Whether a file that is there may be replaced.
    pub replace: bool,
    /// The character that stands for each `:` of a sender's name, which no name has here. The sender is told the name that
    /// came of it. `None` refuses such names.
    pub colon: Option<char>,
    /// How many bytes are written at a time, at most 64 KiB. 0 stands for 8128, two of the database's own pages. Each
    /// transfer takes that much memory, and all transfers of a connection together take at most
    /// [`Upload::MAX_MEMORY`].
    pub write_batch: u32,
    /// Transfers of one connection at a time, at most 64.
    pub transfers: u16,
    /// How long a transfer whose connection has gone waits for its sender. With zero it does not wait.
    pub resume: Duration,
    /// For how long the database may be silent, as it is while it asks its user for more room. A transfer waits meanwhile. Then
    /// it stops, and can be resumed.
    pub patience: Duration,
    /// Whether the program gets events about files: [`Listener::file_event`](crate::Listener::file_event).
    pub events: bool,
    /// Whether the program is asked about each file before its first byte. One that does not answer within five seconds
    /// does not take it.
    pub asks: bool,
}

impl<'a> Upload<'a> {
    /// How much memory the write batches of one connection may take, in bytes.
    pub const MAX_MEMORY: usize = 64 * 1024;

    /// Takes files of any size and name, four at a time, replaces none, and waits ten minutes for a sender to come
    /// back.
    pub fn new(dict: &'a str) -> Self {
        Upload {
            dict,
            largest: u32::MAX,
            allowed: Vec::new(),
            replace: false,
            colon: None,
            write_batch: 0,
            transfers: 4,
            resume: Duration::from_secs(600),
            patience: PATIENT,
            events: false,
            asks: false,
        }
    }

    /// Takes no file larger than this.
    pub fn largest(mut self, bytes: u32) -> Self {
        self.largest = bytes;
        self
    }

    /// Takes names of this pattern. Names of other patterns are taken only if they are given, too.
    pub fn allow(mut self, pattern: &'a str) -> Self {
        self.allowed.push(pattern);
        self
    }

    /// Replaces files that are there, or does not.
    pub fn replace(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }

    /// Takes names with `:`, and puts this character in its place.
    pub fn colon(mut self, character: char) -> Self {
        self.colon = Some(character);
        self
    }

    /// Writes this many bytes at a time.
    pub fn write_batch(mut self, bytes: u32) -> Self {
        self.write_batch = bytes;
        self
    }

    /// Allows this many transfers of a connection at a time.
    pub fn transfers(mut self, transfers: u16) -> Self {
        self.transfers = transfers;
        self
    }

    /// Waits this long for a sender to come back.
    pub fn resume(mut self, wait: Duration) -> Self {
        self.resume = wait;
        self
    }

    /// Waits this long for a database that is silent, ten minutes if nothing is said.
    pub fn patience(mut self, wait: Duration) -> Self {
        self.patience = wait;
        self
    }

    /// Tells the program of files that begin, come, are stored, fail and are deleted.
    pub fn events(mut self) -> Self {
        self.events = true;
        self
    }

    /// Asks the program about each file before its first byte: [`Listener::decide_file`](crate::Listener::decide_file). It
    /// gets events as well.
    pub fn asks(mut self) -> Self {
        (self.events, self.asks) = (true, true);
        self
    }

    pub(crate) fn is_within_limits(&self) -> bool {
        self.allowed.len() <= MAX_ALLOWED
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        let patience = if self.patience == PATIENT { 0 } else { PATIENCE };
        let colon = if self.colon.is_some() { COLON } else { 0 };
        let told = if self.events { EVENTS } else { 0 } | if self.asks { ASKS } else { 0 };
        w.u8(patience | colon | told | if self.replace { REPLACE } else { 0 });
        w.u8(self.allowed.len() as u8);
        w.u16(self.transfers);
        w.u32(self.largest);
        w.u32(self.write_batch);
        write_wait(w, self.resume);
        if patience != 0 {
            write_wait(w, self.patience);
        }
        self.texts().for_each(|text| w.text(text));
        if let Some(character) = self.colon {
            w.text(character.encode_utf8(&mut [0; 4]));
        }
    }

    pub(crate) fn read(r: &mut Reader<'a>) -> Option<Self> {
        let flags = r.u8()?;
        let patterns = usize::from(r.u8()?);
        if flags & !(REPLACE | COLON | PATIENCE | EVENTS | ASKS) != 0 || patterns > MAX_ALLOWED {
            return None;
        }
        let (transfers, largest, write_batch) = (r.u16()?, r.u32()?, r.u32()?);
        let resume = read_wait(r)?;
        let patience = if flags & PATIENCE == 0 { PATIENT } else { read_wait(r)? };
        let dict = r.text()?;
        let allowed = (0..patterns).map(|_| r.text()).collect::<Option<_>>()?;
        let colon = if flags & COLON == 0 { None } else { Some(only_char(r.text()?)?) };
        let replace = flags & REPLACE != 0;
        let (events, asks) = (flags & EVENTS != 0, flags & ASKS != 0);
        Some(Upload {
            dict,
            largest,
            allowed,
            replace,
            colon,
            write_batch,
            transfers,
            resume,
            patience,
            events,
            asks,
        })
    }

    fn texts(&self) -> impl Iterator<Item = &'a str> + '_ {
        std::iter::once(self.dict).chain(self.allowed.iter().copied())
    }
}

/// The character that is the whole text.
fn only_char(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}
