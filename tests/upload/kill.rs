//! Systems and senders that are killed at any moment of an upload: what is there afterwards.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender as Signal, channel};
use std::time::{Duration, Instant};

use hosted::{Pddb, Program, System, pddb_directory};
use serde_json::Value;
use tungstenite::Message;
use xous_api_websocket::Upload;
use xous_api_websocket::wire::SERVER_NAME;

use crate::by_hand::masked;
use crate::common::random::Random;
use crate::common::raw::BINARY;
use crate::common::{PATIENCE, pattern, service, stats_when, system};
use crate::scratch::Scratch;
use crate::sender::{DICT, UPLOAD, get, list, listen, sha256};

/// How often each is killed.
const KILLS: u64 = 20;
/// Files of a round; some of them replace files of a round before.
const FILES: usize = 12;
/// At how many changes the user is asked: all that a new file and a replacement make, and some.
const DIALOGS: u64 = 24;
/// Systems at a time.
const AT_ONCE: u64 = 5;
/// Names that are in use.
const NAMES: u64 = 18;
/// From the start of a system to its program's port.
const START: Duration = Duration::from_secs(60);
/// Set for the program of a system that is killed.
const PROGRAM: &str = "UPLOAD_KILL_PROGRAM";

#[test]
fn whatever_moment_a_system_is_killed_at_its_files_are_whole_or_absent() {
    if std::env::var_os(PROGRAM).is_some() {
        return serve();
    }
    let mut random = seeded();
    let scratch = Scratch::new();
    let keys = PathBuf::from(scratch.path("pddb"));
    let mut known = Known::default();
    for round in 0..KILLS {
        let (system, port) = start(&test_name(), Pddb::new().directory(&keys));
        known.check(port);
        journal_is_cleared(&keys);
        let plan = plan(&mut random, round);
        let bytes: u64 = plan.iter().map(|(_, data)| data.len() as u64).sum();
        // Behind so many bytes, or behind so many files: while the last ones are being committed.
        let (after_bytes, after_files) = match random.below(3) {
            0 => (u64::MAX, 1 + random.below(FILES as u64)),
            _ => (random.below(bytes), u64::MAX),
        };
        let (reached, now) = channel();
        let stored = std::thread::scope(|scope| {
            let sending = scope.spawn(|| send(port, &plan, after_bytes, after_files, &reached));
            now.recv_timeout(START).expect("the sender comes that far");
            drop(system);
            sending.join().unwrap()
        });
        known.expect(plan, &stored);
    }
    let (_system, port) = start(&test_name(), Pddb::new().directory(&keys));
    known.check(port);
    println!("{} files are there", list(port).len());
}

#[test]
fn whatever_moment_a_sender_is_killed_at_its_files_are_whole_or_absent() {
    system!().time_limit(Duration::from_secs(120)).run(|| {
        let mut random = seeded();
        let listener = listen(Upload::new(DICT).replace(true).resume(Duration::ZERO));
        let mut known = Known::default();
        for round in 0..KILLS {
            let plan = plan(&mut random, round);
            let bytes: u64 = plan.iter().map(|(_, data)| data.len() as u64).sum();
            let (reached, _now) = channel();
            // It goes with its connection at that byte, the middle of a frame.
            let stored = send(listener.port(), &plan, random.below(bytes), u64::MAX, &reached);
            stats_when(|stats| stats.connections == 0 && stats.workers_busy == 0);
            known.expect(plan, &stored);
            known.check(listener.port());
        }
        journal_is_cleared(&pddb_directory());
    });
}

#[test]
fn a_system_that_is_killed_while_its_user_is_asked_has_its_files_whole_or_absent() {
    if std::env::var_os(PROGRAM).is_some() {
        return serve();
    }
    let test = test_name();
    // Each is mostly waited for: a database is silent for two seconds before anybody says so.
    std::thread::scope(|scope| {
        for first in 1..=AT_ONCE {
            let test = &test;
            scope.spawn(move || {
                (first..=DIALOGS).step_by(AT_ONCE as usize).for_each(|n| ask_and_kill(test, n))
            });
        }
    });
}

/// Of a new file and a replacement, asks the user at the `change`-th change and kills the system then. The last one's sender is
/// told of what is left to be done for those that are stored.
fn ask_and_kill(test: &str, change: u64) {
    let scratch = Scratch::new();
    let keys = PathBuf::from(scratch.path("pddb"));
    let mut known = Known::default();
    let old = vec![("replaced".to_owned(), pattern(20_000))];
    let dict = keys.join(".System").join(DICT);
    std::fs::create_dir_all(&dict).unwrap();
    std::fs::write(dict.join("replaced"), &old[0].1).unwrap();
    known.expect(old, &["replaced".to_owned()]);
    let (system, port) = start(test, Pddb::new().directory(&keys).asks_at(change));
    let lengths = [("new", 9_000), ("replaced", 9_000), ("last", 0)];
    let plan = lengths.map(|(name, length)| (name.to_owned(), pattern(length + change as usize))).to_vec();
    let stored = send_until_told(port, &plan);
    drop(system);
    known.expect(plan, &stored);
    let (_system, port) = start(test, Pddb::new().directory(&keys));
    known.check(port);
    journal_is_cleared(&keys);
}

/// Sends files one after the other until the database is said to be silent. Those that are stored.
fn send_until_told(port: u16, plan: &[(String, Vec<u8>)]) -> Vec<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut ws, _) = tungstenite::client(format!("ws://127.0.0.1:{port}{UPLOAD}"), stream).unwrap();
    let mut stored = Vec::new();
    for (id, (name, data)) in (0u32..).zip(plan) {
        let length = (data.len() as u32).to_le_bytes();
        let message = [&id.to_le_bytes(), name.as_bytes(), &[0], &length, data].concat();
        ws.send(Message::binary(message)).unwrap();
        loop {
            let answer: Value = serde_json::from_str(ws.read().unwrap().to_text().unwrap()).unwrap();
            if answer.get("waiting").is_some() {
                return stored;
            }
            assert!(answer.get("failed").or(answer.get("refused")).is_none(), "{answer}");
            if answer.get("stored").is_some() {
                stored.push(name.clone());
                break;
            }
        }
    }
    panic!("nobody was asked")
}

/// The name of the test that this thread is.
fn test_name() -> String {
    std::thread::current().name().expect("a test has a name").to_owned()
}

/// The program of a system: its routes are there until it is killed.
fn serve() {
    let listener = listen(Upload::new(DICT).replace(true));
    println!("port {}", listener.port());
    loop {
        std::thread::park();
    }
}

/// A system on these keys, with the program of a test, and its port.
fn start(test: &str, pddb: Pddb) -> (System, u16) {
    let binary = std::env::current_exe().unwrap().into_os_string().into_string().unwrap();
    let program = Program::new(binary).args([test, "--exact", "--nocapture"]).env(PROGRAM, "1");
    let (reader, writer) = std::io::pipe().unwrap();
    let builder = System::builder().output_to(writer).pddb(pddb);
    let system = builder.service(service(), SERVER_NAME).program(program).start().unwrap();
    let (sender, port) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(reader).lines().map_while(Result::ok);
        // All of it is read, for as long as the system lives.
        for line in lines {
            if let Some(port) = line.rsplit_once("port ").and_then(|(_, port)| port.parse().ok()) {
                sender.send(port).ok();
            }
        }
    });
    let port = port.recv_timeout(START).unwrap_or_else(|_| panic!("no port:\n{}", system.log_tail()));
    (system, port)
}

/// Numbers that differ from run to run, and can be had again.
fn seeded() -> Random {
    let seed = std::process::id().into();
    println!("the seed is {seed}");
    Random::new(seed)
}

/// Files by name, with contents of no more than a few write batches.
fn plan(random: &mut Random, round: u64) -> Vec<(String, Vec<u8>)> {
    let mut plan = BTreeMap::new();
    while plan.len() < FILES {
        let name = format!("dir {}/{}", random.below(2), random.below(NAMES));
        let mut data = pattern(random.below(40_000) as usize);
        data.splice(..data.len().min(8), round.to_le_bytes());
        plan.insert(name, data);
    }
    plan.into_iter().collect()
}

/// Sends files two at a time, part by part, until `after_bytes` bytes are sent or `after_files` files are stored; then
/// `reached` is told, and the connection goes in the first case. The names of those that are known to be stored.
fn send(
    port: u16,
    plan: &[(String, Vec<u8>)],
    after_bytes: u64,
    after_files: u64,
    reached: &Signal<()>,
) -> Vec<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let url = format!("ws://127.0.0.1:{port}{UPLOAD}");
    let (mut ws, _) = tungstenite::client(url, stream.try_clone().unwrap()).unwrap();
    std::thread::scope(|scope| {
        let answers = scope.spawn(move || {
            let mut stored = Vec::new();
            while let Ok(Message::Text(text)) = ws.read() {
                let answer: Value = serde_json::from_str(&text).unwrap();
                assert!(answer.get("failed").or(answer.get("refused")).is_none(), "{answer}");
                if answer.get("stored").is_some() {
                    stored.push(answer["name"].as_str().unwrap().to_owned());
                    if stored.len() as u64 == after_files {
                        reached.send(()).ok();
                    }
                    if stored.len() == plan.len() {
                        break;
                    }
                }
            }
            reached.send(()).ok();
            stored
        });
        let mut sent = 0;
        for message in messages(plan) {
            let frame = masked(BINARY, &message);
            let rest = usize::try_from(after_bytes - sent).unwrap_or(usize::MAX);
            let last = rest < frame.len();
            if stream.write_all(&frame[..rest.min(frame.len())]).is_err() || last {
                break;
            }
            sent += frame.len() as u64;
        }
        if after_bytes < u64::MAX {
            reached.send(()).ok();
            stream.shutdown(Shutdown::Both).ok();
        }
        answers.join().unwrap()
    })
}

/// The parts of all files, those of each two in turn.
fn messages(plan: &[(String, Vec<u8>)]) -> impl Iterator<Item = Vec<u8>> {
    const PART: usize = 3000;
    plan.chunks(2).enumerate().flat_map(|(pair, files)| {
        let ids = move |index: usize| (pair * 2 + index) as u32;
        let first = move |(index, (name, data)): (usize, &(String, Vec<u8>))| {
            let length = (data.len() as u32).to_le_bytes();
            [&ids(index).to_le_bytes(), name.as_bytes(), &[0], &length].concat()
        };
        let turns = files.iter().map(|(_, data)| data.len().div_ceil(PART)).max().unwrap_or_default();
        let part = move |turn: usize, (index, (_, data)): (usize, &(String, Vec<u8>))| {
            let data = data.chunks(PART).nth(turn)?;
            Some([&ids(index).to_le_bytes(), data].concat())
        };
        let firsts = files.iter().enumerate().map(first);
        let later = (0..turns)
            .flat_map(move |turn| files.iter().enumerate().filter_map(move |file| part(turn, file)));
        firsts.chain(later)
    })
}

/// What may be there.
#[derive(Default)]
struct Known {
    /// Digests that a file may have; `None` if it may be absent. A name that is not here has no file.
    files: BTreeMap<String, Vec<Option<String>>>,
}

impl Known {
    /// These were sent, and those of them are known to be stored.
    fn expect(&mut self, plan: Vec<(String, Vec<u8>)>, stored: &[String]) {
        for (name, data) in plan {
            let digest = Some(sha256(&data));
            let is_stored = stored.contains(&name);
            let may_be = self.files.entry(name).or_insert_with(|| vec![None]);
            if is_stored {
                may_be.clear();
            }
            may_be.push(digest);
        }
    }

    /// Every file is one of those that it may be. From now on it is known which.
    fn check(&mut self, port: u16) {
        let there: BTreeMap<_, _> = list(port).into_iter().collect();
        for name in there.keys() {
            assert!(self.files.contains_key(name), "{name} was never sent");
        }
        for (name, may_be) in &mut self.files {
            let found = there.get(name).map(|length| {
                let answer = get(port, &format!("/files/{}", name.replace(' ', "%20")), "");
                assert_eq!((answer.status, answer.body.len() as u64), (200, *length));
                sha256(&answer.body)
            });
            assert!(may_be.contains(&found), "{name} is {found:?}, and may be {may_be:?}");
            *may_be = vec![found];
        }
    }
}

/// What was left is cleared, beside what clients ask for.
fn journal_is_cleared(keys: &Path) {
    let start = Instant::now();
    loop {
        let left = journal(keys);
        if left.is_empty() {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{left:?}");
    }
}

/// What is in the journal of the route's dict, whose keys are in this directory.
fn journal(keys: &Path) -> Vec<String> {
    let journal = std::fs::read_dir(keys.join(".System").join(format!("{DICT}.journal")));
    let names = journal.into_iter().flatten().map(|key| key.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}
