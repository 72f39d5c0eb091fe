//! Every limit of the service, in one place. A refusal names the one that was met by its `Code`.

use std::time::Duration;

use xous_api_websocket::{Listener, Request, Route, Upload};

use crate::platform::RECORDED;
use crate::proto::HEADER_SPACE;
use crate::upload::WRITE_BATCH;

/// Connections at a time (`NoWorker`). Each takes two worker threads of the 29 that a process on the device can use.
/// The dispatcher and the timer take one each, and three are left for ports and for clients that were refused.
pub(crate) const CONNECTIONS: usize = 12;

/// Of all, those that only processes may take that have none.
pub(crate) const KEPT_CONNECTIONS: usize = 1;

/// Worker threads: a reader and a writer per connection. One less when the PDDB has been asked for something, as its
/// client has a thread, and one less when a third port has been listened on: eleven connections then.
pub(crate) const WORKERS: usize = 2 * CONNECTIONS;

/// Workers that clients of ports do not get before a program has taken them: so programs can open connections,
/// however many clients come from outside.
pub(crate) const WORKERS_FOR_PROGRAMS: usize = 6;

/// Of the workers that are left then, those that an address does not get that has as many on all ports together: two
/// connections that bring files. So one address cannot have all, however slow its files are.
pub(crate) const WORKERS_FOR_OTHERS: usize = 4;

/// Clients that wait for a place on a port (503, or 429 for an address that has its share), and for how long.
pub(crate) const WAITING: usize = 16;
/// See [`WAITING`].
pub(crate) const PLACE_WAIT: Duration = Duration::from_secs(1);

/// The slowest that a client may take a file, in bytes a second; a slower one is disconnected. The port's write
/// deadline is granted on top.
pub(crate) const SLOWEST_DOWNLOAD: u64 = 1024;

/// How long a client waits for its turn while others get lists of files, before it is refused (503). The database is
/// asked for each file of a list.
pub(crate) const LIST_WAIT: Duration = Duration::from_secs(60);
/// How long a client that gets a list has its turn while others wait. Afterwards its names are looked up anew.
pub(crate) const LIST_TURN: Duration = Duration::from_secs(2);
/// How long it may take for a piece of the list meanwhile.
pub(crate) const LIST_AWAY: Duration = Duration::from_millis(250);

/// The slowest that a client may send its files, in bytes a second, and how often that is checked; a slower one is
/// disconnected. Time for which the database keeps it waiting does not count.
pub(crate) const SLOWEST_UPLOAD: u64 = 256;
/// See [`SLOWEST_UPLOAD`].
pub(crate) const UPLOAD_PROGRESS: Duration = Duration::from_secs(30);

/// Events about files that wait for one program, and questions about files that it has not answered.
pub(crate) const FILE_EVENTS: usize = 32;

/// How long a program has to decide about a file.
pub(crate) const FILE_DECISION: Duration = Duration::from_secs(5);

/// Bytes that have come on a connection that brings files and that the database was not given, besides those of its
/// transfers. With more, nothing is read from it.
pub(crate) const UPLOAD_BACKLOG: usize = 32 * 1024;

/// How long the database may be silent before those who send files are told that they wait.
pub(crate) const UPLOAD_TOLD: Duration = Duration::from_secs(2);

/// How long the Close frame of a client that sends files is awaited at most. Others want its place.
pub(crate) const UPLOAD_CLOSE: Duration = Duration::from_millis(500);

/// Ports listened on at a time (`NoListener`): each has a thread that waits for clients. One thread more lets go of
/// clients that were refused.
pub(crate) const PORTS: usize = 3;

/// The same for one process; it may join others.
pub(crate) const PORTS_PER_PROCESS: usize = PORTS - 1;

/// The thread of each further port takes the place of a worker.
pub(crate) const PORT_THREADS: usize = 2;

/// Messages of clients that wait for an answer (`BusyService`). Below the 64 that a server's queue holds in
/// hosted mode (about 128 on the device), since each keeps its place in the queue until it is answered.
pub(crate) const OPEN_MESSAGES: usize = 56;

/// The same for one process (`BusyMessages`).
pub(crate) const OPEN_MESSAGES_PER_PROCESS: usize = 40;

/// Of all, those that only processes may take that hold none.
pub(crate) const KEPT_MESSAGES: usize = 8;

/// Closes that may wait on top of these, so that a process whose messages are all open can still close. Beyond that,
/// a connection is closed and its owner does not wait.
pub(crate) const WAITING_CLOSES: usize = 4;
const _: () = assert!(OPEN_MESSAGES + WAITING_CLOSES < 64);

/// Bytes of the pages of these messages (`BusyService`). The device's kernel maps what a process is lent or given
/// into 4 MiB of its address space. When these are full it refuses every message of every process. The rest is for
/// messages that are being answered.
pub(crate) const OPEN_BYTES: usize = 3 * 1024 * 1024;

/// The same for one process (`BusyMessages`).
pub(crate) const OPEN_BYTES_PER_PROCESS: usize = 1024 * 1024;

/// Of all, those that only processes may take that hold none, with messages that are small.
pub(crate) const KEPT_BYTES: usize = KEPT_MESSAGES * SMALL_MESSAGE;
/// See [`KEPT_BYTES`].
pub(crate) const SMALL_MESSAGE: usize = 64 * 1024;

/// Messages that a process's threads lend while it moves others: when it asks how much room there is, theirs is left out.
pub(crate) const LENT_MEANWHILE: usize = 8;
/// Bytes of each: what the client crate lends at a time.
pub(crate) const LENT_BYTES: usize = 16 * 1024;

/// Bytes of several messages that are sent together (`Malformed`).
pub(crate) const SEVERAL_BYTES: usize = LENT_BYTES;

/// Sends that wait on one connection (`BusyQueue`).
pub(crate) const QUEUED_SENDS: usize = 16;

/// Pages that wait on one connection (`BusyReceives`).
pub(crate) const PARKED_RECEIVES: usize = 4;

/// How long a peer that has broken the protocol waits for its Close frame while the owner answers what came before. An owner
/// that takes longer, or has nothing to say, is not waited for any more.
pub(crate) const LAST_TURN: Duration = Duration::from_millis(250);

/// Bytes of a message that has begun to come when its connection is handed over: what the client crate lends at a time.
pub(crate) const CARRIED: usize = 16 * 1024;

/// Broadcasts that wait on one connection, and their bytes. With more it is a slow member.
pub(crate) const QUEUED_BROADCASTS: usize = 16;
/// See [`QUEUED_BROADCASTS`]. Two of the longest, besides the one that is being written.
pub(crate) const QUEUED_BROADCAST_BYTES: usize = 2 * (BROADCAST_BYTES + 10);

/// Pages that wait for clients of one listener (`BusyReceives`).
pub(crate) const PARKED_ACCEPTS: usize = 16;

/// Listeners: programs' shares of ports (`NoListener`).
pub(crate) const LISTENERS: usize = 20;

/// Of all, those that only processes may take that have none.
pub(crate) const KEPT_LISTENERS: usize = 4;

/// Routes of a port that one process may have, and all together, besides the one that has opened it (`NoRoute`).
pub(crate) const ROUTES_PER_GUEST: usize = 8;
/// See [`ROUTES_PER_GUEST`].
pub(crate) const ROUTES_OF_GUESTS: usize = 16;

/// Channels of one listener (`NoChannel`), and bytes of a channel's name (`TooLong`).
pub(crate) const CHANNELS: usize = 16;
/// See [`CHANNELS`].
pub(crate) const CHANNEL_NAME: usize = 64;

/// Bytes of a broadcast (`TooLong`), kept until the last member's socket has them.
pub(crate) const BROADCAST_BYTES: usize = Listener::MAX_BROADCAST;

/// Bytes of a page that a program has the service show, and of its type or a sub-protocol's name (`TooLong`).
pub(crate) const PAGE_BYTES: usize = Route::MAX_BODY;
/// See [`PAGE_BYTES`].
pub(crate) const ROUTE_NAME: usize = 255;

/// Bytes of all that is kept of what the routes of a port are asked for with: pages, paths, names (`NoRoute`). Of these, what one
/// process may have, and all together, besides the one that has opened the port: a page, and some more.
pub(crate) const PORT_BYTES: usize = 4 * GUEST_BYTES;
/// See [`PORT_BYTES`].
pub(crate) const GUEST_BYTES: usize = PAGE_BYTES + 8 * 1024;
/// See [`PORT_BYTES`].
pub(crate) const GUESTS_BYTES: usize = 2 * GUEST_BYTES;

/// The most bytes of a client's head that a listener may allow: they are kept here while it is being read.
pub(crate) const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// Silence after which the peer of an upload gets a Ping, if the port has no keepalive.
pub(crate) const UPLOAD_KEEPALIVE: Duration = Duration::from_secs(30);

/// How long an answer of the database is awaited. The real one takes seconds when it looks for room in flash.
pub(crate) const STORE_ANSWER: Duration = Duration::from_secs(20);

/// How long reading a port's certificate and key from the database may take in all, give or take one answer.
pub(crate) const STORED_WAIT: Duration = Duration::from_secs(30);

/// Jobs of one kind that are done at a time, in all (`BusyService`) and for one process (`BusyMessages`): each takes a worker.
/// Certificates that are loaded, with new pairing codes, are one kind, and calls about files another.
pub(crate) const JOBS: usize = 4;
/// See [`JOBS`].
pub(crate) const JOBS_PER_PROCESS: usize = 2;

/// Routes with something in the database that is to be cleared, which wait for the one worker that does that. More are cleared
/// later.
pub(crate) const CLEARED: usize = 64;

/// How long a process that was asked has to show that it is there.
pub(crate) const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// How long a pairing code is good, how many wrong ones may be tried in all and from one address before a new one is
/// needed, and how long the cookie is good that it gets.
pub(crate) const CODE_TIME: Duration = Duration::from_secs(300);
/// See [`CODE_TIME`].
pub(crate) const CODE_TRIES: u16 = 50;
/// See [`CODE_TIME`].
pub(crate) const CODE_TRIES_PER_PEER: u16 = 5;
/// See [`CODE_TIME`].
pub(crate) const COOKIE_TIME: Duration = Duration::from_secs(12 * 3600);
/// Cookies of a port; the oldest gives way.
pub(crate) const COOKIES: usize = 8;

/// How long a client has to read a refusal before the connection is dropped.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// Clients whose requests are read before they are refused, and how long each is waited for from when it comes. Beyond half
/// of them nobody is waited for: what has come is read. The connections of more just end.
pub(crate) const REFUSED: usize = 32;
/// See [`REFUSED`].
pub(crate) const REFUSED_WAIT: Duration = Duration::from_millis(100);

/// Refused clients that are given that time at once; the first of more is dropped.
pub(crate) const LINGERING: usize = 16;

/// The same while their thread does something else. More are not given any time.
pub(crate) const MAX_LINGERING: usize = 2 * LINGERING;

/// Pongs that wait on one connection. Beyond that the oldest is dropped, as RFC 6455 section 5.5.3 allows.
pub(crate) const QUEUED_PONGS: usize = 16;

/// Connections that the table knows, including ended ones whose owner has not been told yet. When it is full, the one
/// that ended first goes.
pub(crate) const SLOTS: usize = 32;

/// Pages of one memory message (`Malformed`).
pub(crate) const MESSAGE_BYTES: usize = 256 * 1024;

/// Bytes of an `Open` or `Listen` request, or a new certificate (`Malformed`).
pub(crate) const REQUEST_BYTES: usize = Request::MAX_BYTES;

/// The opening handshake's answer: bytes and header lines.
pub(crate) const HEAD_BYTES: usize = 16 * 1024;
/// See [`HEAD_BYTES`].
pub(crate) const HEAD_LINES: usize = 100;

/// Of the head, what is kept for a program that has the handle of an opening and asks when all is over what came of it.
pub(crate) const HEAD_KEPT: usize = 4096;

/// Of a refusal's body, what the caller gets, and how long the server has to send it. The refusal itself is known by
/// then, so that this is no wait for something that may never come.
pub(crate) const REFUSAL_BODY: usize = 1024;
/// See [`REFUSAL_BODY`].
pub(crate) const REFUSAL_WAIT: Duration = Duration::from_secs(1);

/// Read buffer of a connection. On a PC what is longer goes from the socket straight into the receiver's pages.
pub(crate) use crate::platform::READ_BUFFER;

/// Write buffer of a connection that has nothing to write. Small frames need no more.
pub(crate) const WRITE_BUFFER: usize = 512;

/// How large it grows at most, for frames that are longer or wait together. So what a client lends at a time goes out
/// in one write. The memory is given back when nothing is queued.
pub(crate) const BULK_WRITE_BUFFER: usize = 16 * 1024 + HEADER_SPACE;

/// Heap that the service may use. The device's kernel has to be asked for it. It is the sum of all limits above when
/// all of them are met at once: 5.6 MiB, with TLS 8.5. Twelve idle connections take less than a tenth of it.
pub(crate) const HEAP_BYTES: usize =
    CONNECTIONS * (CONNECTION + TLS) + PORTS * (PORT_BYTES + REQUEST_BYTES) + LISTING + TLS_KEPT + REST;

/// Of a connection, whichever is most.
const CONNECTION: usize = if OPENING > SERVING { max(OPENING, UPLOADING) } else { max(SERVING, UPLOADING) };
const fn max(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}
/// In the server role, bringing files: it has no broadcasts in its queue and sends nothing long, but it has write batches,
/// each of which may be on its way into the database as well, one of them twice, parts of a text and a name, and what is on
/// its way to the one who carries it there.
const UPLOADING: usize = READ_BUFFER + 3 * Upload::MAX_MEMORY + 2 * UPLOAD_BACKLOG + SMALL_THINGS;
/// In the server role, sending the longest messages and as slow as a member of a channel may be.
const SERVING: usize =
    READ_BUFFER + BULK_WRITE_BUFFER + BROADCAST_BYTES + QUEUED_BROADCAST_BYTES + SMALL_THINGS;
/// While it is being opened in the client role: the request, the head that it becomes, and the answer's.
const OPENING: usize = 3 * REQUEST_BYTES + 2 * HEAD_BYTES + READ_BUFFER + SMALL_THINGS;
const SMALL_THINGS: usize = 4096;
// Its two threads may also serve a client each, whose head is in a buffer that has just grown.
const _: () = assert!(2 * (MAX_REQUEST_BYTES * 3 / 2 + READ_BUFFER) <= CONNECTION);
// Or whose head is whole, with the copy that its program is shown.
const _: () = assert!(2 * (MAX_REQUEST_BYTES * 2) <= CONNECTION);

/// Of TLS on a connection: a test holds it against the README.
const TLS: usize = if cfg!(feature = "tls") { 52 * 1024 } else { 0 };
/// What TLS keeps when all peers send certificates and tickets as long as they can: sessions of four servers in two
/// versions and of four clients per port, and four sets of own roots.
const TLS_KEPT: usize = if cfg!(feature = "tls") { (4 * 2 * 2 + PORTS * 4 + 4 * 2) * 64 * 1024 } else { 0 };
/// Names of a list of files, of which there is one client's at a time, as many as the PDDB client takes, and transfers that wait.
const LISTING: usize = 1024 * 1024;
// A client that gets a file has no head but its own.
const _: () = assert!(WRITE_BATCH <= BULK_WRITE_BUFFER);
/// Tables, answers of servers that nobody has asked for yet, std's own, and what lies idle between allocations.
const REST: usize = 512 * 1024;
const _: () = assert!(SLOTS * (HEAD_KEPT + REFUSAL_BODY + SMALL_THINGS / 4) <= REST / 2);
// A recording, while it grows.
const _: () = assert!(cfg!(not(target_os = "xous")) || 2 * RECORDED <= REST / 4);
