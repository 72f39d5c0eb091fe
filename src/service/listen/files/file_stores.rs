//! The dicts of the database that routes keep files in.

use std::sync::{Arc, Weak};

use xous_api_websocket::Code;

use super::carrier::Carrier;
use crate::pddb::{DictPath, Pddb, SYSTEM_BASIS};
use crate::service::thread::Pool;
use crate::sync::Mutex;
use crate::upload::Files;

/// Where the service keeps files. Another store is named here, opened in [`FileStores::new`]'s caller, and written beside
/// the PDDB's in `upload/files`.
pub(crate) type ServiceStore = Pddb;

/// Keeps one [`Files`] per dict, however many programs have routes to it, as it knows what is being received and read
/// there.
pub(crate) struct FileStores {
    store: ServiceStore,
    pool: Arc<Pool>,
    /// Brings what comes to the store.
    carrier: Arc<Carrier>,
    known: Mutex<Vec<Weak<Files<ServiceStore>>>>,
    recovery: Arc<Mutex<Recovery>>,
}

/// Dicts in which a crash may have left something. One worker at a time goes through them.
#[derive(Default)]
struct Recovery {
    dicts: Vec<Weak<Files<ServiceStore>>>,
    is_underway: bool,
}

impl FileStores {
    pub(crate) fn new(store: ServiceStore, pool: Arc<Pool>) -> Self {
        let carrier = Carrier::new(pool.clone());
        FileStores { store, pool, carrier, known: Mutex::default(), recovery: Arc::default() }
    }

    pub(crate) fn carrier(&self) -> Arc<Carrier> {
        self.carrier.clone()
    }

    /// The files of a dict. Does not wait for the database.
    ///
    /// # Errors
    /// `BadRequest` if it cannot be a dict's name, or is that of a journal. `RouteExists` if another route's files
    /// are, or could be, among these.
    pub(crate) fn files(&self, dict: &str) -> Result<Arc<Files<ServiceStore>>, Code> {
        let dict = DictPath::new(SYSTEM_BASIS, dict).map_err(|_| Code::BadRequest)?;
        let mut known = self.known.lock();
        known.retain(|files| files.strong_count() > 0);
        for files in known.iter().filter_map(Weak::upgrade) {
            if *files.dict() == dict {
                return Ok(files);
            }
            if files.shares_keys_with(&dict) {
                return Err(Code::RouteExists);
            }
        }
        let files = Arc::new(Files::new(self.store.clone(), dict).map_err(|_| Code::BadRequest)?);
        known.push(Arc::downgrade(&files));
        drop(known);
        self.recover(&files);
        Ok(files)
    }

    /// Has a worker clear what a crash may have left. Otherwise the first request for a file would wait for that, and
    /// programs that look into the dict would find remains.
    fn recover(&self, files: &Arc<Files<ServiceStore>>) {
        let mut recovery = self.recovery.lock();
        recovery.dicts.retain(|files| files.strong_count() > 0);
        recovery.dicts.push(Arc::downgrade(files));
        if recovery.is_underway {
            return;
        }
        let shared = self.recovery.clone();
        recovery.is_underway = self.pool.try_spawn(move || {
            while let Some(files) = next(&shared) {
                if let Err(error) = files.recover() {
                    log::info!("{}: what a crash may have left is cleared later: {error:?}", files.dict());
                }
            }
        });
    }
}

/// The next dict to go through. When none is left, the work is over.
fn next(recovery: &Mutex<Recovery>) -> Option<Arc<Files<ServiceStore>>> {
    let mut recovery = recovery.lock();
    while let Some(files) = recovery.dicts.pop() {
        if let Some(files) = files.upgrade() {
            return Some(files);
        }
    }
    recovery.is_underway = false;
    None
}
