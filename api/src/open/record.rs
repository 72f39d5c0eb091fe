//! A recording of a connection, to find out later what went wrong.

use crate::wire::fields::{Reader, Writer};

const CREDENTIALS: u8 = 1;

/// Where a connection is recorded, and how much of it: when which bytes came from the server, and which frames went out.
/// `cargo xtask replay FILE` plays the server's part of it, so that a session that failed becomes a test. Clients of a port are
/// recorded by [`Route::record`](crate::Route::record).
///
/// The recording is in memory until the connection has ended, and after each end of one that is opened again, and then in this
/// key of the device's database, in the place of what was there. It is full with 64 KiB on the device and 4 MiB on a PC; what
/// comes later is not in it. One connection can be recorded at a time.
///
/// The recording is for the program that has asked for it. A grant of the connection to another process ends it, with an entry
/// that says so: nothing that comes or is sent from then on is recorded, also not when the connection is opened again. What there
/// is of it is kept when the connection has ended.
///
/// What the program sends is recorded by kind and length only, and heads without the query and without the values of headers
/// that may be secrets. What the server sends is recorded as it is.
///
/// ```
/// use xous_api_websocket::{Request, open::Record};
///
/// let request = Request::new("example.com", 80).record(Record::new("recordings", "feed"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "nothing is recorded before a request has it"]
pub struct Record<'a> {
    /// The dict of the key, in the device's own basis. It is made if it is not there.
    pub dict: &'a str,
    /// The key.
    pub key: &'a str,
    /// See [`Record::with_credentials`].
    pub with_credentials: bool,
}

impl<'a> Record<'a> {
    /// Into this key, without what may be a secret of the program.
    pub fn new(dict: &'a str, key: &'a str) -> Self {
        Record { dict, key, with_credentials: false }
    }

    /// With whole heads, passwords and tokens among them, and with everything that the program sends. Of a client's head
    /// there is what the program is [shown](crate::Websocket::peer_head).
    pub fn with_credentials(mut self) -> Self {
        self.with_credentials = true;
        self
    }

    /// u8 1 with credentials, else 0; two texts.
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u8(if self.with_credentials { CREDENTIALS } else { 0 });
        w.text(self.dict);
        w.text(self.key);
    }

    pub(crate) fn read(r: &mut Reader<'a>) -> Option<Self> {
        let with_credentials = r.u8()? & CREDENTIALS != 0;
        Some(Record { dict: r.text()?, key: r.text()?, with_credentials })
    }
}
