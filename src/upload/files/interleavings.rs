//! Models of those who receive, replace, read and list files at the same time, run with every schedule of so many
//! preemptions. Every call of the store is a point at which another thread may go on.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use shuttle::thread::spawn;

use super::files::{BeginError, Files};
use super::remove::RemoveError;
use super::store::StoreError;
use crate::pddb::DictPath;
use crate::sync::explore::explore;
use crate::upload::tests::memory::Memory;

const OLD: &[u8] = b"old";
const NEW: &[u8] = b"newer";
const OTHER: &[u8] = b"another";

/// A dict with the file `a`, if it has content, and a journal that was gone through.
fn files(content: Option<&[u8]>) -> (Arc<Files<Memory>>, Memory) {
    let memory = Memory::default();
    if let Some(content) = content {
        memory.put("uploads/a", content);
    }
    let files = Files::new(memory.clone(), DictPath::new(".System", "uploads").unwrap()).unwrap();
    files.recover().unwrap();
    (Arc::new(files), memory)
}

/// Receives the file `a`.
fn receive(files: &Files<Memory>, content: &[u8], replace: bool) -> Result<(), BeginError> {
    let name = files.dict().key("a").unwrap();
    let mut incoming = files.begin(&name, content.len() as u32, replace)?;
    incoming.begin_write(0, content)?;
    files.commit(incoming)?;
    Ok(())
}

/// What a reader of `a` gets.
fn read(files: &Files<Memory>) -> Option<Vec<u8>> {
    let mut reader = match files.open("a") {
        Ok(reader) => reader,
        Err(StoreError::NotFound) => return None,
        Err(error) => panic!("{error:?}"),
    };
    let mut content = Vec::new();
    reader.read_to_end(&mut content).unwrap();
    assert_eq!(content.len() as u64, reader.length());
    Some(content)
}

/// Nothing but the file is in the store.
fn assert_settled(memory: &Memory, content: &[u8]) {
    assert_eq!(memory.keys(), [("uploads/a".to_owned(), content.to_vec())]);
}

#[test]
fn a_new_file_is_there_whole_or_not_at_all() {
    explore(3, || {
        let (files, memory) = files(None);
        let receives = {
            let files = files.clone();
            spawn(move || receive(&files, NEW, false))
        };
        let seen = read(&files);
        assert!(seen.is_none() || seen.as_deref() == Some(NEW), "{seen:?}");
        assert_eq!(receives.join().unwrap(), Ok(()));
        assert_settled(&memory, NEW);
    });
}

#[test]
fn two_who_send_one_name_do_not_mix() {
    explore(3, || {
        let (files, memory) = files(None);
        let other = {
            let files = files.clone();
            spawn(move || receive(&files, OTHER, false))
        };
        let own = receive(&files, NEW, false);
        let seen = read(&files);
        let whole = if own.is_ok() { NEW } else { OTHER };
        assert!(seen.as_deref() == Some(whole) || own.is_err() && seen.is_none(), "{seen:?}");
        let other = other.join().unwrap();
        match (own, other) {
            (Ok(()), Err(BeginError::Busy | BeginError::Exists { .. })) => assert_settled(&memory, NEW),
            (Err(BeginError::Busy | BeginError::Exists { .. }), Ok(())) => assert_settled(&memory, OTHER),
            both => panic!("{both:?}"),
        }
    });
}

#[test]
fn a_file_that_is_replaced_is_the_old_one_or_the_new_one() {
    explore(3, || {
        let (files, memory) = files(Some(OLD));
        let receives = {
            let files = files.clone();
            spawn(move || receive(&files, NEW, true))
        };
        let seen = [read(&files), read(&files)].map(|content| content.expect("it is always there"));
        assert!(seen.iter().all(|content| content == OLD || content == NEW), "{seen:?}");
        assert!(seen[0] == OLD || seen[1] == NEW, "it does not go back");
        assert_eq!(receives.join().unwrap(), Ok(()));
        assert_eq!(read(&files).as_deref(), Some(NEW));
        assert_settled(&memory, NEW);
    });
}

#[test]
fn a_list_has_the_file_at_all_times() {
    explore(3, || {
        let (files, memory) = files(Some(OLD));
        // A dict stays when its last key is gone; that of this store has to have another one.
        memory.put("uploads/b", OTHER);
        let receives = {
            let files = files.clone();
            spawn(move || receive(&files, NEW, true))
        };
        let mut lengths = Vec::new();
        let listed = files.list(|entry| {
            if entry.name == "a" {
                lengths.push(entry.length);
            }
            ControlFlow::Continue(())
        });
        listed.unwrap();
        assert!(lengths == [OLD.len() as u64] || lengths == [NEW.len() as u64], "{lengths:?}");
        assert_eq!(receives.join().unwrap(), Ok(()));
    });
}

#[test]
fn what_recovery_clears_is_not_what_is_being_received() {
    explore(3, || {
        let (files, memory) = files(None);
        // One that is left behind: the next one who asks goes through the journal.
        let left = files.begin(&files.dict().key("left").unwrap(), 3, false).unwrap();
        files.abandon(left);
        let receives = {
            let files = files.clone();
            spawn(move || receive(&files, NEW, false))
        };
        let seen = read(&files);
        assert!(seen.is_none() || seen.as_deref() == Some(NEW), "{seen:?}");
        assert_eq!(receives.join().unwrap(), Ok(()));
        assert_settled(&memory, NEW);
    });
}

#[test]
fn a_file_that_is_deleted_is_whole_for_its_readers_or_gone() {
    explore(3, || {
        let (files, memory) = files(Some(OLD));
        let removes = {
            let files = files.clone();
            spawn(move || files.remove("a", |_, length| length == OLD.len() as u64))
        };
        let seen = read(&files);
        assert!(seen.is_none() || seen.as_deref() == Some(OLD), "{seen:?}");
        match removes.join().unwrap() {
            Ok(()) => assert_eq!(memory.keys(), []),
            Err(RemoveError::Busy) => assert_settled(&memory, OLD),
            other => panic!("{other:?}"),
        }
    });
}
