//! What the service can be asked for.

/// The name under which the service is registered with xous-names.
pub const SERVER_NAME: &str = "_Websocket Service_";

/// The low 8 bits of a message id. The upper 24 are the [`Handle`](crate::wire::Handle) of the connection that is meant.
/// They are 0 for `Open`, `Stats`, and every opcode of an in-process server.
///
/// Every answer to a memory message carries a [`Code`](crate::Code) or a word in `offset`. A refused scalar is
/// answered with `Scalar2(usize::MAX, code)`. A message of the wrong kind, with an unknown opcode, or with a page
/// shorter than its `valid` is answered with a code as well, if it waits for an answer.
///
/// `Close`, `Send`, `State` and `Quit` have the numbers of the in-process library that came first.
#[derive(num_derive::FromPrimitive, num_derive::ToPrimitive, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Opcode {
    /// Closes a connection. What was queued is sent, then a Close frame. Then the peer's Close frame is awaited, up
    /// to the close deadline (RFC 6455 section 7.1.2).
    ///
    /// | | |
    /// |---|---|
    /// | scalar | `arg1` = close code, 0 for 1000; nothing is awaited |
    /// | scalar or blocking scalar with `arg2` = number of a session (see `Send`) | closes only if the connection is still open as it was then; nothing is awaited: `Scalar2(0, 0)` |
    /// | blocking scalar | as the first; `Scalar2(code, phase)` when the connection has ended: the code that the peer sent, 1005 if it sent none, 1006 if it vanished |
    /// | lend | `offset` = close code, 0 for 1000; `valid` bytes of UTF-8 reason (at most 123); the answer's `offset` is a [`ReceiveWord`](crate::wire::ReceiveWord) with status `Closed` and the peer's code, 0 if it is not a connection of the caller |
    ///
    /// What is still on its way goes to pages that wait or come in time. A peer that closes is answered when the caller has
    /// asked for more with every page that came back with a chunk, or the close deadline is over.
    ///
    /// It gets through, however many messages of the caller are open. If there is no place left to wait, the connection is
    /// closed all the same and the answer comes at once, with 1006.
    ///
    /// Errors: `Closed` (not a connection of the caller, or another session), `TooLong` (reason), `Malformed` (code or reason).
    Close = 1,
    /// Sends a message or a part of one.
    ///
    /// | | |
    /// |---|---|
    /// | lend | data in the first `valid` bytes, [`SendWord`](crate::wire::SendWord) in `offset` (none: one whole text message); answered with `offset` = none when the frame is with the socket, or with a code |
    /// | move | the same, queued; a failure is reported by the next `Receive` and counted in `State` |
    ///
    /// On a connection that is opened again ([`Reconnect`](crate::Reconnect)) each session has a number, which the answer to
    /// the lend has in `valid`; otherwise that is 0. With a [`RestWord`](crate::wire::RestWord) in `offset` a middle or last part
    /// is sent on that session only, so that nobody's message goes on behind a cut; on another one it is `Reconnecting`.
    ///
    /// Errors: `Closed`, `Malformed`, `MessageOpen`, `InvalidText`, `TooLong` (ping), `BusyQueue`,
    /// `BusyMessages`, `BusyService`, `Reconnecting`.
    Send = 3,
    /// Sends several whole messages, one after the other, as so many `Send`s would: lend mut of at most 16 KiB that are all
    /// valid, with the messages as a [`Packer`](crate::wire::Packer) puts them there; in `offset` how many. Answered with
    /// `offset` = none when the frames of all of them are with the socket. It takes one place of the queue. Moved, nobody is
    /// answered, and each that fails is counted in `State`.
    ///
    /// Messages that cannot be sent hold up no others. `offset` is `SomeUnsent` then, and the first `valid` bytes are as many
    /// codes: 0 for each message whose frame is with the socket, and a [`Code`](crate::Code) for each other. One that is not
    /// within the memory is `Malformed`, and so are all behind it.
    ///
    /// Errors in `offset`, for all of them: `Closed` (some may be out), `Malformed`, `BusyQueue`, `BusyMessages`, `BusyService`,
    /// `Reconnecting`. For one: `MessageOpen`, `InvalidText`, `Malformed`, `Closed`.
    SendSeveral = 41,
    /// How much may be moved with `Send` and will find room: blocking scalar, `Scalar5(sends, messages, bytes, 0, 0)`: places in
    /// the connection's queue, and of what the process may have open (`BusyMessages`) messages and bytes of their pages. It
    /// is the state behind everything that the process has sent before. Some room is left out, so that a message that is lent
    /// meanwhile finds a place. Other processes may take what all have together (`BusyService`).
    Room = 43,
    /// Reports on a connection: blocking scalar, `Scalar2(phase, failed)` with the
    /// [`Phase`](crate::state::Phase) and the number of queued sends that failed. A handle that is not the caller's
    /// gets phase `Closed`.
    State = 4,
    /// Ends an in-process server (blocking or plain scalar; `Scalar1(0)`). The service process refuses it
    /// (`NotPermitted`), as it serves every other process.
    Quit = 6,
    /// Opens a connection: lend mut of a [`Request`](crate::Request), answered by a [`Reply`](crate::wire::Reply)
    /// with `offset` = none, or by a code in `offset` and a [`Refusal`](crate::wire::Refusal) that says what failed and where.
    ///
    /// Status 0 and no head: it is not open yet, and attempts follow (`Reconnect::before_open`).
    /// With `offset` = 1 in the message the answer comes at once, with the handle and status 0. `WaitOpen` tells what came
    /// of it, and `Close` gives the opening up.
    ///
    /// Errors: `Malformed`, `BadRequest`, `NoTls`, `Resolve`, `Connect`, `Timeout`, `Lost`, `Refused`, `BadReply`,
    /// `LongReply`, `Entropy`, `NoWorker`, `BusyMessages`, `BusyService`; with TLS also `ClockNotSet`, `UnknownIssuer`,
    /// `WrongHost`, `Expired`, `NotYetValid`, `WrongPin`, `BadCertificate`, `NotTls`, `TlsFailed`, `TlsClosed`; with roots
    /// or an identity in the PDDB also `NoPddb`, `NoPddbKey`, `BadPddbKey`, `PddbFailed`.
    Open = 8,
    /// Takes the next chunk: lend mut of one or more pages, which the service keeps until there is a chunk. The
    /// answer has the chunk in the first `valid` bytes and a [`ReceiveWord`](crate::wire::ReceiveWord) in `offset`. Several
    /// pages may wait on one connection; they are filled in order.
    ///
    /// `offset` of the message is the most milliseconds to wait, or none. Then the answer has what there is of a chunk that
    /// has begun to come, or is `NothingCame`. Nothing is lost.
    ///
    /// Errors (in the word's status): `Closed`, `Malformed`, `BusyReceives`, `BusyMessages`, `BusyService`, `NothingCame`; `Again` if that
    /// is understood ([`Lease`](crate::Lease)).
    Receive = 9,
    /// Takes what there is, as `Receive`, but perhaps several messages: if more than one whole message is there, the answer
    /// has as many as fit ([`Status::Several`](crate::wire::Status::Several)), and `valid` is all that was lent. A message
    /// that is not whole is never waited for. Anything else is answered as a `Receive`.
    ReceiveSeveral = 47,
    /// Sends a whole message and takes the next one that comes, in the same pages: a `Send` and, when the socket has the
    /// message, a `ReceiveSeveral`. What comes is not matched with what was sent: it may have been on its way before.
    ///
    /// Lend mut of one or more pages: the message in the first `valid` bytes, an [`ExchangeWord`](crate::wire::ExchangeWord)
    /// in `offset`. The answer is that of a `ReceiveSeveral`, or [`Status::NotSent`](crate::wire::Status::NotSent) with a
    /// code. Whatever else the answer is, the message is with the socket. The service clears what it has sent in the
    /// pages before anything comes into them.
    ///
    /// The answer is `Reconnecting` only if the connection was lost behind the message. Word of an earlier end that the owner
    /// has not taken is dropped.
    ///
    /// Errors with `NotSent`: those of `Send`. Else those of `ReceiveSeveral`; of these `BusyReceives`, `NothingCame` and
    /// `Again` are followed by a `ReceiveSeveral`, not by another `Exchange`.
    Exchange = 42,
    /// Hands a connection over to another process: blocking scalar, `arg1` = its PID; `Scalar2(0, 0)`.
    ///
    /// Nothing that comes from then on goes to the former owner. Its pages are answered with `Closed`, the one that is
    /// being filled among them; a message that it has begun to send in parts ends with what it has sent; sends of its
    /// that fail later are not counted; the connection leaves its channels; a [`Record`](crate::open::Record) of it ends, and
    /// nothing is recorded when it is opened again. The new owner begins with whole messages: one
    /// that the former owner has got nothing of comes from its beginning, of another the rest is dropped.
    ///
    /// Whether there is such a process is not known. If it asks for nothing within the connection's stall deadline, the
    /// connection is closed with 1001. One that is [opened again](crate::Reconnect) is so also within that time.
    ///
    /// Errors: `Closed` (also one that is being opened or closed), `Reconnecting` (it is being opened again), `Malformed` (a number that no process has: 0, 1, the
    /// service's own, more than the kernel has places for), `NoWorker` (few are left, and the process has one).
    Grant = 10,
    /// As `Grant`, and the new owner first gets messages that the caller has got and not looked at: lend of them as a
    /// [`Packer`](crate::wire::Packer) has them, in at most 16 KiB that are all valid; in `offset` the PID in bits 0 to 7,
    /// and above how many there are.
    ///
    /// Errors in `offset`: those of `Grant`, and `Malformed` also for messages that are not within the memory, or a text
    /// that is not UTF-8.
    GrantWith = 48,
    /// Reports on the service: lend mut of one page, filled with [`Stats`](crate::state::Stats).
    Stats = 11,
    /// Listens on a port, or joins the service's listening there: lend mut of a [`Listen`](crate::Listen), answered
    /// when the port is bound or is known not to be: u32 handle of the listener and u16 port in the page with
    /// `offset` = none, or a code in `offset` and a text as with `Open`. The handle is a listener's, not a
    /// connection's.
    ///
    /// A program that joins must ask for the origins, limits, deadlines and certificate that the port has.
    ///
    /// Errors: `Malformed`, `BadRequest`, `PortInUse`, `NoListener`, `BusyMessages`, `BusyService`; with TLS also `NoTls`,
    /// `NoWorker` and `ClockNotSet`, and what is in the PDDB as with `Open`.
    Listen = 12,
    /// Gives up a listener: its routes go, and its connections stay. Blocking or plain scalar, `Scalar2(0, 0)`.
    ///
    /// Errors: `Closed`.
    Unlisten = 13,
    /// Adds a route to a listener: lend of a [`Route`](crate::Route) with the listener's handle; the answer's
    /// `valid` is the route's number.
    ///
    /// Errors in `offset`: `Closed`, `Malformed`, `BadRequest` (path or protocol), `RouteExists` (also for a path below
    /// another program's prefix), `NoRoute` (too many, or too many bytes), `TooLong` (page, its type, a protocol), `NotPermitted` (the prefix `/` on a port that another
    /// process has opened).
    AddRoute = 14,
    /// Removes a route: blocking or plain scalar, `arg1` = its number; `Scalar2(0, 0)`. Its connections stay.
    ///
    /// Errors: `Closed`, `NoRoute`.
    RemoveRoute = 15,
    /// Takes the next connection of a listener: lend mut of a page with `offset` = number of a route, or none for
    /// any; answered with an [`Accepted`](crate::wire::Accepted) and `offset` = none, or with a code in `offset`. Of a route that
    /// decides it tells of a client that waits for a `Decide`.
    ///
    /// Errors: `Closed` (also for pages that wait when the listener is given up), `Malformed`, `BusyReceives`,
    /// `BusyMessages`, `BusyService`; `Again` if that is understood ([`Lease`](crate::Lease)).
    Accept = 16,
    /// Joins a connection to a channel of a listener: lend with the listener's handle, the channel's name (1 to 64
    /// bytes of UTF-8) in the first `valid` bytes, the connection's handle in `offset`.
    ///
    /// Errors in `offset`: `Closed` (either handle), `Malformed`, `TooLong` (name), `NoChannel` (too many).
    Join = 17,
    /// Leaves a channel, with the same message as `Join`. A connection that ends leaves by itself.
    Leave = 18,
    /// Sends one message to all members of a channel: lend or move with the listener's handle; in the first `valid`
    /// bytes u16 length of the channel's name, the name, the message (at most 64 KiB); `offset` as with `Send`, of
    /// whole messages only. The answer's `valid` is the number of members whose queue took it.
    ///
    /// Errors in `offset`: `Closed`, `Malformed`, `TooLong`, `InvalidText`.
    Broadcast = 19,
    /// Reports on a listener: blocking scalar, `Scalar2(state, connections)` with a
    /// [`PortState`](crate::state::PortState) and the number of open connections of the port.
    ListenerState = 20,
    /// Gives a port another certificate, for clients that come from now on: lend of a
    /// [`ServerTls`](crate::ServerTls) with a handle of the process that has opened the port.
    ///
    /// Errors in `offset`: `Closed`, `Malformed`, `NotPermitted` (another process, or a port without TLS),
    /// `BadRequest`, `ClockNotSet`, and what is in the PDDB as with `Open`; `BusyMessages`, `BusyService` and `NoWorker` as with
    /// `Files`. The port keeps what it had then.
    Renew = 21,
    /// Has a port that [pairs](crate::Listen::pairing) take a new code in place of the last: lend mut of a page with
    /// a handle of the process that has opened the port; the code is in the first `valid` bytes, `offset` = none.
    ///
    /// Errors in `offset`: `Closed`, `NotPermitted` (another process, or a port that does not pair), `Malformed`,
    /// `Entropy`; `BusyMessages`, `BusyService` and `NoWorker` as with `Renew`, with which they are counted.
    Pair = 22,
    /// Answers a client that waits, of a route that [decides](crate::Route::decides()): lend of a
    /// [`Decision`](crate::serve::Decision) with the connection's handle. Answered when the client has its answer.
    ///
    /// Errors in `offset`: `Closed` (no such client waits any more, or it could not be answered), `Malformed`,
    /// `BadRequest` (a header or a sub-protocol that cannot be sent; the client got 500), `NoWorker` (the client got 503).
    Decide = 23,
    /// Waits for a connection whose handle was given before it was open: lend mut with its handle, answered as the `Open`
    /// would have been. One at a time, and what came of the opening is told once.
    ///
    /// Errors: those of `Open`; `Closed` (no such opening, or it was given up), `BusyReceives` (another one waits).
    WaitOpen = 24,
    /// What waits to be sent on a connection: blocking scalar, `Scalar2(messages, bytes)`, of messages and parts that the
    /// socket has not got, lent and moved; of several in a page, all of the page. Both are 0 for a handle that is not the caller's.
    Queued = 25,
    /// Waits until one of several connections has something, so that one thread of a program receives from all of them.
    ///
    /// | | |
    /// |---|---|
    /// | blocking or plain scalar, with a connection's handle | `arg1` = 1: the connection is among those from now on; 0: it is not any more; `Scalar2(0, 0)` |
    /// | lend mut of a page, without a handle | answered when one of them has data that waits for a page, or has ended: u32 handle in the page, `offset` = none; or a code in `offset` |
    ///
    /// `Receive` then brings what there is. Name a short time in it, as another thread may have received meanwhile. A
    /// connection is named when it is added, and again when more waits and a page has been lent to it since. One that ends
    /// or is granted is named a last time.
    ///
    /// Errors: `Closed` (not a connection of the caller; of the lend: none is watched), `Malformed`, `BusyReceives` (another
    /// page of the caller waits), `BusyMessages`, `BusyService`; `Again` if that is understood ([`Lease`](crate::Lease)).
    Ready = 26,
    /// Reports on a connection, as `State`, and on how long its pings take: blocking scalar, `Scalar5(phase, failed, last,
    /// least, mean)`. The last three are the times between a ping and its pong in microseconds, 0 if there was none. Bits
    /// 8 to 15 of `phase` are the [`Code`](crate::Code) for which the service has given the connection up, or 0.
    Liveness = 32,
    /// Changes when an open connection's peer is pinged: blocking or plain scalar, `arg1` = milliseconds of silence, 0 for
    /// no pings, `arg2` = milliseconds to wait for the pong; `Scalar2(0, 0)`.
    ///
    /// Errors: `Closed`.
    Keepalive = 33,
    /// Has the next attempt to open a connection again made with another [`Request`](crate::Request): lend with the
    /// request. If the owner was asked for it, this is the answer. What it says of deadlines, limits, the lease and of
    /// opening again is not changed.
    ///
    /// Errors in `offset`: `Closed` (no connection of the caller that is opened again), `Malformed`, `BadRequest` (it cannot be
    /// sent: the one before stays, and the service waits on), `Reconnecting` (an attempt is on).
    ReconnectWith = 34,
    /// Makes the next attempt now: blocking or plain scalar, `Scalar2(0, 0)`.
    ///
    /// Errors: `Closed` (none is waited for).
    ReconnectNow = 35,
    /// A connection is not opened again any more; if the next attempt is waited for, this is its end: blocking or plain
    /// scalar, `Scalar2(0, 0)`.
    ///
    /// Errors: `Closed` (no connection of the caller that is opened again).
    ReconnectStop = 36,
    /// Reports what has passed on a connection: lend mut with its handle; filled with
    /// [`Statistics`](crate::state::Statistics), `offset` = none. One that has ended has its end, and one that is not the
    /// caller's is closed and has nothing.
    ///
    /// Errors in `offset`: `Malformed` (a page that is too short).
    Statistics = 37,
    /// Reports what has passed on a port, by the routes of a listener: lend mut with its handle; filled with
    /// [`PortStatistics`](crate::state::PortStatistics), `offset` = none.
    ///
    /// Errors in `offset`: `Closed`, `Malformed` (a page that is too short).
    PortStatistics = 38,
    /// Lists the clients whose WebSocket is open by a route of a listener, uploads and those that another process was
    /// granted among them: lend mut with the listener's handle, `offset` = how many to leave out; answered with as many as
    /// fit, each u16 length and [`Statistics`](crate::state::Statistics), and `offset` = none. None of them in the page: that
    /// was the last.
    ///
    /// Errors in `offset`: `Closed`, `Malformed` (a page that is too short for one).
    Clients = 39,
    /// Closes the connection of such a client, whichever program owns it, at once: blocking or plain scalar with the listener's
    /// handle, `arg1` = the connection's, `arg2` = close code, 0 for 1000; `Scalar2(0, 0)`. Its owner is told that code and
    /// "closed by the port".
    ///
    /// Errors: `Closed` (no such client, or no listener of the caller), `Malformed` (code).
    CloseClient = 40,
    /// Takes the next event about a file of the listener's upload routes that tell: lend mut of a page; answered with a
    /// [`FileEvent`](crate::files::FileEvent) and `offset` = none.
    ///
    /// Errors in `offset`: `Closed`, `Malformed`, `BusyReceives`, `BusyMessages`, `BusyService`; `Again` if that is
    /// understood ([`Lease`](crate::Lease)).
    FileEvent = 28,
    /// Decides on a file that was asked about: blocking or plain scalar with the listener's handle, `arg1` = the event's
    /// number, `arg2` = 1 if it is taken; `Scalar2(0, 0)`.
    ///
    /// Errors: `Closed` (nobody waits for that any more).
    DecideFile = 29,
    /// Does something with files of a dict that a route of the listener leads to: lend mut of u32 number, the texts dict and
    /// name; in `offset` 1: a list from that number on, u32 length and the text name of each, as many as fit; 2: what there
    /// is from that byte on, as much as fits; 3: deletes the file. Answered with `valid` bytes and `offset` = none. Files
    /// have no order, but keep theirs as long as nothing changes.
    ///
    /// Each is waited for by a worker. Of one process two are done at a time, others get `BusyMessages`; of all four, of which
    /// the last is for a process that has none (`BusyService`). A process that has a connection leaves workers for that of
    /// another one (`NoWorker`).
    ///
    /// Errors in `offset`: `Closed`, `Malformed`, `NotPermitted` (no route leads there), `NoFile`, `FileBusy`, `NoPddb`,
    /// `PddbFailed`, `NoWorker`, `BusyMessages`, `BusyService`.
    Files = 30,
}

impl From<Opcode> for usize {
    /// The message id for the sole connection of an in-process server, or for an opcode without a connection.
    fn from(opcode: Opcode) -> usize {
        opcode as usize
    }
}
