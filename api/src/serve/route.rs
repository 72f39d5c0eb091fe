//! What a path of a port leads to, and how that travels.

use crate::error::RequestError;
use crate::files::upload::Upload;
use crate::open::Record;
use crate::serve::login::Login;
use crate::wire::fields::{Reader, Writer, len_of};

/// The most sub-protocols of a route.
const MAX_PROTOCOLS: usize = 32;
/// The most logins of a route.
const MAX_LOGINS: usize = 16;
/// The first four bytes of the page, and with them its version.
const MAGIC: u32 = u32::from_le_bytes(*b"WSR1");

const PREFIX: u8 = 1;
const PAGE: u8 = 1 << 1;
const UPLOAD: u8 = 1 << 2;
const FILES: u8 = 1 << 3;
const DECIDES: u8 = 1 << 4;
const DELETABLE: u8 = 1 << 5;
/// Of a receiver.
const RECORDS: u8 = DELETABLE;
const STATUS: u8 = 1 << 6;
const SHARED: u8 = 1 << 7;
const KINDS: u8 = PAGE | UPLOAD | FILES | STATUS;
const DELETES: u8 = FILES | DELETABLE;

/// Who answers on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteKind<'a> {
    /// The program takes WebSockets: [`Listener::accept`](crate::Listener::accept).
    Receiver {
        /// Sub-protocols in order of preference, at most 32. The first one that the client also offers is chosen. A
        /// client that offers none of them is accepted without one.
        protocols: Vec<&'a str>,
        /// See [`Route::record`].
        record: Option<Record<'a>>,
    },
    /// The service answers GET and HEAD with these bytes.
    Page {
        /// Such as `text/html; charset=utf-8`.
        content_type: &'a str,
        /// At most [`Route::MAX_BODY`], kept by the service.
        body: &'a [u8],
    },
    /// The service takes WebSockets that bring files.
    Upload(Upload<'a>),
    /// The service answers GET and HEAD with files of the database. The path is a prefix that ends with `/`. Under
    /// the path itself there is a list, `{"files":[{"name":"a/b.txt","length":123},...]}`. Under the path and a name
    /// there is that file, or a range of it. A file that is being received is not shown.
    Files {
        /// The dict, as that of an [`Upload`].
        dict: &'a str,
        /// DELETE deletes a file, for everybody who may read it. Off unless asked for: [`Route::deletable`].
        deletable: bool,
    },
    /// The service shows what passes on the port by this listener's routes, and its own sums: [`Route::status`].
    Status,
}

/// A path and who answers on it.
///
/// ```
/// use xous_api_websocket::{Route, Upload, serve::Login};
///
/// let page = Route::page("/", "text/html; charset=utf-8", b"<h1>It works</h1>");
/// let program = Route::receiver("/chat").sub_protocol("chat.v1");
/// let inbox = Route::upload("/inbox", Upload::new("inbox")).credentials(Login::basic("me", "Xe4kO9fTq2"));
/// let files = Route::files("/files/", "inbox").deletable();
/// ```
///
/// # In a page
/// In the page of an `AddRoute`, little-endian, texts as 16 bits of length and UTF-8: `WSR1`; u8 flags (1 prefix, and
/// one of 2 page, 4 upload, 8 files, 64 status, or none for a receiver; 16 the program decides; 32 files can be deleted, or a receiver's clients are
/// recorded; 128 a shared prefix); u8 number of sub-protocols; u16 number of
/// logins; u32 length of the body; the text path; the [`Login`]s; the sub-protocols, and if flagged a
/// [`Record`]; or the text content type and the body; or the [`Upload`]; or the text dict.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Route<'a> {
    /// Begins with `/`, without a query and without `.` or `..` between slashes. A character that needs no
    /// percent-encoding is the same with and without it (RFC 3986 section 6.2.2).
    pub path: &'a str,
    /// The route is also for every path that begins with its own. An exact path goes before prefixes, and a longer
    /// prefix before shorter ones.
    pub prefix: bool,
    /// If it is a prefix: other programs may add routes below it. Without this they are refused (`RouteExists`), as a
    /// longer path would take its part of the prefix.
    pub shared: bool,
    /// What it leads to.
    pub kind: RouteKind<'a>,
    /// Who may use it, at most 16; everybody with none.
    pub credentials: Vec<Login<'a>>,
    /// The program sees each request of a client before the client is answered, and decides: a
    /// [`Decision`](crate::serve::Decision). Only for a receiver; others are refused (`BadRequest`).
    pub decides: bool,
}

impl<'a> Route<'a> {
    /// The longest page, in bytes. The service keeps the page.
    pub const MAX_BODY: usize = 64 * 1024;

    /// WebSockets for the program.
    pub fn receiver(path: &'a str) -> Self {
        Route::new(path, RouteKind::Receiver { protocols: Vec::new(), record: None })
    }

    /// A page.
    pub fn page(path: &'a str, content_type: &'a str, body: &'a [u8]) -> Self {
        Route::new(path, RouteKind::Page { content_type, body })
    }

    /// Files for the database.
    pub fn upload(path: &'a str, upload: Upload<'a>) -> Self {
        Route::new(path, RouteKind::Upload(upload))
    }

    /// The files in this dict, below the path, which ends with `/`.
    pub fn files(path: &'a str, dict: &'a str) -> Self {
        Route::new(path, RouteKind::Files { dict, deletable: false }).prefix()
    }

    /// What passes on the port by this listener's routes, for people and programs: a page that updates itself, and JSON for
    /// requests with the query `json` or with `Accept: application/json`. A WebSocket gets the JSON at once and every second,
    /// and goes first when others need its place. Who may see the port's other routes may see it: give it
    /// [credentials](Route::credentials()) if that is too many. Other programs' clients on the port are not shown.
    ///
    /// The JSON has the objects `service` and `port` and the list `clients`, with the names of
    /// [`Stats`](crate::state::Stats), [`PortStatistics`](crate::state::PortStatistics) and
    /// [`Statistics`](crate::state::Statistics); traffic is `messages_in`, `bytes_in`, `messages_out` and `bytes_out`, times
    /// since when are `seconds`, round-trip times microseconds. A later service may add members.
    pub fn status(path: &'a str) -> Self {
        Route::new(path, RouteKind::Status)
    }

    fn new(path: &'a str, kind: RouteKind<'a>) -> Self {
        Route { path, prefix: false, shared: false, kind, credentials: Vec::new(), decides: false }
    }

    /// Only for clients that show this, or another that is given so. Everybody else gets 401. Each route has its own:
    /// that of a prefix does not guard longer paths that have a route. The program is not shown it.
    pub fn credentials(mut self, login: Login<'a>) -> Self {
        self.credentials.push(login);
        self
    }

    /// The program decides on each client, by [`Listener::accept_if`](crate::Listener::accept_if). One that is taken by
    /// [`Listener::accept`](crate::Listener::accept) is let in.
    pub fn decides(mut self) -> Self {
        self.decides = true;
        self
    }

    /// Takes every path that begins with this one, too.
    pub fn prefix(mut self) -> Self {
        self.prefix = true;
        self
    }

    /// Also for what begins with the path, except where other programs add routes below it.
    pub fn shared_prefix(mut self) -> Self {
        (self.prefix, self.shared) = (true, true);
        self
    }

    /// With one more sub-protocol, if it is a receiver.
    pub fn sub_protocol(mut self, name: &'a str) -> Self {
        if let RouteKind::Receiver { protocols, .. } = &mut self.kind {
            protocols.push(name);
        }
        self
    }

    /// Its clients are recorded, if it is a receiver: each as a [`Record`] says, with client and server in each other's place.
    /// What a client sends is recorded as it is, what the program sends by kind and length only, heads without what may be a
    /// secret. `cargo xtask replay FILE --port N` plays the client.
    ///
    /// A recording ends when the program grants the client to another process.
    ///
    /// One connection can be recorded at a time: a client that comes while another connection is recorded is not, and is
    /// served all the same. The recording of the client that ended last is kept. A dict or key that cannot be is refused
    /// (`BadRequest`).
    pub fn record(mut self, to: Record<'a>) -> Self {
        if let RouteKind::Receiver { record, .. } = &mut self.kind {
            *record = Some(to);
        }
        self
    }

    /// Its files can be deleted by DELETE, if it shows files.
    pub fn deletable(mut self) -> Self {
        if let RouteKind::Files { deletable, .. } = &mut self.kind {
            *deletable = true;
        }
        self
    }

    /// How many bytes it takes in a page.
    pub fn encoded_len(&self) -> usize {
        len_of(|w| self.fields(w))
    }

    /// Writes it into `page`. Returns the number of bytes.
    ///
    /// # Errors
    /// `TooMany` for more than 32 sub-protocols or patterns of names, or 16 logins. `TooLong` for a body longer than
    /// [`Route::MAX_BODY`], or if `page` is shorter than [`Route::encoded_len`].
    pub fn write(&self, page: &mut [u8]) -> Result<usize, RequestError> {
        let fits = match &self.kind {
            RouteKind::Receiver { protocols, .. } => protocols.len() <= MAX_PROTOCOLS,
            RouteKind::Upload(upload) => upload.is_within_limits(),
            RouteKind::Page { .. } | RouteKind::Files { .. } | RouteKind::Status => true,
        };
        if !fits || self.credentials.len() > MAX_LOGINS {
            return Err(RequestError::TooMany);
        }
        if matches!(&self.kind, RouteKind::Page { body, .. } if body.len() > Self::MAX_BODY) {
            return Err(RequestError::TooLong);
        }
        let mut w = Writer::new(page);
        self.fields(&mut w);
        w.finish().ok_or(RequestError::TooLong)
    }

    /// Reads what another process wrote; `None` if it is not a route.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        if r.u32()? != MAGIC {
            return None;
        }
        let flags = r.u8()?;
        let protocols = usize::from(r.u8()?);
        let logins = usize::from(r.u16()?);
        let body = usize::try_from(r.u32()?).ok()?;
        if protocols > MAX_PROTOCOLS || logins > MAX_LOGINS {
            return None;
        }
        let path = r.text()?;
        let credentials = (0..logins).map(|_| Login::read(&mut r)).collect::<Option<_>>()?;
        let kind = match flags & (KINDS | DELETABLE) {
            receiver @ (0 | RECORDS) => RouteKind::Receiver {
                protocols: (0..protocols).map(|_| r.text()).collect::<Option<_>>()?,
                record: if receiver == RECORDS { Some(Record::read(&mut r)?) } else { None },
            },
            PAGE => RouteKind::Page { content_type: r.text()?, body: r.bytes(body)? },
            UPLOAD => RouteKind::Upload(Upload::read(&mut r)?),
            STATUS => RouteKind::Status,
            FILES => RouteKind::Files { dict: r.text()?, deletable: false },
            DELETES => RouteKind::Files { dict: r.text()?, deletable: true },
            _ => return None,
        };
        let [prefix, shared, decides] = [PREFIX, SHARED, DECIDES].map(|flag| flags & flag != 0);
        Some(Route { path, prefix, shared, kind, credentials, decides })
    }

    /// In the order in which they travel.
    fn fields(&self, w: &mut Writer<'_>) {
        let (kind, protocols, body) = match &self.kind {
            RouteKind::Receiver { protocols, record } => {
                (if record.is_some() { RECORDS } else { 0 }, protocols.len(), 0)
            }
            RouteKind::Page { body, .. } => (PAGE, 0, body.len()),
            RouteKind::Upload(_) => (UPLOAD, 0, 0),
            RouteKind::Files { deletable, .. } => (if *deletable { DELETES } else { FILES }, 0, 0),
            RouteKind::Status => (STATUS, 0, 0),
        };
        w.u32(MAGIC);
        let shared = if self.shared { SHARED } else { 0 };
        let decides = if self.decides { DECIDES } else { 0 };
        w.u8(kind | shared | decides | if self.prefix { PREFIX } else { 0 });
        w.u8(protocols as u8);
        w.u16(self.credentials.len() as u16);
        w.u32(body as u32);
        w.text(self.path);
        self.credentials.iter().for_each(|login| login.write(w));
        match &self.kind {
            RouteKind::Receiver { protocols, record } => {
                protocols.iter().for_each(|name| w.text(name));
                record.iter().for_each(|record| record.write(w));
            }
            RouteKind::Page { content_type, body } => {
                w.text(content_type);
                w.bytes(body);
            }
            RouteKind::Upload(upload) => upload.write(w),
            RouteKind::Files { dict, .. } => w.text(dict),
            RouteKind::Status => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_go_there_and_back_and_no_cut_of_them_does() {
        let receiver = Route::receiver("/chat").prefix().sub_protocol("a").sub_protocol("b");
        let upload = Upload::new("a/b")
            .allow("*.txt")
            .allow("b")
            .replace(true)
            .colon('\u{ff1a}')
            .write_batch(9)
            .largest(7);
        let page = Route::page("/", "text/html", b"<p>");
        for route in [
            receiver,
            page,
            Route::page("/e", "", b""),
            Route::upload("/u", upload),
            Route::files("/f/", "a"),
            Route::files("/f/", "a").deletable(),
            Route::status("/status"),
            Route::receiver("/s/").shared_prefix(),
            Route::receiver("/r").sub_protocol("a").record(Record::new("recordings", "r").with_credentials()),
            Route::receiver("/d").decides().sub_protocol("a"),
            Route::files("/g/", "a").credentials(Login::basic("a", "b")).credentials(Login::bearer("c")),
        ] {
            let mut page = vec![0; route.encoded_len()];
            assert_eq!(route.write(&mut page), Ok(page.len()));
            assert_eq!(Route::parse(&page), Some(route));
            for len in 0..page.len() {
                assert_eq!(Route::parse(&page[..len]), None, "cut at {len}");
            }
        }
    }
}
