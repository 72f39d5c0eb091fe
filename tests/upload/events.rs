//! What a program learns of files, decides about them, and does with them.

use xous_api_websocket::error::ControlError;
use xous_api_websocket::{
    Code, Listener, Upload,
    files::{FileChange, FileEvent},
};

use crate::common::pages::received;
use crate::common::{pattern, system};
use crate::sender::{DICT, Sender, list, listen, sha256};

/// The next event: what, name, bytes, code.
fn next(listener: &Listener) -> (FileChange, String, u32, String) {
    let known = |event: &FileEvent<'_>| {
        assert_eq!(event.dict, DICT);
        (event.change, event.name.to_owned(), event.bytes, event.code.to_owned())
    };
    listener.file_event(known).unwrap()
}

fn event(change: FileChange, name: &str, bytes: u32, code: &str) -> (FileChange, String, u32, String) {
    (change, name.to_owned(), bytes, code.to_owned())
}

#[test]
fn a_program_learns_of_files_that_come_and_go() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).events());
        let mut sender = Sender::connect(listener.port());
        sender.file(1, "a", b"hello");
        sender.accepted(1);
        sender.stored(1, b"hello");
        assert_eq!(next(&listener), event(FileChange::Began, "a", 0, ""));
        listener
            .file_event(|event| {
                assert_eq!((event.change, event.name, event.length), (FileChange::Stored, "a", 5));
                let digest: String = event.sha256.unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(digest, sha256(b"hello"));
                assert!(event.sender.starts_with("127.0.0.1:"), "{}", event.sender);
            })
            .unwrap();
        sender.begin(2, "b", 10, b"x");
        sender.accepted(2);
        sender.text(r#"{"cancel":2}"#);
        sender.told("failed", 2, "cancelled");
        assert_eq!(next(&listener), event(FileChange::Began, "b", 0, ""));
        assert_eq!(next(&listener), event(FileChange::Failed, "b", 0, "cancelled"));
        listener.files(DICT).delete("a").unwrap();
        assert_eq!(next(&listener), event(FileChange::Deleted, "a", 0, ""));
        assert_eq!(list(listener.port()), []);
    });
}

#[test]
fn a_program_that_takes_no_events_holds_nobody_up_and_is_told_how_many_it_has_missed() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).events());
        let mut sender = Sender::connect(listener.port());
        for id in 0..30 {
            sender.file(id, &format!("{id:02}"), b"x");
            sender.accepted(id);
            sender.stored(id, b"x");
        }
        let (mut missed, mut seen) = (0, 0);
        while seen + missed < 60 {
            missed += listener.file_event(|event| event.missed).unwrap();
            seen += 1;
        }
        assert!((28, 32) == (missed, seen), "{missed} missed, {seen} seen");
    });
}

#[test]
fn a_program_decides_about_a_file_before_its_first_byte() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).asks());
        let mut sender = Sender::connect(listener.port());
        let number = |name: &str| {
            listener
                .file_event(|event| {
                    assert_eq!((event.change, event.name), (FileChange::Asked, name));
                    event.number
                })
                .unwrap()
        };
        sender.file(1, "wanted", &pattern(50_000));
        let wanted = number("wanted");
        // Nobody else waits for that.
        let mut other = Sender::connect(listener.port());
        other.file(2, "unwanted", b"12");
        let unwanted = number("unwanted");
        listener.decide_file(unwanted, false).unwrap();
        other.told("refused", 2, "declined");
        listener.decide_file(wanted, true).unwrap();
        sender.accepted(1);
        sender.stored(1, &pattern(50_000));
        assert_eq!(listener.decide_file(wanted, true), Err(ControlError::Closed));
        assert_eq!(next(&listener), event(FileChange::Began, "wanted", 0, ""));
        assert_eq!(next(&listener), event(FileChange::Stored, "wanted", 50_000, ""));
        // One about which nothing is said.
        other.file(3, "unanswered", b"1");
        number("unanswered");
        other.told("refused", 3, "declined");
        // Names that nobody can have are not asked about.
        other.file(4, "../a", b"");
        assert_eq!(other.answer()["code"], "bad_name");
        assert_eq!(list(listener.port()), [("wanted".to_owned(), 50_000)]);
    });
}

#[test]
fn a_program_lists_reads_and_deletes_the_files_of_its_dict() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let mut sender = Sender::connect(listener.port());
        let long = pattern(40_000);
        for (id, name, data) in [(1, "long", &long[..]), (2, "below/empty", b""), (3, "small", b"abc")] {
            sender.file(id, name, data);
            sender.accepted(id);
            sender.stored(id, data);
        }
        let files = listener.files(DICT);
        let mut found: Vec<_> =
            files.list().unwrap().into_iter().map(|file| (file.name, file.length)).collect();
        found.sort();
        let expected = [("below/empty", 0), ("long", 40_000), ("small", 3)];
        assert_eq!(found, expected.map(|(name, length)| (name.to_owned(), length)));
        assert_eq!(files.read("long").unwrap(), long);
        assert_eq!(files.read("below/empty").unwrap(), b"");
        files.delete("small").unwrap();
        let no_file = Err(ControlError::Refused(Code::NoFile));
        assert_eq!(files.delete("small"), no_file);
        assert_eq!(files.read("small"), Err(ControlError::Refused(Code::NoFile)));
        let elsewhere = listener.files("tls");
        assert_eq!(elsewhere.list(), Err(ControlError::Refused(Code::NotPermitted)));
        assert_eq!(list(listener.port()).len(), 2);
    });
}

#[test]
fn events_are_pushed_to_a_server_of_the_program() {
    const OPCODE: usize = 7;
    system!().run(|| {
        let listener = listen(Upload::new(DICT).events());
        let server = xous::create_server().unwrap();
        let cid = xous::connect(server).unwrap();
        listener.forward_file_events_to(cid, OPCODE).unwrap();
        let mut sender = Sender::connect(listener.port());
        sender.file(1, "a", b"1");
        for change in [FileChange::Began, FileChange::Stored] {
            let envelope = xous::receive_message(server).unwrap();
            assert_eq!(envelope.body.id(), OPCODE);
            let memory = envelope.body.memory_message().expect("a lend");
            let len = memory.valid.map_or(0, |valid| valid.get());
            let event = FileEvent::parse(&received(memory)[..len]).unwrap();
            assert_eq!((event.change, event.name), (change, "a"));
        }
    });
}
