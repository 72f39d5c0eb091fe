//! What a client that has a worker is doing, and when it gives way to another.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use xous_api_websocket::wire::Handle;

use super::accept_queue::AcceptQueue;
use super::late::Late;
use super::places::{Full, Places};
use crate::proto::{CloseCode, CloseReason};
use crate::service::connection::Connection;
use crate::service::thread::Timer;

/// A client that is idle for less than this keeps its place when its address has its share and wants more: it may be
/// about to ask for something, or to close.
const IDLE: Duration = Duration::from_secs(1);
/// A client that has said nothing for less than this keeps its place when its own address wants another: its request
/// may be on its way.
pub(super) const FRESH: Duration = Duration::from_millis(500);

/// A client that has a worker.
pub(super) struct Active {
    pub(super) id: u64,
    pub(super) places: Arc<Places>,
    /// Its address as it is counted.
    pub(super) peer: IpAddr,
    /// How many it has.
    pub(super) workers: usize,
    pub(super) stage: Stage,
    /// When that began.
    pub(super) since: Instant,
    /// To end its reads.
    pub(super) socket: Option<Arc<Late>>,
    /// The port counts it.
    pub(super) counted: bool,
    /// It was asked to go.
    pub(super) leaving: bool,
    /// Its WebSocket is a program's, or about to be.
    pub(super) taken: bool,
    /// Its WebSocket is the service's, or about to be, by a route of this listener.
    pub(super) listener: Option<Handle>,
}

/// What a client is doing. Those who come first give way first.
#[derive(Clone)]
pub(crate) enum Stage {
    /// Its last answer is out, and its end is waited for. It counts for nothing any more.
    Ending,
    /// It has not said, or not finished, what it wants, and has had no answer.
    Silent,
    /// It has had its answers and says nothing more.
    Idle,
    /// It waits for a program.
    Queued(Arc<AcceptQueue>),
    /// Its WebSocket is the service's, and brings no file at the moment.
    IdleUpload(Weak<Connection>),
    /// It gets its answer.
    Answered,
    /// Its WebSocket brings files.
    Uploading,
    /// It is a program's.
    Taken,
}

/// The places of the port to which a client has come, and its address as it is counted.
pub(super) type Whereabouts<'a> = (&'a Arc<Places>, IpAddr);

/// How a client is asked to go, when no lock is held.
pub(super) enum Eviction {
    Socket(Arc<Late>),
    Queue(Arc<AcceptQueue>),
    Upload(Arc<Connection>, CloseCode, &'static str),
    /// It notices by itself.
    None,
}

impl Active {
    /// One of this address that has come just now, and that the port counts.
    pub(super) fn new(id: u64, places: Arc<Places>, peer: IpAddr) -> Self {
        Active {
            id,
            places,
            peer,
            workers: 1,
            stage: Stage::Silent,
            since: Instant::now(),
            socket: None,
            counted: true,
            leaving: false,
            taken: false,
            listener: None,
        }
    }

    /// Without it somebody from there would not meet the limit.
    pub(super) fn is_in_the_way_of(&self, full: Full, who: Option<Whereabouts<'_>>) -> bool {
        let same = |places| Arc::ptr_eq(&self.places, places) && self.counted;
        match (full, who) {
            (Full::Workers, _) => !matches!(self.stage, Stage::Taken),
            (Full::Port, Some((places, _))) => same(places),
            (Full::Peer, Some((places, peer))) => same(places) && self.peer == peer,
            (_, None) => false,
        }
    }

    /// It does nothing that would be lost, and a client that meets this limit could have its place.
    pub(super) fn gives_way_to(&self, full: Full, who: Option<Whereabouts<'_>>) -> bool {
        let idle = match (&self.stage, full) {
            (Stage::Answered | Stage::Uploading | Stage::Taken, _) => false,
            // Its own address has its share: one who does nothing there makes room, nobody else.
            (Stage::Silent | Stage::Idle, Full::Peer) => self.since.elapsed() >= IDLE,
            (_, Full::Peer) => false,
            // It will be served, or refused in time.
            (Stage::Queued(_), _) if who.is_some_and(|(_, peer)| peer == self.peer) => false,
            (Stage::Silent, _) if who.is_some_and(|(_, peer)| peer == self.peer) => {
                self.since.elapsed() >= FRESH
            }
            (_, Full::Port | Full::Workers) => true,
        };
        idle && self.is_in_the_way_of(full, who)
    }

    /// Asks it to go: for good, or since others wait.
    pub(super) fn evict(&mut self, for_good: bool) -> Eviction {
        self.leaving = true;
        match &self.stage {
            Stage::Queued(queue) => Eviction::Queue(queue.clone()),
            Stage::IdleUpload(conn) => match conn.upgrade() {
                Some(conn) if for_good => Eviction::Upload(conn, CloseCode::GOING_AWAY, "the route is gone"),
                Some(conn) => Eviction::Upload(conn, CloseCode::TRY_AGAIN_LATER, "others wait"),
                None => Eviction::None,
            },
            Stage::Ending | Stage::Silent | Stage::Idle => {
                self.socket.clone().map_or(Eviction::None, Eviction::Socket)
            }
            Stage::Answered | Stage::Uploading | Stage::Taken => Eviction::None,
        }
    }
}

impl Stage {
    /// Those with a lower one go first.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Stage::Ending => 0,
            Stage::Silent | Stage::Idle => 1,
            Stage::Queued(_) => 2,
            Stage::IdleUpload(..) => 3,
            Stage::Answered | Stage::Uploading | Stage::Taken => 4,
        }
    }
}

impl Eviction {
    pub(super) fn carry_out(self, timer: &Timer) {
        match self {
            Eviction::Socket(socket) => socket.end_reads(timer),
            Eviction::Queue(queue) => queue.look_again(),
            Eviction::Upload(conn, code, text) => conn.close(CloseReason::new(code, text), None),
            Eviction::None => (),
        }
    }
}
