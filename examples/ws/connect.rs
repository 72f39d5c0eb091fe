//! Opens the connection that was asked for, and opens it again.

use std::time::{Duration, Instant};

use xous_api_websocket::error::{Closed, OpenError};
use xous_api_websocket::open::Record;
use xous_api_websocket::{CloseCode, Code, Deadlines, Request, Tls, Url, Websocket};

use crate::arguments::Arguments;
use crate::output::Output;

/// The dict of recordings.
const RECORDINGS: &str = "recordings";
/// The first wait before another try; each is twice the last, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that has held for so long was a good one: the next wait is the first again.
const STABLE: Duration = Duration::from_secs(30);

/// Who opens connections.
pub(crate) struct Opener<'a> {
    arguments: &'a Arguments,
    output: &'a Output,
    /// Shown without its password.
    url: Url,
    /// The only authorities to trust.
    ca: Option<Vec<u8>>,
    next_wait: Duration,
    /// Since when the last connection is open.
    open_since: Option<Instant>,
}

impl<'a> Opener<'a> {
    /// # Errors
    /// The URL is wrong, or a file cannot be read.
    pub(crate) fn new(arguments: &'a Arguments, output: &'a Output) -> Result<Self, String> {
        let url: Url = arguments.url.parse().map_err(|error| match arguments.url.contains('@') {
            // Perhaps with a password.
            true => format!("{error}"),
            false => format!("{}: {error}", arguments.url),
        })?;
        if !url.is_secure() && (arguments.ca.is_some() || arguments.device_store) {
            return Err(format!("{url}: only wss:// has certificates"));
        }
        let read = |path: &String| std::fs::read(path).map_err(|error| format!("--ca {path}: {error}"));
        let ca = arguments.ca.as_ref().map(read).transpose()?;
        Ok(Opener { arguments, output, url, ca, next_wait: FIRST_WAIT, open_since: None })
    }

    /// Opens the connection. With `--reconnect`, tries until it is open; `wait` waits, and says whether to go on.
    ///
    /// # Errors
    /// What failed, where, and what to do about it.
    pub(crate) fn open(
        &mut self,
        mut wait: impl FnMut(Duration) -> bool,
    ) -> Result<Option<Websocket>, String> {
        loop {
            match Websocket::open(&self.request()) {
                Ok(ws) => {
                    self.open_since = Some(Instant::now());
                    self.output.opened(("url", &self.url.to_string()), None, ws.sub_protocol());
                    return Ok(Some(ws));
                }
                Err(error) if self.arguments.reconnect && error.is_transient() => {
                    if !self.wait(&format!("{}: {error}", self.url), &mut wait) {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(format!("{}: {error}{}", self.url, advice(&error))),
            }
        }
    }

    /// Opens it again if it was lost and that was asked for; `None` if not, or if `wait` says that it is no use.
    ///
    /// # Errors
    /// As [`Opener::open`].
    pub(crate) fn open_again(
        &mut self,
        closed: &Closed,
        mut wait: impl FnMut(Duration) -> bool,
    ) -> Result<Option<Websocket>, String> {
        if !self.arguments.reconnect || !is_lost(closed.code) {
            return Ok(None);
        }
        if self.open_since.take().is_some_and(|since| since.elapsed() >= STABLE) {
            self.next_wait = FIRST_WAIT;
        }
        if !self.wait(&closed.to_string(), &mut wait) {
            return Ok(None);
        }
        self.open(wait)
    }

    fn wait(&mut self, why: &str, wait: &mut impl FnMut(Duration) -> bool) -> bool {
        let time = self.next_wait;
        self.next_wait = LONGEST_WAIT.min(time * 2);
        self.output.lost(why, time);
        wait(time)
    }

    fn request(&self) -> Request<'_> {
        let arguments = self.arguments;
        let mut request = self.url.request();
        if request.tls.is_some() {
            request = request.tls(match &self.ca {
                Some(ca) => Tls::only(ca),
                None if arguments.device_store => Tls::device_store(),
                None => Tls::default(),
            });
        }
        if let Some(origin) = &arguments.origins.last() {
            request = request.origin(origin);
        }
        for protocol in &arguments.protocols {
            request = request.sub_protocol(protocol);
        }
        for (name, value) in &arguments.headers {
            request = request.header(name, value);
        }
        if let Some(name) = &arguments.record {
            request = request.record(Record::new(RECORDINGS, name));
        }
        request.options(Deadlines::new().keepalive(arguments.ping))
    }
}

/// Whether a connection that ended so was lost: the peer went away, or is to be back (RFC 6455 section 7.4).
fn is_lost(code: CloseCode) -> bool {
    matches!(code.value(), 1001 | 1006 | 1011..=1014)
}

/// What can be done about it, where the error does not say so.
fn advice(error: &OpenError) -> &'static str {
    match error {
        OpenError::Refused { status: 401, .. } => {
            "; show who you are: wss://USER:PASSWORD@..., or --header 'Authorization: ...'"
        }
        OpenError::Refused { status: 403, .. } => "; it may want another --origin",
        OpenError::Refused { status: 301..=308, .. } => "; see its Location",
        OpenError::Refused { status: 404, .. } => "; look at the path",
        OpenError::Refused { status: 400 | 426, .. } => "; it may want a --protocol",
        OpenError::Failed { code, .. } => match code {
            Code::UnknownIssuer => {
                "; trust its authority with --ca FILE, or the user's roots with --device-store"
            }
            Code::NotTls | Code::TlsClosed => "; perhaps it is ws:// in place of wss://",
            Code::BadReply | Code::Lost => "; perhaps it is wss:// in place of ws://, or another port",
            Code::Connect => "; is it running, and is this its port?",
            Code::Resolve => "; look at the name, and at the network",
            Code::NoTls => "; the service was built without it",
            _ => "",
        },
        _ => "",
    }
}
