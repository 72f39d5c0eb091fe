//! The dicts of the database that routes keep files in.

use std::sync::{Arc, Weak};

use xous_api_websocket::Code;

use super::carrier::Carrier;
use super::clearer::Clearer;
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
    clearer: Arc<Clearer>,
    /// Brings what comes to the store.
    carrier: Arc<Carrier>,
    known: Mutex<Vec<Weak<Files<ServiceStore>>>>,
}

impl FileStores {
    pub(crate) fn new(store: ServiceStore, pool: Arc<Pool>) -> Self {
        let carrier = Carrier::new(pool.clone());
        FileStores { store, clearer: Clearer::new(pool), carrier, known: Mutex::default() }
    }

    pub(crate) fn carrier(&self) -> Arc<Carrier> {
        self.carrier.clone()
    }

    pub(crate) fn clearer(&self) -> Arc<Clearer> {
        self.clearer.clone()
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
        let files = Arc::downgrade(files);
        self.clearer.run(Box::new(move || {
            let Some(files) = files.upgrade() else { return };
            if let Err(error) = files.recover() {
                log::info!("{}: what a crash may have left is cleared later: {error:?}", files.dict());
            }
        }));
    }
}
