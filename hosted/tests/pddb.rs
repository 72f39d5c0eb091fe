//! The PDDB stand-in by raw messages: the codes and the habits of the real server.

use hosted::{PDDB_ANSWER, PDDB_ASKED, PDDB_MOUNT, PDDB_UNMOUNT, PDDB_USER, Page, Pddb, pddb_directory};
use xous::{CID, Message, Result as Answer};

const OPEN: usize = 30;
const READ: usize = 31;
const WRITE: usize = 32;
const CLOSE: usize = 34;
const DELETE: usize = 35;
const SEEK: usize = 39;

fn connect() -> CID {
    connect_to("_Plausibly Deniable Database_")
}

fn connect_to(name: &str) -> CID {
    let names = xous_api_names::XousNames::new().unwrap();
    let cid = names.request_connection_blocking(name).unwrap();
    std::mem::forget(names);
    cid
}

/// A request with a path and what follows it.
fn path_page(letters: &[u8; 4], path: &str, rest: &[u8]) -> Page {
    let mut bytes = b"\xca\xb6\x4c\x34".to_vec();
    bytes.extend_from_slice(letters);
    bytes.extend_from_slice(&(path.len() as u32).to_le_bytes());
    bytes.extend_from_slice(path.as_bytes());
    bytes.extend_from_slice(rest);
    Page::new(&bytes)
}

/// Opens a key with the five flags; its descriptor and length, or the code.
fn open(cid: CID, path: &str, flags: [u8; 5]) -> Result<(u16, u64), usize> {
    // Zeros follow: no room asked for, nobody to call back.
    let mut page = path_page(b"KyOQ", path, &flags);
    match page.lend_mut(cid, OPEN, 0, 0).unwrap() {
        Answer::MemoryReturned(None, _) => {
            assert_eq!(page.bytes[4..8], *b"KyOR");
            let descriptor = u16::from_le_bytes(page.bytes[8..10].try_into().unwrap());
            Ok((descriptor, u64::from_le_bytes(page.bytes[16..24].try_into().unwrap())))
        }
        Answer::MemoryReturned(Some(code), _) => Err(code.get()),
        other => panic!("{other:?}"),
    }
}

const CREATE: [u8; 5] = [1, 1, 0, 0, 0];
const EXISTING: [u8; 5] = [0; 5];

fn on(opcode: usize, descriptor: u16) -> usize {
    opcode | usize::from(descriptor) << 16
}

fn write(cid: CID, descriptor: u16, data: &[u8]) -> Answer {
    Page::new(data).lend_mut(cid, on(WRITE, descriptor), 0, data.len()).unwrap()
}

fn returned(offset: usize, valid: usize) -> Answer {
    Answer::MemoryReturned(xous::MemoryAddress::new(offset), xous::MemorySize::new(valid))
}

fn ask(cid: CID, id: usize, arguments: [usize; 3]) -> Answer {
    let [one, two, three] = arguments;
    xous::send_message(cid, Message::new_blocking_scalar(id, one, two, three, 0)).unwrap()
}

fn delete(cid: CID, path: &str) -> Answer {
    path_page(b"RmKQ", path, b"").lend_mut(cid, DELETE, 0, 0).unwrap()
}

#[test]
fn paths_and_names_are_refused_with_the_real_codes() {
    hosted::test!().run(|| {
        let cid = connect();
        assert_eq!(open(cid, "dict:key", CREATE), Err(3));
        assert_eq!(open(cid, "dict/key:", CREATE), Err(2));
        assert_eq!(open(cid, ":basis:dict/key", CREATE), Err(2));
        assert_eq!(open(cid, "dict/key", EXISTING), Err(2));
        assert_eq!(open(cid, "dict/key", [1, 1, 2, 0, 0]), Err(5), "no flag");
        assert_eq!(delete(cid, "dict/key"), returned(4, 0));
        assert_eq!(open(cid, "dict/key", CREATE), Ok((0, 0)));
        assert_eq!(open(cid, "::dict/key", [1, 1, 1, 0, 0]), Err(6));
        assert_eq!(open(cid, &format!("{}/key", "d".repeat(111)), CREATE), Err(5));
        assert!(open(cid, &format!("{0}/{1}", "d".repeat(110), "k".repeat(94)), CREATE).is_ok());
        assert_eq!(Page::new(b"nothing known").lend_mut(cid, OPEN, 0, 0).unwrap(), returned(5, 0));
        // A name that would lead elsewhere is a name.
        assert!(open(cid, "../../x", CREATE).is_ok());
        assert!(pddb_directory().join(".System/..+../x").is_file());
    });
}

#[test]
fn an_over_long_key_name_spoils_its_dict() {
    hosted::test!().run(|| {
        let cid = connect();
        assert_eq!(open(cid, &format!("dict/{}", "k".repeat(95)), CREATE), Err(5));
        assert_eq!(open(cid, "dict/key", CREATE), Err(5));
        assert_eq!(ask(cid, 18, [0; 3]), Answer::Scalar1(5));
        assert!(open(cid, "other/key", CREATE).is_ok());
    });
}

#[test]
fn a_blocking_close_drops_all_handles_and_a_plain_one_does_not() {
    hosted::test!().run(|| {
        let cid = connect();
        let [(a, _), (b, _), (c, _)] = ["d/a", "d/b", "d/c"].map(|path| open(cid, path, CREATE).unwrap());
        xous::send_message(cid, Message::new_scalar(on(CLOSE, a), 0, 0, 0, 0)).unwrap();
        assert_eq!(write(cid, a, b"1"), returned(4, 1));
        assert_eq!(write(cid, b, b"1"), returned(0, 1));
        assert_eq!(ask(cid, on(CLOSE, a), [0; 3]), Answer::Scalar1(4));
        assert_eq!(ask(cid, on(CLOSE, b), [0; 3]), Answer::Scalar2(0, 0));
        assert_eq!(write(cid, c, b"1"), returned(4, 1));
    });
}

#[test]
fn a_seek_goes_forward_only_and_the_end_is_where_it_was() {
    hosted::test!().run(|| {
        let cid = connect();
        let (fd, _) = open(cid, "d/k", CREATE).unwrap();
        assert_eq!(write(cid, fd, b"0123456789"), returned(0, 10));
        assert_eq!(ask(cid, on(SEEK, fd), [2, 0, 0]), Answer::Scalar2(0, 0), "empty when it was opened");
        assert_eq!(ask(cid, on(SEEK, fd), [0, 4, 0]), Answer::Scalar2(4, 0));
        assert_eq!(ask(cid, on(SEEK, fd), [1, 3, 0]), Answer::Scalar2(7, 0));
        assert_eq!(ask(cid, on(SEEK, fd), [1, u32::MAX as usize, u32::MAX as usize]), Answer::Scalar1(4));
        let mut page = Page::new(b"");
        assert_eq!(page.lend_mut(cid, on(READ, fd), 0, 100).unwrap(), returned(0, 3));
        assert_eq!(page.bytes[..3], *b"789");
        assert_eq!(page.lend_mut(cid, on(READ, fd), 0, 100).unwrap(), returned(0, 0));
        assert_eq!(ask(cid, on(SEEK, fd), [0, 11, 0]), Answer::Scalar2(11, 0));
        assert_eq!(page.lend_mut(cid, on(READ, fd), 0, 100).unwrap(), returned(4, 100));
        assert_eq!(open(cid, "d/k", [0, 0, 0, 1, 0]), Ok((1, 10)));
        assert_eq!(write(cid, 1, b"ab"), returned(0, 2));
        assert_eq!(open(cid, "d/k", EXISTING), Ok((2, 12)));
    });
}

#[test]
fn a_delete_closes_handles_only_if_it_names_the_basis() {
    hosted::test!().run(|| {
        let cid = connect();
        let (a, _) = open(cid, "d/k", CREATE).unwrap();
        assert_eq!(delete(cid, "d/k"), returned(0, 0));
        let (b, _) = open(cid, "d/k", CREATE).unwrap();
        assert_eq!(write(cid, a, b"x"), returned(0, 1), "into the new key");
        assert_eq!(delete(cid, ":.System:d/k"), returned(0, 0));
        for fd in [a, b] {
            assert_eq!(write(cid, fd, b"x"), returned(2, 1));
        }
    });
}

#[test]
fn a_list_is_cut_to_its_page() {
    hosted::test!().run(|| {
        let cid = connect();
        for i in 0..60 {
            open(cid, &format!("d/{i:0>90}"), CREATE).unwrap();
        }
        let mut page = Page::new(b"\xca\xb6\x4c\x34LiKQ\0\0\0\0\x01\0\0\0d");
        assert_eq!(page.lend_mut(cid, 29, 0, 0).unwrap(), returned(0, 0));
        assert_eq!(page.bytes[4..12], *b"LiKR\x3c\0\0\0", "60 names, not all of them there");
    });
}

#[test]
fn unknown_and_lying_messages_do_no_harm() {
    hosted::test!().run(|| {
        let cid = connect();
        let (fd, _) = open(cid, "d/k", CREATE).unwrap();
        assert_eq!(Page::new(b"").lend_mut(cid, on(WRITE, fd), 0, 5000).unwrap(), returned(5, 5000));
        assert_eq!(Page::new(b"").lend_mut(cid, on(READ, fd), 0, 5000).unwrap(), returned(5, 5000));
        assert_eq!(ask(cid, 999, [0; 3]), Answer::Scalar1(0));
        assert_eq!(Page::new(b"").lend_mut(cid, 999, 0, 0).unwrap(), returned(5, 0));
        let mut lying = path_page(b"RmKQ", "", b"");
        lying.bytes[8..12].fill(0xff);
        assert_eq!(lying.lend_mut(cid, DELETE, 0, 0).unwrap(), returned(5, 0));
        assert_eq!(write(cid, fd, b"still there"), returned(0, 11));
    });
}

#[test]
fn what_stops_the_real_server_stops_this_one() {
    hosted::test!()
        .pddb(Pddb::new())
        .until_pddb_dies()
        .role("opener", || {
            let cid = connect();
            let (fd, _) = open(cid, "d/k", CREATE).unwrap();
            assert_eq!(write(cid, fd, &[0; 4064]), returned(0, 4064));
            let truncated = open(cid, "d/k", [0, 0, 0, 0, 1]);
            panic!("a large key was truncated: {truncated:?}");
        })
        .run_roles();
}

#[test]
fn an_unmount_is_answered_with_the_real_codes() {
    hosted::test!().run(|| {
        let cid = connect();
        let (fd, _) = open(cid, "d/k", CREATE).unwrap();
        assert_eq!(write(cid, fd, b"1"), returned(0, 1));
        assert_eq!(ask(cid, PDDB_UNMOUNT, [0; 3]), Answer::Scalar1(1));
        assert_eq!(write(cid, fd, b"2"), returned(5, 1), "InternalError");
        assert_eq!(Page::new(b"").lend_mut(cid, on(READ, fd), 0, 100).unwrap(), returned(1, 100), "Ok");
        assert_eq!(open(cid, "d/k", EXISTING), Err(2));
        assert_eq!(delete(cid, "d/k"), returned(4, 0));
        assert_eq!(ask(cid, PDDB_MOUNT, [0; 3]), Answer::Scalar1(1));
        assert_eq!(write(cid, fd, b"2"), returned(0, 1), "the handle is as it was");
    });
}

#[test]
fn a_dialog_holds_everybody_up_until_it_is_answered() {
    hosted::test!().pddb(Pddb::new().pool(4)).run(|| {
        let (cid, user) = (connect(), connect_to(PDDB_USER));
        // A dict and a key.
        let (fd, _) = open(cid, "d/k", CREATE).unwrap();
        let writes = std::thread::spawn(move || write(cid, fd, &[1; 4096]));
        assert_eq!(writes.join().unwrap(), returned(0, 4096), "two pages");
        for (dialog, answer) in [(1, 0), (2, 1)] {
            let writes = std::thread::spawn(move || write(cid, fd, &[2; 4096]));
            assert_eq!(ask(user, PDDB_ASKED, [dialog, 0, 0]), Answer::Scalar1(dialog));
            assert!(!writes.is_finished(), "it waits for the user");
            assert_eq!(ask(user, PDDB_ANSWER, [answer, 0, 0]), Answer::Scalar1(1));
            let expected = if answer == 0 { returned(6, 4096) } else { returned(0, 4096) };
            assert_eq!(writes.join().unwrap(), expected);
        }
    });
}

#[test]
fn a_no_to_what_makes_a_key_is_an_internal_error_and_to_a_delete_no_such_key() {
    hosted::test!().pddb(Pddb::new().asks_at(3)).run(|| {
        let (cid, user) = (connect(), connect_to(PDDB_USER));
        open(cid, "d/k", CREATE).unwrap();
        for _ in 0..2 {
            ask(user, PDDB_ANSWER, [0; 3]);
        }
        assert_eq!(delete(cid, "d/k"), returned(4, 0));
        assert_eq!(open(cid, "d/other", CREATE), Err(5), "asked again");
        assert_eq!(delete(cid, "d/k"), returned(0, 0), "takes no room");
        assert_eq!(ask(user, PDDB_ASKED, [2, 0, 0]), Answer::Scalar1(2));
    });
}
