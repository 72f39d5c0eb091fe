//! A port, as a program that serves on it holds it.

use std::fmt;

use xous::CID;

use crate::error::{AcceptError, ControlError, ListenError, SendError};
use crate::link::address::{Address, service};
use crate::push::forward;
use crate::state::statistics::parse_clients;
use crate::state::{ListenerState, PortState, PortStatistics, Statistics};
use crate::wire::{Accepted, Handle, Opcode, PAGE_SIZE, Pages, Refusal, Returned, SendWord, message_id};
use crate::{CloseCode, Code, Incoming, Kind, Listen, Part, Route, ServerTls, Websocket, serve::Decision};

/// A program's share of a port: its routes and its channels.
///
/// Several programs may listen on one port. A path belongs to the program that added it. When the listener is dropped, its
/// routes are removed and its connections stay open.
///
/// ```no_run
/// use xous_api_websocket::{Kind, Listen, Listener, Route};
///
/// fn news(stories: impl Iterator<Item = String>) -> Result<(), Box<dyn std::error::Error>> {
///     let listener = Listener::listen(&Listen::new("0.0.0.0", 8080))?;
///     listener.add_route(&Route::page("/", "text/html; charset=utf-8", b"<h1>News</h1>"))?;
///     listener.add_route(&Route::receiver("/news"))?;
///     let reader = listener.accept()?; // waits for a client; usually in a thread of its own
///     listener.join(&reader.websocket, "news")?;
///     for story in stories {
///         let readers = listener.broadcast("news", Kind::Text, story.as_bytes())?;
///         println!("{readers} readers");
///     }
///     Ok(())
/// }
/// ```
pub struct Listener {
    cid: CID,
    handle: Handle,
    port: u16,
}

impl Listener {
    /// The longest broadcast, in bytes. The service keeps a broadcast until the last member has it.
    pub const MAX_BROADCAST: usize = 64 * 1024;

    /// Listens on a port, or joins the listening of another program there, if that one lets others join and has asked for
    /// the same origins, limits, deadlines and certificate, or [`Listen::as_it_is`](Listen::as_it_is()) says that they do not matter.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn listen(listen: &Listen<'_>) -> Result<Listener, ListenError> {
        let cid = service().map_err(ListenError::Service)?;
        let mut pages = Pages::new(listen.encoded_len());
        let len = listen.write(pages.bytes_mut()).map_err(ListenError::Request)?;
        let id = message_id(Opcode::Listen, Handle::SOLE);
        let returned = pages.lend_mut(cid, id, 0, len, len.max(PAGE_SIZE)).map_err(ListenError::Service)?;
        let page = pages.bytes().get(..returned.valid).unwrap_or_default();
        if returned.offset != 0 {
            let code = Code::from_word(returned.offset);
            let text = Refusal::parse(page).map(|refusal| refusal.text.to_owned());
            return Err(text.map_or(ListenError::code(code), |text| ListenError::Failed { code, text }));
        }
        let [a, b, c, d, low, high] = page[..] else { return Err(ListenError::code(Code::Malformed)) };
        let handle = Handle::from_raw(u32::from_le_bytes([a, b, c, d]));
        let handle = handle.ok_or(ListenError::code(Code::Malformed))?;
        Ok(Listener { cid, handle, port: u16::from_le_bytes([low, high]) })
    }

    /// Gives the listener up, as dropping it does, while threads hold it: those that wait in [`Listener::accept`] are told
    /// [`AcceptError::Closed`]. Its routes are removed, and its connections stay open.
    pub fn close(&self) {
        xous::send_message(self.cid, xous::Message::new_scalar(self.id(Opcode::Unlisten), 0, 0, 0, 0)).ok();
    }

    /// The number of the port, also if any free one was asked for. 0 as long as the port could not be bound.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Adds a route, which works from this moment on. Returns its number.
    ///
    /// # Errors
    /// `Refused` with `RouteExists`, `BadRequest`, `NoRoute` or `TooLong`; `NotPermitted` for the prefix `/` on a port that
    /// another process has opened.
    pub fn add_route(&self, route: &Route<'_>) -> Result<u16, ControlError> {
        let mut pages = Pages::new(route.encoded_len());
        let len = route.write(pages.bytes_mut()).map_err(|_| ControlError::Refused(Code::TooLong))?;
        let returned =
            pages.lend(self.cid, self.id(Opcode::AddRoute), 0, len).map_err(|_| ControlError::Kernel)?;
        match returned.offset {
            0 => Ok(returned.valid as u16),
            code => Err(ControlError::from_code(Code::from_word(code))),
        }
    }

    /// Removes a route. Its connections stay.
    ///
    /// # Errors
    /// `Refused(NoRoute)` if no route has that number.
    pub fn remove_route(&self, route: u16) -> Result<(), ControlError> {
        self.ask(Opcode::RemoveRoute, usize::from(route)).map(|_| ())
    }

    /// Waits for the next client of any of the routes.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn accept(&self) -> Result<Incoming, AcceptError> {
        self.accept_from(0)
    }

    /// Waits for the next client of one route, or of any route if `route` is 0. Lets it in if the route decides.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn accept_from(&self, route: u16) -> Result<Incoming, AcceptError> {
        self.accept_if(route, |_| Decision::accept())
    }

    /// Waits for the next client of one route, or of any route if `route` is 0, that `decide` lets in. `decide` is asked
    /// about clients of routes that [decide](crate::Route::decides()), before they are answered; those that have gone
    /// meanwhile are passed over.
    ///
    /// # Errors
    /// See [`AcceptError`]; `Refused(BadRequest)` for a decision that cannot be sent.
    pub fn accept_if<'d>(
        &self,
        route: u16,
        mut decide: impl FnMut(&Accepted<'_>) -> Decision<'d>,
    ) -> Result<Incoming, AcceptError> {
        let mut page = Pages::new(Accepted::PAGES * PAGE_SIZE);
        loop {
            let returned =
                accept(&mut page, self.cid, self.handle, route).map_err(|_| AcceptError::Kernel)?;
            if returned.offset != 0 {
                return Err(AcceptError::from_code(Code::from_word(returned.offset)));
            }
            let page = page.bytes().get(..returned.valid).unwrap_or_default();
            let accepted = Accepted::parse(page).ok_or(AcceptError::Kernel)?;
            if let Some(incoming) = Incoming::decided(self.cid, &accepted, &mut decide)? {
                return Ok(incoming);
            }
        }
    }

    /// Lends every client to `cid` from now on, with `opcode` as message id. The message has an [`Accepted`] in the
    /// first `valid` bytes, which [`Incoming::from_page`] takes, and no `offset`. The next client comes when this
    /// lend has returned. When the listener is given up, a last message has a [`Code`] in `offset`. `cid` is a
    /// connection of this process.
    ///
    /// Runs on a thread of this process, which is used again when the listener has been given up. If the receiver's
    /// server goes away, the client that was meant for it is closed with 1001, and no other is taken.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn forward_to(&self, cid: CID, opcode: usize) -> std::io::Result<()> {
        let (service, listener) = (self.cid, self.handle);
        forward::lend_on(
            (cid, opcode),
            Accepted::PAGES,
            move |page| accept(page, service, listener, 0),
            move |page| {
                if let Some(Accepted { handle, .. }) = Accepted::parse(page) {
                    Address { cid: service, handle }.going_away();
                }
            },
        )
    }

    /// Joins a connection of this program to a channel. The first member makes the channel.
    ///
    /// # Errors
    /// `Closed` if the connection has ended; `Refused` with `TooLong` or `NoChannel`.
    pub fn join(&self, websocket: &Websocket, channel: &str) -> Result<(), ControlError> {
        self.member(Opcode::Join, websocket, channel)
    }

    /// Takes a connection out of a channel.
    ///
    /// # Errors
    /// As [`Listener::join`].
    pub fn leave(&self, websocket: &Websocket, channel: &str) -> Result<(), ControlError> {
        self.member(Opcode::Leave, websocket, channel)
    }

    /// Sends a message to all members of a channel without waiting for any. Returns how many of them will get it.
    ///
    /// # Errors
    /// `Refused` with `TooLong` for more than [`Listener::MAX_BROADCAST`].
    pub fn broadcast(&self, channel: &str, kind: Kind, data: &[u8]) -> Result<usize, SendError> {
        let name = u16::try_from(channel.len()).map_err(|_| SendError::Refused(Code::TooLong))?;
        if data.len() > Self::MAX_BROADCAST {
            return Err(SendError::Refused(Code::TooLong));
        }
        let len = 2 + channel.len() + data.len();
        let mut pages = Pages::new(len);
        let (head, rest) = pages.bytes_mut().split_at_mut(2);
        head.copy_from_slice(&name.to_le_bytes());
        rest[..channel.len()].copy_from_slice(channel.as_bytes());
        rest[channel.len()..channel.len() + data.len()].copy_from_slice(data);
        let word = SendWord::Data(kind, Part::Whole).to_word();
        let returned =
            pages.lend(self.cid, self.id(Opcode::Broadcast), word, len).map_err(|_| SendError::Kernel)?;
        match returned.offset {
            0 => Ok(returned.valid),
            code => Err(SendError::from_code(Code::from_word(code))),
        }
    }

    /// Shows clients another certificate from now on. Open connections stay as they are. Only the process that has
    /// opened the port may do this, or the next one that has asked for the very same when that one had gone.
    ///
    /// # Errors
    /// `Refused` with `BadRequest` if the certificate cannot be used, `NotPermitted` for another process,
    /// `ClockNotSet` if clients are to be checked, or `NoPddb`, `NoPddbKey`, `BadPddbKey` or `PddbFailed` for what is
    /// in the PDDB. The port then keeps what it had.
    pub fn renew(&self, tls: &ServerTls<'_>) -> Result<(), ControlError> {
        let mut pages = Pages::new(tls.encoded_len());
        let len = tls.write(pages.bytes_mut()).map_err(|_| ControlError::Refused(Code::TooLong))?;
        let returned =
            pages.lend(self.cid, self.id(Opcode::Renew), 0, len).map_err(|_| ControlError::Kernel)?;
        match returned.offset {
            0 => Ok(()),
            code => Err(ControlError::from_code(Code::from_word(code))),
        }
    }

    /// A new code of a port that [pairs](Listen::pairing), in place of the last: eight letters and digits, to be shown
    /// to people, as text or in the fragment of an address (`http://192.0.2.1:8080/#CODE`), which is never sent. Only
    /// for the process whose port it is, as with [`Listener::renew`].
    ///
    /// # Errors
    /// `Refused` with `NotPermitted`, `Entropy` or `NoWorker`; `Busy` if two calls for codes or certificates are underway already.
    pub fn pairing_code(&self) -> Result<String, ControlError> {
        let mut page = Pages::new(PAGE_SIZE);
        let returned = page
            .lend_mut(self.cid, self.id(Opcode::Pair), 0, 0, PAGE_SIZE)
            .map_err(|_| ControlError::Kernel)?;
        if returned.offset != 0 {
            return Err(ControlError::from_code(Code::from_word(returned.offset)));
        }
        let code = page.bytes().get(..returned.valid).unwrap_or_default();
        String::from_utf8(code.to_vec()).map_err(|_| ControlError::Kernel)
    }

    /// Where the port stands.
    ///
    /// # Errors
    /// Only those of the kernel.
    pub fn state(&self) -> Result<ListenerState, ControlError> {
        let (state, connections) = self.ask(Opcode::ListenerState, 0)?;
        let port = num_traits::FromPrimitive::from_usize(state).unwrap_or(PortState::Closed);
        Ok(ListenerState { port, connections })
    }

    /// What has passed on the port by the routes of this listener, and who was refused there.
    ///
    /// # Errors
    /// `Closed` if the listener is not there any more.
    pub fn statistics(&self) -> Result<PortStatistics, ControlError> {
        self.report(Opcode::PortStatistics, 0, PortStatistics::parse)
    }

    /// Who is connected to the port by the routes of this listener: all WebSockets, those that bring files and those that
    /// another program was granted among them. Those that bring files, or watch a status route, are the service's:
    /// [`Listener::close_client`] is all that can be done with their handles.
    ///
    /// # Errors
    /// As [`Listener::statistics`].
    pub fn clients(&self) -> Result<Vec<Statistics>, ControlError> {
        let mut clients = Vec::new();
        loop {
            let more = self.report(Opcode::Clients, clients.len(), parse_clients)?;
            if more.is_empty() {
                return Ok(clients);
            }
            clients.extend(more);
        }
    }

    /// Closes the connection of one of the [`clients`](Listener::clients) at once, whichever program owns it now. Its owner is
    /// told this code and "closed by the port".
    ///
    /// # Errors
    /// `Closed` if there is no such client any more, `Refused(Malformed)` for a code that may not be sent.
    pub fn close_client(&self, client: Handle, code: impl Into<CloseCode>) -> Result<(), ControlError> {
        let code = usize::from(code.into().value());
        self.ask_two(Opcode::CloseClient, client.to_raw() as usize, code).map(|_| ())
    }

    fn report<T>(
        &self,
        opcode: Opcode,
        offset: usize,
        parse: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, ControlError> {
        let mut page = Pages::new(PAGE_SIZE);
        let returned = page
            .lend_mut(self.cid, self.id(opcode), offset, 0, PAGE_SIZE)
            .map_err(|_| ControlError::Kernel)?;
        if returned.offset != 0 {
            return Err(ControlError::from_code(Code::from_word(returned.offset)));
        }
        let read = page.bytes().get(..returned.valid).and_then(parse);
        read.ok_or(ControlError::Refused(Code::Malformed))
    }

    fn member(&self, opcode: Opcode, websocket: &Websocket, channel: &str) -> Result<(), ControlError> {
        let mut pages = Pages::new(channel.len());
        pages.fill(channel.as_bytes());
        let connection = websocket.handle().to_raw() as usize;
        let returned = pages
            .lend(self.cid, self.id(opcode), connection, channel.len())
            .map_err(|_| ControlError::Kernel)?;
        match returned.offset {
            0 => Ok(()),
            code => Err(ControlError::from_code(Code::from_word(code))),
        }
    }

    fn ask(&self, opcode: Opcode, argument: usize) -> Result<(usize, usize), ControlError> {
        self.ask_two(opcode, argument, 0)
    }

    pub(crate) fn ask_two(
        &self,
        opcode: Opcode,
        one: usize,
        two: usize,
    ) -> Result<(usize, usize), ControlError> {
        let message = xous::Message::new_blocking_scalar(self.id(opcode), one, two, 0, 0);
        match xous::send_message(self.cid, message) {
            Ok(xous::Result::Scalar2(usize::MAX, code)) => {
                Err(ControlError::from_code(Code::from_word(code)))
            }
            Ok(xous::Result::Scalar2(one, two)) => Ok((one, two)),
            _ => Err(ControlError::Kernel),
        }
    }

    pub(crate) fn cid(&self) -> CID {
        self.cid
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle
    }

    pub(crate) fn id(&self, opcode: Opcode) -> usize {
        message_id(opcode, self.handle)
    }
}

/// Lends a page for the next client, and again when the service asks whether this process is still there.
fn accept(page: &mut Pages, service: CID, listener: Handle, route: u16) -> Result<Returned, xous::Error> {
    let id = message_id(Opcode::Accept, listener);
    loop {
        let returned = page.lend_mut(service, id, usize::from(route), 0, Accepted::PAGES * PAGE_SIZE)?;
        if returned.offset != Code::Again as usize {
            return Ok(returned);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Listener { handle, port, .. } = self;
        f.debug_struct("Listener").field("handle", handle).field("port", port).finish_non_exhaustive()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}
