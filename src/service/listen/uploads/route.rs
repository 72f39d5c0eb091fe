//! Upload routes: what they take, and the transfers that wait for their sender.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use xous_api_websocket::{Code, Upload as Settings};

use super::super::files::carrier::Carrier;
use super::super::files::clearer::Clearer;
use super::super::files::file_events::{FileEvents, Teller};
use super::super::files::file_stores::ServiceStore;
use super::super::shared::Shared;
use crate::entropy::fill;
use crate::service::thread::{Timer, Wake};
use crate::upload::{Config, Files, NAME_BYTES, Token, Uploads, WRITE_BATCH, Watch};

/// How long until the next look for a worker, which gives up what has expired.
const NO_WORKER: Duration = Duration::from_secs(10);
/// The most transfers of a connection. Each takes half a kilobyte beside its batch.
const TRANSFERS: usize = 64;

/// An upload route.
pub(crate) struct UploadRoute {
    uploads: Arc<Uploads<ServiceStore>>,
    files: Arc<Files<ServiceStore>>,
    carrier: Arc<Carrier>,
    /// To the program, if it wants to know of files, and whether it decides about them.
    teller: Option<Arc<Teller>>,
    timer: Arc<Timer>,
    clearer: Arc<Clearer>,
    began: Instant,
}

impl UploadRoute {
    /// A route with these settings.
    ///
    /// # Errors
    /// `TooLong` if its batches take too much memory, there are too many transfers, or a pattern is longer than any name.
    pub(crate) fn new(
        settings: &Settings<'_>,
        files: Arc<Files<ServiceStore>>,
        events: &Arc<FileEvents>,
        shared: &Shared,
    ) -> Result<Arc<Self>, Code> {
        let config = config(settings)?;
        let teller = settings.events.then(|| Arc::new(Teller::new(events.clone(), settings.dict)));
        let watch = teller.clone().map(|teller| -> Arc<dyn Watch> { teller });
        if let Some(watch) = &watch {
            files.watch(Arc::downgrade(watch));
        }
        let uploads = Uploads::watched(config, files.clone(), Box::new(token), watch);
        let timer = shared.timer.clone();
        let (carrier, clearer) = (shared.stores.carrier(), shared.stores.clearer());
        Ok(Arc::new(UploadRoute { uploads, files, carrier, teller, timer, clearer, began: Instant::now() }))
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn teller(&self) -> Option<&Teller> {
        self.teller.as_deref()
    }

    pub(super) fn timer(&self) -> &Arc<Timer> {
        &self.timer
    }

    pub(super) fn uploads(&self) -> Arc<Uploads<ServiceStore>> {
        self.uploads.clone()
    }

    pub(crate) fn files(&self) -> &Arc<Files<ServiceStore>> {
        &self.files
    }

    pub(super) fn carrier(&self) -> Arc<Carrier> {
        self.carrier.clone()
    }

    /// For how long the database may be silent.
    pub(super) fn patience(&self) -> Duration {
        self.uploads.patience()
    }

    /// Arms the timer for when the next transfer has waited long enough for its sender.
    pub(super) fn watch(self: &Arc<Self>) {
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
        let clearer = self.clearer.clone();
        // A worker waits for the database.
        let runs = clearer.run(Box::new(move || {
            self.uploads.expire(self.now());
            self.watch();
        }));
        if !runs {
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
        self.clearer.run(Box::new(move || uploads.expire(Duration::MAX)));
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
        colon: settings.colon,
        write_batch: batch,
        transfers,
        resume: settings.resume,
        patience: settings.patience,
        asks: settings.asks,
        ..Config::default()
    };
    if settings.allowed.is_empty() { Ok(config) } else { Ok(Config { allowed: allowed.collect(), ..config }) }
}

fn token() -> Option<Token> {
    let mut token = Token::default();
    fill(&mut token).map_err(|error| log::warn!("transfers cannot be resumed: {error}")).ok()?;
    Some(token)
}
