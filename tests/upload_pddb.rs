//! Uploads into the PDDB stand-in, as Xous processes: what survives, and what a sender is told when it fails.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hosted::{Pddb as StandIn, pddb_directory};
use websocket::pddb::{DictPath, Pddb};
use websocket::upload::{Config, Files, Upload, Uploads};

const LIMIT: Duration = Duration::from_secs(20);

/// The route of these tests, on a PDDB whose answers are waited for as long as `limit`.
fn route(limit: Duration) -> Arc<Uploads<Pddb>> {
    let pddb = Pddb::new(limit);
    // Whether it is mounted is for each test to see.
    pddb.wait_mounted(LIMIT).ok();
    Uploads::new(Config { replace: true, ..Config::default() }, files_in(pddb), Box::new(|| Some([7; 16])))
}

fn files_in(pddb: Pddb) -> Arc<Files<Pddb>> {
    Arc::new(Files::new(pddb, DictPath::new(".System", "uploads").unwrap()).unwrap())
}

struct Sender {
    upload: Upload<Pddb>,
    told: Vec<String>,
}

impl Sender {
    fn new(uploads: &Arc<Uploads<Pddb>>) -> Self {
        Sender { upload: Upload::new(uploads.clone()), told: Vec::new() }
    }

    fn message(&mut self, message: &[u8]) {
        for (i, chunk) in message.chunks(16 * 1024).enumerate() {
            let last = (i + 1) * 16 * 1024 >= message.len();
            self.upload
                .chunk(Duration::ZERO, i == 0, last, chunk, &mut |text| self.told.push(text.to_owned()));
        }
    }

    fn file(&mut self, id: u32, name: &str, data: &[u8]) {
        self.message(&first(id, name, data.len(), data));
    }

    fn last(&self) -> &str {
        self.told.last().map_or("", String::as_str)
    }

    fn is_stored(&self, id: u32) -> bool {
        self.last().starts_with(&format!("{{\"stored\":{id},"))
    }

    fn has_failed(&self, id: u32, code: &str) -> bool {
        ["failed", "refused"]
            .iter()
            .any(|kind| self.last().starts_with(&format!("{{\"{kind}\":{id},\"code\":\"{code}\"")))
    }
}

fn first(id: u32, name: &str, length: usize, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes(), name.as_bytes(), &[0], &(length as u32).to_le_bytes(), data].concat()
}

fn later(id: u32, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes(), data].concat()
}

fn bytes(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (seed * 37 + i * 7 + i / 251) as u8).collect()
}

fn files(uploads: &Uploads<Pddb>) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut names = Vec::new();
    let each = |entry| {
        names.push(entry);
        ControlFlow::Continue(())
    };
    uploads.files().list(each).unwrap();
    for entry in names {
        let mut content = Vec::new();
        uploads.files().open(&entry.name).unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(content.len() as u64, entry.length);
        found.insert(entry.name, content);
    }
    found
}

#[test]
fn files_are_plain_files_and_survive_the_system() {
    hosted::test!()
        .role("sender", || {
            let uploads = route(LIMIT);
            let mut sender = Sender::new(&uploads);
            sender.file(1, "a.bin", &bytes(1, 100_000));
            assert!(sender.is_stored(1), "{}", sender.last());
            sender.file(2, "photos/2026/b.jpg", &bytes(2, 30));
            sender.file(3, "empty", b"");
            sender.file(4, "a.bin", &bytes(4, 50_000));
            assert!(sender.is_stored(4));
            let dict = pddb_directory().join(".System/uploads");
            assert_eq!(std::fs::read(dict.join("a.bin")).unwrap(), bytes(4, 50_000));
            let below = pddb_directory().join(".System/uploads+photos+2026/b.jpg");
            assert_eq!(std::fs::read(below).unwrap(), bytes(2, 30));
            let journal = pddb_directory().join(".System/uploads.journal");
            assert_eq!(std::fs::read_dir(journal).unwrap().count(), 0);
            // One that is not complete.
            sender.message(&first(5, "half", 100_000, &bytes(5, 50_000)));
            assert_eq!(files(&uploads).len(), 3);
            assert!(dict.join("half").is_file(), "it is there, but not shown");
        })
        .restart()
        .role("reader", || {
            let uploads = route(LIMIT);
            let expected = [
                ("a.bin".to_owned(), bytes(4, 50_000)),
                ("photos/2026/b.jpg".to_owned(), bytes(2, 30)),
                ("empty".to_owned(), vec![]),
            ];
            assert_eq!(files(&uploads), BTreeMap::from(expected));
            assert!(!pddb_directory().join(".System/uploads/half").exists());
            // A range, as a download reads it.
            let mut file = uploads.files().open("a.bin").unwrap();
            file.seek(SeekFrom::Start(49_000)).unwrap();
            let mut end = Vec::new();
            file.read_to_end(&mut end).unwrap();
            assert_eq!(end, bytes(4, 50_000)[49_000..]);
        })
        .run_roles();
}

/// What the `n`-th file of the next test holds: three write batches and a bit.
fn nth(n: usize) -> Vec<u8> {
    bytes(n, 25_000 + n)
}

#[test]
fn a_pddb_that_dies_at_any_change_leaves_files_whole_or_absent() {
    const DEATHS: usize = 26;
    let mut test = hosted::test!().time_limit(3 * LIMIT);
    for death in 1..=DEATHS {
        let role: &'static str = Box::leak(format!("sender {death}").into_boxed_str());
        test = test
            .pddb(StandIn::new().dies_at(death as u64))
            .until_pddb_dies()
            .role(role, move || {
                let uploads = route(LIMIT);
                check(&files(&uploads));
                let mut sender = Sender::new(&uploads);
                for n in (death * 100..).step_by(2) {
                    sender.file(n as u32, &format!("{n}"), &nth(n));
                    sender.file(n as u32 + 1, "replaced", &nth(n + 1));
                }
            })
            .restart();
    }
    test.role("reader", || check(&files(&route(LIMIT)))).run_roles();
}

/// Every file is whole: its own content, or for the one that is replaced, that of any.
fn check(files: &BTreeMap<String, Vec<u8>>) {
    for (name, content) in files {
        let n = name.parse().unwrap_or_else(|_| content.len() - 25_000);
        assert!(*content == nth(n), "{name} is not whole: {} bytes", content.len());
    }
    let journal = std::fs::read_dir(pddb_directory().join(".System/uploads.journal"));
    assert_eq!(journal.map_or(0, Iterator::count), 0);
}

#[test]
fn a_pddb_that_hangs_is_told_in_time_and_not_waited_for_again() {
    // The journal's dict, the record and its write, the files' dict, the key: then the first batch.
    hosted::test!().pddb(StandIn::new().hangs_at(6)).run(|| {
        let limit = Duration::from_secs(2);
        let uploads = route(limit);
        let mut sender = Sender::new(&uploads);
        let start = Instant::now();
        sender.file(1, "a", &bytes(1, 100_000));
        assert!(start.elapsed() >= limit);
        assert!(sender.has_failed(1, "no_answer"), "{}", sender.last());
        for id in 2..100 {
            sender.file(id, "b", b"b");
            assert!(sender.has_failed(id, "no_answer"), "{}", sender.last());
        }
        assert!(uploads.files().open("a").is_err());
        assert!(start.elapsed() < 20 * limit, "each of 100 files was waited for");
    });
}

#[test]
fn a_full_pddb_is_told_and_other_transfers_go_on() {
    hosted::test!().pddb(StandIn::new().full_at(100_000)).run(|| {
        let uploads = route(LIMIT);
        let mut sender = Sender::new(&uploads);
        let small = bytes(1, 30_000);
        sender.message(&first(1, "small", 30_000, &small[..20_000]));
        sender.file(2, "large", &bytes(2, 200_000));
        assert!(sender.has_failed(2, "full"), "{}", sender.last());
        sender.message(&later(1, &small[20_000..]));
        assert!(sender.is_stored(1), "{}", sender.last());
        assert_eq!(files(&uploads), BTreeMap::from([("small".to_owned(), small)]));
        sender.file(3, "fits", &bytes(3, 60_000));
        assert!(sender.is_stored(3), "what failed has left its room");
    });
}

#[test]
fn an_unmounted_pddb_is_told() {
    hosted::test!().pddb(StandIn::new().unmounted()).run(|| {
        let pddb = Pddb::new(LIMIT);
        assert!(pddb.wait_mounted(Duration::from_secs(1)).is_err());
        let uploads = Uploads::new(Config::default(), files_in(pddb.clone()), Box::new(|| None));
        let mut sender = Sender::new(&uploads);
        sender.file(1, "a", b"abc");
        assert!(sender.has_failed(1, "unmounted"), "{}", sender.last());
        let names = xous_api_names::XousNames::new().unwrap();
        let cid = names.request_connection_blocking("_Plausibly Deniable Database_").unwrap();
        xous::send_message(cid, xous::Message::new_blocking_scalar(hosted::PDDB_MOUNT, 0, 0, 0, 0)).unwrap();
        sender.file(2, "a", b"abc");
        assert!(sender.is_stored(2), "{}", sender.last());
    });
}

#[test]
fn a_slow_pddb_is_waited_for() {
    hosted::test!().pddb(StandIn::new().slow(Duration::from_millis(20))).run(|| {
        let uploads = route(LIMIT);
        let mut sender = Sender::new(&uploads);
        sender.file(1, "a", &bytes(1, 50_000));
        assert!(sender.is_stored(1), "{}", sender.last());
        assert_eq!(files(&uploads)["a"], bytes(1, 50_000));
    });
}

#[test]
fn two_connections_write_side_by_side() {
    hosted::test!().run(|| {
        let uploads = route(LIMIT);
        std::thread::scope(|scope| {
            for thread in 0..3u32 {
                let mut sender = Sender::new(&uploads);
                scope.spawn(move || {
                    for i in 0..5 {
                        let id = thread * 10 + i;
                        sender.file(id, &format!("{id}"), &nth(id as usize));
                        assert!(sender.is_stored(id), "{}", sender.last());
                    }
                });
            }
        });
        check(&files(&uploads));
        assert_eq!(files(&uploads).len(), 15);
    });
}
