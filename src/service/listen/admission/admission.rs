//! The clients of all ports that no program has taken, and those that wait until they are served.
//!
//! Who competes: clients of all addresses, for what their port allows (`connections`, `per_peer`) and for the workers
//! that strangers may have ([`WORKERS_FOR_PROGRAMS`]), of which one address leaves some to others
//! ([`WORKERS_FOR_OTHERS`]). Full: one that has said nothing, or is idle between two requests, gives way; of the address
//! with the most connections first, and of them the one that has been so longest. The newcomer waits for that place, as
//! it does for one whose client is being answered, if there is room to wait. Else it is refused. One that nobody can
//! tell so at the moment waits on, and may still get a place.

#[cfg(all(test, not(feature = "shuttle")))]
mod tests;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use xous_api_websocket::wire::Handle;

use super::late::Late;
use super::places::{Full, Places};
use super::stage::{Active, Eviction, FRESH, Stage, Whereabouts};
use crate::net::{TcpStream, one_peer};
use crate::proto::{CloseCode, CloseReason};
use crate::service::connection::Connection;
use crate::service::limits::{PLACE_WAIT, WAITING, WORKERS_FOR_OTHERS, WORKERS_FOR_PROGRAMS};
use crate::service::thread::{Leaves, Note, Permit, Pool, Timer, Wake, note};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Kinds of deadlines for the timer: the wait of a newcomer is over, or others are not fresh any more.
const LATE: usize = 0;
const LOOK: usize = 1;

/// Who has a place, and who waits for one.
pub(crate) struct Admission {
    state: Mutex<State>,
    /// How many wait, for a look without the lock.
    waiting: AtomicUsize,
    timer: Arc<Timer>,
    pool: Arc<Pool>,
}

/// A port as admission knows it.
pub(crate) trait Host: Send + Sync {
    /// Its places.
    fn places(&self) -> &Arc<Places>;

    /// Serves a client on this thread, a worker whose permit this is.
    fn serve(&self, stream: TcpStream, address: SocketAddr, slot: Arc<ClientSlot>, permit: &mut Permit);

    /// Tells a client that there is no place for it. Waits a moment, and lets go of the client if nobody can tell it.
    fn refuse(&self, stream: TcpStream, address: SocketAddr, why: Full);

    /// The same, but waits for nothing. If nobody can tell the client now, gives it back.
    fn refuse_now(&self, stream: TcpStream, address: SocketAddr, why: Full) -> Option<TcpStream>;
}

struct State {
    active: Vec<Active>,
    waiting: VecDeque<Newcomer>,
    last: u64,
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

/// The place of a client, until it is dropped.
pub(crate) struct ClientSlot {
    admission: Arc<Admission>,
    id: u64,
}

impl Admission {
    pub(crate) fn new(timer: Arc<Timer>, pool: Arc<Pool>) -> Arc<Self> {
        let state = State { active: Vec::new(), waiting: VecDeque::new(), last: 0 };
        Arc::new(Admission { state: Mutex::new(state), waiting: AtomicUsize::new(0), timer, pool })
    }

    /// Serves a client that has come to a port, has it wait for a place, or refuses it.
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
        let eviction = state.make_room(newcomer.full, Some((places, newcomer.peer)));
        let looks = eviction.is_none() && newcomer.full != Full::Peer;
        let refused = if eviction.is_some() || state.may_change_soon(newcomer.full, (places, newcomer.peer)) {
            let (waits, refused) = state.wait(newcomer);
            // One deadline is that of the first, which arms it for the next. There is none for who does not wait.
            if waits && state.waiting.len() == 1 {
                self.timer.arm(self.weak(), LATE, PLACE_WAIT);
            }
            if waits && looks {
                self.timer.arm(self.weak(), LOOK, FRESH);
            }
            refused
        } else {
            Some(newcomer)
        };
        self.waiting.store(state.waiting.len(), SeqCst);
        drop(state);
        if let Some(eviction) = eviction {
            eviction.carry_out(&self.timer);
        }
        if let Some(refused) = refused {
            refused.host.refuse(refused.stream, refused.address, refused.full);
        }
    }

    /// Serves those who wait for as long as there is a place for one of them. Called whenever one may have become free.
    pub(crate) fn admit_waiting(self: &Arc<Self>) {
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

    /// A second worker for a client. If all are busy, another client gives way.
    pub(crate) fn second_worker(&self, slot: &ClientSlot) -> Option<Permit> {
        let mut state = self.state.lock();
        let own = state.find(slot.id)?;
        let (places, peer) = (own.places.clone(), own.peer);
        let leaves = state.leaves(peer);
        let permit = self.pool.reserve_for_stranger(1, leaves).or_else(|| {
            let eviction = state.make_room(Full::Workers, Some((&places, peer)));
            let hopes = eviction.is_some() || state.active.iter().any(|one| one.leaving && one.id != slot.id);
            drop(state);
            if let Some(eviction) = eviction {
                eviction.carry_out(&self.timer);
            }
            if hopes { self.pool.await_for_stranger(leaves, PLACE_WAIT) } else { None }
        })?;
        if let Some(own) = self.state.lock().find(slot.id) {
            own.workers = 2;
        }
        Some(permit)
    }

    /// Nobody listens on a port any more: those go who have asked for nothing, and those who wait.
    pub(crate) fn close_port(self: &Arc<Self>, places: &Arc<Places>) {
        let mut state = self.state.lock();
        let is_silent = |one: &Active| {
            Arc::ptr_eq(&one.places, places) && matches!(one.stage, Stage::Silent | Stage::Idle)
        };
        let evictions: Vec<_> =
            state.active.iter_mut().filter(|one| is_silent(one)).map(|one| one.evict(false)).collect();
        let now = Instant::now();
        let waiting = state.waiting.iter_mut().filter(|one| Arc::ptr_eq(one.host.places(), places));
        let waiting = waiting.map(|newcomer| newcomer.until = now).count();
        drop(state);
        evictions.into_iter().for_each(|eviction| eviction.carry_out(&self.timer));
        if waiting > 0 {
            self.timer.arm(self.weak(), LATE, Duration::ZERO);
        }
    }

    /// A listener is given up. Nobody reaches its WebSockets that are the service's any more: they end, those that bring a
    /// file behind it, and those that are being made when they are there.
    pub(crate) fn close_uploads(&self, listener: Handle) {
        let mut state = self.state.lock();
        let of_listener = |one: &&mut Active| one.listener == Some(listener);
        let evictions: Vec<_> =
            state.active.iter_mut().filter(of_listener).map(|one| one.evict(true)).collect();
        drop(state);
        evictions.into_iter().for_each(|eviction| eviction.carry_out(&self.timer));
    }

    /// Refuses those whose time is over, as far as somebody can tell them.
    fn refuse_late(self: &Arc<Self>, timer: &Timer) {
        let now = Instant::now();
        let mut state = self.state.lock();
        // So that none is dropped while the lock is held.
        let hosts: Vec<_> = state.waiting.iter().map(|newcomer| newcomer.host.clone()).collect();
        let waiting = std::mem::take(&mut state.waiting).into_iter();
        state.waiting = waiting.filter_map(|newcomer| newcomer.refuse_after(now)).collect();
        self.waiting.store(state.waiting.len(), SeqCst);
        let again =
            state.waiting.iter().map(|newcomer| match newcomer.until.saturating_duration_since(now) {
                Duration::ZERO => PLACE_WAIT,
                wait => wait,
            });
        let again = again.min();
        drop(state);
        // One deadline for all, or there would be more each time.
        if let Some(again) = again {
            timer.disarm(&self.weak(), Some(LATE));
            timer.arm(self.weak(), LATE, again);
        }
        drop(hosts);
    }

    fn weak(self: &Arc<Self>) -> Weak<dyn Wake> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }
}

impl Wake for Admission {
    fn wake(self: Arc<Self>, kind: usize, timer: &Timer) {
        if kind != LOOK {
            return self.refuse_late(timer);
        }
        let evictions = self.state.lock().make_room_for_all();
        evictions.into_iter().for_each(|eviction| eviction.carry_out(timer));
    }
}

impl Newcomer {
    /// Refuses it if it has waited for long enough; if not, or if nobody can tell it now, it waits on.
    fn refuse_after(mut self, now: Instant) -> Option<Self> {
        if self.until > now {
            return Some(self);
        }
        self.stream = self.host.refuse_now(self.stream, self.address, self.full)?;
        Some(self)
    }
}

impl State {
    /// Gives a newcomer a place, or says what is full. Nothing is given back while the lock is held.
    fn enter(&mut self, newcomer: Newcomer, pool: &Arc<Pool>) -> Result<Entered, (Newcomer, Full)> {
        let places = newcomer.host.places().clone();
        if let Err(full) = places.count(newcomer.peer) {
            return Err((newcomer, full));
        }
        let Some(permit) = pool.reserve_for_stranger(0, self.leaves(newcomer.peer)) else {
            places.uncount(newcomer.peer);
            return Err((newcomer, Full::Workers));
        };
        self.last += 1;
        self.active.push(Active::new(self.last, places, newcomer.peer));
        Ok(Entered { newcomer, id: self.last, permit })
    }

    /// The next of those who wait: the first of the address with the fewest connections, and of one that has its share of the
    /// workers behind all others.
    fn next(&mut self, pool: &Arc<Pool>) -> Option<Entered> {
        let mut order: Vec<_> = (0..self.waiting.len()).collect();
        let rank = |peer| (self.leaves(peer).strangers, self.count_of(peer));
        order.sort_by_key(|&at| self.waiting.get(at).map(|newcomer| rank(newcomer.peer)));
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
    fn make_room(&mut self, full: Full, who: Option<Whereabouts<'_>>) -> Option<Eviction> {
        let leaving = self.active.iter().filter(|one| one.leaving && one.is_in_the_way_of(full, who)).count();
        if leaving > self.waiting.iter().filter(|one| one.full == full).count() {
            return None;
        }
        let own = who.map_or(0, |(_, peer)| self.count_of(peer));
        // Nobody makes room for one whose address has more.
        let candidates = self.active.iter().filter(|one| {
            let is_fair = matches!(one.stage, Stage::Ending) || self.count_of(one.peer) >= own;
            !one.leaving && is_fair && one.gives_way_to(full, who)
        });
        let rank = |one: &&Active| {
            let rank = one.stage.rank();
            // Those at their end lose nothing.
            let peers = if rank == 0 { 0 } else { self.count_of(one.peer) };
            (rank != 0, std::cmp::Reverse(peers), rank, one.since)
        };
        let id = candidates.min_by_key(rank)?.id;
        self.active.iter_mut().find(|one| one.id == id).map(|one| one.evict(false))
    }

    /// The same for each of those who wait, as far as nobody is on the way out yet.
    fn make_room_for_all(&mut self) -> Vec<Eviction> {
        let waiting = self.waiting.iter().filter(|one| one.full != Full::Peer);
        let waiting: Vec<_> = waiting.map(|one| (one.full, one.host.places().clone(), one.peer)).collect();
        let leaving = self.active.iter().filter(|one| one.leaving).count();
        let rest = waiting.into_iter().skip(leaving);
        rest.filter_map(|(full, places, peer)| self.make_room(full, Some((&places, peer)))).collect()
    }

    /// A place that a newcomer could have is about to be free, in all likelihood.
    fn may_change_soon(&self, full: Full, who: Whereabouts<'_>) -> bool {
        self.active.iter().filter(|one| one.is_in_the_way_of(full, Some(who))).any(|one| {
            one.leaving || matches!(one.stage, Stage::Ending | Stage::Silent | Stage::Idle | Stage::Answered)
        })
    }

    /// Has a newcomer wait. Whether it does, and who does not find room, which is one of those who come from where most do.
    fn wait(&mut self, newcomer: Newcomer) -> (bool, Option<Newcomer>) {
        let mut refused = None;
        if self.waiting.len() >= WAITING {
            let waiting = |peer| self.waiting.iter().filter(|one| one.peer == peer).count();
            let most = self.waiting.iter().max_by_key(|one| waiting(one.peer)).map(|one| one.peer);
            match most.filter(|most| waiting(*most) > waiting(newcomer.peer) + 1) {
                None => return (false, Some(newcomer)),
                Some(most) => {
                    let last = self.waiting.iter().rposition(|one| one.peer == most);
                    refused = last.and_then(|at| self.waiting.remove(at));
                }
            }
        }
        self.waiting.push_back(newcomer);
        (true, refused)
    }

    /// What one of this address leaves when it gets another worker.
    fn leaves(&self, peer: IpAddr) -> Leaves {
        let own = self.active.iter().filter(|one| one.peer == peer && !matches!(one.stage, Stage::Taken));
        let has_share = own.map(|one| one.workers).sum::<usize>() >= WORKERS_FOR_OTHERS;
        Leaves { programs: WORKERS_FOR_PROGRAMS, strangers: if has_share { WORKERS_FOR_OTHERS } else { 0 } }
    }

    /// How many of this address are here.
    fn count_of(&self, peer: IpAddr) -> usize {
        self.active.iter().filter(|one| one.peer == peer).count()
    }

    fn find(&mut self, id: u64) -> Option<&mut Active> {
        self.active.iter_mut().find(|one| one.id == id)
    }
}

/// A newcomer with a place and a worker.
struct Entered {
    newcomer: Newcomer,
    id: u64,
    permit: Permit,
}

impl Entered {
    fn run(self, admission: &Arc<Admission>) {
        let Entered { newcomer: Newcomer { host, stream, address, .. }, id, permit } = self;
        let slot = Arc::new(ClientSlot { admission: admission.clone(), id });
        let started = permit.run(move |mut permit| {
            host.serve(stream, address, slot, &mut permit);
            drop(permit);
        });
        if started.is_err() {
            note(Note::NoThread);
        }
    }
}

impl ClientSlot {
    /// Its reads can be ended from now on.
    pub(crate) fn reads_from(&self, socket: Arc<Late>) {
        if let Some(own) = self.admission.state.lock().find(self.id) {
            own.socket = Some(socket);
        }
    }

    /// What it does from now on; `false` if it was asked to go.
    pub(crate) fn is(&self, stage: Stage) -> bool {
        let mut state = self.admission.state.lock();
        let Some(own) = state.find(self.id) else { return false };
        let ends = matches!(stage, Stage::Ending);
        // A program's stays, so that nobody is to wait for its place.
        own.leaving &= !matches!(stage, Stage::Taken);
        own.stage = stage;
        own.since = Instant::now();
        own.taken &= !ends;
        let stays = !own.leaving;
        if ends && std::mem::take(&mut own.counted) {
            own.places.uncount(own.peer);
            drop(state);
            self.admission.admit_waiting();
        }
        stays
    }

    /// Its WebSocket is going to be the service's, by a route of this listener.
    pub(crate) fn comes_by(&self, listener: Handle) {
        if let Some(own) = self.admission.state.lock().find(self.id) {
            own.listener = Some(listener);
        }
    }

    /// Its WebSocket is the service's and brings no file at the moment: it ends if nobody reaches it any more.
    pub(crate) fn is_idle_upload(&self, conn: &Arc<Connection>) {
        if !self.is(Stage::IdleUpload(Arc::downgrade(conn))) {
            // Behind the answers that it is still owed.
            conn.close(CloseReason::new(CloseCode::GOING_AWAY, "the route is gone"), None);
        }
    }

    /// A program may take its WebSocket: `false` if programs have taken that many from its address, on all ports together.
    /// They stay as long as they like, so that one address on several ports could have all there are.
    pub(crate) fn may_be_taken(&self, most: u16) -> bool {
        let mut state = self.admission.state.lock();
        let Some(peer) = state.find(self.id).map(|own| own.peer) else { return false };
        let taken = state.active.iter().filter(|one| one.taken && one.peer == peer).count();
        let may = taken < usize::from(most);
        if let Some(own) = state.find(self.id) {
            own.taken = may;
        }
        may
    }

    /// It was not asked to go.
    pub(crate) fn stays(&self) -> bool {
        self.admission.state.lock().find(self.id).is_some_and(|own| !own.leaving)
    }
}

impl Drop for ClientSlot {
    fn drop(&mut self) {
        let mut state = self.admission.state.lock();
        let at = state.active.iter().position(|one| one.id == self.id);
        let gone = at.map(|at| state.active.swap_remove(at));
        if let Some(gone) = gone.as_ref().filter(|gone| gone.counted) {
            gone.places.uncount(gone.peer);
        }
        drop(state);
        drop(gone);
        self.admission.admit_waiting();
    }
}
