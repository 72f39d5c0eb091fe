//! Sends files to an upload route, from programs on Xous and from command lines alike.
//!
//! ```no_run
//! use std::io::Cursor;
//!
//! use xous_api_websocket::{Request, Sender, Websocket};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ws = Websocket::open(&Request::new("192.0.2.1", 8080).path("/upload"))?;
//! let stored = Sender::send(&ws, "notes/today.txt", Cursor::new(b"milk, bread"))?;
//! println!("{} bytes are there as they are here", stored.length);
//! # Ok(())
//! # }
//! ```
//!
//! A file is stored whole or not at all, and what is stored is compared by its SHA-256 with what was read. The service's
//! `docs/upload.md` has the protocol.

// Sender --> exchange (over one connection: parts go out while answers come in)
//    |          |--> answer (what the service says)
//    |          '--> source (what is read, and its digest)
//    '--> again (over one connection after the other)
// ```

mod again;
mod answer;
mod exchange;
mod fault;
mod source;

use std::io::{Read, Seek};
use std::time::Duration;

use crate::Websocket;
use crate::error::OpenError;

pub use fault::SenderError;
use source::Source;

/// How long a sender asks again, unless it is told otherwise, when the service cannot take the file now.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file on its way: what is read, the name under which it is stored, and how far it is.
///
/// A sender that has ended with [`SenderError::Lost`] goes on where it was over a new connection, by
/// [`Sender::send_over`]. It takes one thread of the process while it sends, which is used again, and some 20 KiB.
///
/// ```no_run
/// use std::fs::File;
/// use xous_api_websocket::{Sender, Url, Websocket};
///
/// fn send(url: &Url) -> Result<(), Box<dyn std::error::Error>> {
///     let mut sender = Sender::new("photo.jpg", File::open("photo.jpg")?)?.replace(true);
///     let stored = sender.send_again(|| Websocket::open(&url.request()), |progress| println!("{progress:?}"))?;
///     println!("{} bytes", stored.length);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Sender<R> {
    name: String,
    source: Source<R>,
    replaces: bool,
    patience: Duration,
    id: u32,
    token: Option<String>,
    sent: u32,
    stored: u32,
}

/// A file that is stored as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The name that it has. The route may have put other characters in the place of `:`.
    pub name: String,
    /// Its bytes.
    pub length: u32,
    /// Its SHA-256, which the service and the sender have computed.
    pub sha256: [u8; 32],
    /// This very file was there already. So it is also when an earlier answer was lost.
    pub was_there: bool,
}

/// What a sender tells while it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The file begins, or goes on behind so many bytes that are stored.
    Begins(u32),
    /// So many bytes are in the database.
    Stored(u32),
    /// The service takes its time, or cannot take the file now and is asked again, for this reason.
    Waits(&'a str),
    /// The connection was lost, for this reason. Only [`Sender::send_again`] tells this, and then tries again.
    Lost(&'a str),
}

impl<R: Read + Seek> Sender<R> {
    /// Sends all that `reader` has, from its beginning, as a file of this name, and waits until it is stored. The connection
    /// stays open, and can be used for the next file. Nothing else may receive from it meanwhile.
    ///
    /// # Errors
    /// See [`SenderError`]. A sender that is made with [`Sender::new`] can go on after one.
    pub fn send(ws: &Websocket, name: &str, reader: R) -> Result<Stored, SenderError> {
        Sender::new(name, reader)?.send_over(ws, |_| ())
    }

    /// A sender of all that `reader` has, from its beginning, at most 4 GiB less one byte. The name may have folders,
    /// separated by `/`, and is in Unicode's normal form C. Sends nothing yet.
    ///
    /// # Errors
    /// `Reader` if the end cannot be found, `TooLong`.
    pub fn new(name: &str, reader: R) -> Result<Self, SenderError> {
        Ok(Sender {
            name: name.to_owned(),
            source: Source::new(reader)?,
            replaces: false,
            patience: PATIENCE,
            id: 0,
            token: None,
            sent: 0,
            stored: 0,
        })
    }

    /// Replaces a file of this name, where the route allows it. Without this the file that is there is kept.
    #[must_use]
    pub fn replace(mut self, replaces: bool) -> Self {
        self.replaces = replaces;
        self
    }

    /// How long it asks again when the service cannot take the file now: another one of its name comes, or the database is
    /// locked. One minute without this.
    #[must_use]
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Bytes to send.
    pub fn length(&self) -> u32 {
        self.source.length()
    }

    /// Bytes that are known to be in the database.
    pub fn stored(&self) -> u32 {
        self.stored
    }

    /// Begins, or goes on where an earlier connection was lost, and waits until the file is stored. `tell` learns how far it
    /// is, on this thread. The connection stays open; after an error other than `Exists` and `Refused` it is closed.
    ///
    /// # Errors
    /// See [`SenderError`].
    pub fn send_over(
        &mut self,
        ws: &Websocket,
        mut tell: impl FnMut(Progress<'_>),
    ) -> Result<Stored, SenderError> {
        exchange::run(self, ws, &mut tell)
    }

    /// As [`Sender::send_over`], over connections that `open` makes: a new one whenever one is lost, until it has failed five
    /// times without a byte more in the database. Waits a second at first, longer each time, and as long as a server asks
    /// for with `Retry-After`, a minute at most.
    ///
    /// # Errors
    /// See [`SenderError`]. `Open` if `open` has failed with something that does not pass, or too often.
    pub fn send_again(
        &mut self,
        open: impl FnMut() -> Result<Websocket, OpenError>,
        mut tell: impl FnMut(Progress<'_>),
    ) -> Result<Stored, SenderError> {
        again::run(self, open, &mut tell)
    }
}
