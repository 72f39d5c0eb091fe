//! One thread of a program receives from all of its connections: the reader tells that it wants a page, the thread waits
//! to be told.

use std::sync::Arc;

use shuttle::thread::spawn;
use xous_api_websocket::Code;
use xous_api_websocket::wire::Handle;

use super::super::inbox::{Inbox, Taken};
use super::super::outcome::Outcome;
use super::super::watch::{Watch, Watcher};
use crate::service::message::Caller;
use crate::sync::explore::explore;

/// What a page is answered with that brings a chunk.
const CHUNK: usize = 0x1000;

fn watched(watch: &Arc<Watch>, slot: u8) -> Arc<Inbox> {
    let inbox = Arc::new(Inbox::new());
    inbox.watch_by(Some(Watcher { watch: watch.clone(), handle: Handle::new(slot, 1) }));
    inbox
}

/// The program's thread: waits until it is told, and lends a page then, which brings a chunk.
fn receive(watch: &Watch, inbox: &Inbox, chunks: usize) {
    for _ in 0..chunks {
        let (caller, page) = Caller::lend_mut(0, 0);
        watch.park(page);
        assert_eq!(caller.answer(), (0, 4), "a handle");
        let (caller, page) = Caller::lend_mut(0, 0);
        inbox.park(page);
        assert_eq!(caller.answer().0, CHUNK);
    }
}

/// Delivers this many chunks, each as soon as there is a page for it.
fn reader(inbox: &Inbox, chunks: usize) {
    for _ in 0..chunks {
        match inbox.take(0) {
            Taken::Page(page) => page.answer(CHUNK, 0),
            _ => return,
        }
    }
}

#[test]
fn whatever_waits_is_told_of() {
    explore(3, || {
        let watch = Arc::<Watch>::default();
        let inbox = watched(&watch, 1);
        let reading = {
            let inbox = inbox.clone();
            spawn(move || reader(&inbox, 2))
        };
        receive(&watch, &inbox, 2);
        reading.join().unwrap();
    });
}

/// The program is told of the end, and then that there is nothing to wait for.
#[test]
fn an_end_is_told_of_and_nobody_waits_behind_it() {
    explore(3, || {
        let watch = Arc::<Watch>::default();
        let inbox = watched(&watch, 1);
        let ending = {
            let inbox = inbox.clone();
            spawn(move || inbox.end(&Outcome::new(1001, "")))
        };
        let handing_over = spawn(move || inbox.hand_over(Vec::new()));
        let mut told = 0;
        loop {
            let (caller, page) = Caller::lend_mut(0, 0);
            watch.park(page);
            match caller.answer() {
                (0, 4) => told += 1,
                (code, _) => {
                    assert_eq!(code, Code::Closed as usize);
                    break;
                }
            }
        }
        // When it was added and when it ended, which may be one.
        assert!((1..=3).contains(&told), "{told}");
        ending.join().unwrap();
        handing_over.join().unwrap();
    });
}
