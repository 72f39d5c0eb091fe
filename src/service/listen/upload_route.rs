//! Routes and connections that bring files: what comes goes into the database on the thread that reads it.
//!
//! Nothing is read from the peer while the database writes. Answers go through the connection's queue. When that is
//! full, the reader waits for the writer, whose own deadline ends a connection that takes nothing.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use xous_api_websocket::wire::Handle;
use xous_api_websocket::{Code, Upload as Settings};

use super::admission::ClientSlot;
use super::channels::encode;
use super::file_stores::ServiceStore;
use super::shared::Shared;
use super::stage::Stage;
use crate::entropy::fill;
use crate::proto::{Chunk, CloseCode, CloseReason, Kind};
use crate::service::connection::{ChunkReceiver, Connection};
use crate::service::limits::{SLOWEST_UPLOAD, UPLOAD_PROGRESS};
use crate::service::thread::{Pool, Timer, Wake};
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use crate::upload::{Config, Files, NAME_BYTES, Token, Upload, Uploads, WRITE_BATCH};

/// How long until the next look for a worker, which gives up what has expired.
const NO_WORKER: Duration = Duration::from_secs(10);
/// The most transfers of a connection. Each takes half a kilobyte beside its batch.
const TRANSFERS: usize = 64;

/// An upload route.
pub(crate) struct UploadRoute {
    uploads: Arc<Uploads<ServiceStore>>,
    timer: Arc<Timer>,
    pool: Arc<Pool>,
    began: Instant,
}

/// Takes what comes on one of its connections.
pub(crate) struct UploadReceiver {
    upload: Upload<ServiceStore>,
    route: Arc<UploadRoute>,
    listener: Handle,
    slot: Arc<ClientSlot>,
    progress: Arc<Progress>,
}

/// Looks whether a connection that has files on their way brings anything of them.
struct Progress {
    conn: Weak<Connection>,
    uploading: AtomicBool,
    /// Since it was last looked: bytes that came, and milliseconds for which the peer was kept waiting.
    bytes: AtomicU32,
    waited: AtomicU32,
    /// The peer is kept waiting.
    waits: AtomicBool,
}

impl UploadRoute {
    /// A route with these settings.
    ///
    /// # Errors
    /// `TooLong` if its batches take too much memory, there are too many transfers, or a pattern is longer than any name.
    pub(crate) fn new(
        settings: &Settings<'_>,
        files: Arc<Files<ServiceStore>>,
        shared: &Shared,
    ) -> Result<Arc<Self>, Code> {
        let uploads = Uploads::new(config(settings)?, files, Box::new(token));
        let (timer, pool) = (shared.timer.clone(), shared.pool.clone());
        Ok(Arc::new(UploadRoute { uploads, timer, pool, began: Instant::now() }))
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Arms the timer for when the next transfer has waited long enough for its sender.
    fn watch(self: &Arc<Self>) {
        let whom: Weak<Self> = Arc::downgrade(self);
        let whom: Weak<dyn Wake> = whom;
        self.timer.disarm(&whom, None);
        if let Some(at) = self.uploads.next_expiry() {
            self.timer.arm(whom, 0, at.saturating_sub(self.now()));
        }
    }
}

impl Wake for UploadRoute {
    fn wake(self: Arc<Self>, kind: usize, timer: &Timer) {
        let whom: Weak<Self> = Arc::downgrade(&self);
        let pool = self.pool.clone();
        // A worker waits for the database.
        let started = pool.try_spawn(move || {
            self.uploads.expire(self.now());
            self.watch();
        });
        if !started {
            timer.arm(whom, kind, NO_WORKER);
        }
    }
}

/// A worker clears what waits for its sender when the route goes, as this may be the server thread. Without a worker,
/// the next route to the dict clears it.
impl Drop for UploadRoute {
    fn drop(&mut self) {
        if self.uploads.next_expiry().is_none() {
            return;
        }
        let uploads = self.uploads.clone();
        self.pool.try_spawn(move || uploads.expire(Duration::MAX));
    }
}

impl UploadReceiver {
    /// Of a connection by a route of `listener`.
    pub(crate) fn new(
        route: Arc<UploadRoute>,
        listener: Handle,
        slot: Arc<ClientSlot>,
        conn: &Arc<Connection>,
    ) -> Self {
        slot.is(Stage::IdleUpload(listener, Arc::downgrade(conn)));
        let progress = Arc::new(Progress::new(Arc::downgrade(conn)));
        UploadReceiver { upload: Upload::new(route.uploads.clone()), route, listener, slot, progress }
    }

    /// Files are on their way now, or none any more.
    fn tell(&self, conn: &Arc<Connection>) {
        let uploading = !self.upload.is_idle();
        if self.progress.uploading.swap(uploading, Relaxed) == uploading {
            return;
        }
        if uploading {
            self.slot.is(Stage::Uploading(self.listener));
            self.progress.clone().watch(&self.route.timer);
        } else {
            self.route.timer.disarm(&self.progress.weak(), None);
            if !self.slot.is(Stage::IdleUpload(self.listener, Arc::downgrade(conn))) {
                // Behind the answers that it is still owed.
                conn.close(CloseReason::new(CloseCode::GOING_AWAY, "the route is gone"), None);
            }
        }
    }
}

impl Progress {
    fn new(conn: Weak<Connection>) -> Self {
        Progress {
            conn,
            uploading: AtomicBool::new(false),
            bytes: AtomicU32::new(0),
            waited: AtomicU32::new(0),
            waits: AtomicBool::new(false),
        }
    }

    fn watch(self: Arc<Self>, timer: &Timer) {
        self.bytes.store(0, Relaxed);
        self.waited.store(0, Relaxed);
        timer.arm(self.weak(), 0, UPLOAD_PROGRESS);
    }

    fn weak(self: &Arc<Self>) -> Weak<dyn Wake> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }

    /// The peer had the time and has sent next to nothing.
    fn is_stuck(&self) -> bool {
        let waited = Duration::from_millis(u64::from(self.waited.load(Relaxed)));
        let own = UPLOAD_PROGRESS.saturating_sub(waited);
        let wanted = own.as_secs() * SLOWEST_UPLOAD;
        !self.waits.load(Relaxed) && u64::from(self.bytes.load(Relaxed)) < wanted
    }
}

impl Wake for Progress {
    fn wake(self: Arc<Self>, _kind: usize, timer: &Timer) {
        if !self.uploading.load(Relaxed) {
            return;
        }
        match self.conn.upgrade() {
            Some(conn) if self.is_stuck() => conn.give_up(CloseCode::GOING_AWAY, "the file does not come"),
            Some(_) => self.watch(timer),
            None => (),
        }
    }
}

impl ChunkReceiver for UploadReceiver {
    /// Takes a piece. Takes a piece. Returns when the database has it.
    fn receive(&mut self, conn: &Arc<Connection>, chunk: &Chunk<'_>) {
        let Chunk { kind, first, last, payload } = *chunk;
        let now = self.route.now();
        let mut answer = |text: &str| {
            // An error is the connection's end.
            if let Some(frame) = encode(Kind::Text, text.as_bytes()) {
                conn.outbox.share_in_time(&frame).ok();
            }
        };
        self.progress.waits.store(true, Relaxed);
        conn.holding(|| match kind {
            Kind::Binary => self.upload.chunk(now, first, last, payload, &mut answer),
            Kind::Text => self.upload.text(now, first, last, payload, &mut answer),
        });
        self.progress.waits.store(false, Relaxed);
        let waited = self.route.now().saturating_sub(now).as_millis();
        self.progress.waited.fetch_add(u32::try_from(waited).unwrap_or(u32::MAX), Relaxed);
        self.progress.bytes.fetch_add(u32::try_from(payload.len()).unwrap_or(u32::MAX), Relaxed);
        self.tell(conn);
    }
}

impl Drop for UploadReceiver {
    fn drop(&mut self) {
        self.route.timer.disarm(&self.progress.weak(), None);
        self.upload.gone(self.route.now());
        self.route.watch();
    }
}

fn config(settings: &Settings<'_>) -> Result<Config, Code> {
    let batch = match settings.write_batch {
        0 => WRITE_BATCH,
        bytes => usize::try_from(bytes).map_err(|_| Code::TooLong)?,
    };
    let transfers = usize::from(settings.transfers);
    let patterns_fit = settings.allowed.iter().all(|pattern| pattern.len() <= NAME_BYTES);
    if transfers > TRANSFERS || batch.saturating_mul(transfers) > Settings::MAX_MEMORY || !patterns_fit {
        return Err(Code::TooLong);
    }
    let allowed = settings.allowed.iter().map(|&pattern| pattern.into());
    let config = Config {
        largest: settings.largest,
        replace: settings.replace,
        write_batch: batch,
        transfers,
        resume: settings.resume,
        ..Config::default()
    };
    if settings.allowed.is_empty() { Ok(config) } else { Ok(Config { allowed: allowed.collect(), ..config }) }
}

fn token() -> Option<Token> {
    let mut token = Token::default();
    fill(&mut token).map_err(|error| log::warn!("transfers cannot be resumed: {error}")).ok()?;
    Some(token)
}
