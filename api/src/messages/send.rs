//! What is chosen per message, and sends that are not waited for.

use std::collections::VecDeque;
use std::sync::Arc;

use xous::CID;

use crate::connection::link::{Link, lock};
use crate::error::SendError;
use crate::push::forward;
use crate::wire::{PAGE_SIZE, Pages};
use crate::{Code, Kind, Part};

/// The longest part that goes to the service at a time. Four pages carry 2.4 times as much per time as one, and more
/// pages hardly more.
pub(crate) const SEND_CHUNK: usize = 4 * PAGE_SIZE;
/// The most messages of a connection that wait to be sent and reported.
const MAX_QUEUED: usize = 16;

/// How a message is sent: [`Websocket::send_with`](crate::Websocket::send_with).
///
/// ```no_run
/// use xous_api_websocket::{Kind, SendOptions, Websocket};
///
/// const SENT: usize = 7;
///
/// fn send(ws: &Websocket, own_server: xous::CID, photo: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
///     // Goes on at once. The server hears with the opcode SENT when the photo is with the socket.
///     ws.send_with(Kind::Binary, photo, SendOptions::new().report_to(own_server, SENT).tag(1))?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[must_use]
pub struct SendOptions {
    /// Frames of at most this many payload bytes, each an own message to the service; 0 leaves it to the connection
    /// ([`ConnectionOptions::fragment_size`](crate::ConnectionOptions)).
    pub frame_size: u32,
    /// A server of this process that is told when the message has been sent, and the opcode. Without one, sending is
    /// waited for.
    pub report_to: Option<(CID, usize)>,
    /// What the report says besides, to tell messages apart.
    pub tag: usize,
}

impl SendOptions {
    /// Sends and waits until the socket has the message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends frames of at most this many payload bytes.
    pub fn frame_size(mut self, bytes: u32) -> Self {
        self.frame_size = bytes;
        self
    }

    /// Does not wait. When the socket has the message, or it could not be sent, the server behind `cid` gets a scalar with
    /// `opcode`: the tag, 0 or the number of a [`Code`], bytes of the message, and the connection's
    /// [`Handle`](crate::wire::Handle).
    pub fn report_to(mut self, cid: CID, opcode: usize) -> Self {
        self.report_to = Some((cid, opcode));
        self
    }

    /// With this number in the report.
    pub fn tag(mut self, tag: usize) -> Self {
        self.tag = tag;
        self
    }
}

/// Messages that wait to be sent and reported, in order.
///
/// Who competes: threads that send, and one thread that takes. Full: the message is refused.
#[derive(Default)]
pub(crate) struct Queue {
    messages: VecDeque<Queued>,
    /// A thread takes them.
    taken: bool,
}

struct Queued {
    kind: Kind,
    /// Empty while it is being sent.
    data: Vec<u8>,
    len: usize,
    options: SendOptions,
    server: (CID, usize),
}

impl Queue {
    /// How many wait, and their bytes. The one that is being sent is among them.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.messages.len(), self.messages.iter().map(|message| message.len).sum())
    }
}

/// Sends a message as `options` say.
pub(crate) fn send(link: &Arc<Link>, kind: Kind, data: &[u8], options: SendOptions) -> Result<(), SendError> {
    match options.report_to {
        None => send_whole(link, kind, data, options.frame_size),
        Some(server) => enqueue(link, Queued { kind, data: data.to_vec(), len: data.len(), options, server }),
    }
}

fn enqueue(link: &Arc<Link>, message: Queued) -> Result<(), SendError> {
    let mut queue = lock(&link.queue);
    if queue.messages.len() >= MAX_QUEUED {
        return Err(SendError::Busy(Code::BusyQueue));
    }
    queue.messages.push_back(message);
    if !queue.taken {
        let sender = link.clone();
        if forward::start(Box::new(move || send_queued(&sender))).is_err() {
            queue.messages.pop_back();
            return Err(SendError::Busy(Code::NoWorker));
        }
        queue.taken = true;
    }
    Ok(())
}

/// Sends what waits until nothing does.
fn send_queued(link: &Arc<Link>) {
    while let Some(Queued { kind, data, len, options, server: (cid, opcode) }) = next(link) {
        let code = match send_whole(link, kind, &data, options.frame_size) {
            Ok(()) => 0,
            Err(SendError::Closed) => Code::Closed as usize,
            Err(SendError::Busy(code) | SendError::Refused(code)) => code as usize,
            Err(SendError::Kernel) => Code::Malformed as usize,
        };
        let handle = link.handle.to_raw() as usize;
        let report = xous::Message::new_scalar(opcode, options.tag, code, len, handle);
        lock(&link.queue).messages.pop_front();
        // A server that is gone misses nothing.
        xous::send_message(cid, report).ok();
    }
}

/// The first one, which stays among those that are counted until it is sent.
fn next(link: &Link) -> Option<Queued> {
    let mut queue = lock(&link.queue);
    match queue.messages.front_mut() {
        Some(first) => {
            let Queued { kind, len, options, server, .. } = *first;
            Some(Queued { kind, data: std::mem::take(&mut first.data), len, options, server })
        }
        None => {
            queue.taken = false;
            None
        }
    }
}

/// Sends a whole message, in frames of at most `frame_size` bytes if it is not 0.
pub(crate) fn send_whole(link: &Link, kind: Kind, data: &[u8], frame_size: u32) -> Result<(), SendError> {
    let mut outgoing = link.outgoing()?;
    let pages = outgoing.pages(link)?;
    let most = match usize::try_from(frame_size) {
        Ok(0) | Err(_) => SEND_CHUNK,
        Ok(size) => size.min(SEND_CHUNK),
    };
    send_parts(link, pages, kind, Part::Whole, data, most)
}

/// Sends `data` as `part`.
pub(crate) fn send_part(link: &Link, kind: Kind, part: Part, data: &[u8]) -> Result<(), SendError> {
    let mut outgoing = link.outgoing()?;
    send_parts(link, outgoing.pages(link)?, kind, part, data, SEND_CHUNK)
}

/// Sends `data` as `part`, cut to chunks of at most `most` bytes that are parts themselves.
pub(crate) fn send_parts(
    link: &Link,
    pages: &mut Pages,
    kind: Kind,
    part: Part,
    data: &[u8],
    most: usize,
) -> Result<(), SendError> {
    if data.len() > pages.bytes().len() {
        *pages = Pages::new(data.len().min(SEND_CHUNK));
    }
    let begins = matches!(part, Part::Whole | Part::First);
    let ends = matches!(part, Part::Whole | Part::Last);
    let (mut rest, mut session) = (data, 0);
    loop {
        let (chunk, later) = rest.split_at(rest.len().min(most));
        let first = begins && rest.len() == data.len();
        let last = ends && later.is_empty();
        let part = match (first, last) {
            (true, true) => Part::Whole,
            (true, false) => Part::First,
            (false, false) => Part::Middle,
            (false, true) => Part::Last,
        };
        pages.fill(chunk);
        session = link.send(pages, (kind, part), session, chunk.len())?;
        if later.is_empty() {
            return Ok(());
        }
        rest = later;
    }
}
