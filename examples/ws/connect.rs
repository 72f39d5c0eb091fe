//! Opens the connection that was asked for, and tells what becomes of it. The service opens it again.

use xous_api_websocket::error::OpenError;
use xous_api_websocket::open::Record;
use xous_api_websocket::{Code, Deadlines, Event, Reconnect, Request, Tls, Url, Websocket};

use crate::RECORDINGS;
use crate::arguments::Arguments;
use crate::output::Output;

/// Who opens connections.
pub(crate) struct Opener<'a> {
    arguments: &'a Arguments,
    output: &'a Output,
    /// Shown without its password.
    url: Url,
    /// The only authorities to trust.
    ca: Option<Vec<u8>>,
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
        Ok(Opener { arguments, output, url, ca })
    }

    /// Opens the connection, and says whether it is open. With `--reconnect` it need not be: [`Opener::told`].
    ///
    /// # Errors
    /// What failed, where, and what to do about it.
    pub(crate) fn open(&self) -> Result<(Websocket, bool), String> {
        let opened = Websocket::open(&self.request());
        let ws = opened.map_err(|error| format!("{}: {error}{}", self.url, advice(&error)))?;
        let is_open = ws.status() != 0;
        if is_open {
            self.opened(ws.sub_protocol());
        }
        Ok((ws, is_open))
    }

    /// Prints what the service has told of the connection, and says whether it is open now; `None` if it told something else.
    pub(crate) fn told(&self, event: &Event<'_>) -> Option<bool> {
        match event {
            Event::Reconnecting { why, closed, wait, .. } => {
                let why = match why {
                    Code::Closed | Code::NoPong => closed.to_string(),
                    // An attempt that has failed.
                    _ => format!("{}: {}", self.url, closed.reason),
                };
                self.output.lost(&why, *wait);
                Some(false)
            }
            Event::Reopened { sub_protocol, .. } => {
                self.opened(sub_protocol.as_deref());
                Some(true)
            }
            _ => None,
        }
    }

    fn opened(&self, protocol: Option<&str>) {
        self.output.opened(("url", &self.url.to_string()), None, protocol);
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
        if arguments.reconnect {
            request = request.reconnect(Reconnect::new().before_open(true));
        }
        if let Some(name) = &arguments.record {
            request = request.record(Record::new(RECORDINGS, name));
        }
        request.options(Deadlines::new().keepalive(arguments.ping))
    }
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
