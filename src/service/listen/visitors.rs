//! The clients of all ports that no program has taken, and those that wait until they are served.
//!
//! Who competes: clients of all addresses, for what their port allows (`connections`, `per_peer`) and for the workers
//! that strangers may have ([`WORKERS_FOR_PROGRAMS`]). Full: one that has said nothing, or is idle between two
//! requests, gives way; of the address with the most connections first, and of them the one that has been so longest.
//! The newcomer waits for that place, as it does for one whose client is being answered, if there is room to wait. Else
//! it is refused.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use xous_api_websocket::Handle;

use super::accept_queue::AcceptQueue;
use super::late::Late;
use super::places::{Full, Places};
use crate::net::one_peer;
use crate::proto::{CloseCode, CloseReason};
use crate::service::connection::Connection;
use crate::service::limits::{PLACE_WAIT, WAITING, WORKERS_FOR_PROGRAMS};
use crate::service::thread::{Note, Permit, Pool, Timer, Wake, note};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// A client that is idle for less than this keeps its place when its address has its share and wants more: it may be
/// about to ask for something, or to close.
const IDLE: Duration = Duration::from_secs(1);
/// A client that has said nothing for less than this keeps its place when its own address wants another: its request
/// may be on its way.
const FRESH: Duration = Duration::from_millis(500);

/// Kinds of deadlines for the timer: the wait of a newcomer is over, or others are not fresh any more.
const LATE: usize = 0;
const LOOK: usize = 1;

/// All visitors.
pub(crate) struct Visitors {
    state: Mutex<State>,
    /// How many wait, for a look without the lock.
    waiting: AtomicUsize,
    timer: Arc<Timer>,
    pool: Arc<Pool>,
}

/// A port as its visitors know it.
pub(crate) trait Host: Send + Sync {
    /// Its places.
    fn places(&self) -> &Arc<Places>;

    /// Serves a client on this thread, a worker whose permit this is.
    fn serve(&self, stream: TcpStream, address: SocketAddr, visitor: Arc<Visitor>, permit: &mut Permit);

    /// Tells a client that there is no place for it. Does not wait.
    fn refuse(&self, stream: TcpStream, address: SocketAddr, why: Full);
}

struct State {
    inside: Vec<Inside>,
    waiting: VecDeque<Newcomer>,
    last: u64,
}

/// A client that has a worker.
struct Inside {
    id: u64,
    places: Arc<Places>,
    /// Its address as it is counted.
    peer: IpAddr,
    stage: Stage,
    /// When that began.
    since: Instant,
    /// To end its reads.
    socket: Option<Arc<Late>>,
    /// The port counts it.
    counted: bool,
    /// It was asked to go.
    leaving: bool,
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
    AtDoor(Arc<AcceptQueue>),
    /// Its WebSocket, by a route of this listener, brings no file at the moment.
    IdleUpload(Handle, Weak<Connection>),
    /// It gets its answer.
    Answered,
    /// Its WebSocket, by a route of this listener, brings files.
    Uploading(Handle),
    /// It is a program's.
    Taken,
}

/// A client that has been accepted by TCP and by nothing else.
struct Newcomer {
    host: Arc<dyn Host>,
    stream: TcpStream,
    address: SocketAddr,
    peer: IpAddr,
    /// Until when it waits.
    until: Instant,
    /// What it waits for.
    full: Full,
}

/// The places of the port to which a client has come, and its address as it is counted.
type Whereabouts<'a> = (&'a Arc<Places>, IpAddr);

/// The place of a client, until it is dropped.
pub(crate) struct Visitor {
    visitors: Arc<Visitors>,
    id: u64,
}

/// How somebody is asked to go, when no lock is held.
enum Farewell {
    Socket(Arc<Late>),
    Door(Arc<AcceptQueue>),
    Upload(Arc<Connection>, CloseCode, &'static str),
    /// It notices by itself.
    None,
}

impl Visitors {
    pub(crate) fn new(timer: Arc<Timer>, pool: Arc<Pool>) -> Arc<Self> {
        let state = State { inside: Vec::new(), waiting: VecDeque::new(), last: 0 };
        Arc::new(Visitors { state: Mutex::new(state), waiting: AtomicUsize::new(0), timer, pool })
    }

    /// Serves a client that has come to a port, has it wait for a place, or tells it that there is none.
    pub(crate) fn arrive(self: &Arc<Self>, host: &Arc<dyn Host>, stream: TcpStream, address: SocketAddr) {
        let places = host.places();
        let newcomer = Newcomer {
            host: host.clone(),
            stream,
            address,
            peer: one_peer(address.ip()),
            until: Instant::now() + PLACE_WAIT,
            full: Full::Workers,
        };
        let mut state = self.state.lock();
        let (newcomer, full) = match state.enter(newcomer, &self.pool) {
            Ok(entered) => {
                drop(state);
                return entered.run(self);
            }
            Err(why) => why,
        };
        let newcomer = Newcomer { full, ..newcomer };
        let farewell = state.make_room(newcomer.full, Some((places, newcomer.peer)));
        let refused = if farewell.is_some() || state.may_change_soon(newcomer.full, (places, newcomer.peer)) {
            self.timer.arm(self.weak(), LATE, PLACE_WAIT);
            if farewell.is_none() && newcomer.full != Full::Peer {
                self.timer.arm(self.weak(), LOOK, FRESH);
            }
            state.wait(newcomer)
        } else {
            Some(newcomer)
        };
        self.waiting.store(state.waiting.len(), SeqCst);
        drop(state);
        if let Some(farewell) = farewell {
            farewell.say(&self.timer);
        }
        if let Some(refused) = refused {
            refused.refuse();
        }
    }

    /// Serves those who wait for as long as there is a place for one of them. Called whenever one may have become free.
    pub(crate) fn let_in(self: &Arc<Self>) {
        while self.waiting.load(SeqCst) > 0 {
            let mut state = self.state.lock();
            let Some(entered) = state.next(&self.pool) else { return };
            self.waiting.store(state.waiting.len(), SeqCst);
            if state.waiting.is_empty() {
                self.timer.disarm(&self.weak(), None);
            }
            drop(state);
            entered.run(self);
        }
    }

    /// A second worker for a client that has one; somebody gives way for it if there is none.
    pub(crate) fn second_worker(&self, visitor: &Visitor) -> Option<Permit> {
        if let Some(permit) = self.pool.reserve_for_stranger(WORKERS_FOR_PROGRAMS) {
            return Some(permit);
        }
        let mut state = self.state.lock();
        let farewell = state.make_room(Full::Workers, None);
        let hopes = farewell.is_some() || state.inside.iter().any(|one| one.leaving && one.id != visitor.id);
        drop(state);
        if let Some(farewell) = farewell {
            farewell.say(&self.timer);
        }
        if !hopes {
            return None;
        }
        self.pool.await_for_stranger(WORKERS_FOR_PROGRAMS, PLACE_WAIT)
    }

    /// Nobody listens on a port any more: those go who have asked for nothing, and those who wait.
    pub(crate) fn close_port(&self, places: &Arc<Places>) {
        let mut state = self.state.lock();
        let is_silent = |one: &Inside| {
            Arc::ptr_eq(&one.places, places) && matches!(one.stage, Stage::Silent | Stage::Idle)
        };
        let farewells: Vec<_> =
            state.inside.iter_mut().filter(|one| is_silent(one)).map(|one| one.ask_to_go(false)).collect();
        let (gone, stay) = std::mem::take(&mut state.waiting)
            .into_iter()
            .partition(|newcomer: &Newcomer| Arc::ptr_eq(newcomer.host.places(), places));
        state.waiting = stay;
        self.waiting.store(state.waiting.len(), SeqCst);
        drop(state);
        farewells.into_iter().for_each(|farewell| farewell.say(&self.timer));
        let gone: VecDeque<Newcomer> = gone;
        gone.into_iter().for_each(Newcomer::refuse);
    }

    /// A listener is given up. Nobody reaches its WebSockets that bring files any more: they end, those that bring one
    /// behind it.
    pub(crate) fn close_uploads(&self, listener: Handle) {
        let mut state = self.state.lock();
        let of_listener = |one: &&mut Inside| match one.stage {
            Stage::IdleUpload(of, _) | Stage::Uploading(of) => of == listener,
            _ => false,
        };
        let farewells: Vec<_> =
            state.inside.iter_mut().filter(of_listener).map(|one| one.ask_to_go(true)).collect();
        drop(state);
        farewells.into_iter().for_each(|farewell| farewell.say(&self.timer));
    }

    fn weak(self: &Arc<Self>) -> Weak<dyn Wake> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }
}

impl Wake for Visitors {
    fn wake(self: Arc<Self>, kind: usize, timer: &Timer) {
        let now = Instant::now();
        let mut state = self.state.lock();
        if kind == LOOK {
            let farewells = state.make_room_for_all();
            drop(state);
            return farewells.into_iter().for_each(|farewell| farewell.say(timer));
        }
        let (late, rest) =
            std::mem::take(&mut state.waiting).into_iter().partition(|newcomer| newcomer.until <= now);
        state.waiting = rest;
        self.waiting.store(state.waiting.len(), SeqCst);
        drop(state);
        let late: VecDeque<Newcomer> = late;
        late.into_iter().for_each(Newcomer::refuse);
    }
}

impl Newcomer {
    fn refuse(self) {
        self.host.refuse(self.stream, self.address, self.full);
    }
}

impl State {
    /// Gives a newcomer a place, or says what is full. Nothing is given back while the lock is held.
    fn enter(&mut self, newcomer: Newcomer, pool: &Arc<Pool>) -> Result<Entered, (Newcomer, Full)> {
        let places = newcomer.host.places().clone();
        if let Err(full) = places.count(newcomer.peer) {
            return Err((newcomer, full));
        }
        let Some(permit) = pool.reserve_for_stranger(WORKERS_FOR_PROGRAMS) else {
            places.uncount(newcomer.peer);
            return Err((newcomer, Full::Workers));
        };
        self.last += 1;
        self.inside.push(Inside {
            id: self.last,
            places,
            peer: newcomer.peer,
            stage: Stage::Silent,
            since: Instant::now(),
            socket: None,
            counted: true,
            leaving: false,
        });
        Ok(Entered { newcomer, id: self.last, permit })
    }

    /// The next of those who wait: one of the address with the fewest connections, who came first.
    fn next(&mut self, pool: &Arc<Pool>) -> Option<Entered> {
        let mut order: Vec<_> = (0..self.waiting.len()).collect();
        order.sort_by_key(|&at| self.waiting.get(at).map(|newcomer| self.inside_of(newcomer.peer)));
        let mut at = order.into_iter();
        loop {
            let index = at.next()?;
            let newcomer = self.waiting.remove(index)?;
            match self.enter(newcomer, pool) {
                Ok(entered) => return Some(entered),
                Err((newcomer, full)) => {
                    self.waiting.insert(index, newcomer);
                    if full == Full::Workers {
                        return None;
                    }
                }
            }
        }
    }

    /// Asks one to go in whose place one who meets that limit could be.
    fn make_room(&mut self, full: Full, who: Option<Whereabouts<'_>>) -> Option<Farewell> {
        let leaving = self.inside.iter().filter(|one| one.leaving && one.is_in_the_way_of(full, who)).count();
        if leaving > self.waiting.iter().filter(|one| one.full == full).count() {
            return None;
        }
        let own = who.map_or(0, |(_, peer)| self.inside_of(peer));
        // Nobody makes room for one whose address has more.
        let candidates = self.inside.iter().filter(|one| {
            let is_fair = matches!(one.stage, Stage::Ending) || self.inside_of(one.peer) >= own;
            !one.leaving && is_fair && one.gives_way_to(full, who)
        });
        let rank = |one: &&Inside| {
            let rank = one.stage.rank();
            // Those at their end lose nothing.
            let peers = if rank == 0 { 0 } else { self.inside_of(one.peer) };
            (rank != 0, std::cmp::Reverse(peers), rank, one.since)
        };
        let id = candidates.min_by_key(rank)?.id;
        self.inside.iter_mut().find(|one| one.id == id).map(|one| one.ask_to_go(false))
    }

    /// The same for each of those who wait, as far as nobody is on the way out yet.
    fn make_room_for_all(&mut self) -> Vec<Farewell> {
        let waiting = self.waiting.iter().filter(|one| one.full != Full::Peer);
        let waiting: Vec<_> = waiting.map(|one| (one.full, one.host.places().clone(), one.peer)).collect();
        let leaving = self.inside.iter().filter(|one| one.leaving).count();
        let rest = waiting.into_iter().skip(leaving);
        rest.filter_map(|(full, places, peer)| self.make_room(full, Some((&places, peer)))).collect()
    }

    /// A place that a newcomer could have is about to be free, in all likelihood.
    fn may_change_soon(&self, full: Full, who: Whereabouts<'_>) -> bool {
        self.inside.iter().filter(|one| one.is_in_the_way_of(full, Some(who))).any(|one| {
            one.leaving || matches!(one.stage, Stage::Ending | Stage::Silent | Stage::Idle | Stage::Answered)
        })
    }

    /// Has a newcomer wait; who does not find room, which is one of those who come from where most do.
    fn wait(&mut self, newcomer: Newcomer) -> Option<Newcomer> {
        let mut refused = None;
        if self.waiting.len() >= WAITING {
            let waiting = |peer| self.waiting.iter().filter(|one| one.peer == peer).count();
            let most = self.waiting.iter().max_by_key(|one| waiting(one.peer)).map(|one| one.peer);
            match most.filter(|most| waiting(*most) > waiting(newcomer.peer) + 1) {
                None => return Some(newcomer),
                Some(most) => {
                    let last = self.waiting.iter().rposition(|one| one.peer == most);
                    refused = last.and_then(|at| self.waiting.remove(at));
                }
            }
        }
        self.waiting.push_back(newcomer);
        refused
    }

    /// How many of this address are here.
    fn inside_of(&self, peer: IpAddr) -> usize {
        self.inside.iter().filter(|one| one.peer == peer).count()
    }

    fn find(&mut self, id: u64) -> Option<&mut Inside> {
        self.inside.iter_mut().find(|one| one.id == id)
    }
}

impl Inside {
    /// Without it somebody from there would not meet the limit.
    fn is_in_the_way_of(&self, full: Full, who: Option<Whereabouts<'_>>) -> bool {
        let same = |places| Arc::ptr_eq(&self.places, places) && self.counted;
        match (full, who) {
            (Full::Workers, _) => !matches!(self.stage, Stage::Taken),
            (Full::Port, Some((places, _))) => same(places),
            (Full::Peer, Some((places, peer))) => same(places) && self.peer == peer,
            (_, None) => false,
        }
    }

    fn gives_way_to(&self, full: Full, who: Option<Whereabouts<'_>>) -> bool {
        let idle = match (&self.stage, full) {
            (Stage::Answered | Stage::Uploading(_) | Stage::Taken, _) => false,
            // Its own address has its share: one who does nothing there makes room, nobody else.
            (Stage::Silent | Stage::Idle, Full::Peer) => self.since.elapsed() >= IDLE,
            (_, Full::Peer) => false,
            // It will be served, or refused in time.
            (Stage::AtDoor(_), _) if who.is_some_and(|(_, peer)| peer == self.peer) => false,
            (Stage::Silent, _) if who.is_some_and(|(_, peer)| peer == self.peer) => {
                self.since.elapsed() >= FRESH
            }
            (_, Full::Port | Full::Workers) => true,
        };
        idle && self.is_in_the_way_of(full, who)
    }

    fn ask_to_go(&mut self, for_good: bool) -> Farewell {
        self.leaving = true;
        match &self.stage {
            Stage::AtDoor(queue) => Farewell::Door(queue.clone()),
            Stage::IdleUpload(_, conn) => match conn.upgrade() {
                Some(conn) if for_good => Farewell::Upload(conn, CloseCode::GOING_AWAY, "the route is gone"),
                Some(conn) => Farewell::Upload(conn, CloseCode::TRY_AGAIN_LATER, "others wait"),
                None => Farewell::None,
            },
            Stage::Ending | Stage::Silent | Stage::Idle => {
                self.socket.clone().map_or(Farewell::None, Farewell::Socket)
            }
            Stage::Answered | Stage::Uploading(_) | Stage::Taken => Farewell::None,
        }
    }
}

impl Stage {
    fn rank(&self) -> u8 {
        match self {
            Stage::Ending => 0,
            Stage::Silent | Stage::Idle => 1,
            Stage::AtDoor(_) => 2,
            Stage::IdleUpload(..) => 3,
            Stage::Answered | Stage::Uploading(_) | Stage::Taken => 4,
        }
    }
}

/// A newcomer with a place and a worker.
struct Entered {
    newcomer: Newcomer,
    id: u64,
    permit: Permit,
}

impl Entered {
    fn run(self, visitors: &Arc<Visitors>) {
        let Entered { newcomer: Newcomer { host, stream, address, .. }, id, permit } = self;
        let visitor = Arc::new(Visitor { visitors: visitors.clone(), id });
        let started = permit.run(move |mut permit| {
            host.serve(stream, address, visitor, &mut permit);
            drop(permit);
        });
        if started.is_err() {
            note(Note::NoThread);
        }
    }
}

impl Visitor {
    /// Its reads can be ended from now on.
    pub(crate) fn reads_from(&self, socket: Arc<Late>) {
        if let Some(own) = self.visitors.state.lock().find(self.id) {
            own.socket = Some(socket);
        }
    }

    /// What it does from now on; `false` if it was asked to go.
    pub(crate) fn is(&self, stage: Stage) -> bool {
        let mut state = self.visitors.state.lock();
        let Some(own) = state.find(self.id) else { return false };
        let ends = matches!(stage, Stage::Ending);
        own.stage = stage;
        own.since = Instant::now();
        let stays = !own.leaving;
        if ends && std::mem::take(&mut own.counted) {
            own.places.uncount(own.peer);
            drop(state);
            self.visitors.let_in();
        }
        stays
    }

    /// It was not asked to go.
    pub(crate) fn stays(&self) -> bool {
        self.visitors.state.lock().find(self.id).is_some_and(|own| !own.leaving)
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let mut state = self.visitors.state.lock();
        let at = state.inside.iter().position(|one| one.id == self.id);
        let gone = at.map(|at| state.inside.swap_remove(at));
        if let Some(gone) = gone.as_ref().filter(|gone| gone.counted) {
            gone.places.uncount(gone.peer);
        }
        drop(state);
        drop(gone);
        self.visitors.let_in();
    }
}

impl Farewell {
    fn say(self, timer: &Timer) {
        match self {
            Farewell::Socket(socket) => socket.end_reads(timer),
            Farewell::Door(queue) => queue.look_again(),
            Farewell::Upload(conn, code, text) => conn.close(CloseReason::new(code, text), None),
            Farewell::None => (),
        }
    }
}
