//! Records a connection whose owner has asked for it, by its request or by the route that it came by.
//!
//! Who competes: reader and writer add to it, the dispatcher ends it when the connection goes to another owner, the reader's
//! worker keeps it when the connection has ended. Full: nothing is added any more. One at a time, for the sake of the heap.

use std::sync::Arc;

use xous_api_websocket::{Code, open::Record};

use super::failure::Failure;
use super::outcome::{ABNORMAL, Outcome};
use crate::pddb::{Create, DictPath, KeyPath, Pddb, PddbError, SYSTEM_BASIS};
use crate::platform::RECORDED;
use crate::proto::record::{Entry, MAGIC, without_secrets};
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::sync::{Instant, Mutex};
use crate::upload::WRITE_BATCH;

/// There is one.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Where to record to, and how much.
pub(crate) struct Recording {
    key: KeyPath,
    with_credentials: bool,
}

/// Of a connection.
pub(crate) struct Recorder {
    recording: Arc<Recording>,
    start: Instant,
    file: Mutex<File>,
    _place: Place,
}

struct File {
    bytes: Vec<u8>,
    /// Nothing is added any more.
    ends: bool,
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

impl Recording {
    /// `None` if the key cannot be.
    pub(crate) fn new(record: &Record<'_>) -> Option<Arc<Self>> {
        let key = DictPath::new(SYSTEM_BASIS, record.dict).and_then(|dict| dict.key(record.key)).ok()?;
        Some(Arc::new(Recording { key, with_credentials: record.with_credentials }))
    }
}

impl Recorder {
    /// # Errors
    /// `BadRequest` if the key cannot be, `BusyRecorder` if something else is recorded.
    pub(super) fn begin(record: &Record<'_>) -> Result<Self, Failure> {
        let recording = Recording::new(record).ok_or_else(|| {
            let text = format_args!("cannot record: no key can be {}:{}", record.dict, record.key);
            Failure::new(Code::BadRequest, text)
        })?;
        Self::of(&recording).ok_or_else(|| {
            Failure::new(Code::BusyRecorder, format_args!("cannot record: another connection is recorded"))
        })
    }

    /// Of a client of a port; `None` if something else is recorded.
    pub(crate) fn serves(recording: &Arc<Recording>) -> Option<Self> {
        Self::of(recording).inspect(|recorder| recorder.add(&Entry::Serves))
    }

    fn of(recording: &Arc<Recording>) -> Option<Self> {
        let place = Place::take()?;
        let file = Mutex::new(File { bytes: MAGIC.to_vec(), ends: false });
        Some(Recorder { recording: recording.clone(), start: Instant::now(), file, _place: place })
    }

    pub(crate) fn asked(&self, head: &[u8]) {
        match self.recording.with_credentials {
            true => self.add(&Entry::Asked(head)),
            false => self.add(&Entry::Asked(&without_secrets(head))),
        }
    }

    pub(crate) fn answered(&self, head: &[u8]) {
        match self.recording.with_credentials {
            true => self.add(&Entry::Answered(head)),
            false => self.add(&Entry::Answered(&without_secrets(head))),
        }
    }

    pub(crate) fn came(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.add(&Entry::Came(bytes));
        }
    }

    pub(super) fn sent(&self, first: u8, payload: &[u8]) {
        let len = payload.len() as u64;
        let payload = if self.recording.with_credentials { payload } else { &[] };
        self.add(&Entry::Sent { first, len, payload });
    }

    /// Control frames carry nothing of the program's but a text for people.
    pub(super) fn sent_control(&self, first: u8, len: u8) {
        self.add(&Entry::Sent { first, len: len.into(), payload: &[] });
    }

    /// The connection is another process's, of which nothing is for who has asked for this.
    pub(super) fn hand_over(&self) {
        let reason = "handed over to another process";
        self.put(&Entry::Ended { code: ABNORMAL, reason }, true);
    }

    fn add(&self, entry: &Entry<'_>) {
        self.put(entry, false);
    }

    fn put(&self, entry: &Entry<'_>, last: bool) {
        let at = self.start.elapsed();
        let mut file = self.file.lock();
        let file = &mut *file;
        if file.ends {
            return;
        }
        // There is always room to say that it is full.
        let full = file.bytes.len() + entry.encoded_len() + Entry::Full.encoded_len() > RECORDED;
        file.ends = full || last;
        let entry = if full { &Entry::Full } else { entry };
        entry.write(at, &mut file.bytes);
    }

    /// Puts what there is into the database.
    fn keep(&self, pddb: &Pddb) -> Result<(), PddbError> {
        match pddb.delete(&self.recording.key) {
            Ok(()) | Err(PddbError::NotFound) => (),
            Err(error) => return Err(error),
        }
        let mut key = pddb.create(&self.recording.key, Create::default())?;
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
pub(crate) fn ended(recorder: Option<&Recorder>, outcome: &Outcome, pddb: &Pddb) {
    let Some(recorder) = recorder else { return };
    recorder.add(&Entry::Ended { code: outcome.code, reason: &outcome.reason });
    if let Err(error) = recorder.keep(pddb) {
        log::warn!("a recording is lost: {error}");
    }
}
