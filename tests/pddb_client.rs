//! The PDDB client against the stand-in, as Xous processes.

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use hosted::{PDDB_MOUNT, Pddb as StandIn, pddb_directory};
use websocket::pddb::{Create, DictPath, KeyPath, Pddb, PddbError};

const LIMIT: Duration = Duration::from_secs(20);

fn pddb() -> Pddb {
    let pddb = Pddb::new(LIMIT);
    pddb.wait_mounted(LIMIT).unwrap();
    pddb
}

/// Waits for the server, mounted or not.
fn connect() -> xous::CID {
    let names = xous_api_names::XousNames::new().unwrap();
    let cid = names.request_connection_blocking("_Plausibly Deniable Database_").unwrap();
    std::mem::forget(names);
    cid
}

fn dict(name: &str) -> DictPath {
    DictPath::new(".System", name).unwrap()
}

fn key(name: &str) -> KeyPath {
    dict("test").key(name).unwrap()
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn content(pddb: &Pddb, key: &KeyPath) -> Vec<u8> {
    let mut content = Vec::new();
    pddb.open(key).unwrap().read_to_end(&mut content).unwrap();
    content
}

#[test]
fn a_key_is_read_as_it_was_written_and_is_a_plain_file() {
    hosted::test!().run(|| {
        let pddb = pddb();
        let data = bytes(100_000);
        let mut file = pddb.create(&key("a file"), Create::default()).unwrap();
        assert_eq!(file.length(), 0);
        file.write_all(&data).unwrap();
        file.flush().unwrap();
        assert_eq!(file.length(), 100_000);
        assert_eq!(content(&pddb, &key("a file")), data);
        assert_eq!(std::fs::read(pddb_directory().join(".System/test/a file")).unwrap(), data);

        let nested = dict("test/below/that").key("x").unwrap();
        pddb.create(&nested, Create::default()).unwrap().write_all(b"1").unwrap();
        assert_eq!(std::fs::read(pddb_directory().join(".System/test+below+that/x")).unwrap(), b"1");
    });
}

#[test]
fn a_position_is_anywhere_and_goes_back() {
    hosted::test!().run(|| {
        let pddb = pddb();
        let mut file = pddb.create(&key("k"), Create::default()).unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut two = [0; 2];
        for (to, at, expected) in [
            (SeekFrom::Start(3), 3, b"34"),
            (SeekFrom::Current(-4), 1, b"12"),
            (SeekFrom::End(-2), 8, b"89"),
            (SeekFrom::Current(-10), 0, b"01"),
        ] {
            assert_eq!(file.seek(to).unwrap(), at);
            file.read_exact(&mut two).unwrap();
            assert_eq!(&two, expected);
        }
        assert!(file.seek(SeekFrom::Current(-3)).is_err());
        file.seek(SeekFrom::Start(4)).unwrap();
        file.write_all(b"xx").unwrap();
        assert_eq!(file.read(&mut two).unwrap(), 2);
        assert_eq!(&two, b"67");
        file.seek(SeekFrom::Start(100)).unwrap();
        assert_eq!(file.read(&mut two).unwrap(), 0, "behind the end");
        assert_eq!(file.read_at(8, &mut [0; 10]), Ok(2));
        assert_eq!(file.read_at(10, &mut two), Ok(0));
        assert_eq!(content(&pddb, &key("k")), b"0123xx6789");
    });
}

#[test]
fn each_refusal_has_its_error() {
    hosted::test!().run(|| {
        let pddb = pddb();
        assert_eq!(pddb.open(&key("k")).err(), Some(PddbError::NotFound));
        assert_eq!(pddb.delete(&key("k")), Err(PddbError::NotFound));
        assert_eq!(pddb.keys(&dict("test")), Err(PddbError::NotFound));
        assert_eq!(pddb.delete_dict(&dict("test")), Err(PddbError::NotFound));
        drop(pddb.create(&key("k"), Create { new: true, room: 300 }).unwrap());
        assert_eq!(pddb.create(&key("k"), Create { new: true, room: 0 }).err(), Some(PddbError::Exists));
        assert!(pddb.create(&key("k"), Create::default()).is_ok());
        assert_eq!(pddb.create_dict(&dict("test")), Err(PddbError::Exists));
        assert_eq!(pddb.delete_dict(&dict("test")), Err(PddbError::NotEmpty));
        assert_eq!(pddb.delete(&key("k")), Ok(()));
        assert_eq!(pddb.delete_dict(&dict("test")), Ok(()));
        let elsewhere = DictPath::new("no basis", "test").unwrap().key("k").unwrap();
        assert_eq!(pddb.create(&elsewhere, Create::default()).err(), Some(PddbError::NotFound));
        // The longest names, and more room than the real server survives.
        let long = dict(&"d".repeat(110)).key(&"k".repeat(94)).unwrap();
        drop(pddb.create(&long, Create { new: true, room: u32::MAX }).unwrap());
        assert_eq!(pddb.keys(long.dict()).unwrap(), [long.name()]);
        assert_eq!(pddb.flush(), Ok(()));
    });
}

#[test]
fn a_list_that_needs_more_pages_is_whole() {
    hosted::test!().run(|| {
        let pddb = pddb();
        let mut names: Vec<_> = (0..300).map(|i| format!("{i:0>90}")).collect();
        for name in &names {
            pddb.create(&key(name), Create::default()).unwrap();
        }
        let mut listed = pddb.keys(&dict("test")).unwrap();
        listed.sort();
        names.sort();
        assert_eq!(listed, names);
        pddb.create_dict(&dict("test/other")).unwrap();
        let mut dicts = pddb.dicts(".System").unwrap();
        dicts.sort();
        assert_eq!(dicts, ["test", "test/other"]);
        assert_eq!(pddb.bases().unwrap(), [".System"]);
        assert_eq!(pddb.keys(&dict("test/other")).unwrap(), [""; 0]);
    });
}

#[test]
fn closing_a_key_leaves_the_others_open() {
    hosted::test!().run(|| {
        let pddb = pddb();
        let mut files: Vec<_> =
            (0..5).map(|i| pddb.create(&key(&i.to_string()), Create::default()).unwrap()).collect();
        files.remove(2);
        for (i, file) in files.iter_mut().enumerate() {
            file.write_all(&[i as u8; 3]).unwrap();
        }
        drop(files);
        assert_eq!(content(&pddb, &key("4")), [3; 3]);
    });
}

#[test]
fn a_key_that_is_deleted_is_not_open_any_more() {
    hosted::test!().run(|| {
        let pddb = pddb();
        let mut file = pddb.create(&key("k"), Create::default()).unwrap();
        file.write_all(b"abc").unwrap();
        pddb.delete(&key("k")).unwrap();
        assert_eq!(file.read_at(0, &mut [0; 3]), Err(PddbError::Stale));
        assert_eq!(file.write_at(3, b"d"), Err(PddbError::Stale));
        assert_eq!(pddb.open(&key("k")).err(), Some(PddbError::NotFound));
    });
}

#[test]
fn a_full_pddb_takes_nothing_and_serves_the_rest() {
    hosted::test!().pddb(StandIn::new().full_at(1000)).run(|| {
        let pddb = pddb();
        let mut file = pddb.create(&key("k"), Create::default()).unwrap();
        assert_eq!(file.write_at(0, &[1; 900]), Ok(900));
        assert_eq!(file.write_at(900, &[2; 101]), Err(PddbError::Full));
        assert_eq!(file.length(), 900);
        assert_eq!(file.write_at(900, &[3; 100]), Ok(100));
        assert_eq!(pddb.create(&key("other"), Create::default()).err(), Some(PddbError::Full));
        assert_eq!(content(&pddb, &key("k")).len(), 1000);
        pddb.delete(&key("k")).unwrap();
        assert!(pddb.create(&key("other"), Create::default()).is_ok());
    });
}

#[test]
fn writes_that_were_begun_are_done_in_order() {
    hosted::test!().pddb(StandIn::new().full_at(1000)).run(|| {
        let pddb = pddb();
        let mut file = pddb.create(&key("k"), Create::default()).unwrap();
        assert_eq!(file.begin_write(0, &[1; 600]), Ok(600));
        assert_eq!(file.begin_write(600, &[2; 300]), Ok(300));
        // Elsewhere: what was begun is done first. Then what comes after is read.
        assert_eq!(file.begin_write(1, &[3; 2]), Ok(2));
        let mut found = [0; 4];
        assert_eq!(file.read_at(0, &mut found), Ok(4));
        assert_eq!(found, [1, 3, 3, 1]);
        // That there is no room comes out with the next one, and nothing of either is counted.
        assert_eq!(file.begin_write(900, &[4; 101]), Ok(101));
        assert_eq!(file.begin_write(1001, &[5; 101]), Err(PddbError::Full));
        assert_eq!(file.finish_writes(), Err(PddbError::Full));
        assert_eq!(file.length(), 900);
        assert_eq!(file.begin_write(900, &[6; 100]), Ok(100));
        drop(file);
        assert_eq!(content(&pddb, &key("k"))[900..], [6; 100]);
    });
}

#[test]
fn an_unmounted_pddb_is_said_to_be_and_waited_for() {
    hosted::test!().pddb(StandIn::new().unmounted()).run(|| {
        let cid = connect();
        let pddb = Pddb::new(LIMIT);
        assert_eq!(pddb.is_mounted(), Ok(false));
        assert_eq!(pddb.open(&key("k")).err(), Some(PddbError::NotMounted));
        assert_eq!(pddb.create(&key("k"), Create::default()).err(), Some(PddbError::NotMounted));
        assert_eq!(pddb.delete(&key("k")), Err(PddbError::NotMounted));
        assert_eq!(pddb.keys(&dict("test")), Err(PddbError::NotMounted));
        assert_eq!(pddb.dicts(".System"), Err(PddbError::NotMounted));
        assert_eq!(pddb.wait_mounted(Duration::from_millis(10)), Err(PddbError::NotMounted));
        let waiting = pddb.clone();
        let waiter = std::thread::spawn(move || waiting.wait_mounted(LIMIT));
        xous::send_message(cid, xous::Message::new_blocking_scalar(PDDB_MOUNT, 0, 0, 0, 0)).unwrap();
        assert_eq!(waiter.join().unwrap(), Ok(()));
        assert_eq!(pddb.wait_mounted(Duration::ZERO), Ok(()));
        assert!(pddb.create(&key("k"), Create::default()).is_ok());
    });
}

#[test]
fn a_pddb_that_hangs_costs_a_deadline_once() {
    // Change 1 makes the dict, change 2 the key, change 3 is the write.
    hosted::test!().pddb(StandIn::new().hangs_at(3)).run(|| {
        connect();
        // What is answered is answered in time on a busy machine, too.
        let limit = Duration::from_secs(2);
        let pddb = Pddb::new(limit);
        let mut file = pddb.create(&key("k"), Create::default()).unwrap();
        let start = Instant::now();
        assert_eq!(file.write_at(0, b"abc"), Err(PddbError::NoAnswer));
        assert!(start.elapsed() >= limit);
        for _ in 0..1000 {
            assert_eq!(pddb.flush(), Err(PddbError::NoAnswer));
            assert_eq!(file.read_at(0, &mut [0]), Err(PddbError::NoAnswer));
        }
        assert!(start.elapsed() < 20 * limit, "each of 2000 calls waited");
    });
}

#[test]
fn nobody_waits_behind_a_write_that_hangs() {
    hosted::test!().pddb(StandIn::new().hangs_at(3)).run(|| {
        connect();
        let limit = Duration::from_secs(6);
        let mut file = Pddb::new(limit).create(&key("k"), Create::default()).unwrap();
        assert_eq!(file.begin_write(0, b"abc"), Ok(3));
        // Less than the silence behind which nothing is sent any more.
        std::thread::sleep(Duration::from_secs(1));
        let start = Instant::now();
        assert_eq!(file.begin_write(3, b"def"), Err(PddbError::NoAnswer));
        // Its own deadline is not over.
        assert_eq!(file.finish_writes(), Err(PddbError::NoAnswer));
        drop(file);
        assert!(start.elapsed() < limit, "the first one's deadline was not the last");
    });
}

#[test]
fn a_slow_answer_is_waited_for_and_one_that_comes_too_late_does_no_harm() {
    hosted::test!().pddb(StandIn::new().slow(Duration::from_millis(200))).run(|| {
        connect();
        let hasty = Pddb::new(Duration::from_millis(20));
        assert_eq!(hasty.is_mounted(), Err(PddbError::NoAnswer));
        let patient = pddb();
        patient.create(&key("k"), Create::default()).unwrap().write_all(b"abc").unwrap();
        assert_eq!(content(&patient, &key("k")), b"abc");
        // The answer has come meanwhile, so the next call is not refused for the last one's sake.
        let start = Instant::now();
        assert_eq!(hasty.is_mounted(), Err(PddbError::NoAnswer));
        assert!(start.elapsed() >= Duration::from_millis(20));
    });
}

#[test]
fn keys_survive_the_system_and_a_death_in_the_middle_leaves_half() {
    hosted::test!()
        // Dict, key, write; key, write.
        .pddb(StandIn::new().dies_at(5))
        .until_pddb_dies()
        .role("writer", || {
            let pddb = pddb();
            pddb.create(&key("whole"), Create::default()).unwrap().write_all(&bytes(5000)).unwrap();
            let mut file = pddb.create(&key("half"), Create::default()).unwrap();
            let result = file.write_at(0, &bytes(5000));
            panic!("the PDDB answered: {result:?}");
        })
        .restart()
        .role("reader", || {
            let pddb = pddb();
            assert_eq!(content(&pddb, &key("whole")), bytes(5000));
            assert_eq!(content(&pddb, &key("half")), bytes(2500));
        })
        .run_roles();
}
