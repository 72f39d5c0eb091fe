//! The whole of uploads on a store in memory.

mod crash;
mod cuts;
mod doubt;
pub(super) mod memory;
mod protocol;
mod resume;

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use self::memory::Memory;
use super::{Config, Files, Upload, Uploads};
use crate::pddb::DictPath;

/// Where the files of these tests are.
const DICT: &str = "uploads";

/// A route on `memory` with write batches of 16 bytes, whose tokens count up from 1.
fn route(memory: &Memory, change: impl FnOnce(&mut Config)) -> Arc<Uploads<Memory>> {
    route_into(files_of(memory), change)
}

/// The files of [`route`].
fn files_of(memory: &Memory) -> Arc<Files<Memory>> {
    Arc::new(Files::new(memory.clone(), DictPath::new(".System", DICT).unwrap()).unwrap())
}

fn route_into(files: Arc<Files<Memory>>, change: impl FnOnce(&mut Config)) -> Arc<Uploads<Memory>> {
    let mut config = Config { write_batch: 16, ..Config::default() };
    change(&mut config);
    let mut last = 0u128;
    let tokens = move || {
        last += 1;
        Some(last.to_be_bytes())
    };
    Uploads::new(config, files, Box::new(tokens))
}

/// A connection and what it was told.
struct Sender {
    upload: Upload<Memory>,
    now: Duration,
    told: Vec<String>,
}

impl Sender {
    fn new(uploads: &Arc<Uploads<Memory>>) -> Self {
        Sender { upload: Upload::new(uploads.clone()), now: Duration::ZERO, told: Vec::new() }
    }

    /// Sends a binary message in one chunk.
    fn message(&mut self, message: &[u8]) {
        self.chunks(&[message]);
    }

    fn chunks(&mut self, chunks: &[&[u8]]) {
        for (i, chunk) in chunks.iter().enumerate() {
            let last = i + 1 == chunks.len();
            self.upload.chunk(self.now, i == 0, last, chunk, &mut |text| self.told.push(text.to_owned()));
        }
    }

    fn text(&mut self, text: &str) {
        self.upload.text(self.now, true, true, text.as_bytes(), &mut |text| self.told.push(text.to_owned()));
    }

    /// Sends a whole file in one message.
    fn file(&mut self, id: u32, name: &str, data: &[u8]) {
        self.message(&first(id, name, data.len() as u32, data));
    }

    /// The last answer.
    fn last(&self) -> &str {
        self.told.last().map_or("", String::as_str)
    }

    /// The last answer is of this kind and has this code.
    fn is_told(&self, kind: &str, id: u32, code: &str) -> bool {
        self.last().starts_with(&format!("{{\"{kind}\":{id},\"code\":\"{code}\","))
    }

    fn is_stored(&self, id: u32) -> bool {
        self.told.iter().any(|text| text.starts_with(&format!("{{\"stored\":{id},")))
    }
}

/// The first message of a transfer.
fn first(id: u32, name: &str, length: u32, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes(), name.as_bytes(), &[0], &length.to_le_bytes(), data].concat()
}

/// A later one.
fn later(id: u32, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes(), data].concat()
}

fn bytes(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (seed + 31 * i + i / 256) as u8).collect()
}

fn read(uploads: &Uploads<Memory>, name: &str) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    uploads.files().open(name).ok()?.read_to_end(&mut content).unwrap();
    Some(content)
}

/// All files with their contents, as the route shows them.
fn files(uploads: &Uploads<Memory>) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    uploads
        .files()
        .list(|entry| {
            let content = read(uploads, &entry.name).unwrap();
            assert_eq!(content.len() as u64, entry.length);
            assert!(found.insert(entry.name, content).is_none());
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

/// A route that shows exactly what is in the store, and has nothing left in its journal.
fn assert_settled(uploads: &Uploads<Memory>, memory: &Memory) {
    let shown = files(uploads);
    let stored: BTreeMap<_, _> = memory.keys().into_iter().collect();
    let expected: BTreeMap<_, _> =
        shown.into_iter().map(|(name, data)| (format!("{DICT}/{name}"), data)).collect();
    assert_eq!(stored, expected);
}
