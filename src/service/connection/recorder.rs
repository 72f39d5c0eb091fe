//! Records a connection whose owner has asked for it.
//!
//! Who competes: reader and writer add to it, the reader's worker keeps it when the connection has ended. Full: nothing is added
//! any more. One at a time, for the sake of the heap.

use xous_api_websocket::{Code, open::Record};

use super::failure::Failure;
use super::outcome::Outcome;
use crate::pddb::{Create, DictPath, KeyPath, Pddb, PddbError, SYSTEM_BASIS};
use crate::platform::RECORDED;
use crate::proto::record::{Entry, MAGIC, without_secrets};
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::sync::{Instant, Mutex};
use crate::upload::WRITE_BATCH;

/// There is one.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Of a connection.
pub(crate) struct Recorder {
    key: KeyPath,
    with_credentials: bool,
    start: Instant,
    file: Mutex<File>,
    _place: Place,
}

struct File {
    bytes: Vec<u8>,
    full: bool,
}

/// The only place for a recorder.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        (!TAKEN.swap(true, SeqCst)).then_some(Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.store(false, SeqCst);
    }
}

impl Recorder {
    /// # Errors
    /// `BadRequest` if the key cannot be, `BusyRecorder` if something else is recorded.
    pub(super) fn begin(record: &Record<'_>) -> Result<Self, Failure> {
        let key = DictPath::new(SYSTEM_BASIS, record.dict).and_then(|dict| dict.key(record.key));
        let key = key.map_err(|_| {
            let text = format_args!("cannot record: no key can be {}:{}", record.dict, record.key);
            Failure::new(Code::BadRequest, text)
        })?;
        let place = Place::take().ok_or_else(|| {
            Failure::new(Code::BusyRecorder, format_args!("cannot record: another connection is recorded"))
        })?;
        let file = Mutex::new(File { bytes: MAGIC.to_vec(), full: false });
        let start = Instant::now();
        Ok(Recorder { key, with_credentials: record.with_credentials, start, file, _place: place })
    }

    pub(super) fn asked(&self, head: &[u8]) {
        match self.with_credentials {
            true => self.add(&Entry::Asked(head)),
            false => self.add(&Entry::Asked(&without_secrets(head, false))),
        }
    }

    pub(super) fn answered(&self, head: &[u8]) {
        match self.with_credentials {
            true => self.add(&Entry::Answered(head)),
            false => self.add(&Entry::Answered(&without_secrets(head, true))),
        }
    }

    pub(super) fn came(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.add(&Entry::Came(bytes));
        }
    }

    pub(super) fn sent(&self, first: u8, payload: &[u8]) {
        let len = payload.len() as u64;
        let payload = if self.with_credentials { payload } else { &[] };
        self.add(&Entry::Sent { first, len, payload });
    }

    /// Control frames carry nothing of the program's but a text for people.
    pub(super) fn sent_control(&self, first: u8, len: u8) {
        self.add(&Entry::Sent { first, len: len.into(), payload: &[] });
    }

    fn add(&self, entry: &Entry<'_>) {
        let at = self.start.elapsed();
        let mut file = self.file.lock();
        let file = &mut *file;
        if file.full {
            return;
        }
        // There is always room to say that it is full.
        file.full = file.bytes.len() + entry.encoded_len() + Entry::Full.encoded_len() > RECORDED;
        let entry = if file.full { &Entry::Full } else { entry };
        entry.write(at, &mut file.bytes);
    }

    /// Puts what there is into the database.
    fn keep(&self, pddb: &Pddb) -> Result<(), PddbError> {
        match pddb.delete(&self.key) {
            Ok(()) | Err(PddbError::NotFound) => (),
            Err(error) => return Err(error),
        }
        let mut key = pddb.create(&self.key, Create::default())?;
        let mut at = 0;
        loop {
            // Copied in parts, as the writer must not wait for the database.
            let part: Vec<u8> = self.file.lock().bytes.iter().skip(at).take(WRITE_BATCH).copied().collect();
            match key.write_at(at as u64, &part)? {
                0 => return pddb.flush(),
                len => at += len,
            }
        }
    }
}

/// A session of a connection has ended, which is recorded and kept if any of it is. Waits for the database.
pub(super) fn ended(recorder: Option<&Recorder>, outcome: &Outcome, pddb: &Pddb) {
    let Some(recorder) = recorder else { return };
    recorder.add(&Entry::Ended { code: outcome.code, reason: &outcome.reason });
    if let Err(error) = recorder.keep(pddb) {
        log::warn!("a recording is lost: {error}");
    }
}
