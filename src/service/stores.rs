//! The dicts of the database that routes keep files in.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use xous_api_websocket::Code;

use super::aside::Aside;
use crate::pddb::{DictPath, Pddb};
use crate::upload::Files;

/// The device's own basis, which is there whenever the PDDB is open.
const BASIS: &str = ".System";

/// One [`Files`] per dict, whichever programs have routes to it: it knows what is being received and read there.
pub(crate) struct Stores {
    pddb: Pddb,
    aside: Arc<Aside>,
    known: Mutex<Vec<Weak<Files<Pddb>>>>,
}

impl Stores {
    pub(crate) fn new(pddb: Pddb, aside: Arc<Aside>) -> Self {
        Stores { pddb, aside, known: Mutex::default() }
    }

    /// The files of a dict. Does not wait for the database.
    ///
    /// # Errors
    /// `BadRequest` for no dict's name; `RouteExists` if another route's files are, or could be, among these or in
    /// their journal.
    pub(crate) fn files(&self, dict: &str) -> Result<Arc<Files<Pddb>>, Code> {
        let dict = DictPath::new(BASIS, dict).map_err(|_| Code::BadRequest)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|files| files.strong_count() > 0);
        for files in known.iter().filter_map(Weak::upgrade) {
            if *files.dict() == dict {
                return Ok(files);
            }
            if files.shares_keys_with(&dict) {
                return Err(Code::RouteExists);
            }
        }
        let files = Arc::new(Files::new(self.pddb.clone(), dict).map_err(|_| Code::BadRequest)?);
        known.push(Arc::downgrade(&files));
        let recovered = Arc::downgrade(&files);
        // Else whoever asks for a file first would wait for it; and programs that look into the dict find no remains.
        self.aside.run(Box::new(move || {
            let Some(files) = recovered.upgrade() else { return };
            if let Err(error) = files.recover() {
                log::info!("{}: what a crash may have left is cleared later: {error:?}", files.dict());
            }
        }));
        Ok(files)
    }
}
