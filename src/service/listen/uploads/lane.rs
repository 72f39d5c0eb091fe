//! What has come on a connection that brings files, on its way into the database.
//!
//! The reader puts it here, and the [`Carrier`] takes it from here. So the reader goes on while the database asks its user: it
//! answers pings, and notices that the peer has gone. It waits, and with it the peer, when there is more than
//! [`UPLOAD_BACKLOG`].

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::super::admission::admission::ClientSlot;
use super::super::admission::stage::Stage;
use super::super::channels::encode;
use super::super::files::carrier::{Carrier, Load};
use super::super::files::file_events::Decided;
use super::super::files::file_stores::ServiceStore;
use super::progress::Progress;
use super::route::UploadRoute;
use crate::proto::{CloseCode, Kind};
use crate::service::connection::{Connection, ShareError};
use crate::service::limits::{FILE_DECISION, UPLOAD_BACKLOG};
use crate::service::thread::{Timer, Wake};
use crate::sync::Mutex;
use crate::upload::{Upload, waiting};
/// Kinds of deadlines: the program has to have decided; the next look for a worker; the sender has to have taken answers.
const DECISION: usize = 0;
const NO_WORKER: usize = 1;
const ANSWERS: usize = 2;
/// See [`NO_WORKER`].
const NO_WORKER_WAIT: Duration = Duration::from_secs(1);
/// How many transfers of a connection are told of one silence.
const TOLD: usize = 64;

/// What has come on a connection.
pub(crate) struct Lane {
    carrier: Arc<Carrier>,
    route: Arc<UploadRoute>,
    conn: Arc<Connection>,
    slot: Weak<ClientSlot>,
    progress: Arc<Progress>,
    /// Who sends.
    who: Box<str>,
    state: Mutex<State>,
    /// Until its end. Only the carrier's.
    upload: Mutex<Option<Upload<ServiceStore>>>,
}

#[derive(Default)]
struct State {
    pieces: VecDeque<Piece>,
    /// What those take, and the one that is being worked on. A piece of no bytes takes something as well.
    bytes: usize,
    /// It is among the ready ones, is being served, or has answers to send first.
    busy: bool,
    /// Those, in order.
    late: VecDeque<Arc<[u8]>>,
    /// The connection has ended.
    gone: bool,
    /// The transfer of the message that is coming.
    coming: Option<u32>,
    /// The transfer that is worked on.
    current: Option<u32>,
    /// What the program says about the file that waits for it.
    decision: Option<bool>,
    /// It is waited for: the number of the question, 0 until it has one.
    asked: Option<u32>,
    /// Those that were told that the database is silent.
    told: Vec<u32>,
}

/// A piece of a message.
struct Piece {
    kind: Kind,
    first: bool,
    last: bool,
    /// Of the transfer, if it is known.
    id: Option<u32>,
    came: Duration,
    bytes: Vec<u8>,
}

impl Piece {
    /// Bytes that it takes.
    fn weight(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

impl Lane {
    pub(crate) fn new(
        route: Arc<UploadRoute>,
        conn: &Arc<Connection>,
        slot: &Arc<ClientSlot>,
        progress: Arc<Progress>,
        who: &str,
    ) -> Arc<Self> {
        Arc::new(Lane {
            carrier: route.carrier(),
            upload: Mutex::new(Some(Upload::from(route.uploads(), who))),
            who: who.into(),
            route,
            conn: conn.clone(),
            slot: Arc::downgrade(slot),
            progress,
            state: Mutex::default(),
        })
    }

    /// Puts a piece of a message here. Waits for room, while nothing is read from the peer.
    pub(crate) fn put(self: &Arc<Self>, kind: Kind, first: bool, last: bool, bytes: &[u8]) {
        if !self.has_room() {
            self.conn.holding(|| self.conn.inbox.await_room(|| self.has_room()));
        }
        let came = self.route.now();
        let mut state = self.state.lock();
        if first {
            state.coming = waiting::transfer_of(kind == Kind::Text, bytes);
        }
        let id = state.coming;
        let piece = Piece { kind, first, last, id, came, bytes: bytes.to_vec() };
        state.bytes += piece.weight();
        state.pieces.push_back(piece);
        let starts = !std::mem::replace(&mut state.busy, true);
        drop(state);
        if starts {
            self.progress.waits(came);
            self.carrier.enter(self.clone());
        }
        if self.carrier.is_silent() {
            self.tell();
        }
    }

    /// The connection has ended. What has come goes into the database all the same, unless that is silent: then it has to be
    /// sent again, and nothing is left of a connection without a file.
    pub(crate) fn gone(self: &Arc<Self>) {
        let mut state = self.state.lock();
        state.gone = true;
        if self.carrier.is_silent() {
            state.pieces.clear();
            drop(state);
            let idle = self
                .upload
                .try_lock()
                .is_some_and(|mut upload| upload.take_if(|upload| upload.is_idle()).is_some());
            if idle {
                let load: Arc<dyn Load> = self.clone();
                return self.carrier.leave(&load);
            }
            state = self.state.lock();
        }
        let starts = !std::mem::replace(&mut state.busy, true);
        drop(state);
        if starts {
            self.carrier.enter(self.clone());
        }
    }

    fn has_room(&self) -> bool {
        self.state.lock().bytes < UPLOAD_BACKLOG
    }

    fn work(&self, upload: &mut Upload<ServiceStore>, piece: &Piece, late: &mut VecDeque<Arc<[u8]>>) {
        let mut answer = |text: &str| self.say(text, late);
        let Piece { kind, first, last, came, bytes, .. } = piece;
        match kind {
            Kind::Binary => upload.chunk(*came, *first, *last, bytes, &mut answer),
            Kind::Text => upload.text(*came, *first, *last, bytes, &mut answer),
        }
    }

    fn say(&self, text: &str, late: &mut VecDeque<Arc<[u8]>>) {
        let Some(frame) = encode(Kind::Text, text.as_bytes()) else { return };
        if !late.is_empty() || self.conn.outbox.share(frame.clone()) == Err(ShareError::Full) {
            late.push_back(frame);
        }
    }

    /// Asks the program about the file that waits for it, if one does. The lane stays busy until it has answered, or the time
    /// is over.
    fn asks(self: &Arc<Self>, upload: &Option<Upload<ServiceStore>>) -> bool {
        let pending = upload.as_ref().and_then(Upload::pending);
        let (Some((name, length)), Some(teller)) = (pending, self.route.teller()) else { return false };
        let whom: Weak<Self> = Arc::downgrade(self);
        {
            let mut state = self.state.lock();
            (state.asked, state.decision) = (Some(0), None);
        }
        // First, as the answer may come at once.
        self.route.timer().arm(whom.clone(), DECISION, FILE_DECISION);
        if !teller.asks(name, &self.who, length, whom) {
            self.clone().conclude(None, false);
        }
        true
    }

    /// Does what the program has decided.
    fn carry_out(&self, upload: &mut Option<Upload<ServiceStore>>, late: &mut VecDeque<Arc<[u8]>>) {
        let decision = self.state.lock().decision.take();
        let (Some(takes), Some(upload)) = (decision, upload.as_mut()) else { return };
        let takes = takes && !self.state.lock().gone;
        let mut answer = |text: &str| self.say(text, late);
        upload.decide(self.route.now(), takes, &mut answer);
        self.carrier.goes_on();
    }

    /// What was taken and not worked on, and answers that are not sent.
    fn put_back(&self, mut pieces: VecDeque<Piece>, late: VecDeque<Arc<[u8]>>) {
        let mut state = self.state.lock();
        pieces.append(&mut state.pieces);
        (state.pieces, state.late) = (pieces, late);
    }

    /// Sends answers that found no room. If there still is none, the lane stays busy, and goes on when there is or the
    /// connection has ended: nobody waits for a sender that does not take its answers. It has as long as for any write.
    fn sends(self: &Arc<Self>, late: &mut VecDeque<Arc<[u8]>>) -> bool {
        if late.is_empty() {
            return true;
        }
        let whom: Weak<Self> = Arc::downgrade(self);
        self.route.timer().arm(whom, ANSWERS, self.conn.deadlines.write);
        while let Some(frame) = late.front() {
            // Not dropped before that, though its connection may be.
            let own = self.clone();
            if self.conn.outbox.share_or_tell(frame, move || own.goes_on(ANSWERS)) == Err(ShareError::Full) {
                return false;
            }
            late.pop_front();
        }
        self.disarm(ANSWERS);
        true
    }

    /// Nothing is left of what was taken. Returns whether more has come.
    fn rest(self: &Arc<Self>, upload: &mut Option<Upload<ServiceStore>>) -> bool {
        let state = self.state.lock();
        if !state.pieces.is_empty() {
            return true;
        }
        if state.gone {
            drop(state);
            if let Some(mut upload) = upload.take() {
                upload.gone(self.route.now());
                self.route.watch();
            }
            self.progress.ends(self.route.timer());
            return false;
        }
        drop(state);
        let uploading = upload.as_ref().is_some_and(|upload| !upload.is_idle());
        self.progress.went_on(self.route.now());
        self.show(uploading);
        let mut state = self.state.lock();
        state.busy = state.gone || !state.pieces.is_empty();
        if state.busy {
            self.progress.waits(self.route.now());
        }
        state.busy
    }

    /// Files are on their way now, or none any more.
    fn show(&self, uploading: bool) {
        if !self.progress.changes(self.route.timer(), uploading) {
            return;
        }
        let Some(slot) = self.slot.upgrade() else { return };
        if uploading {
            slot.is(Stage::Uploading);
        } else {
            slot.is_idle_upload(&self.conn);
        }
    }
}

/// On the dispatcher or the timer, neither of which may carry anything.
impl Decided for Lane {
    fn is_asked(&self, number: u32) {
        let mut state = self.state.lock();
        state.asked = state.asked.map(|_| number);
    }

    fn decided(self: Arc<Self>, number: u32, takes: bool) {
        self.conclude(Some(number), takes);
    }
}

impl Lane {
    /// The question of this `number`, or the one that is asked now, is answered, or nobody waits for that any more.
    fn conclude(self: Arc<Self>, number: Option<u32>, takes: bool) {
        let mut state = self.state.lock();
        if state.asked.is_none() || number.is_some() && number != state.asked {
            return;
        }
        (state.asked, state.decision) = (None, Some(takes));
        drop(state);
        self.goes_on(DECISION);
    }

    /// What had this deadline is over.
    fn goes_on(self: Arc<Self>, deadline: usize) {
        self.disarm(deadline);
        self.go_on();
    }

    fn disarm(self: &Arc<Self>, deadline: usize) {
        let whom: Weak<Self> = Arc::downgrade(self);
        self.route.timer().disarm(&(whom as Weak<dyn Wake>), Some(deadline));
    }

    /// Is carried from now on, by a worker.
    fn go_on(self: Arc<Self>) {
        let whom: Weak<Self> = Arc::downgrade(&self);
        let timer = self.route.timer().clone();
        if !self.carrier.clone().enter_elsewhere(self) {
            timer.arm(whom, NO_WORKER, NO_WORKER_WAIT);
        }
    }
}

impl Wake for Lane {
    fn wake(self: Arc<Self>, kind: usize, _timer: &Timer) {
        match kind {
            DECISION => self.conclude(None, false),
            ANSWERS => self.conn.give_up(CloseCode::GOING_AWAY, "the answers are not taken"),
            _ => self.go_on(),
        }
    }
}

impl Load for Lane {
    fn carry(self: Arc<Self>) -> bool {
        let mut upload = self.upload.lock();
        let (mut pieces, mut late) = {
            let mut state = self.state.lock();
            state.told.clear();
            (std::mem::take(&mut state.pieces), std::mem::take(&mut state.late))
        };
        self.carry_out(&mut upload, &mut late);
        loop {
            if !self.sends(&mut late) || self.asks(&upload) {
                self.put_back(pieces, late);
                return false;
            }
            let Some(piece) = pieces.pop_front() else { break };
            let mut state = self.state.lock();
            if state.gone && self.carrier.is_silent() {
                break;
            }
            state.current = piece.id;
            drop(state);
            if let Some(upload) = upload.as_mut() {
                self.work(upload, &piece, &mut late);
            }
            let mut state = self.state.lock();
            state.current = None;
            state.bytes = state.bytes.saturating_sub(piece.weight());
            drop(state);
            self.conn.inbox.has_room();
            self.carrier.goes_on();
        }
        self.rest(&mut upload)
    }

    fn patience(&self) -> Duration {
        self.route.patience()
    }

    /// Tells the sender of the transfers that wait for the database, each once.
    fn tell(&self) {
        let mut state = self.state.lock();
        if state.gone {
            return state.pieces.clear();
        }
        let waiting: Vec<u32> = {
            let all = state.current.into_iter().chain(state.pieces.iter().filter_map(|piece| piece.id));
            let mut new: Vec<_> = all.filter(|id| !state.told.contains(id)).collect();
            new.dedup();
            new
        };
        let room = TOLD.saturating_sub(state.told.len());
        let mut told = Vec::new();
        for id in waiting {
            if told.len() < room && !told.contains(&id) {
                told.push(id);
            }
        }
        state.told.extend(&told);
        drop(state);
        // One that waits for the database does not give way to others.
        if !told.is_empty() {
            self.show(true);
            self.progress.told(self.route.timer());
        }
        for id in told {
            if let Some(frame) = encode(Kind::Text, waiting::answer(id).as_bytes()) {
                // One that does not take its answers need not be told.
                self.conn.outbox.share(frame).ok();
            }
        }
    }
}
