//! What end-to-end tests share: the service as a part of a system, and what its clients do again and again.

pub(crate) mod browser;
#[path = "../support/build.rs"]
mod build;
pub(crate) mod elsewhere;
pub(crate) mod example;
pub(crate) mod neighbour;
pub(crate) mod pages;
pub(crate) mod peers;
pub(crate) mod python;
pub(crate) mod random;
pub(crate) mod raw;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(crate) use build::example;
use hosted::Program;
use hosted::peer::Peer;
use xous::CID;
use xous_api_names::XousNames;
use xous_api_websocket::error::{OpenError, QueueError};
use xous_api_websocket::state::Stats;
use xous_api_websocket::wire::SERVER_NAME;
use xous_api_websocket::{Code, Event, Kind, Request, Websocket};

/// For what must happen at once and has no deadline of its own. Long, so that a slow machine is no failure; what
/// never happens fails the test all the same.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// An address of this machine where nobody listens. A system gives out no port below 1024 by itself; one that
/// was had and let go is soon another test's.
pub(crate) const NOBODY: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));

/// How long a peer must have taken nothing to be held for one whose sockets are full: less may be a busy machine.
pub(crate) const STUCK: Duration = Duration::from_millis(500);

/// A test with the service in its system: `system!().run(|| ...)`. To be called in the test function itself, as
/// `hosted::test!`.
macro_rules! system {
    () => {
        hosted::test!().service(crate::common::service(), xous_api_websocket::wire::SERVER_NAME)
    };
}
pub(crate) use system;

/// The service under test.
pub(crate) fn service() -> Program {
    Program::new(env!("CARGO_BIN_EXE_websocket"))
}

/// Asks for `/` of a peer.
pub(crate) fn request(peer: &Peer) -> Request<'static> {
    Request::new("127.0.0.1", peer.address().port())
}

/// Opens a connection to `/` of a peer.
pub(crate) fn open(peer: &Peer) -> Websocket {
    Websocket::open(&request(peer)).unwrap()
}

/// The code and text with which a request is refused. The text is for people: no name of a variant is in it.
pub(crate) fn refusal(request: &Request<'_>) -> (Code, String) {
    match Websocket::open(request) {
        Err(OpenError::Failed { code, text }) => {
            let plain = text.replace("WebSocket", "");
            let is_name = |part: &[u8]| {
                part[0].is_ascii_lowercase() && part[1].is_ascii_uppercase() && part[2].is_ascii_lowercase()
            };
            assert!(!plain.as_bytes().windows(3).any(is_name), "{code:?}: {text}");
            (code, text)
        }
        Err(OpenError::Refused { status, text, .. }) => panic!("refused with {status}: {text}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a connection is open"),
    }
}

/// A connection to the service for raw messages.
pub(crate) fn service_cid() -> CID {
    // The last one to be dropped would end the connection to the name server for the whole process.
    static NAMES: OnceLock<XousNames> = OnceLock::new();
    let names = NAMES.get_or_init(|| XousNames::new().unwrap());
    names.request_connection_blocking(SERVER_NAME).unwrap()
}

/// What a peer reports.
pub(crate) fn seen<T>(reports: &Receiver<T>) -> T {
    reports.recv_timeout(PATIENCE).expect("the peer reports in time")
}

/// The service's figures when they are as wanted, which must be soon.
pub(crate) fn stats_when(wanted: impl Fn(&Stats) -> bool) -> Stats {
    let start = Instant::now();
    loop {
        let figures = Stats::now().unwrap();
        if wanted(&figures) {
            return figures;
        }
        assert!(start.elapsed() < PATIENCE, "{figures:?}");
    }
}

/// Waits until the message that asks is the only one open: what was answered is let go of a moment later, and would be taken
/// for one that is lent next.
pub(crate) fn nothing_is_open() {
    stats_when(|stats| stats.open_messages == 1);
}

/// Waits until the service holds nothing for anybody any more. The message that asks is the only one open.
pub(crate) fn nothing_is_left() -> Stats {
    stats_when(|s| s.connections == 0 && s.workers_busy == 0 && s.timers == 0 && s.open_messages == 1)
}

/// What comes next is that the connection is lost, and will be opened again.
pub(crate) fn reconnecting(ws: &Websocket) {
    let event = ws.receive_event();
    assert!(matches!(event, Ok(Event::Reconnecting { .. })), "{event:?}");
}

/// What comes next is that the connection is open again.
pub(crate) fn reopened(ws: &Websocket) {
    let event = ws.receive_event();
    assert!(matches!(event, Ok(Event::Reopened { .. })), "{event:?}");
}

/// A thread that queues messages until one is refused; why.
pub(crate) fn queues_until_refused(ws: &Websocket) -> JoinHandle<QueueError> {
    let ws = ws.clone();
    std::thread::spawn(move || {
        loop {
            if let Err(error) = ws.queue(Kind::Binary, &[0; 4000]) {
                return error;
            }
        }
    })
}

/// Whether the peer takes nothing more of what there is to send.
pub(crate) fn takes_nothing(ws: &Websocket) -> bool {
    let sent = || ws.statistics().unwrap().sent.bytes;
    let (start, before) = (Instant::now(), sent());
    while start.elapsed() < STUCK {
        if sent() != before {
            return false;
        }
    }
    true
}

/// A port of this machine that nobody has, and that the system gives to nobody who asks for any: it lies below those.
pub(crate) fn unused_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u16 = 10_000;
    const PORTS: u32 = 20_000;
    // Tests of other processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let number = begin.wrapping_add(NEXT.fetch_add(1, Relaxed)) % PORTS;
        let port = FIRST + number as u16;
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}

/// How many threads of this process have that name.
pub(crate) fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|other| other.trim_end() == name).count()
}

/// Bytes that differ from place to place, so that a lost, doubled or moved chunk shows.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(pattern_at).collect()
}

/// The byte of [`pattern`] at a place.
pub(crate) fn pattern_at(at: usize) -> u8 {
    (at ^ (at >> 8) ^ (at >> 16)) as u8
}
