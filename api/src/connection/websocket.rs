//! A connection, as its owner holds it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::certificate::Shown;
use crate::connection::answer::{ANSWER, ask};
use crate::error::{ControlError, OpenError, ReceiveError, SendError, Unopened};
use crate::link::Link;
use crate::link::address::{Address, service};
use crate::link::moved;
use crate::link::options::SendOptions;
use crate::messages::message::{self, Message};
use crate::messages::send;
use crate::push::forwarding::Forwarding;
use crate::state::{ConnectionState, Statistics};
use crate::sync::{lock, try_lock};
use crate::wire::{Handle, Opcode, PAGE_SIZE, Pages, ReceiveWord, SendWord, Status};
use crate::{CloseCode, Code, Kind, MessageWriter, Part, Payload, Request};
use xous::CID;

/// Most bytes of a close reason (RFC 6455 section 5.5.1).
const MAX_REASON: usize = 123;
/// Most bytes of a ping (RFC 6455 section 5.5).
const MAX_PING: usize = 125;

/// A connection of this process.
///
/// ```no_run
/// use std::thread;
/// use xous_api_websocket::{Request, Websocket};
///
/// fn chat(lines: impl Iterator<Item = String>) -> Result<(), Box<dyn std::error::Error>> {
///     let ws = Websocket::open(&Request::new("192.0.2.1", 8080).path("/chat"))?;
///     let receiver = ws.clone();
///     thread::spawn(move || {
///         while let Ok(text) = receiver.receive_text(4096) {
///             println!("{text}");
///         }
///     });
///     for line in lines {
///         ws.send_text(&line)?;
///     }
///     ws.close(1000, "done")?;
///     Ok(())
/// }
/// ```
///
/// Clones share it. When the last of them is dropped it closes with code 1000, and nothing waits for that. Any thread
/// may send while another receives. Messages of several threads are sent one after the other, never mixed.
#[derive(Clone)]
pub struct Websocket {
    pub(crate) link: Arc<Link>,
    /// The clones that a program holds share it. A thread that forwards does not.
    _owner: Arc<Owner>,
}

/// Closes the connection when the program lets go of it.
struct Owner(Arc<Link>);

impl Drop for Owner {
    fn drop(&mut self) {
        // Another thread that holds it then is sending, and the service has what was queued.
        if let Some(mut outgoing) = self.0.queued().or_else(|| try_lock(&self.0.outgoing)) {
            outgoing.give_up(&self.0.sending);
        }
        self.0.sending.given_up.notify_all();
        self.0.address().tell(Opcode::Close, 0, 0);
    }
}

impl fmt::Debug for Websocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Websocket")
            .field("handle", &self.handle())
            .field("sub_protocol", &self.sub_protocol())
            .finish_non_exhaustive()
    }
}

impl Websocket {
    /// Opens a connection. Waits until it is open, has failed, or the request's open deadline is over. If the service
    /// has not started yet, waits for it to be registered.
    ///
    /// # Errors
    /// See [`OpenError`]: it names what failed and where. Nothing is left behind.
    pub fn open(request: &Request<'_>) -> Result<Websocket, OpenError> {
        Self::open_with(request, ANSWER).map_err(|unopened| unopened.error)
    }

    /// As [`Websocket::open`]. If the server's certificate is not accepted, the error has what the server showed, so that
    /// a person can decide. Nothing is trusted by that: open again with [`Tls::pin`](crate::Tls::pin) or
    /// [`Tls::only`](crate::Tls::only), and the certificate is checked anew. Lends 16 KiB to the service meanwhile.
    ///
    /// # Errors
    /// Those of [`Websocket::open`].
    pub fn open_or_show(request: &Request<'_>) -> Result<Websocket, Unopened> {
        Self::open_with(request, Shown::PAGE_BYTES)
    }

    /// Lends at least `room` bytes for the answer.
    fn open_with(request: &Request<'_>, room: usize) -> Result<Websocket, Unopened> {
        let cid = service().map_err(OpenError::Service)?;
        let mut pages = Pages::new(request.encoded_len().max(room));
        let len = request.write(pages.bytes_mut()).map_err(OpenError::Request)?;
        let reply = ask(Address { cid, handle: Handle::SOLE }, Opcode::Open, &mut pages, 0, len)?;
        let address = Address { cid, handle: reply.handle };
        Ok(Self::adopt(Link::new(address, reply.status, reply.sub_protocol, reply.head)))
    }

    /// Takes over a connection that another process has granted to this one. The server's answer to the opening
    /// handshake is not known here.
    ///
    /// # Errors
    /// The service is not running.
    pub fn from_granted(handle: Handle) -> Result<Websocket, xous::Error> {
        Ok(Self::adopt(Link::new(Address { cid: service()?, handle }, 101, None, &[])))
    }

    pub(crate) fn adopt(link: Link) -> Websocket {
        let link = Arc::new(link);
        Websocket { _owner: Arc::new(Owner(link.clone())), link }
    }

    /// The connection's name in raw messages.
    pub fn handle(&self) -> Handle {
        self.link.address().handle
    }

    /// The sub-protocol that the server chose.
    pub fn sub_protocol(&self) -> Option<&str> {
        self.link.sub_protocol.as_deref()
    }

    /// The status of the server's answer to the opening handshake: 101.
    pub fn status(&self) -> u16 {
        self.link.status
    }

    /// The other side's head in the opening handshake, as it came: the server's status line and headers, or, of an
    /// accepted client, the request line and headers. What a client comes in with elsewhere is not shown: an accepted one's
    /// cookies of [pairings](crate::Listen::pairing()) have an `x` for each byte of their values, and its `Authorization` is
    /// left out on a route with [`credentials`](crate::Route::credentials()), and on a port that another program has opened.
    pub fn peer_head(&self) -> &[u8] {
        &self.link.head
    }

    /// Sends a text message. Returns when the socket has taken it.
    ///
    /// # Errors
    /// See [`SendError`]. If a message of more than 16 KiB fails in the middle, nothing more can be sent on the
    /// connection: close it.
    pub fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.send_message(Kind::Text, text.as_bytes())
    }

    /// Sends a binary message. Returns when the socket has taken it.
    ///
    /// # Errors
    /// As [`Websocket::send_text`].
    pub fn send_binary(&self, data: &[u8]) -> Result<(), SendError> {
        self.send_message(Kind::Binary, data)
    }

    /// Sends a message, text or binary, such as one that was received. Returns when the socket has taken it.
    ///
    /// # Errors
    /// As [`Websocket::send_text`].
    pub fn send(&self, message: &Payload) -> Result<(), SendError> {
        self.send_message(message.kind(), message.as_bytes())
    }

    /// Sends a message in a way that is chosen for it alone: in frames of a size, or without waiting and with a report to a
    /// server of this process. Messages that are reported are sent one after the other, by a thread of this process that
    /// is used again, and those that are waited for go between them.
    ///
    /// # Errors
    /// As [`Websocket::send_text`]. With a report, `Busy` if 16 messages of the connection wait for theirs, or if no
    /// thread can be had; what becomes of the message is in the report.
    pub fn send_with(&self, kind: Kind, data: &[u8], options: SendOptions) -> Result<(), SendError> {
        send::send(&self.link, kind, data, options)
    }

    /// Begins a message that is written piece by piece: a [`std::io::Write`]. While it is held, messages of other threads
    /// wait, and what its own thread sends otherwise is refused with `MessageOpen`.
    pub fn writer(&self, kind: Kind) -> MessageWriter<'_> {
        MessageWriter::new(&self.link, kind)
    }

    /// Sends one part of a message that the caller divides into first, middle and last. A part of at most 16 KiB is
    /// one frame. Between the parts no other message can be sent on the connection.
    ///
    /// # Errors
    /// `Refused(MessageOpen)` if the part is out of order.
    pub fn send_fragment(&self, kind: Kind, part: Part, data: &[u8]) -> Result<(), SendError> {
        send::send_part(&self.link, kind, part, data)
    }

    /// Gives the service a whole message and returns at once, or when the service's message queue has room. Goes behind what
    /// is queued ([`Websocket::queue`]). If another thread is sending that and the peer takes nothing, the first call waits
    /// a quarter of a second, until the service has it for sure.
    ///
    /// Messages that are sent so stay in order. One may overtake a message that was sent before it with a report
    /// ([`SendOptions::report_to`]) and still waits in this process. Where their order matters, send both in the same way.
    ///
    /// What fails later is counted in [`Websocket::state`] (`failed_sends`): text that is not UTF-8, a message that meets the
    /// end of the connection or one that is [opened again](crate::Reconnect), and, when other processes have taken what all
    /// have together, `BusyService`.
    ///
    /// # Errors
    /// `Busy(BusyQueue)` if as many messages of the connection wait as may, `Busy(BusyMessages)` if as many of the process
    /// do. The message is then not sent. [`Websocket::send_binary`] finds a place nevertheless, and waits. The same is true of
    /// what is queued before it, which takes a place as one message does: without one it stays queued.
    pub fn send_async(&self, kind: Kind, data: &[u8]) -> Result<(), SendError> {
        if let Some(mut outgoing) = self.link.queued() {
            outgoing.give_queued(&self.link.sending)?;
        }
        moved::send(self.link.address(), &self.link.sending.places, kind, data)
    }

    /// Sends a Ping frame of at most 125 bytes (RFC 6455 section 5.5.2). The peer's pong is not reported.
    ///
    /// # Errors
    /// `Refused(TooLong)` for more than 125 bytes.
    pub fn ping(&self, data: &[u8]) -> Result<(), SendError> {
        if data.len() > MAX_PING {
            return Err(SendError::Refused(Code::TooLong));
        }
        let mut outgoing = self.link.outgoing()?;
        let pages = outgoing.pages(&self.link.sending)?;
        pages.fill(data);
        self.link.address().lend_send(pages, SendWord::Ping.to_word(), data.len())?;
        Ok(())
    }

    /// Waits for the next message and returns it as a stream. When the stream is dropped, the rest of the message is
    /// discarded. While one thread holds a message, others wait here.
    ///
    /// # Errors
    /// `Closed` when the connection has ended.
    pub fn receive(&self) -> Result<Message<'_>, ReceiveError> {
        Message::next(&self.link, lock(&self.link.incoming), None)
    }

    /// Waits for the next message for at most this time, in milliseconds and at least one. The time is for its
    /// beginning: a message that has begun to come is returned, and its stream waits for the rest as long as
    /// [`Websocket::receive`] would. While another thread holds a message or receives, this waits for that thread, however
    /// long it takes.
    ///
    /// # Errors
    /// `NothingCame` when the time is over; nothing is lost by that. `Closed` when the connection has ended.
    pub fn receive_for(&self, time: Duration) -> Result<Message<'_>, ReceiveError> {
        // More than the clock can say is without an end.
        Message::next(&self.link, lock(&self.link.incoming), Instant::now().checked_add(time))
    }

    /// Waits for the next message, which must be text of at most `limit` bytes.
    ///
    /// # Errors
    /// `TooLong` if it is longer, `NotText` if it is binary, `NoMemory` if the heap has no room for it (see
    /// [`Message::into_bytes`]). The message is then discarded.
    pub fn receive_text(&self, limit: usize) -> Result<String, ReceiveError> {
        let mut inbox = lock(&self.link.incoming);
        if let Some(text) = message::text_here(&mut inbox, limit) {
            return text;
        }
        Message::next(&self.link, inbox, None)?.into_text(limit)
    }

    /// Waits for the next message, text or binary, of at most `limit` bytes.
    ///
    /// # Errors
    /// `TooLong` if it is longer, `NoMemory` if the heap has no room for it (see [`Message::into_bytes`]). The
    /// message is then discarded.
    pub fn receive_whole(&self, limit: usize) -> Result<Payload, ReceiveError> {
        let mut bytes = Vec::new();
        let kind = self.receive_into(&mut bytes, limit)?;
        message::payload(kind, bytes)
    }

    /// Waits for the next message, text or binary, of at most `limit` bytes, and puts it into `bytes` in the place of what
    /// they hold. A program that receives many messages with the same vector asks the heap for nothing, which is
    /// most of what a short message costs its receiver. Returns the kind; a text is whole and UTF-8.
    ///
    /// # Errors
    /// As [`Websocket::receive_whole`]. Nothing of use is in `bytes` then.
    ///
    /// ```no_run
    /// use xous_api_websocket::{Websocket, error::ReceiveError};
    ///
    /// fn sum(ws: &Websocket) -> Result<u64, ReceiveError> {
    ///     let (mut samples, mut sum) = (Vec::new(), 0);
    ///     loop {
    ///         match ws.receive_into(&mut samples, 4096) {
    ///             Ok(_) => sum += samples.iter().map(|sample| u64::from(*sample)).sum::<u64>(),
    ///             Err(ReceiveError::Closed(_)) => return Ok(sum),
    ///             Err(error) => return Err(error),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn receive_into(&self, bytes: &mut Vec<u8>, limit: usize) -> Result<Kind, ReceiveError> {
        bytes.clear();
        message::next_into(&self.link, lock(&self.link.incoming), bytes, limit)
    }

    /// Lends every chunk to `cid` from now on, in order, with `opcode` as message id. The data is in the first
    /// `valid` bytes, and a [`ReceiveWord`] in `offset`. The next chunk comes when this lend has returned, so the
    /// receiver sets the pace. The last message has the status `Closed`. `cid` is a connection of this process.
    ///
    /// One thread of this process does so for all connections that are forwarded: a server that keeps a lend keeps the
    /// others waiting, too. It replaces another forwarding of this connection. If the receiver's server goes away, the
    /// connection is closed with 1001. [`Forwarding::stop`] ends it before. [`Chunk`](crate::push::Chunk)
    /// and [`Assembler`](crate::push::Assembler) read what comes.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn forward_to(&self, cid: CID, opcode: usize) -> std::io::Result<Forwarding> {
        crate::push::forwarding::chunks(self.link.clone(), cid, opcode)
    }

    /// Closes the connection. What was sent or queued before still goes out, also if no place is free. Then the closing handshake is awaited, up to the
    /// close deadline. Code 0 sends 1000. Returns the code of the peer's Close frame, also if it came before:
    /// [`CloseCode::NONE`] if the frame had no code, [`CloseCode::ABNORMAL`] if no frame came.
    ///
    /// # Errors
    /// `Closed` if this process has closed it before, `Refused(TooLong)` for a reason of more than 123 bytes,
    /// `Refused(Malformed)` for a code that may not be sent ([`CloseCode::may_be_sent`]).
    pub fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<CloseCode, ControlError> {
        self.close_with(code.into(), reason)
    }

    fn close_with(&self, code: CloseCode, reason: &str) -> Result<CloseCode, ControlError> {
        if reason.len() > MAX_REASON {
            return Err(ControlError::Refused(Code::TooLong));
        }
        if let Some(mut outgoing) = self.link.queued() {
            outgoing.give_last(&self.link.sending);
        }
        let mut page = Pages::new(reason.len());
        page.fill(reason.as_bytes());
        let returned = page
            .lend(
                self.link.address().cid,
                self.link.address().id(Opcode::Close),
                usize::from(code.value()),
                reason.len(),
            )
            .map_err(|_| ControlError::Kernel)?;
        match ReceiveWord::from_word(returned.offset).map(|word| word.status) {
            Some(Status::Closed { code: 0 }) => Err(ControlError::Closed),
            Some(Status::Closed { code }) => Ok(code.into()),
            Some(Status::Refused(code)) => Err(ControlError::from_code(Code::from_word(usize::from(code)))),
            _ => Err(ControlError::Kernel),
        }
    }

    /// Where the connection stands.
    ///
    /// # Errors
    /// Only those of the kernel. A connection that has ended is [`Phase::Closed`](crate::state::Phase::Closed), which is no error.
    pub fn state(&self) -> Result<ConnectionState, ControlError> {
        let id = self.link.address().id(Opcode::Liveness);
        let message = xous::Message::new_blocking_scalar(id, 0, 0, 0, 0);
        let Ok(xous::Result::Scalar5(phase, failed, last, least, mean)) =
            xous::send_message(self.link.address().cid, message)
        else {
            return Err(ControlError::Kernel);
        };
        let state = ConnectionState::from_words([phase, failed, last, least, mean]);
        let (here, bytes_here) = lock(&self.link.queue).counts();
        // Another thread that holds it is sending: the service knows of what was queued.
        let (queued, bytes_queued) =
            try_lock(&self.link.outgoing).map_or((0, 0), |outgoing| outgoing.counts());
        let (there, bytes_there) = match self.link.address().ask(Opcode::Queued, 0)? {
            // A service that does not know.
            (usize::MAX, _) => (0, 0),
            queued => queued,
        };
        let queued_sends = here.saturating_add(queued).saturating_add(there);
        let queued_bytes = bytes_here.saturating_add(bytes_queued).saturating_add(bytes_there);
        Ok(ConnectionState { queued_sends, queued_bytes, ..state })
    }

    /// What has passed on the connection since it was opened, with whom, and how the one before it ended. Messages that
    /// this program keeps until the opening is over are not among those that wait.
    ///
    /// # Errors
    /// Only those of the kernel. Of a connection that has ended its end is all that is known.
    pub fn statistics(&self) -> Result<Statistics, ControlError> {
        let mut page = Pages::new(PAGE_SIZE);
        let returned = page
            .lend_mut(self.link.address().cid, self.link.address().id(Opcode::Statistics), 0, 0, PAGE_SIZE)
            .map_err(|_| ControlError::Kernel)?;
        if returned.offset != 0 {
            return Err(ControlError::from_code(Code::from_word(returned.offset)));
        }
        let read = page.bytes().get(..returned.valid).and_then(Statistics::parse);
        read.ok_or(ControlError::Refused(Code::Malformed))
    }

    /// Pings the peer after this silence from now on, and gives it up as long after it has not answered, as
    /// [`Deadlines::keepalive`](crate::Deadlines::keepalive) and [`pong`](crate::Deadlines::pong) say. `None` for no pings.
    ///
    /// # Errors
    /// `Closed` when the connection has ended and is not [opened again](crate::Reconnect). Between two sessions it is for the
    /// next one.
    pub fn set_keepalive(&self, keepalive: Option<Duration>, pong: Duration) -> Result<(), ControlError> {
        let ms = |wait: Duration| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX) as usize;
        let silence = keepalive.map_or(0, |silence| ms(silence).max(1));
        let id = self.link.address().id(Opcode::Keepalive);
        let message = xous::Message::new_blocking_scalar(id, silence, ms(pong), 0, 0);
        match xous::send_message(self.link.address().cid, message) {
            Ok(xous::Result::Scalar2(0, _)) => Ok(()),
            Ok(xous::Result::Scalar2(_, code)) => Err(ControlError::from_code(Code::from_word(code))),
            _ => Err(ControlError::Kernel),
        }
    }

    /// Hands the connection to the process `pid`, which takes it up with [`Websocket::from_granted`] within the stall
    /// deadline. It begins with whole messages; [`Opcode::Grant`] says what becomes of those that are under way. Those that
    /// have come to this process and that it has not received are the other's, but for what came together with a message
    /// that another thread holds at this moment.
    ///
    /// # Errors
    /// `Closed` if it is not this process's or is being closed, `Refused(Reconnecting)` while it is
    /// [opened again](crate::Reconnect), `Refused(Malformed)` if no process has such a number, `Busy` if what is queued
    /// ([`Websocket::queue`]) finds no place at all: flush before. As after any error of this call, the connection closes
    /// unless there is another clone: who means to try again hands over a clone, and drops the other one behind that.
    pub fn grant(self, pid: xous::PID) -> Result<Handle, ControlError> {
        let pid = usize::from(pid.get());
        if let Some(mut outgoing) = self.link.queued() {
            outgoing.hand_over(&self.link.sending).map_err(not_handed_over)?;
        }
        let mut inbox = try_lock(&self.link.incoming);
        let Some((pages, count)) = inbox.as_ref().and_then(|inbox| inbox.pack_rest()) else {
            return match self.link.address().ask(Opcode::Grant, pid)? {
                (usize::MAX, code) => Err(ControlError::from_code(Code::from_word(code))),
                _ => Ok(self.link.address().handle),
            };
        };
        let (id, all) = (self.link.address().id(Opcode::GrantWith), pages.bytes().len());
        match pages
            .lend(self.link.address().cid, id, pid | count << 8, all)
            .map_err(|_| ControlError::Kernel)?
            .offset
        {
            0 => {
                inbox.iter_mut().for_each(|inbox| inbox.drop_rest());
                Ok(self.link.address().handle)
            }
            code => Err(ControlError::from_code(Code::from_word(code))),
        }
    }

    fn send_message(&self, kind: Kind, data: &[u8]) -> Result<(), SendError> {
        send::send_whole(&self.link, kind, data, 0)
    }
}

/// Why what is queued did not go before a grant.
fn not_handed_over(error: SendError) -> ControlError {
    match error {
        SendError::Closed => ControlError::Closed,
        SendError::Busy(code) | SendError::Refused(code) => ControlError::from_code(code),
        SendError::Kernel => ControlError::Kernel,
    }
}
